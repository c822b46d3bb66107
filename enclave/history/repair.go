package history

import "slices"

// stuck is where there was nothing to go on with: combinations of positions, of which a basis is given, that are all about the same people at most, or of which that is not known.
type stuck struct {
	basis  [][]uint64
	people int // fewer than k, or 0 if it is not known
}

// culprit is a cell of the new table that has to go.
type culprit struct {
	position int
	people   int // as many at most are what it would complete about, fewer than k; or 0 if that is not known
}

// culprits names a new cell for every dimension that a span leaves open, given as null vectors (step 6): a set of cells without which no combination of cells
// remains that is orthogonal to the span and has a new cell in it. Cells named for an earlier span come first, then smaller ones before
// larger ones. Combinations of earlier cells alone are in question no more.
func (m *matrix) culprits(f *field, spans []*stuck, candidates []int) (named []culprit) {
	candidates = m.smallestFirst(candidates)
	for _, s := range spans {
		pivots := f.pivots(s.basis, candidates)
		for _, p := range pivots {
			if !slices.ContainsFunc(named, func(c culprit) bool { return c.position == p }) {
				named = append(named, culprit{p, s.people})
			}
		}
		candidates = slices.DeleteFunc(candidates, func(p int) bool { return slices.Contains(pivots, p) })
		candidates = append(slices.Clone(pivots), candidates...)
	}
	return named
}

// pivots brings vectors into reduced echelon form with pivots among the candidates, earlier ones first, and returns those: the i-th
// vector is then the only one that is not 0 at the i-th pivot. Vectors beyond the pivots are 0 at every candidate.
func (f *field) pivots(vectors [][]uint64, candidates []int) []int {
	var pivots []int
	for _, p := range candidates {
		done := len(pivots)
		at := slices.IndexFunc(vectors[done:], func(v []uint64) bool { return v[p] != 0 })
		if at < 0 {
			continue
		}
		vectors[done], vectors[done+at] = vectors[done+at], vectors[done]
		top := vectors[done]
		scale := f.invert(top[p])
		for i, v := range top {
			top[i] = f.multiply(v, scale)
		}
		for i, v := range vectors {
			if factor := v[p]; i != done && factor != 0 {
				for j, t := range top {
					if t != 0 {
						v[j] = f.subtract(v[j], f.multiply(factor, t))
					}
				}
			}
		}
		pivots = append(pivots, p)
		if len(pivots) == len(vectors) {
			break
		}
	}
	return pivots
}
