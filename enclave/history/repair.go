package history

import "slices"

// culprit is a cell of the new table that has to go, and the combination of cells that it would complete.
type culprit struct {
	position int
	weights  []uint64 // of positions; 0 on everyone in the group that fell short
	people   int      // whom the combination is about, if they are fewer than k; otherwise 0
}

// culprits names a new cell for every dimension that a span leaves open (step 6): a set of cells without which no combination of cells
// remains that is orthogonal to the span and has a new cell in it. Cells named for an earlier span come first, then smaller ones before
// larger ones. Combinations of earlier cells alone are in question no more.
func (s *search) culprits(spans []*group, candidates []int) (named []culprit) {
	candidates = s.smallestFirst(candidates)
	for _, g := range spans {
		rest := slices.Collect(g.nullVectors())
		pivots := s.pivots(rest, candidates)
		for i, p := range pivots {
			if !slices.ContainsFunc(named, func(c culprit) bool { return c.position == p }) {
				named = append(named, culprit{position: p, weights: rest[i]})
			}
		}
		candidates = slices.DeleteFunc(candidates, func(p int) bool { return slices.Contains(pivots, p) })
		candidates = append(slices.Clone(pivots), candidates...)
	}
	return named
}

// pivots brings vectors into reduced echelon form with pivots among the candidates, earlier ones first, and returns those: the i-th
// vector is then the only one that is not 0 at the i-th pivot. Vectors beyond the pivots are 0 at every candidate.
func (s *search) pivots(vectors [][]uint64, candidates []int) []int {
	var pivots []int
	for _, p := range candidates {
		done := len(pivots)
		at := slices.IndexFunc(vectors[done:], func(v []uint64) bool { return v[p] != 0 })
		if at < 0 {
			continue
		}
		vectors[done], vectors[done+at] = vectors[done+at], vectors[done]
		top := vectors[done]
		scale := s.field.invert(top[p])
		for i, v := range top {
			top[i] = s.field.multiply(v, scale)
		}
		for i, v := range vectors {
			if factor := v[p]; i != done && factor != 0 {
				for j, t := range top {
					if t != 0 {
						v[j] = s.field.subtract(v[j], s.field.multiply(factor, t))
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

// support counts the people whom a combination of cells is about, up to k.
func (s *search) support(weights []uint64, k int) int {
	probe, count := s.probe(s.field, weights), 0
	for first := 0; first < s.people.count && count < k; first += scanWindow {
		for _, part := range inParts(first, min(first+scanWindow, s.people.count), func(from, to int32) int {
			return len(probe.of(s.matrix).hits(from, to))
		}) {
			count += part
		}
	}
	return min(count, k)
}
