package history_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave/history"
)

// exact decides small systems by brute force and shares nothing with the code under test: it writes M out and asks for every set of
// fewer than k subjects whether something about nobody else follows.
type exact struct {
	columns [][]int64 // M by columns
	of      []uint32  // subject of each column
}

// exactly writes out the matrix of some releases.
func exactly(kind history.Kind, subjects []uint32, releases []*history.Release) *exact {
	height := 0
	var offsets []int
	for _, r := range releases {
		offsets = append(offsets, height)
		for _, list := range r.Published {
			for _, c := range list {
				height = max(height, offsets[len(offsets)-1]+int(c)+1)
			}
		}
	}
	e := &exact{}
	place := map[uint32]int{}
	for row, subject := range subjects {
		column := make([]int64, height)
		if at, ok := place[subject]; ok && kind == history.Subjects {
			column = e.columns[at]
		} else {
			place[subject] = len(e.columns)
			e.columns, e.of = append(e.columns, column), append(e.of, subject)
		}
		for t, r := range releases {
			if row < len(r.Cells) && r.Cells[row] != history.None {
				for _, c := range r.Published[r.Cells[row]] {
					column[offsets[t]+int(c)] = 1
				}
			}
		}
	}
	return e
}

// without is the rank of M without the columns of some subjects.
func (e *exact) without(some ...uint32) int {
	var columns [][]int64
	for i, c := range e.columns {
		if !slices.Contains(some, e.of[i]) {
			columns = append(columns, slices.Clone(c))
		}
	}
	return exactRank(columns)
}

// exactRank is the rank modulo 2^31 − 1. Non-zero minors of systems this small are too small to vanish there.
func exactRank(m [][]int64) int {
	const prime = 1<<31 - 1
	rank := 0
	for column := 0; len(m) > 0 && column < len(m[0]) && rank < len(m); column++ {
		at := slices.IndexFunc(m[rank:], func(l []int64) bool { return l[column] != 0 })
		if at < 0 {
			continue
		}
		m[rank], m[rank+at] = m[rank+at], m[rank]
		for _, l := range m[rank+1:] {
			if l[column] == 0 {
				continue
			}
			pivot, factor := m[rank][column], l[column]
			for j := column; j < len(l); j++ {
				l[j] = (pivot*l[j]%prime - factor*m[rank][j]%prime + prime) % prime
			}
		}
		rank++
	}
	return rank
}

// violated reports whether something follows about fewer than k subjects, other than nothing.
func (e *exact) violated(k int) bool {
	return e.more(&exact{columns: make([][]int64, len(e.columns)), of: e.of}, k)
}

// more reports whether something about fewer than k subjects follows that did not follow from what was there before.
func (e *exact) more(before *exact, k int) bool {
	names := slices.Compact(slices.Sorted(slices.Values(e.of)))
	whole, known := e.without(), before.without()
	var some []uint32
	var search func(from int) bool
	search = func(from int) bool {
		if len(some) == min(k-1, len(names)) {
			return whole-e.without(some...) > known-before.without(some...) // dimensions of what is about nobody else
		}
		for i := from; i < len(names); i++ {
			some = append(some, names[i])
			found := search(i + 1)
			some = some[:len(some)-1]
			if found {
				return true
			}
		}
		return false
	}
	return search(0)
}

// tally is what became of random tables.
type tally struct {
	tables, violating, clean, hurt, refused int
	cells, lost                             int // of clean tables
	needed, taken                           int // of violating tables: cells offered, cells suppressed
	proven                                  int
	whole                                   int // done without elimination
}

// Nothing that violates the promise is ever accepted, whatever was released before, and nothing that does not loses a cell.
func TestAgreesWithBruteForce(t *testing.T) {
	for kind, systems := range map[history.Kind]uint64{history.Sums: 2000, history.Subjects: 400} {
		var all tally
		for n := range systems {
			judgeSystem(t, kind, n, &all)
		}
		t.Logf("kind %d, %d systems, %d tables: %d violated the promise (of their %d cells %d were suppressed or refused); "+
			"%d were clean, of which %d lost cells (%d of %d) or were refused (%d in all); %d were judged without elimination",
			kind, systems, all.tables, all.violating, all.needed, all.taken, all.clean, all.hurt, all.lost, all.cells, all.refused, all.whole)
		if all.hurt > 0 {
			t.Error("cells were lost where nothing is told")
		}
		if all.violating < 300 || all.clean < 300 || all.proven == 0 || kind == history.Sums && all.whole < 300 {
			t.Fatal("the systems are too much alike to say anything")
		}
	}
}

// judgeSystem draws a small population and a sequence of tables over it.
func judgeSystem(t *testing.T, kind history.Kind, n uint64, all *tally) {
	t.Helper()
	r := random(n)
	k, count := 2+r.IntN(3), 6+r.IntN(12)
	var subjects []uint32
	for s := range count {
		for range 1 + r.IntN(3) - min(r.IntN(3), 1)*r.IntN(2) {
			subjects = append(subjects, uint32(s*7))
		}
	}
	rows, later := len(subjects), 0
	if r.IntN(3) == 0 {
		later = 1 + r.IntN(3)
	}
	a := start(t, kind, subjects, k)
	a.TryWhole(int(n%2) << 30) // every other time
	var past []*history.Release
	var before drawn
	for step := range 2 + r.IntN(4) {
		if step == 2 && later > 0 {
			more := make([]uint32, later)
			for i := range more {
				more[i] = uint32(r.IntN(count+1) * 7) //nolint:gosec // small, seeded test data
			}
			if err := a.Grow(more); err != nil {
				t.Fatal(err)
			}
			subjects, rows = append(subjects, more...), rows+later
		}
		before = before.next(r, rows)
		offered := crossed(subjects, before.keys, before.domains, before.margins, r.IntN(k+1))
		result := try(t, a, offered)
		past = judgeTable(t, kind, n, k, subjects, past, offered, result, all)
		if result.Refused {
			continue
		}
		if err := a.Accept(result); err != nil {
			t.Fatal(err)
		}
	}
}

// drawn is what a table is made of.
type drawn struct {
	keys    [][]int32
	domains []int
	margins [][]int
}

// next draws a table, of which every third is the same as the one before but for a few rows.
func (d drawn) next(r *rand.Rand, rows int) drawn {
	if d.keys != nil && r.IntN(3) == 0 {
		for i, key := range d.keys {
			key = append(slices.Clone(key), codes(r, rows-len(key), d.domains[i], true)...)
			for range r.IntN(4) {
				key[r.IntN(rows)] = r.Int32N(int32(d.domains[i])+1) - 1 //nolint:gosec // small; −1 is None
			}
			d.keys[i] = key
		}
		return d
	}
	d = drawn{domains: []int{1 + r.IntN(4)}}
	d.keys = [][]int32{codes(r, rows, d.domains[0], true)}
	if r.IntN(2) == 0 {
		d.domains, d.margins = append(d.domains, 2), [][]int{{0}, {1}, {}}[:r.IntN(4)]
		d.keys = append(d.keys, codes(r, rows, 2, false))
	}
	if drop := r.IntN(6); drop > 2 {
		for row := range rows {
			if r.IntN(drop) == 0 {
				d.keys[0][row] = history.None
			}
		}
	}
	return d
}

// judgeTable compares a result with brute force and returns the history after it.
func judgeTable(t *testing.T, kind history.Kind, n uint64, k int, subjects []uint32, past []*history.Release,
	offered *history.Release, result *history.Result, all *tally,
) []*history.Release {
	t.Helper()
	asked := exactly(kind, subjects, append(slices.Clone(past), offered))
	cells := len(slices.Compact(slices.Sorted(slices.Values(slices.Concat(offered.Published...)))))
	lost := len(result.Suppressed)
	all.tables++
	if result.Refused {
		all.refused++
		lost = cells
	}
	if asked.violated(k) {
		all.violating++
		all.needed, all.taken = all.needed+cells, all.taken+lost
		if result.Clean || lost == 0 {
			t.Fatalf("system %d: a table that violates the promise was accepted: %+v", n, result)
		}
	} else {
		all.clean++
		all.cells, all.lost = all.cells+cells, all.lost+lost
		all.hurt += min(lost, 1)
		if result.Proven > 0 && result.Passes == 1 {
			t.Fatalf("system %d: a disclosure was proven where there is none: %+v", n, result)
		}
	}
	all.proven += min(result.Proven, 1)
	if result.Whole() {
		all.whole++
	}
	if result.Refused {
		return past
	}
	past = append(past, result.Release())
	left := exactly(kind, subjects, past)
	if left.violated(k) {
		t.Fatalf("system %d: what was accepted violates the promise: %+v", n, result)
	}
	if rank := left.without(); rank != result.Rank {
		t.Fatalf("system %d: rank %d, brute force says %d", n, result.Rank, rank)
	}
	return past
}

// TestLargerThanBefore: where more subjects are promised than earlier releases kept to, a table may join them that lets nothing follow about fewer
// that did not follow already. What is out stands in the way of nothing.
func TestLargerThanBefore(t *testing.T) {
	before, broken, taken, whole, without := 0, 0, 0, 0, 0
	for n := range uint64(600) {
		r := random(1000 + n)
		kind, count := history.Kind(n%2), 8+r.IntN(8)
		var subjects []uint32
		for s := range count {
			for range 1 + r.IntN(2) {
				subjects = append(subjects, uint32(s))
			}
		}
		table := func(least int) *history.Release {
			domains := []int{1 + r.IntN(3), 2}
			keys := [][]int32{codes(r, len(subjects), domains[0], true), codes(r, len(subjects), 2, false)}
			return crossed(subjects, keys, domains, [][]int{{0}, {1}, {}}[:r.IntN(4)], least)
		}
		lax, strict := start(t, kind, subjects, 2), start(t, kind, subjects, 4)
		strict.TryWhole(int(n/2%2) << 30)
		var past []*history.Release
		for range 2 {
			past = append(past, accept(t, lax, table(2)).Release())
			if err := strict.Add(past[len(past)-1]); err != nil {
				t.Fatal(err)
			}
		}
		known := exactly(kind, subjects, past)
		result := accept(t, strict, table(4))
		if result.Refused {
			t.Fatalf("system %d: refused for what is out: %+v", n, result)
		}
		all := exactly(kind, subjects, append(past, result.Release()))
		if all.more(known, 4) {
			t.Fatalf("system %d: more follows about fewer than four: %+v", n, result)
		}
		if known.violated(4) {
			before++
		}
		if result.Whole() {
			without++
		}
		broken, taken, whole = broken+result.Proven, taken+len(result.Suppressed), whole+min(all.without()-known.without(), 1)
	}
	t.Logf("of 600 systems %d told of fewer than four before; %d tables told more, %d cells were suppressed; %d were judged without elimination", before, whole, taken, without)
	if before < 100 || whole < 100 || broken < 100 || without < 10 {
		t.Error("the systems are too much alike to say anything")
	}
}
