package history

// crowd is some people in an order, with a copy of which cells they are in. They are looked at again and again, and mostly it is their cells, spread over
// all data, that would be waited for.
type crowd struct {
	who    []int32   // as the matrix knows them
	seats  []int32   // as the copy knows them
	people *people   // of the copy
	cells  [][]int32 // by release and the copy's row; nil of those that have no positions
}

// maxCopied is how many cells of rows are copied: 64 MiB. Of a larger crowd nothing is, and its seats are in all data.
const maxCopied = 1 << 24

// gather is a crowd of people.
func (m *matrix) gather(who []int32) *crowd {
	rows := 0
	for _, person := range who {
		m.people.eachRow(person, func(int) { rows++ })
	}
	if rows*len(m.speak) > maxCopied {
		return &crowd{who: who, seats: who}
	}
	c := &crowd{who: who, seats: make([]int32, len(who)), people: &people{rows: rows, starts: make([]int32, 1, len(who)+1), count: len(who)}}
	from := make([]int32, 0, rows)
	for i, person := range who {
		m.people.eachRow(person, func(row int) { from = append(from, int32(row)) }) //nolint:gosec // at most maxRows
		c.seats[i] = int32(i)
		c.people.starts = append(c.people.starts, int32(len(from))) //nolint:gosec // at most maxRows
	}
	c.cells = make([][]int32, len(m.tables))
	for _, t := range m.speak {
		c.cells[t] = make([]int32, rows)
	}
	inParts(0, rows, func(first, end int32) struct{} {
		for _, t := range m.speak {
			for row := first; row < end; row++ {
				c.cells[t][row] = m.cell(t, int(from[row]))
			}
		}
		return struct{}{}
	})
	return c
}

// those are the ones of a crowd, in its order, of whose seats something holds.
func (c *crowd) those(holds func(seat int32) bool) *crowd {
	less := &crowd{people: c.people, cells: c.cells}
	for i, seat := range c.seats {
		if holds(seat) {
			less.who, less.seats = append(less.who, c.who[i]), append(less.seats, seat)
		}
	}
	return less
}

// among is the matrix of a crowd's rows: the same cells, in the same order. The crowd was gathered from a matrix that speaks of no less.
func (m *matrix) among(c *crowd) *matrix {
	if c.cells == nil {
		return m
	}
	copied := *m
	copied.people, copied.tables = c.people, make([]table, len(m.tables))
	for t, table := range m.tables {
		copied.tables[t].lists, copied.tables[t].minus = table.lists, table.minus
		if table.cells != nil {
			copied.tables[t].cells = c.cells[t]
		}
	}
	return &copied
}
