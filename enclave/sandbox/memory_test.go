package sandbox_test

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave/sandbox"
)

// A guest's memory grows where it is, up to the limit, and the next instance finds zeros only.
func TestMemoryGrowsInPlace(t *testing.T) {
	const page, limit = 64 << 10, 16 << 20
	m := sandbox.NewMemory(limit)
	defer func() {
		if err := m.Release(); err != nil {
			t.Error(err)
		}
	}()
	for range 2 {
		linear := m.Allocate(page, limit)
		small := linear.Reallocate(page)
		small[0], small[page-1] = 1, 2
		large := linear.Reallocate(limit)
		if &large[0] != &small[0] || large[page-1] != 2 || len(large) != limit || cap(large) != limit {
			t.Fatal("the memory moved, or is of another size")
		}
		for i, b := range large[page:] {
			if b != 0 {
				t.Fatalf("byte %d of new memory is %d", i, b)
			}
		}
		if m.Committed() != limit {
			t.Errorf("%d bytes are committed", m.Committed())
		}
		large[limit-1] = 3
		if linear.Reallocate(limit+page) != nil {
			t.Error("it grew above its limit")
		}
		linear.Free()
	}
	again := m.Allocate(page, limit).Reallocate(page)
	if again[0] != 0 || again[page-1] != 0 {
		t.Error("the instance before left something")
	}
	if err := m.Release(); err != nil || m.Committed() != 0 {
		t.Errorf("%d bytes are left: %v", m.Committed(), err)
	}
	if after := m.Allocate(page, limit).Reallocate(page); len(after) != page || after[0] != 0 {
		t.Error("nothing after a release")
	}
}
