package history

import (
	"context"
	"slices"
)

// earlier is a table that says of an earlier snapshot what another one says of a later one: nearly the same rows are in the same cells.
type earlier struct {
	table int
	cells []int32 // by cell of the later one's full table: the cell that is the same one, None if there is none
}

// sampledRows is how many rows are looked at to find out which tables are the same, and fewRows of how many it is seen that most are not.
const sampledRows, fewRows = 1 << 17, 1 << 13

// earlier finds for each table the one before it that it has most rows in common with, cell by cell; nil where these are not half of its rows.
func (m *matrix) earlier(ctx context.Context) []*earlier {
	step, wide, positions := max(1, m.people.rows/sampledRows), max(1, m.people.rows/fewRows), make([]int, len(m.tables))
	for _, c := range m.cells {
		positions[c.release]++
	}
	found := make([]*earlier, len(m.tables))
	inTurns(len(m.speak), func(i int) func() struct{} {
		return func() struct{} {
			t, best, table := m.speak[i], 0, -1
			some := m.common(t, t, nil, wide)
			for _, u := range slices.Backward(m.speak[:i]) {
				if ctx.Err() != nil {
					break
				}
				if 2*positions[u] < positions[t] || 2*positions[t] < positions[u] || 4*m.common(t, u, m.mates(t, u, wide), wide) < some {
					continue // of other cells, so it would be looked at in vain
				}
				if rows := m.common(t, u, m.mates(t, u, step), step); rows > best {
					best, table = rows, u
				}
			}
			if table >= 0 && 2*best > m.common(t, t, nil, step) {
				found[t] = &earlier{table, m.mates(t, table, 1)}
			}
			return struct{}{}
		}
	})
	return found
}

// mates are for each cell of a full table the one of another table that most of its rows are in, if most of that one's rows are in this one; of each so-manieth row.
func (m *matrix) mates(t, u, step int) []int32 {
	mates, back := m.majority(t, u, step), m.majority(u, t, step)
	for cell, mate := range mates {
		if mate != None && back[mate] != int32(cell) {
			mates[cell] = None
		}
	}
	return mates
}

// majority is for each cell of a full table the one of another table that more than half of its rows are in that are in any; another one, or None, if there is none (R. S. Boyer and J S. Moore,
// MJRTY: a fast majority vote algorithm, 1991).
func (m *matrix) majority(t, u, step int) []int32 {
	cells, others := m.tables[t].cells, m.tables[u].cells
	most := slices.Repeat([]int32{None}, len(m.tables[t].lists))
	lead := make([]int32, len(most))
	for row := 0; row < min(len(cells), len(others)); row += step {
		switch cell, other := cells[row], others[row]; {
		case cell == None || other == None:
		case lead[cell] == 0:
			most[cell], lead[cell] = other, 1
		case most[cell] == other:
			lead[cell]++
		default:
			lead[cell]--
		}
	}
	return most
}

// common is how many rows two tables have in the same cells; nil is for a table and itself.
func (m *matrix) common(t, u int, mates []int32, step int) (rows int) {
	cells, others := m.tables[t].cells, m.tables[u].cells
	for row := 0; row < min(len(cells), len(others)); row += step {
		if cell := cells[row]; cell != None && (mates == nil || mates[cell] != None && mates[cell] == others[row]) {
			rows++
		}
	}
	return rows
}
