package aggregate_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
)

// What a guest is shown must not depend on data: two snapshots that have nothing in common give it the same batches, byte for byte.
func TestGuestNeverSeesData(t *testing.T) {
	seen := func(m *memory) (digests []string) {
		var lock sync.Mutex
		look := func(b *enclave.Batch, codes [][]int32) error {
			digest := sha256.New()
			for _, c := range b.Columns {
				_ = binary.Write(digest, binary.LittleEndian, c.Wide)
				_ = binary.Write(digest, binary.LittleEndian, c.Narrow)
				_, _ = digest.Write(c.Valid)
			}
			lock.Lock()
			digests = append(digests, fmt.Sprintf("%d rows %x", b.Rows, digest.Sum(nil)))
			lock.Unlock()
			return bands(b, codes)
		}
		if _, err := aggregate.New(sandbox{assign: look}, 3).Execute(t.Context(), m, &enclave.Module{}, plan()); err != nil {
			t.Fatal(err)
		}
		slices.Sort(digests)
		return digests
	}
	one := seen(random(3, 1000))
	if other := seen(random(4, 70_000)); len(one) == 0 || !slices.Equal(one, other) {
		t.Fatalf("the guest was shown %d batches, then %d others", len(one), len(other))
	}
	if empty := seen(&memory{batch: 10}); !slices.Equal(one, empty) {
		t.Fatal("a snapshot without rows shows the guest something else")
	}
}

// Every tuple of the domain is asked about exactly once, the empty value included.
func TestGuestIsAskedAboutTheWholeDomain(t *testing.T) {
	p := plan()
	asked := map[[2]int64]int{}
	var lock sync.Mutex
	count := func(b *enclave.Batch, codes [][]int32) error {
		lock.Lock()
		defer lock.Unlock()
		for i := range b.Rows {
			born := int64(math.MinInt64)
			if b.Columns[0].Valid[i>>3]>>(i&7)&1 == 1 {
				born = b.Columns[0].Wide[i]
			}
			asked[[2]int64{born, int64(b.Columns[1].Narrow[i])}]++
		}
		return bands(b, codes)
	}
	if _, err := aggregate.New(sandbox{assign: count}, 3).Execute(t.Context(), random(3, 10), &enclave.Module{}, p); err != nil {
		t.Fatal(err)
	}
	if want := int64((2026 - 1900 + 1 + 1) * 4); p.Tuples() != want || int64(len(asked)) != want {
		t.Fatalf("asked about %d tuples, of %d by the plan; expected %d", len(asked), p.Tuples(), want)
	}
	for tuple, times := range asked {
		if times != 1 {
			t.Fatalf("asked about %v %d times", tuple, times)
		}
	}
}

// A crafted run shows the guest rows, as the only one, and groups them as a run that asked does.
func TestCraftedRunsSeeRows(t *testing.T) {
	m, p := random(7, 5000), plan()
	want, err := aggregate.New(sandbox{assign: bands}, 2).Execute(t.Context(), m, &enclave.Module{}, p)
	if err != nil {
		t.Fatal(err)
	}
	crafted := plan()
	crafted.Crafted, crafted.Shown = true, []int{born, fee}
	var lock sync.Mutex
	rows := 0
	count := func(b *enclave.Batch, codes [][]int32) error {
		lock.Lock()
		rows += b.Rows
		lock.Unlock()
		return bands(b, codes)
	}
	got, err := aggregate.New(sandbox{assign: count}, 2).Execute(t.Context(), m, &enclave.Module{}, crafted)
	if err != nil {
		t.Fatal(err)
	}
	if rows <= len(m.subjects) || rows > 2*len(m.subjects) { // some twice
		t.Fatalf("the guest saw %d rows of %d", rows, len(m.subjects))
	}
	if !reflect.DeepEqual(got.Cells, want.Cells) {
		t.Fatal("the crafted run grouped otherwise")
	}
}

// A code depends on the row's own shown values alone: a guest that lets one tuple speak through all others tells nothing of who is there.
func TestBroadcastTellsNothing(t *testing.T) {
	broadcast := func(b *enclave.Batch, codes [][]int32) error {
		said := int32(10)
		for i := range b.Rows { // "if somebody born in 1950 lives in district 3, say 13"
			if b.Columns[0].Wide[i] == 1950 && b.Columns[1].Narrow[i] == 3 {
				said = 13
			}
		}
		for i := range codes[0] {
			codes[0][i] = said
		}
		return nil
	}
	with := random(11, 3000)
	with.wide[born][0], with.empty[born][0], with.narrow[district][0] = 1950, false, 3
	without := random(11, 3000)
	for i := range without.subjects {
		if without.wide[born][i] == 1950 && without.narrow[district][i] == 3 {
			without.wide[born][i] = 1951
		}
	}
	bandsOf := func(m *memory) []int32 {
		table, err := aggregate.New(sandbox{assign: broadcast}, 2).Execute(t.Context(), m, &enclave.Module{}, plan())
		if err != nil {
			t.Fatal(err)
		}
		var found []int32
		for _, c := range table.Cells {
			if c.Set == 0 && !slices.Contains(found, c.Codes[1]) {
				found = append(found, c.Codes[1])
			}
		}
		return found
	}
	if one, other := bandsOf(with), bandsOf(without); !slices.Equal(one, other) || len(one) != 1 {
		t.Fatalf("the guest said %v where the person is, %v where not", one, other)
	}
}

func TestTooManyTuplesAreRefused(t *testing.T) {
	p := plan()
	p.Dataset.Columns[born].Nullable, p.Dataset.Columns[born].Min, p.Shown = false, "1", []int{born}
	p.Dataset.Columns[born].Max = "16777216"
	if p.TooWide() {
		t.Fatal("the largest domain is refused")
	}
	p.Dataset.Columns[born].Max = "16777217"
	if !p.TooWide() {
		t.Fatal("one more is not")
	}
	_, err := aggregate.New(sandbox{assign: bands}, 1).Execute(t.Context(), random(3, 10), &enclave.Module{}, p)
	if enclave.KindOf(err) != enclave.Internal {
		t.Fatal(err)
	}
	p.Dataset.Columns[born].Min, p.Dataset.Columns[born].Max = "-9223372036854775808", "9223372036854775807"
	if !p.TooWide() || p.Tuples() != math.MaxInt64 {
		t.Fatal("a domain beyond 64 bits is not")
	}
}

func TestValueOutsideItsBoundsIsAFault(t *testing.T) {
	m := random(3, 100)
	m.narrow[district][50] = 4
	_, err := aggregate.New(sandbox{assign: bands}, 2).Execute(t.Context(), m, &enclave.Module{}, plan())
	if enclave.KindOf(err) != enclave.Internal {
		t.Fatal(err)
	}
}

func TestPanicEndsTheRunAlone(t *testing.T) {
	burst := func(*enclave.Batch, [][]int32) error { panic("a fault of ours") }
	_, err := aggregate.New(sandbox{assign: burst}, 2).Execute(context.Background(), random(3, 100), &enclave.Module{}, plan())
	if enclave.KindOf(err) != enclave.Internal || !strings.Contains(errors.Unwrap(err).Error(), "a fault of ours") {
		t.Fatal(err)
	}
}
