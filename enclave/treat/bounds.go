package treat

import (
	"cmp"
	"maps"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// bounds sees to it that nobody can tell of a cell below the threshold, by published counts and since no count is negative, that it has
// hardly more than it has. That it could have as many more as its protection level asks is shown by an example: another table, in which the
// same cells have rows and the published ones say the same. Its difference from the table in hand is a sum of boxes of suppressed cells.
// Where there is none, the published cells are suppressed that are in the way of the box that costs least.
type bounds struct {
	*suppression
	boxes  *boxes
	guards []guard
}

// guard is a cell with its protection level, and its example as far as it goes.
type guard struct {
	cell        int
	need, reach int64
	changes     map[int]int64 // of all cells, margins included
}

func newBounds(s *suppression) *bounds {
	b := &bounds{suppression: s}
	for i := range s.table.Cells {
		if need := s.profile.Protection(&s.table.Cells[i]); need > 0 && !s.published(i) {
			b.guards = append(b.guards, guard{cell: i, need: need})
		}
	}
	if len(b.guards) > 0 {
		b.boxes = newBoxes(s.lattice)
	}
	// What is hardest to hide comes first; what hides it hides others on the way.
	slices.SortStableFunc(b.guards, func(x, y guard) int { return cmp.Compare(y.need, x.need) })
	return b
}

// repair suppresses cells until there is an example for every guarded cell. Later suppressions leave the examples as they are.
func (b *bounds) repair() error {
	for i := range b.guards {
		g := &b.guards[i]
		if err := b.show(g); err != nil {
			return err
		}
		if g.reach < g.need {
			if err := b.widen(g); err != nil {
				return err
			}
		}
	}
	return nil
}

// clean reports whether there is an example for every guarded cell.
func (b *bounds) clean() (bool, error) {
	for i := range b.guards {
		g := &b.guards[i]
		if err := b.spend(len(g.changes)); err != nil {
			return false, err
		}
		if b.holds(g) {
			continue
		}
		again := guard{cell: g.cell, need: g.need}
		if err := b.show(&again); err != nil || again.reach < again.need {
			return false, err
		}
		*g = again
	}
	return true, nil
}

// holds reports whether no published cell is different in an example.
func (b *bounds) holds(g *guard) bool {
	for cell, by := range g.changes {
		if by != 0 && b.published(cell) {
			return false
		}
	}
	return true
}

// show makes the example of a guarded cell of boxes of suppressed cells, those with most room first, as far as that goes.
func (b *bounds) show(g *guard) error {
	g.reach, g.changes = 0, map[int]int64{}
	for g.reach < g.need {
		var best []corner
		most := int64(0)
		w := walk{boxes: b.boxes, spend: b.spend, limit: boundless}
		w.price = func(c corner) (int64, bool) { return 0, !b.published(c.cell) && b.room(g, c) > most }
		w.visit = func(box []corner, _ int64) {
			best, most = append(best[:0], box...), boundless
			for _, c := range box {
				most = min(most, b.room(g, c))
			}
			if g.reach+most >= g.need {
				w.limit = 0
			}
		}
		if err := b.each(g, &w); err != nil || most == 0 {
			return err
		}
		g.take(best, min(most, g.need-g.reach))
	}
	return nil
}

// widen suppresses the published cells of the box that lets an example reach as far as it must and costs least. There always is one:
// a cell alone can have any count if all margins above it are suppressed.
func (b *bounds) widen(g *guard) error {
	var best []corner
	w := walk{boxes: b.boxes, spend: b.spend, limit: boundless}
	w.price = func(c corner) (int64, bool) {
		cost := int64(0)
		if b.published(c.cell) {
			cost = b.weight(c.cell)
		}
		return cost, b.room(g, c) >= g.need-g.reach
	}
	w.visit = func(box []corner, cost int64) { best, w.limit = append(best[:0], box...), cost }
	if err := b.each(g, &w); err != nil {
		return err
	}
	for _, c := range best {
		if b.published(c.cell) {
			b.fates[c.cell] = enclave.Complement
		}
	}
	g.take(best, g.need-g.reach)
	return nil
}

// each walks over the boxes of which a guarded cell has more.
func (b *bounds) each(g *guard, w *walk) error {
	from := b.under[g.cell]
	if from == nil {
		from = []int{g.cell}
	}
	for _, near := range from {
		if err := w.run(near, b.boxes.sets[b.table.Cells[g.cell].Set]); err != nil || w.limit <= 0 {
			return err
		}
	}
	return nil
}

// room is how often a box can be added to an example, going by one of its corners: a cell that has rows keeps one.
func (b *bounds) room(g *guard, c corner) int64 {
	if c.sign >= 0 || b.under[c.cell] != nil {
		return boundless
	}
	return b.table.Cells[c.cell].Subjects - 1 + g.changes[c.cell]
}

// take adds a box to an example, so many times.
func (g *guard) take(box []corner, times int64) {
	for _, c := range box {
		g.changes[c.cell] += c.sign * times
	}
	g.reach += times
}

// witnesses are the examples, for measurement.
func (b *bounds) witnesses() []enclave.Witness {
	var all []enclave.Witness
	for _, g := range b.guards {
		w := enclave.Witness{Cell: g.cell}
		for _, cell := range slices.Sorted(maps.Keys(g.changes)) {
			if by := g.changes[cell]; by != 0 && b.under[cell] == nil {
				w.Changes = append(w.Changes, enclave.Change{Cell: cell, By: by})
			}
		}
		all = append(all, w)
	}
	return all
}
