package treat

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// group is what the cells say of some atoms taken together, whose sum, each times its factor, the attacker knows. One subject can be
// in several atoms, so its facts can be bounds: of totals, on the safe side; of subjects, see [suppression.unsafe].
type group struct {
	lattice  *lattice
	margin   int // a cell that the atoms are all part of; -1 if none is known
	atoms    int
	factor   int64 // the largest, without its sign
	subjects int64 // of each atom, added up
	sums     []enclave.SumFacts
}

func emptyGroup(l *lattice, margin int) group {
	sums := slices.Repeat([]enclave.SumFacts{{Least: math.MaxInt64, Greatest: math.MinInt64}}, len(l.positive))
	return group{lattice: l, margin: margin, sums: sums}
}

// newGroup takes atoms together, each with its factor.
func newGroup(l *lattice, atoms []int, factors []int64) group {
	g := emptyGroup(l, -1)
	for i, a := range atoms {
		g.add(a, factors[i])
	}
	if !l.disjoint {
		g.margin = l.common(atoms)
	}
	return g
}

// with is the group with one atom more.
func (g *group) with(atom int) group {
	joined := *g
	joined.sums = slices.Clone(g.sums)
	joined.add(atom, 1)
	if g.margin >= 0 && !slices.Contains(g.lattice.above[atom], g.margin) {
		joined.margin = -1
	}
	return joined
}

// add counts an atom, so many times; a negative factor takes its sum off.
func (g *group) add(atom int, factor int64) {
	cell, times := &g.lattice.table.Cells[atom], max(factor, -factor)
	g.atoms++
	g.factor = max(g.factor, times)
	g.subjects = plus(g.subjects, cell.Subjects)
	for j := range g.sums {
		sum, part := &g.sums[j], &cell.Sums[j]
		sum.Sum = plus(sum.Sum, scaled(factor, part.Sum))
		sum.Least, sum.Greatest = min(sum.Least, part.Least), max(sum.Greatest, part.Greatest)
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

// common is the margin with fewest subjects that all of some atoms are under, the first of several; -1 if there is none.
func (l *lattice) common(atoms []int) int {
	all := slices.Clone(l.above[atoms[0]])
	for _, a := range atoms[1:] {
		if len(all) == 0 {
			break
		}
		all = slices.DeleteFunc(all, func(m int) bool { return !slices.Contains(l.above[a], m) })
	}
	if len(all) == 0 {
		return -1
	}
	return slices.MinFunc(all, func(a, b int) int {
		return cmp.Or(cmp.Compare(l.table.Cells[a].Subjects, l.table.Cells[b].Subjects), cmp.Compare(a, b))
	})
}

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
		case g.margin >= 0:
			whole := &g.lattice.table.Cells[g.margin].Sums[j]
			two := min(plus(f.Largest, f.Second), scaled(g.factor, plus(whole.Largest, whole.Second)))
			f.Largest = min(f.Largest, scaled(g.factor, whole.Largest))
			f.Second = two - f.Largest
		}
	}
	return facts
}

// unsafe reports whether the sum of the group must not be known, as far as that can be told from cells. Fewer subjects than the
// threshold asks, however often they are counted, are too few. Whether others are too few, because they were counted more than once,
// the audit of releases finds, which knows who is where.
func (s *suppression) unsafe(g *group) bool {
	return g.atoms == 1 || s.profile.RisksOf(g.subjects, g.facts()) != 0
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
