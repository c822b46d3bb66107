package history_test

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave/history"
)

// Offices publish tables that cross a few attributes in pairs, with margins. Beside each other they lose nothing, once each has lost what it tells alone.
func TestHonestSequences(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of cells")
	}
	for _, c := range []struct{ subjects, tables, rowsEach int }{{10_000, 11, 1}, {30_000, 4, 1}, {30_000, 11, 1}, {30_000, 6, 3}, {100_000, 8, 1}} {
		r := random(uint64(c.subjects + c.tables)) //nolint:gosec // small, seeded test data
		subjects := make([]uint32, 0, c.subjects*c.rowsEach)
		for s := range c.subjects {
			for range 1 + r.IntN(2*c.rowsEach-1) {
				subjects = append(subjects, uint32(s))
			}
		}
		domains := []int{16, 9, 2, 21, 6, 12}
		keys := make([][]int32, len(domains))
		for i, d := range domains {
			keys[i] = codes(r, len(subjects), d, i%2 == 1)
		}
		a := start(t, history.Sums, subjects, 10)
		cells, lost, passes, before := 0, 0, 0, 0
		var last *history.Result
		for n := range c.tables {
			x := n % len(keys)
			y := (x + 1 + n/len(keys)) % len(keys)
			offered := crossed(subjects, [][]int32{keys[x], keys[y]}, []int{domains[x], domains[y]}, [][]int{{0}, {1}, {}}, 10)
			// What a table gives away by itself is treatment's to suppress; here the audit does it, of the table alone.
			offered = accept(t, start(t, history.Sums, subjects, 10), offered).Release()
			result := accept(t, a, offered)
			if result.Refused {
				t.Fatalf("%+v: an honest table was refused: %+v", c, result)
			}
			lost += len(result.Suppressed)
			passes += result.Passes
			cells += result.Cells - before + len(result.Suppressed)
			before, last = result.Cells, result
		}
		t.Logf("%d subjects, %d rows, %d tables: %d of %d cells lost, %d passes; rank %d, %d groups closed, %d spans refined",
			c.subjects, len(subjects), c.tables, lost, cells, passes, last.Rank, last.Groups, last.Refined)
		if lost > 0 {
			t.Errorf("%+v: cells were lost", c)
		}
	}
}
