// Package treat makes the output that would leave: it suppresses what must not be seen and what would let it be computed, rounds the
// rest, and builds every byte of the result itself. README.md beside this file says in plain words what is guaranteed.
package treat

import (
	"context"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Treater implements [enclave.Treater]. The zero value is ready; it is safe for concurrent use.
type Treater struct{}

var _ enclave.Treater = Treater{}

// Treat suppresses and rounds a measured table. The result depends on suppressed cells only through which they are. Errors:
// TABLE_TOO_INTRICATE if the margins are too many to be sure of what follows from them, after work that is the same on every machine
// (some seconds); the context's own; and internal ones, for a table whose margins do not add up or a profile that cannot be applied.
func (Treater) Treat(ctx context.Context, measured *enclave.Measured, profile enclave.Profile) (*enclave.Treated, error) {
	table := measured.Table
	if len(measured.Risks) != len(table.Cells) {
		return nil, enclave.Internalf("%d risks of %d cells", len(measured.Risks), len(table.Cells))
	}
	l, err := newLattice(table)
	if err != nil {
		return nil, err
	}
	s := newSuppression(l, &profile, measured.Risks)
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	rounding, err := newRounding(table.Plan, &profile)
	if err != nil {
		return nil, err
	}
	raw, err := render(table, s.fates, rounding)
	if err != nil {
		return nil, err
	}
	return &enclave.Treated{Table: table, Fates: s.fates, Bytes: raw, Format: enclave.MediaArrow, Witnesses: s.bounds.witnesses()}, nil
}

// lattice is how the cells of a table relate. Cells of the full table are atoms; every other cell, a margin, is the sum of the atoms
// under it. All numbers are positions in Table.Cells.
type lattice struct {
	table *enclave.Table
	atoms []int
	under [][]int // margin → its atoms, ascending; nil for atoms
	above [][]int // atom → the margins that it is under
	lines []line
	// linesOf are the lines of a margin, and within those that a cell is an inner cell of, as positions in lines.
	linesOf [][]int
	within  [][]int
	// disjoint: every subject is in one atom only, so that subjects add up as rows do.
	disjoint bool
	// positive: the column of each sum has no negative value.
	positive []bool
}

// line is a margin and the cells of one finer grouping set that it is the sum of.
type line struct {
	margin int
	inner  []int
}

func newLattice(table *enclave.Table) (*lattice, error) {
	sets := table.Plan.Sets
	if len(sets) == 0 || len(sets[0]) != len(table.Plan.Keys) {
		return nil, enclave.Internalf("the first grouping set is not the full table")
	}
	l := &lattice{table: table, under: make([][]int, len(table.Cells)), within: make([][]int, len(table.Cells)), linesOf: make([][]int, len(table.Cells))}
	cells := make([][]int, len(sets))
	for i := range table.Cells {
		c := &table.Cells[i]
		if c.Set < 0 || c.Set >= len(sets) || len(c.Codes) != len(table.Plan.Keys) || len(c.Sums) != len(table.Plan.Summed) {
			return nil, enclave.Internalf("cell %d does not fit its plan", i)
		}
		cells[c.Set] = append(cells[c.Set], i)
	}
	l.atoms = cells[0]
	for coarse, set := range sets {
		for fine, finer := range sets {
			if len(finer) <= len(set) || !subset(set, finer) {
				continue
			}
			lines, err := l.relate(set, cells[coarse], cells[fine])
			if err != nil {
				return nil, err
			}
			l.place(lines, fine == 0)
		}
	}
	l.connect()
	for _, column := range table.Plan.Summed {
		low, _, err := table.Plan.Dataset.Columns[column].Bounds()
		if err != nil {
			return nil, enclave.Internalf("bounds of a summed column: %w", err)
		}
		l.positive = append(l.positive, low >= 0)
	}
	return l, nil
}

// connect finds the margins above each atom, and whether anybody is in two atoms.
func (l *lattice) connect() {
	l.above = make([][]int, len(l.table.Cells))
	for m, atoms := range l.under {
		for _, a := range atoms {
			l.above[a] = append(l.above[a], m)
		}
	}
	counted := int64(0)
	for _, a := range l.atoms {
		counted += l.table.Cells[a].Subjects
	}
	l.disjoint = counted == l.table.Subjects
}

// relate finds the lines between the cells of a set and those of a finer one, and verifies that they add up.
func (l *lattice) relate(set enclave.Set, margins, inner []int) ([]line, error) {
	lines, byCodes := make([]line, 0, len(margins)), make(map[string]int, len(margins))
	for _, m := range margins {
		byCodes[set.Project(l.table.Cells[m].Codes)] = len(lines)
		lines = append(lines, line{margin: m})
	}
	for _, c := range inner {
		at, ok := byCodes[set.Project(l.table.Cells[c].Codes)]
		if !ok {
			return nil, enclave.Internalf("cell %d has no margin", c)
		}
		lines[at].inner = append(lines[at].inner, c)
	}
	for _, line := range lines {
		if !l.addsUp(line) {
			return nil, enclave.Internalf("margin %d is not the sum of its cells", line.margin)
		}
	}
	return lines, nil
}

func (l *lattice) addsUp(of line) bool {
	margin := &l.table.Cells[of.margin]
	rows, sums := margin.Rows, make([]int64, len(margin.Sums))
	for _, c := range of.inner {
		rows -= l.table.Cells[c].Rows
		for j := range sums {
			sums[j] += l.table.Cells[c].Sums[j].Sum
		}
	}
	for j := range sums {
		if sums[j] != margin.Sums[j].Sum {
			return false
		}
	}
	return rows == 0
}

// place adds lines, and records which atoms are under which margin.
func (l *lattice) place(lines []line, ofAtoms bool) {
	for _, line := range lines {
		for _, c := range line.inner {
			l.within[c] = append(l.within[c], len(l.lines))
		}
		l.linesOf[line.margin] = append(l.linesOf[line.margin], len(l.lines))
		if ofAtoms {
			l.under[line.margin] = line.inner
		}
		l.lines = append(l.lines, line)
	}
}

func subset(set, of enclave.Set) bool {
	return !slices.ContainsFunc(set, func(key int) bool { return !slices.Contains(of, key) })
}
