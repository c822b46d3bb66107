package treat_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/measure"
	"github.com/darkroom-project/darkroom/enclave/treat"
)

// person is the profile that the default policy has for persons, but that people may have the same values.
var person = enclave.Profile{
	Threshold: 10, DominanceN: 2, DominancePercent: 90, PPercent: 10, HomogeneityPercent: 101, RoundCount: 5, RoundSum: 1,
}

// diagonal is a table of a keys × 2a with twenty people in each cell of its first half, and one row of somebody in each of the a
// cells (i, a+i). Its cells' sum is the margins of the first key less those of the first half of the second.
func diagonal(sets []enclave.Set, value, who func(i int) int64) *world {
	const a = half
	w := newWorld([]int{a, 2 * a}, sets, 0, "0")
	for i := range a {
		for j := range a {
			w.put(20, 100+int64(i*j%37), int32(i), int32(j))
		}
	}
	for i := range a {
		w.rows = append(w.rows, row{[]int32{int32(i), int32(a + i)}, -int(who(i)), value(i)})
	}
	return w
}

// half is how many rows a diagonal has.
const half = 12

var margins = []enclave.Set{{0, 1}, {0}, {1}}

// diagonalFollows reports whether published cells tell the diagonal's sum, its own cells being suppressed.
func diagonalFollows(out *enclave.Treated) bool {
	unknowns := hidden(out)
	var diagonal []int
	for i, c := range unknowns {
		if cell := &out.Table.Cells[c]; cell.Set == 0 && cell.Codes[1] >= half {
			diagonal = append(diagonal, i)
		}
	}
	return len(diagonal) < half || follows(nullSpace(relations(out.Table), unknowns), diagonal)
}

// checkDiagonal: the primary cells alone give the diagonal away, and measurement says so; treatment does not.
func checkDiagonal(t *testing.T, w *world) {
	t.Helper()
	table := w.table()
	measured := measure.Measurer{}.Measure(table, person)
	bare := &enclave.Treated{Table: table, Fates: make([]enclave.Fate, len(table.Cells))}
	for i, r := range measured.Risks {
		c := table.Cells[i].Codes
		switch {
		case r != 0:
			bare.Fates[i] = enclave.Primary
		case table.Cells[i].Set == 0 && (c[0] == c[1] || c[0] == (c[1]+1)%half):
			bare.Fates[i] = enclave.Complement // no cell follows: the block's suppressed cells are a ring
		}
	}
	if facts := measuredAfresh(t, bare, person); !diagonalFollows(bare) || facts.Derivable != 1 {
		t.Errorf("measurement does not see the diagonal: %+v", facts)
	}
	out := treated(t, table, person)
	if facts := measuredAfresh(t, out, person); diagonalFollows(out) || facts.Derivable != 0 || facts.Cells.Published == 0 {
		t.Errorf("the diagonal follows: %+v", facts)
	}
}

// One person in as many suppressed cells as the threshold asks people is still one person. Cells do not tell who is in them, so
// treatment and measurement let the sum follow. The audit knows.
func TestOnePersonAcrossLines(t *testing.T) {
	value := func(i int) int64 { return int64(90 + 3*i) }
	who := func(int) int64 { return 1 }
	w := diagonal(margins, value, who)
	alone := treated(t, w.table(), counts)
	if facts := measuredAfresh(t, alone, counts); !diagonalFollows(alone) || facts.Derivable != 0 {
		t.Errorf("the attack cannot succeed, so the test shows nothing: %+v", facts)
	}
	for _, p := range []enclave.Profile{counts, person} {
		out := auditedTable(t, w, p)
		if facts := measuredAfresh(t, out.Treated, p); diagonalFollows(out.Treated) || out.refused || facts.Derivable != 0 || facts.Cells.Published < 100 {
			t.Errorf("the diagonal follows: refused %t, %+v", out.refused, facts)
		}
	}
}

// Enough people across lines, of whom one has nearly everything.
func TestGiantAcrossLines(t *testing.T) {
	value := func(i int) int64 {
		if i == 5 {
			return 20_000
		}
		return 1
	}
	who := func(i int) int64 { return int64(1 + i) }
	checkDiagonal(t, diagonal(margins, value, who))
	checkDiagonal(t, diagonal(flat, value, who))
}

// Twelve people with much the same are a group like any other: nothing is lost beyond the complements of their cells.
func TestManyPeopleAcrossLines(t *testing.T) {
	value := func(i int) int64 { return int64(90 + i) }
	who := func(i int) int64 { return int64(1 + i) }
	out := auditedTable(t, diagonal(margins, value, who), person)
	if facts := measuredAfresh(t, out.Treated, person); !diagonalFollows(out.Treated) || facts.Derivable != 0 || out.lost > 0 {
		t.Errorf("%d lost to the audit, %+v", out.lost, facts)
	}
}

// Two people whose totals in two cells of a line cancel out: the absolute totals of the cells are no measure of the line's.
func TestNegativeValuesCancelOut(t *testing.T) {
	w := newWorld([]int{6}, []enclave.Set{{0}, {}}, 0, "-1000000")
	w.put(9, 10, 0)
	w.put(9, 10, 1)
	for range 20 { // who have everything in one cell and give it back in the other
		id := 1 + len(w.rows)
		w.rows = append(w.rows, row{[]int32{2}, id, 10_000}, row{[]int32{3}, id, -10_000})
	}
	w.rows = append(w.rows, row{[]int32{2}, -1, 9000})
	w.put(50, 10, 4)
	w.put(50, 10, 5)
	table := w.table()
	risks := make([]enclave.Risk, len(table.Cells))
	risks[2], risks[3] = enclave.RiskThreshold, enclave.RiskThreshold
	out, err := treater.Treat(t.Context(), &enclave.Measured{Table: table, Risks: risks}, person)
	if err != nil {
		t.Fatal(err)
	}
	var gone []*enclave.Cell
	for i := range 6 {
		if out.Fates[i] != enclave.Published {
			gone = append(gone, &table.Cells[i])
		}
	}
	subjects, facts := w.together(gone)
	if out.Fates[6] == enclave.Published && person.RisksOf(subjects, []enclave.SumFacts{facts}) != 0 {
		t.Errorf("%v: %+v", out.Fates, facts)
	}
	bare := &enclave.Treated{Table: table, Fates: []enclave.Fate{0, 0, enclave.Primary, enclave.Primary, 0, 0, 0}}
	if got := measuredAfresh(t, bare, person).Derivable; got != 1 {
		t.Errorf("measurement found %d", got)
	}
}

// powers is a cube of so many keys of the same size with the first so many sets of its keys, and sparse cells of ten rows on average, of
// people who are in one cell, or one in three of whom was in another before.
func powers(keys, size, sets int, repeat bool) *world {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // seeded test data
	sizes, cells := slices.Repeat([]int{size}, keys), 10
	for range keys {
		cells *= size
	}
	var all []enclave.Set
	for m := 1<<keys - 1; m >= 0 && len(all) < sets; m-- {
		var set enclave.Set
		for k := range keys {
			if m>>k&1 == 1 {
				set = append(set, k)
			}
		}
		all = append(all, set)
	}
	w := newWorld(sizes, all, 0, "0")
	for range cells {
		codes := make([]int32, keys)
		for k := range codes {
			codes[k] = r.Int32N(int32(size)) //nolint:gosec // small
		}
		w.put(1, 10, codes...)
		if last := &w.rows[len(w.rows)-1]; repeat && r.IntN(3) == 0 {
			last.subject = 1 + r.IntN(len(w.rows))
		}
	}
	return w
}

// A table with all the margins that a manifest can ask for is refused rather than worked on for minutes, and always in the same way.
func TestTooIntricate(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds of elimination")
	}
	table := powers(5, 5, 32, false).table()
	measured := measure.Measurer{}.Measure(table, person)
	began := time.Now()
	out, err := treat.Treater{}.Treat(t.Context(), measured, person)
	t.Log(time.Since(began))
	if err == nil {
		facts := measuredAfresh(t, out, person)
		t.Fatalf("%+v", facts)
	}
	if e := enclave.AsError(err); e.Kind != enclave.Limit || e.Reason != "TABLE_TOO_INTRICATE" {
		t.Error(err)
	}
}

// A canceled run does not go on eliminating.
func TestCancel(t *testing.T) {
	table := powers(3, 4, 8, false).table()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := treater.Treat(ctx, measure.Measurer{}.Measure(table, person), person); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	out := treated(t, table, person)
	if _, err := (measure.Measurer{}).Facts(ctx, out, person); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// BenchmarkIntricate prints what tables with many margins cost.
func BenchmarkIntricate(b *testing.B) {
	for _, c := range []struct{ size, keys, sets int }{{4, 6, 33}, {5, 5, 32}, {10, 4, 16}, {20, 3, 8}, {3, 6, 33}, {4, 5, 32}, {50, 3, 8}} {
		for _, repeat := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d^%d/%d sets/repeat=%v", c.size, c.keys, c.sets, repeat), func(b *testing.B) {
				table := powers(c.keys, c.size, c.sets, repeat).table()
				measured := measure.Measurer{}.Measure(table, person)
				for b.Loop() {
					began := time.Now()
					out, err := treat.Treater{}.Treat(b.Context(), measured, person)
					if err != nil {
						b.Log(time.Since(began), err)
						continue
					}
					took := time.Since(began)
					facts := measuredAfresh(b, out, person)
					b.Log(took, time.Since(began)-took, facts.Cells, facts.Derivable)
				}
			})
		}
	}
}
