package treat

import (
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// group is what is certain of some atoms taken together, whose sum the attacker knows. One subject can be in several atoms, so some
// facts are bounds, on the safe side.
type group struct {
	lattice *lattice
	margin  *enclave.Cell // a cell that the atoms are part of
	atoms   int
	largest int64 // subjects of the largest atom
	certain int64 // subjects of the margin who are in no other atom of it
	sums    []enclave.SumFacts
}

func newGroup(l *lattice, margin int) group {
	cell := &l.table.Cells[margin]
	return group{lattice: l, margin: cell, certain: cell.Subjects, sums: make([]enclave.SumFacts, len(cell.Sums))}
}

func (g *group) clone() group {
	c := *g
	c.sums = slices.Clone(g.sums)
	return c
}

// remove takes a published part of the margin off.
func (g *group) remove(cell *enclave.Cell) { g.certain -= cell.Subjects }

// keep counts an atom that is one of the group.
func (g *group) keep(cell *enclave.Cell) {
	g.atoms++
	g.largest = max(g.largest, cell.Subjects)
	for j := range g.sums {
		sum, part := &g.sums[j], &cell.Sums[j]
		sum.Sum += part.Sum
		sum.Absolute += part.Absolute
		if g.lattice.disjoint {
			sum.Second = max(min(sum.Largest, part.Largest), sum.Second, part.Second)
			sum.Largest = max(sum.Largest, part.Largest)
		} else { // the same subject may be the largest everywhere
			sum.Second += part.Second
			sum.Largest += part.Largest
		}
	}
}

// add makes an atom that was removed one of the group.
func (g *group) add(cell *enclave.Cell) {
	g.certain += cell.Subjects
	g.keep(cell)
}

// subjects is how many distinct subjects the group has at least.
func (g *group) subjects() int64 { return max(g.largest, g.certain) }

// facts are the group's sums with upper bounds for the largest subject totals. No total in a part of the margin exceeds the largest
// in the margin, if values are never negative. Where they may be, Absolute can be less than the sum used here; see README.md.
func (g *group) facts() []enclave.SumFacts {
	facts := slices.Clone(g.sums)
	for j := range facts {
		if g.lattice.positive[j] {
			f, whole := &facts[j], &g.margin.Sums[j]
			two := min(f.Largest+f.Second, whole.Largest+whole.Second)
			f.Largest = min(f.Largest, whole.Largest)
			f.Second = two - f.Largest
		}
	}
	return facts
}

// unsafe reports whether the sum of the group must not be known.
func (s *suppression) unsafe(g *group) bool {
	return g.atoms == 1 || s.profile.RisksOf(g.subjects(), g.facts()) != 0
}

// repairLines looks at each line whose margin is published: the sum of its suppressed cells follows. Repairs take effect at once, so
// that later lines see them. It reports whether it suppressed anything.
func (s *suppression) repairLines() bool {
	changed := false
	for i := range s.lines {
		for v, bad := s.lineViolation(&s.lines[i]); bad; v, bad = s.lineViolation(&s.lines[i]) {
			s.repair(v)
			changed = true
		}
	}
	return changed
}

// lineViolation looks at what follows from one published margin.
func (s *suppression) lineViolation(of *line) (v violation, bad bool) {
	if !s.published(of.margin) {
		return v, false
	}
	g, how := newGroup(s.lattice, of.margin), map[int]uint64{of.margin: 1}
	for _, c := range of.inner {
		cell := &s.table.Cells[c]
		switch {
		case s.published(c):
			g.remove(cell)
			if s.under[c] != nil {
				how[c] = prime - 1
			}
		case s.under[c] == nil:
			g.keep(cell)
		default:
			for _, a := range s.under[c] {
				if s.published(a) {
					g.remove(&s.table.Cells[a])
				} else {
					g.keep(&s.table.Cells[a])
				}
			}
		}
	}
	if g.atoms == 0 || !s.unsafe(&g) {
		return v, false
	}
	return violation{margin: -1, how: how, line: &g}, true
}
