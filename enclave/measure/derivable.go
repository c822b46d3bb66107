package measure

import (
	"cmp"
	"context"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// derivable counts what the published cells determine. The attacker is assumed to know exact values of all published cells and
// which cells have no rows: each suppressed cell is an unknown, each line an equation.
//
// It counts the unknowns that follow exactly. It counts the lines with a published margin, and the combinations of lines, whose
// suppressed cells of the full table break a rule together, or of dominance cannot be shown not to; see [group]. Of the combinations
// it looks at the rows of the reduced echelon form in which cells with many subjects come first. They are a basis: whatever follows is
// a combination of them. How many distinct subjects every combination is about, the audit of releases knows exactly.
func derivable(ctx context.Context, table *enclave.Table, published []bool, profile *enclave.Profile) (int64, error) {
	a := newAuditor(table, published, profile)
	if a == nil || len(a.unknowns) == 0 {
		return 0, nil
	}
	unsafe := map[string]bool{}
	for _, l := range a.lines {
		if published[l.margin] {
			a.judgeLine(l, unsafe)
		}
	}
	solved, err := solve(ctx, len(a.unknowns), a.equations())
	if err != nil {
		return 0, err
	}
	var count int64
	for u, row := range solved.pivots {
		switch {
		case row == nil:
		case len(row) == 1:
			count++ // follows exactly
		case a.isAtom(a.unknowns[u]):
			a.judgeRow(row, unsafe)
		}
	}
	return count + int64(len(unsafe)), nil
}

// auditor holds a table with what is known of it.
type auditor struct {
	table     *enclave.Table
	published []bool
	profile   *enclave.Profile
	used      []int // positions of the sums that are published
	lines     []line
	atoms     [][]int // margin → its cells of the full table; nil for those
	above     [][]int // cell of the full table → margins
	unknowns  []int   // suppressed cells: margins first, then those with most subjects
	position  []int   // cell → position in unknowns, or -1
	disjoint  bool    // every subject is in one cell of the full table only
	positive  []bool  // by sum: no value is negative
}

func newAuditor(table *enclave.Table, published []bool, profile *enclave.Profile) *auditor {
	n := len(table.Cells)
	if table.Plan == nil {
		return nil
	}
	a := &auditor{
		table: table, published: published, profile: profile, used: sumsUsed(table.Plan), lines: lines(table),
		atoms: make([][]int, n), above: make([][]int, n), position: slices.Repeat([]int{-1}, n),
	}
	for _, l := range a.lines {
		if l.full {
			a.atoms[l.margin] = l.inner
			for _, c := range l.inner {
				a.above[c] = append(a.above[c], l.margin)
			}
		}
	}
	counted := int64(0)
	for i := range table.Cells {
		if a.isAtom(i) {
			counted += table.Cells[i].Subjects
		}
		if !published[i] {
			a.unknowns = append(a.unknowns, i)
		}
	}
	a.disjoint = counted == table.Subjects
	for j := range table.Plan.Summed {
		a.positive = append(a.positive, notNegative(table.Plan, j))
	}
	slices.SortStableFunc(a.unknowns, func(x, y int) int {
		if a.isAtom(x) != a.isAtom(y) {
			if a.isAtom(y) {
				return -1
			}
			return 1
		}
		return cmp.Compare(table.Cells[y].Subjects, table.Cells[x].Subjects)
	})
	for u, c := range a.unknowns {
		a.position[c] = u
	}
	return a
}

// isAtom reports whether a cell is of the full table.
func (a *auditor) isAtom(cell int) bool {
	set := a.table.Cells[cell].Set
	return set >= 0 && set < len(a.table.Plan.Sets) && len(a.table.Plan.Sets[set]) == len(a.table.Plan.Keys)
}

// notNegative reports whether a summed column has no negative value; a column that is not described well may have.
func notNegative(plan *enclave.Plan, sum int) bool {
	column := plan.Summed[sum]
	if plan.Dataset == nil || column < 0 || column >= len(plan.Dataset.Columns) {
		return false
	}
	low, _, err := plan.Dataset.Columns[column].Bounds()
	return err == nil && low >= 0
}

// equations are one for each margin: of its lines the one with the fewest unknowns. The others follow from these.
func (a *auditor) equations() [][]term {
	best := make([][]term, len(a.table.Cells))
	found := make([]bool, len(best))
	for _, l := range a.lines {
		var e []term
		if u := a.position[l.margin]; u >= 0 {
			e = append(e, term{u, prime - 1})
		}
		for _, c := range l.inner {
			if u := a.position[c]; u >= 0 {
				e = append(e, term{u, 1})
			}
		}
		if !found[l.margin] || len(e) < len(best[l.margin]) {
			best[l.margin], found[l.margin] = e, true
		}
	}
	return slices.DeleteFunc(best, func(e []term) bool { return len(e) == 0 })
}

// judgeLine judges the cells of the full table under a published margin that remain when everything published is taken off. If there
// is only one, it follows exactly and is counted as such.
func (a *auditor) judgeLine(l line, unsafe map[string]bool) {
	g := a.newGroup()
	for _, c := range l.inner {
		switch {
		case a.published[c]:
		case a.isAtom(c):
			g.take(c, 1)
		default:
			for _, atom := range a.atoms[c] {
				if !a.published[atom] {
					g.take(atom, 1)
				}
			}
		}
	}
	if len(g.cells) > 1 && g.unsafe(l.margin) {
		unsafe[g.name()] = true
	}
}

// judgeRow judges a combination across lines.
func (a *auditor) judgeRow(row []term, unsafe map[string]bool) {
	g := a.newGroup()
	for _, t := range row {
		g.take(a.unknowns[t.unknown], signed(t.coefficient))
	}
	whole := -1
	if !a.disjoint {
		whole = a.whole(g.cells)
	}
	if g.unsafe(whole) {
		unsafe[g.name()] = true
	}
}

// whole is the margin with fewest subjects that cells are all under, the first of several, or -1.
func (a *auditor) whole(cells []int) int {
	whole := -1
	for _, m := range a.above[cells[0]] {
		n, least := a.table.Cells[m].Subjects, int64(0)
		if whole >= 0 {
			least = a.table.Cells[whole].Subjects
		}
		if whole >= 0 && (n > least || n == least && m > whole) {
			continue
		}
		if !slices.ContainsFunc(cells, func(c int) bool { return !slices.Contains(a.above[c], m) }) {
			whole = m
		}
	}
	return whole
}
