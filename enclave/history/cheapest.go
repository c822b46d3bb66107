package history

import (
	"cmp"
	"math"
	"slices"
)

// cheapest is the cell of the last release that costs least to suppress among those that have a say in a sum with these weights of positions; −1
// if none has. It costs most where it would be the only one missing under a margin, since another one has to go with it; then by its subjects.
func (m *matrix) cheapest(weights []float64) int32 {
	most := 0.0
	fresh := m.since(m.newest)
	for _, p := range fresh {
		most = max(most, math.Abs(weights[p]))
	}
	type costs struct {
		coordinate
		alone int
	}
	var say []costs
	for _, p := range fresh {
		if math.Abs(weights[p]) > most/10 {
			say = append(say, costs{m.cells[p], m.lonely(p)})
		}
	}
	if len(say) == 0 {
		return -1
	}
	return slices.MinFunc(say, func(a, b costs) int {
		return cmp.Or(cmp.Compare(a.alone, b.alone), cmp.Compare(a.size, b.size), cmp.Compare(a.cell, b.cell))
	}).cell
}

// lonely is under how many published margins a cell would be the only one of the full table that is missing.
func (m *matrix) lonely(position int) (margins int) {
	t := &m.tables[m.cells[position].release]
	if len(m.holders[position]) != 1 {
		return len(t.lists) // a margin itself
	}
	missing := func(h holder) bool {
		return !slices.ContainsFunc(t.lists[h.cell], func(p int32) bool { return len(m.holders[p]) == 1 })
	}
	for _, margin := range t.lists[m.holders[position][0].cell] {
		if int(margin) != position && !slices.ContainsFunc(m.holders[margin], missing) {
			margins++
		}
	}
	return margins
}
