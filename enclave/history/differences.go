package history

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// compare finds the cells that say the same as one of an earlier release, such as a margin that stands in several tables, by the sums of random numbers of
// the units of each kind.
func (w *amounts) compare(ofKinds []uint64) {
	sums := make([]uint64, len(w.cells))
	for k, sum := range ofKinds {
		for _, p := range w.kinds[k].positions {
			sums[p] += sum
		}
	}
	w.again = make([]bool, len(w.cells))
	known := map[uint64]bool{}
	for _, p := range slices.SortedFunc(slices.Values(w.positions()), func(a, b int) int {
		return cmp.Or(cmp.Compare(w.cells[a].release, w.cells[b].release), cmp.Compare(a, b))
	}) {
		w.again[p], known[sums[p]] = known[sums[p]], true
	}
}

// measure notes the rows' lengths.
func (w *amounts) measure(gram *mat.SymDense) {
	for p := range w.scale {
		if w.scale[p] = 0; gram.At(p, p) > 0 && !w.again[p] {
			w.scale[p] = 1 / math.Sqrt(gram.At(p, p))
		}
	}
}

// plain goes back to cells as rows where differences were taken of nothing but cells that say the same: nothing is left of these.
func (w *amounts) plain() {
	for p, terms := range w.rows {
		if w.scale[p] > 0 && len(terms) > 1 {
			return
		}
	}
	w.rows = nil
	for i := range w.kinds {
		k := &w.kinds[i]
		k.rows = sparse{k.positions, slices.Repeat([]float64{1}, len(k.positions))}
	}
}

// reduce takes from each row that is nearly a multiple of a shorter one what they have in common: a giant's amount, which floating point would keep
// from seeing what else is in either. It reports whether there was one. What is left is the difference of some cells, in which a giant does not stand at all.
func (w *amounts) reduce(gram *mat.SymDense) (reduced bool) {
	n := gram.SymmetricDim()
	rows := slices.Clone(w.rows)
	if rows == nil {
		for p := range n {
			rows = append(rows, []term{{int32(p), 1}})
		}
	}
	taken := make([]bool, n)
	for _, p := range slices.SortedFunc(slices.Values(w.positions()), func(a, b int) int { return cmp.Or(cmp.Compare(w.scale[b], w.scale[a]), cmp.Compare(a, b)) }) {
		if taken[p] || w.scale[p] == 0 {
			continue
		}
		taken[p] = true
		for q := range n {
			if same := gram.At(p, q) * w.scale[p] * w.scale[q]; !taken[q] && same*same > parallel {
				rows[q] = without(rows[q], rows[p], math.Copysign(1, same))
				taken[q], reduced = true, true
			}
		}
	}
	if !reduced {
		return false
	}
	w.rows = rows
	in := make([]sparse, n) // by position: the rows that it is in
	for r, terms := range rows {
		for _, t := range terms {
			in[t.position].add(int32(r), t.times)
		}
	}
	for i := range w.kinds {
		k := &w.kinds[i]
		k.rows = sparse{}
		for _, p := range k.positions {
			for r, row := range in[p].at {
				k.rows.add(row, in[p].by[r])
			}
		}
	}
	return true
}

// without is a row less a number of times another.
func without(row, other []term, times float64) []term {
	rest := slices.Clone(row)
	for _, t := range other {
		if i := slices.IndexFunc(rest, func(r term) bool { return r.position == t.position }); i >= 0 {
			rest[i].times -= times * t.times
		} else {
			rest = append(rest, term{t.position, -times * t.times})
		}
	}
	return slices.DeleteFunc(rest, func(t term) bool { return t.times == 0 })
}
