package enclave_test

import (
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// Whatever a row takes, what was put comes back, and a number without a cell is no place.
func TestPlacesComeBack(t *testing.T) {
	for _, numbers := range []int64{1, 255, 256, 65_535, 65_536, 1 << 22} {
		last := int32(numbers - 1) //nolint:gosec // a few millions
		p := enclave.NewPlaces(5, numbers)
		p.Put(0, []int32{last + 1, 0, 1})
		p.Put(3, []int32{0, last + 1})
		positions := make([]int32, numbers)
		positions[0], positions[last] = 7, 8
		p.Resolve(positions)
		want := []int32{8, enclave.NoCell, 7, enclave.NoCell, 8}
		if numbers == 1 {
			want[2] = 8
		}
		if got := p.All(); p.Rows() != 5 || !slices.Equal(got, want) {
			t.Errorf("%d numbers: %v", numbers, got)
		}
		if got := enclave.PlacesOf([]int32{last, enclave.NoCell, 0}).All(); !slices.Equal(got, []int32{last, enclave.NoCell, 0}) {
			t.Errorf("known places up to %d: %v", last, got)
		}
	}
	if none := (*enclave.Places)(nil); none.Rows() != 0 || len(none.All()) != 0 {
		t.Error("nil has rows")
	}
}
