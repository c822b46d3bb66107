package treat

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// group is what is certain of some atoms taken together, whose sum, each times its factor, the attacker knows. One subject can be in
// several atoms, so some facts are bounds, on the safe side.
type group struct {
	lattice *lattice
	margin  *enclave.Cell // a cell that the atoms are all part of; nil if none is known
	line    bool          // of a line: certain is what is left of the margin
	atoms   int
	factor  int64 // the largest, without its sign
	largest int64 // subjects of the largest atom
	certain int64 // subjects that are certain for another reason
	sums    []enclave.SumFacts
}

// newLineGroup begins with what is under a margin and known to be of certain people until parts are removed.
func newLineGroup(l *lattice, margin int) group {
	cell := &l.table.Cells[margin]
	return group{lattice: l, margin: cell, line: true, certain: cell.Subjects, sums: make([]enclave.SumFacts, len(cell.Sums))}
}

func (g *group) clone() group {
	c := *g
	c.sums = slices.Clone(g.sums)
	return c
}

// remove takes a published part of the margin off.
func (g *group) remove(cell *enclave.Cell) { g.certain -= cell.Subjects }

// keep counts an atom that is one of the group, so many times; a negative factor takes its sum off.
func (g *group) keep(cell *enclave.Cell, factor int64) {
	times := max(factor, -factor)
	g.atoms++
	g.factor = max(g.factor, times)
	g.largest = max(g.largest, cell.Subjects)
	for j := range g.sums {
		sum, part := &g.sums[j], &cell.Sums[j]
		sum.Sum = plus(sum.Sum, scaled(factor, part.Sum))
		sum.Absolute = plus(sum.Absolute, scaled(times, part.Absolute))
		largest, second := scaled(times, part.Largest), scaled(times, part.Second)
		if g.lattice.disjoint {
			sum.Second = max(min(sum.Largest, largest), sum.Second, second)
			sum.Largest = max(sum.Largest, largest)
		} else { // the same subject may be the largest everywhere
			sum.Second = plus(sum.Second, second)
			sum.Largest = plus(sum.Largest, largest)
		}
	}
}

// newGroup takes atoms together, each with its factor. The bounds that take long are looked for only where they matter.
func newGroup(l *lattice, atoms []int, factors []int64, threshold int64) group {
	g := group{lattice: l, sums: make([]enclave.SumFacts, len(l.positive))}
	for i, a := range atoms {
		g.keep(&l.table.Cells[a], factors[i])
	}
	if !l.disjoint {
		g.margin = l.common(atoms)
	}
	if g.largest < threshold {
		g.certain = l.certain(atoms)
	}
	return g
}

// common is the margin with fewest subjects that all of some atoms are under, the first of several; nil if there is none.
func (l *lattice) common(atoms []int) *enclave.Cell {
	all := slices.DeleteFunc(slices.Clone(l.above[atoms[0]]), func(m int) bool { return m == len(l.table.Cells) })
	for _, a := range atoms[1:] {
		if len(all) == 0 {
			return nil
		}
		all = slices.DeleteFunc(all, func(m int) bool { return !slices.Contains(l.above[a], m) })
	}
	if len(all) == 0 {
		return nil
	}
	return &l.table.Cells[slices.MinFunc(all, func(a, b int) int {
		return cmp.Or(cmp.Compare(l.table.Cells[a].Subjects, l.table.Cells[b].Subjects), cmp.Compare(a, b))
	})]
}

// certain is how many distinct subjects some atoms have at least: under any margin, and in the whole table, as many as they have one
// by one, less those there who are counted again.
func (l *lattice) certain(atoms []int) int64 {
	if l.disjoint {
		return l.total(atoms)
	}
	inside, most := map[int]int64{}, int64(0)
	for _, a := range atoms {
		for _, m := range l.above[a] {
			inside[m] += l.table.Cells[a].Subjects
			most = max(most, inside[m]-l.repeated[m])
		}
	}
	return most
}

func (l *lattice) total(atoms []int) (subjects int64) {
	for _, a := range atoms {
		subjects += l.table.Cells[a].Subjects
	}
	return subjects
}

// add makes one more atom, which is published, part of the group.
func (g *group) add(cell *enclave.Cell) {
	if g.line {
		g.certain += cell.Subjects
	} else {
		g.margin = nil
	}
	g.keep(cell, 1)
}

// subjects is how many distinct subjects the group has at least.
func (g *group) subjects() int64 { return max(g.largest, g.certain) }

// facts are the group's sums with upper bounds for the largest subject totals and, in effect, a lower bound for the absolute one.
//
// Where no value is negative, absolute totals add up, and no total in a part of a margin exceeds the largest in the margin. Where
// values may be negative, neither is so: a subject's totals in several atoms can cancel out. Then the group's own sum, without its
// sign, is what its absolute total has at least (triangle inequality). Where each subject is in one atom only, all are exact.
func (g *group) facts() []enclave.SumFacts {
	facts := slices.Clone(g.sums)
	for j := range facts {
		f := &facts[j]
		switch {
		case g.lattice.disjoint:
		case !g.lattice.positive[j]:
			f.Absolute = max(f.Sum, -f.Sum)
		case g.margin != nil:
			whole := &g.margin.Sums[j]
			two := min(plus(f.Largest, f.Second), scaled(g.factor, plus(whole.Largest, whole.Second)))
			f.Largest = min(f.Largest, scaled(g.factor, whole.Largest))
			f.Second = two - f.Largest
		}
	}
	return facts
}

// unsafe reports whether the sum of the group must not be known.
func (s *suppression) unsafe(g *group) bool {
	return g.atoms == 1 || s.profile.RisksOf(g.subjects(), g.facts()) != 0
}

// plus and scaled stop at the largest numbers. Facts that did are unsafe: a whole that is too small for its parts.
func plus(a, b int64) int64 {
	sum := a + b
	if a > 0 && b > 0 && sum < 0 {
		return math.MaxInt64
	}
	if a < 0 && b < 0 && sum >= 0 {
		return -math.MaxInt64
	}
	return sum
}

func scaled(factor, a int64) int64 {
	high, low := bits.Mul64(uint64(max(factor, -factor)), uint64(max(a, -a))) //nolint:gosec // not negative
	size := int64(math.MaxInt64)
	if high == 0 && low < math.MaxInt64 {
		size = int64(low)
	}
	if (factor < 0) != (a < 0) {
		return -size
	}
	return size
}
