package measure

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// group is suppressed cells of the full table that the attacker knows a sum of, each cell as often as its factor says.
type group struct {
	*auditor
	cells   []int
	factors []int64
}

func (a *auditor) newGroup() *group { return &group{auditor: a} }

func (g *group) take(cell int, factor int64) {
	g.cells, g.factors = append(g.cells, cell), append(g.factors, factor)
}

// name is equal for groups of the same cells.
func (g *group) name() string {
	sorted := slices.Clone(g.cells)
	slices.Sort(sorted)
	return fmt.Sprint(sorted)
}

// unsafe judges the group by the rules for cells. Its subjects are those of its cells added up, so one who is in several is counted
// again: what this calls too few is too few, and exactly that where subjects are in one cell only. For sums there are bounds on the safe
// side; see [group.facts].
func (g *group) unsafe(whole int) bool {
	subjects := int64(0)
	for _, c := range g.cells {
		subjects = plus(subjects, g.table.Cells[c].Subjects)
	}
	facts := make([]enclave.SumFacts, 0, len(g.used))
	for _, j := range g.used {
		f, ok := g.facts(j, whole)
		if !ok {
			return true
		}
		facts = append(facts, f)
	}
	return g.profile.RisksOf(subjects, facts) != 0
}

// facts are those of one sum. Where subjects are in one cell only, they are exact. Elsewhere one subject may be the largest in each
// cell: then largest totals add up, to no more than the largest under the margin that all cells are under (whole, or -1) if no value
// is negative. If values may be negative, a subject's totals may cancel out, and all that is certain of the absolute total is that
// it is at least the sum.
func (g *group) facts(j, whole int) (f enclave.SumFacts, ok bool) {
	most := int64(0)
	f.Least, f.Greatest = math.MaxInt64, math.MinInt64
	for i, c := range g.cells {
		if j >= len(g.table.Cells[c].Sums) || j >= len(g.positive) {
			return f, false
		}
		part, times := g.table.Cells[c].Sums[j], max(g.factors[i], -g.factors[i])
		most = max(most, times)
		f.Least, f.Greatest = min(f.Least, part.Least), max(f.Greatest, part.Greatest)
		f.Sum = plus(f.Sum, scaled(g.factors[i], part.Sum))
		f.Absolute = plus(f.Absolute, scaled(times, part.Absolute))
		largest, second := scaled(times, part.Largest), scaled(times, part.Second)
		if !g.disjoint {
			f.Largest, f.Second = plus(f.Largest, largest), plus(f.Second, second)
			continue
		}
		top := []int64{f.Largest, f.Second, largest, second}
		slices.Sort(top)
		f.Largest, f.Second = top[3], top[2]
	}
	switch {
	case g.disjoint:
	case !g.positive[j]:
		f.Absolute = max(f.Sum, -f.Sum)
	case whole >= 0 && j < len(g.table.Cells[whole].Sums):
		limit := g.table.Cells[whole].Sums[j]
		two := min(plus(f.Largest, f.Second), scaled(most, plus(limit.Largest, limit.Second)))
		f.Largest = min(f.Largest, scaled(most, limit.Largest))
		f.Second = two - f.Largest
	}
	return f, true
}

// signed reads a coefficient as the small integer that it stands for, if it does, and as 1 otherwise.
func signed(coefficient uint64) int64 {
	const many = 1 << 10
	switch {
	case coefficient <= many:
		return int64(coefficient)
	case prime-coefficient <= many:
		return -int64(prime - coefficient)
	}
	return 1
}

// plus and scaled stop at the largest numbers; facts that did break the rules, since parts are then larger than their whole.
func plus(a, b int64) int64 {
	switch sum := a + b; {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return -math.MaxInt64
	default:
		return sum
	}
}

func scaled(factor, a int64) int64 {
	high, low := bits.Mul64(uint64(max(factor, -factor)), uint64(max(a, -a))) //nolint:gosec // sizes
	size := int64(math.MaxInt64)
	if high == 0 && low < math.MaxInt64 {
		size = int64(low)
	}
	if (factor < 0) != (a < 0) {
		return -size
	}
	return size
}
