package history

import (
	"cmp"
	"slices"
)

// coordinate is a published cell of a release: a row of the matrix.
type coordinate struct {
	release int
	cell    int32
	size    int32 // distinct people
}

// matrix is M: its rows, called positions here, are published cells in an order (order.go); its columns are kept as what they were made from.
// For sums there is a column for each row of data, 1 where the row counts in the cell. For distinct counts there is a column for each
// person, 1 in every cell that one of the person's rows is in.
type matrix struct {
	people   *people
	releases []*Release
	distinct bool
	cells    []coordinate // by position
	tables   []table      // by release
	speak    []int        // tables that have positions
	newest   int          // the first table of the release in question
	holders  [][]holder   // by position
}

// holder is a full-table cell that is part of a published one, or of rests may be missing from one.
type holder struct {
	table, cell int32
	minus       bool
}

// table holds for each cell of a full table the positions of its column, ascending.
type table struct {
	cells []int32 // by row; none if no list has a position
	lists [][]int32
	minus [][]int32 // of rests: those of which the column has −1
}

// only is the matrix without the positions that keep does not hold.
func (m *matrix) only(keep func(position int) bool) *matrix {
	return m.ordered(slices.DeleteFunc(m.positions(), func(p int) bool { return !keep(p) }))
}

// ordered is the matrix of some positions in an order.
func (m *matrix) ordered(positions []int) *matrix {
	other := &matrix{people: m.people, releases: m.releases, distinct: m.distinct, newest: m.newest}
	for _, p := range positions {
		other.cells = append(other.cells, m.cells[p])
	}
	other.index()
	return other
}

// oldFirst are all positions, those of the newest release last.
func (m *matrix) oldFirst() []int {
	fresh := m.since(m.newest)
	return append(slices.DeleteFunc(m.positions(), func(p int) bool { return m.cells[p].release >= m.newest }), fresh...)
}

// positions are all positions.
func (m *matrix) positions() []int {
	all := make([]int, len(m.cells))
	for p := range all {
		all[p] = p
	}
	return all
}

// smallestFirst are positions by the people in them.
func (m *matrix) smallestFirst(positions []int) []int {
	return slices.SortedStableFunc(slices.Values(positions), func(a, b int) int {
		return cmp.Or(cmp.Compare(m.cells[a].size, m.cells[b].size), cmp.Compare(m.cells[a].cell, m.cells[b].cell))
	})
}

// since are the positions of a release and of those after it.
func (m *matrix) since(release int) []int {
	return slices.DeleteFunc(m.positions(), func(p int) bool { return m.cells[p].release < release })
}

func (m *matrix) index() {
	positions := make([]map[int32]int32, len(m.releases))
	for t := range positions {
		positions[t] = map[int32]int32{}
	}
	for p, c := range m.cells {
		positions[c.release][c.cell] = int32(p)
	}
	m.tables, m.holders = make([]table, len(m.releases)), make([][]holder, len(m.cells))
	for t, r := range m.releases {
		m.tables[t].lists = m.listed(t, r.Published, positions[t], false)
		if r.missing != nil {
			m.tables[t].minus = m.listed(t, r.missing, positions[t], true)
		}
		if len(positions[t]) > 0 {
			m.tables[t].cells = r.Cells
			m.speak = append(m.speak, t)
		}
	}
}

// listed are lists of a table's cells that have positions, as positions.
func (m *matrix) listed(t int, published [][]int32, positions map[int32]int32, minus bool) [][]int32 {
	lists := make([][]int32, len(published))
	for full, published := range published {
		for _, cell := range published {
			if p, ok := positions[cell]; ok {
				lists[full] = append(lists[full], p)
				m.holders[p] = append(m.holders[p], holder{int32(t), int32(full), minus}) //nolint:gosec // releases and cells are numbered in int32
			}
		}
		slices.Sort(lists[full])
	}
	return lists
}

// cell is the cell of a full table that a row is in, or None.
func (m *matrix) cell(table, row int) int32 {
	if cells := m.tables[table].cells; row < len(cells) {
		return cells[row]
	}
	return None
}

// appendRow appends a row's column: positions in no order, and the complement ^p of those of which it has −1.
func (m *matrix) appendRow(column []int32, row int) []int32 {
	for _, t := range m.speak {
		cell := m.cell(t, row)
		if cell == None {
			continue
		}
		table := &m.tables[t]
		if column = append(column, table.lists[cell]...); table.minus != nil {
			for _, p := range table.minus[cell] {
				column = append(column, ^p)
			}
		}
	}
	return column
}

// reader walks the columns of persons. It is for one goroutine.
type reader struct {
	*matrix
	column []int32
	seen   []bool
}

func (m *matrix) reader() *reader { return &reader{matrix: m, seen: make([]bool, len(m.cells))} }

// columns visits the columns of a person: positions in no order. The slice is the reader's. A column may be empty.
func (r *reader) columns(person int32, visit func(positions []int32)) {
	r.walk(person, r.distinct, visit)
}

// touched is the set of positions that any of a person's columns has, ascending, in a slice of the reader's.
func (r *reader) touched(person int32) []int32 {
	var all []int32
	r.walk(person, true, func(positions []int32) { all = positions })
	slices.Sort(all)
	return all
}

// walk visits each row's positions, or those of all rows taken together.
func (r *reader) walk(person int32, together bool, visit func(positions []int32)) {
	r.column = r.column[:0]
	for n := range r.people.stretches(person) {
		first, end := r.people.stretch(person, n)
		for row := first; row < end; row++ {
			r.column = r.appendRow(r.column, row)
			if !together {
				visit(r.column)
				r.column = r.column[:0]
				continue
			}
			for i, p := range r.column {
				r.column[i] = max(p, ^p)
			}
			if first+1 < end || n > 0 {
				r.unite()
			}
		}
	}
	if together {
		visit(r.column)
	}
}

// unite takes double positions out of the column in hand.
func (r *reader) unite() {
	once := r.column[:0]
	for _, p := range r.column {
		if !r.seen[p] {
			r.seen[p] = true
			once = append(once, p)
		}
	}
	for _, p := range once {
		r.seen[p] = false
	}
	r.column = once
}
