package treat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/measure"
)

// bounded is the threshold alone, and that counts below it have wide bounds.
var bounded = enclave.Profile{
	Name: "bounded", Threshold: 5, DominanceN: 1, DominancePercent: 101, HomogeneityPercent: 101, IntervalPercent: 50, RoundCount: 2, RoundSum: 1,
}

func TestBoundsOfTextbookTables(t *testing.T) {
	for _, c := range []struct {
		name   string
		sets   []enclave.Set
		people [][]int
		want   string
	}{
		{
			"four of six can be five at most; with another cell it can be six",
			[]enclave.Set{{0, 1}, {0}},
			[][]int{{2, 4, 30, 20}},
			"PP=x=\n     \n",
		},
		{
			"one and four of five: five would leave no row, so a cell goes along",
			[]enclave.Set{{0, 1}, {0}},
			[][]int{{1, 4, 9, 8}},
			"PP=x=\n     \n",
		},
		{
			"two rectangles of two: each cell can have as much as a line",
			flat,
			[][]int{{4, 4, 30}, {4, 4, 30}, {30, 30, 30}},
			"PP==\nPP==\n====\n====\n",
		},
		{
			"without margins nothing is bounded",
			[]enclave.Set{{0, 1}},
			[][]int{{1, 4, 9, 8}},
			"PP== \n     \n",
		},
		{
			"where every cell has one there is nothing to move, so the margin goes",
			[]enclave.Set{{0, 1}, {0}},
			[][]int{{1, 1, 1, 1, 1, 1}},
			"PPPPPPx\n       \n",
		},
	} {
		out := treated(t, squareBy(c.sets, c.people).table(), bounded)
		if got := fates(out.Table, out.Fates, len(c.people), len(c.people[0])); got != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, c.want)
		}
	}
}

// squareBy is a world of two keys: people[a][b] in each cell.
func squareBy(sets []enclave.Set, people [][]int) *world {
	w := square(people)
	w.plan.Sets = sets
	return w
}

// reaches reports whether a suppressed cell could have so many rows: whether there is another table in which the same cells have rows, and
// the published ones as many as they have. It tries them all.
func reaches(out *enclave.Treated, cell int, rows int64) bool {
	s := search{rest: map[int]int64{}, cells: map[int]int64{}}
	target := len(out.Table.Cells) // as if it were a margin with so many rows, but those more are no harm
	s.rest[target] = rows
	for i, c := range out.Table.Cells {
		if out.Fates[i] == enclave.Published && c.Set > 0 {
			s.rest[i] = c.Rows
		}
	}
	for i := range out.Table.Cells {
		c := &out.Table.Cells[i]
		if c.Set > 0 {
			continue
		}
		var above []int
		for m := range out.Table.Cells {
			if _, known := s.rest[m]; known && covers(out.Table.Cells[m].Codes, c.Codes) {
				above = append(above, m)
			}
		}
		if covers(out.Table.Cells[cell].Codes, c.Codes) {
			above = append(above, target)
		}
		if out.Fates[i] != enclave.Published {
			s.above = append(s.above, above)
			for _, m := range above {
				s.cells[m]++
			}
			continue
		}
		for _, m := range above {
			s.rest[m] -= c.Rows
		}
	}
	s.target = target
	slices.SortStableFunc(s.above, func(a, b []int) int { return len(b) - len(a) })
	return s.fill(0) && (s.cells[target] > 0 || s.rest[target] <= 0)
}

func covers(margin, codes []int32) bool {
	for k, c := range margin {
		if c != enclave.Total && c != codes[k] {
			return false
		}
	}
	return true
}

// search fills unknown cells with rows.
type search struct {
	above  [][]int       // of each unknown cell, what it counts in
	rest   map[int]int64 // what is left for them
	cells  map[int]int64 // how many cells that is for
	target int           // of which less than nothing may be left
}

func (s *search) fill(next int) bool {
	if next == len(s.above) {
		return true
	}
	most, bound := max(s.rest[s.target], 1), false // as many as are wanted, if nothing is known
	for _, m := range s.above[next] {
		if room := s.rest[m] - s.cells[m] + 1; m != s.target && (!bound || room < most) {
			most, bound = room, true
		}
	}
	least := int64(1)
	if !bound {
		least = most
	}
	for rows := most; rows >= least; rows-- {
		if s.put(next, rows, 1) && s.fill(next+1) {
			s.put(next, -rows, -1)
			return true
		}
		s.put(next, -rows, -1)
	}
	return false
}

// put gives a cell rows, and reports whether they fit: nothing may be left for no cell.
func (s *search) put(cell int, rows, cells int64) (fits bool) {
	fits = true
	for _, m := range s.above[cell] {
		s.rest[m] -= rows
		s.cells[m] -= cells
		fits = fits && (s.cells[m] > 0 || s.rest[m] == 0 || m == s.target && s.rest[m] < 0)
	}
	return fits
}

// tooClose are the suppressed cells of whose count the published cells tell more than a profile lets them.
func tooClose(out *enclave.Treated, p *enclave.Profile) (cells []int) {
	for i := range out.Table.Cells {
		c := &out.Table.Cells[i]
		if need := p.Protection(c); need > 0 && out.Fates[i] != enclave.Published && !reaches(out, i, c.Rows+need) {
			cells = append(cells, i)
		}
	}
	return cells
}

// crowd is a small random world with many small cells.
func crowd(seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 9)) //nolint:gosec // seeded test data
	sets := [][]enclave.Set{
		flat, {{0, 1}, {0}}, {{0, 1}, {1}, {}}, {{0, 1}, {}}, {{0, 1}, {0}, {1}}, cube, linked, {{0, 1, 2}, {0, 1}, {1, 2}, {0, 2}}, {{0, 1, 2}, {2}, {}},
	}[seed%9]
	sizes := []int{3, 3}
	if len(sets[0]) == 3 {
		sizes = []int{2, 3, 2}
	}
	w := newWorld(sizes, sets, 0, "0")
	for range 3 * 3 * 3 {
		codes := make([]int32, len(sizes))
		for k := range codes {
			codes[k] = r.Int32N(int32(sizes[k])) //nolint:gosec // small
		}
		if people := r.IntN(5); people < 4 {
			w.put(people, r.Int64N(100), codes...)
		}
	}
	if seed%2 == 1 { // people who are in several cells
		for i := range w.rows {
			w.rows[i].subject = 1 + r.IntN(len(w.rows))
		}
	}
	return w
}

// Over random small tables no count below the threshold has closer bounds than it may have, going by all tables that there could be;
// without the rule it has in many, and measurement, which takes nothing on trust, says so of each of them.
func TestBoundsAgainstEveryTable(t *testing.T) {
	narrow, guarded, published, lost := 0, 0, 0, 0
	off := bounded
	off.IntervalPercent = 0
	seeds := uint64(600)
	if testing.Short() {
		seeds = 90
	}
	for seed := range seeds {
		table := crowd(seed).table()
		before := treated(t, table, off)
		if found := tooClose(before, &bounded); len(found) > 0 {
			narrow++
			if facts := measuredAfresh(t, before, bounded); facts.Derivable < int64(len(found)) {
				t.Errorf("seed %d: bounds of cells %v are too close, and measurement finds %d", seed, found, facts.Derivable)
			}
		}
		out := treated(t, table, bounded)
		if found := tooClose(out, &bounded); len(found) > 0 {
			t.Errorf("seed %d: bounds of cells %v are too close", seed, found)
		}
		facts := measuredAfresh(t, out, bounded)
		if facts.Derivable != 0 || facts.Unsafe != (enclave.RiskCounts{}) {
			t.Errorf("seed %d: measured afresh: %+v", seed, facts)
		}
		guarded += len(out.Witnesses)
		published += int(facts.Cells.Published)
		lost += int(measuredAfresh(t, before, off).Cells.Published - facts.Cells.Published)
	}
	if narrow < int(seeds)/10 || published == 0 {
		t.Errorf("bounds are too close in %d tables only; %d cells are published", narrow, published)
	}
	t.Logf("too close in %d of %d tables without the rule; %d cells guarded, %d fewer published, %d left", narrow, seeds, guarded, lost, published)
}

// Where nothing is asked there is no witness, and nothing is suppressed for it.
func TestNoBoundsAskedNoneKept(t *testing.T) {
	w := square([][]int{{3, 4, 30}, {30, 20, 10}, {9, 8, 7}})
	off, zero := bounded, bounded
	off.IntervalPercent = 0
	zero.Threshold = 0
	if out := treated(t, w.table(), off); len(out.Witnesses) > 0 {
		t.Errorf("%+v", out.Witnesses)
	}
	if out := treated(t, w.table(), zero); len(out.Witnesses) > 0 || slices.Contains(out.Fates, enclave.Complement) {
		t.Errorf("%+v", out)
	}
}

// BenchmarkBounds prints what bounds cost in cells and time.
func BenchmarkBounds(b *testing.B) {
	for _, c := range []struct {
		name                       string
		districts, bands, chapters int
		perCell                    float64
	}{{"1000", 10, 5, 20, 40}, {"1000 sparse", 10, 5, 20, 8}, {"5000", 25, 10, 20, 40}, {"5000 sparse", 25, 10, 20, 8}, {"50000 sparse", 50, 20, 50, 8}} {
		for name, sets := range map[string][]enclave.Set{"one margin": linked[:2], "linked": linked, "cube": cube} {
			for _, percent := range []int64{0, 20} {
				p := strict
				p.IntervalPercent = percent
				b.Run(fmt.Sprintf("%s/%s/%d", c.name, name, percent), func(b *testing.B) {
					table := survey(c.districts, c.bands, c.chapters, sets, c.perCell, false).table()
					measured := measure.Measurer{}.Measure(table, p)
					var out *enclave.Treated
					for b.Loop() {
						var err error
						if out, err = treater.Treat(b.Context(), measured, p); err != nil {
							b.Fatal(err)
						}
					}
					began := time.Now()
					facts := measuredAfresh(b, out, p)
					b.Log("measured afresh in", time.Since(began), facts.Derivable)
					b.ReportMetric(float64(len(out.Fates)), "cells")
					b.ReportMetric(float64(facts.Cells.Primary), "primary")
					b.ReportMetric(float64(facts.Cells.Complement), "complement")
				})
			}
		}
	}
}
