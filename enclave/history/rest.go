package history

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// rests is a matrix written otherwise: a margin stands for what is left of it without published cells that are within it. Each row is what it was less some other
// rows, so the same follows from both. Columns are shorter, rows have less to do with each other, and of a margin all of whose cells are published nothing is left.
type rests struct {
	*matrix
	of     *matrix // as it was
	prints [][]fingerprint
	table  [][]int32 // by release: its positions, the one with the fewest cells first
	in     [][]int32 // by position: cells of the full table that are part of it, if they have rows
	less   [][]int32 // by position: those that were taken from it, which have no row in common
	gone   []bool    // by position: nothing is left
}

func (m *matrix) rests(prints [][]fingerprint) *rests {
	written := *m
	r := &rests{
		matrix: &written, of: m, prints: prints, table: make([][]int32, len(m.tables)),
		in: make([][]int32, len(m.cells)), less: make([][]int32, len(m.cells)), gone: make([]bool, len(m.cells)),
	}
	r.tables, r.holders = slices.Clone(m.tables), nil
	for p, c := range m.cells {
		r.table[c.release] = append(r.table[c.release], int32(p))
		for _, h := range m.holders[p] {
			if prints[h.table][h.cell] != (fingerprint{}) {
				r.in[p] = append(r.in[p], h.cell)
			}
		}
	}
	for _, t := range m.speak {
		slices.SortStableFunc(r.table[t], func(a, b int32) int { return cmp.Compare(len(r.in[a]), len(r.in[b])) })
		r.take(t)
	}
	return r
}

// take takes from each position of a table those that are within it.
func (r *rests) take(table int) {
	whole := r.of.tables[table].lists
	left := make([][]int32, len(whole))
	before, parts := make([]bool, len(r.cells)), map[int32]int{}
	for _, p := range r.table[table] {
		clear(parts)
		for _, cell := range r.in[p] {
			for _, q := range whole[cell] {
				if before[q] {
					parts[q]++
				}
			}
		}
		var within []int32
		for q, cells := range parts {
			if cells == len(r.in[q]) {
				within = append(within, q)
			}
		}
		var taken map[int32]bool
		r.less[p], taken = r.apart(within)
		before[p], r.gone[p] = true, len(taken) == len(r.in[p])
		for _, cell := range r.in[p] {
			if !taken[cell] {
				left[cell] = append(left[cell], p)
			}
		}
	}
	r.tables[table].lists = left
}

// apart are positions of a table, of some, that have no cell in common, and the cells that they have. The largest come first.
func (r *rests) apart(some []int32) (apart []int32, cells map[int32]bool) {
	slices.SortFunc(some, func(a, b int32) int { return cmp.Or(cmp.Compare(len(r.in[b]), len(r.in[a])), cmp.Compare(a, b)) })
	cells = map[int32]bool{}
	for _, p := range some {
		if !slices.ContainsFunc(r.in[p], func(cell int32) bool { return cells[cell] }) {
			apart = append(apart, p)
			for _, cell := range r.in[p] {
				cells[cell] = true
			}
		}
	}
	return apart, cells
}

// mixture is a combination of positions: how many times each is in it.
type mixture map[int32]int64

// add adds something to a combination of rests.
func (r *rests) add(to mixture, position int32, times int64) {
	if !r.gone[position] {
		if to[position] += times; to[position] == 0 {
			delete(to, position)
		}
	}
	for _, q := range r.less[position] {
		r.add(to, q, times)
	}
}

// written is a combination of positions in rests.
func (r *rests) written(of mixture) mixture {
	w := mixture{}
	for p, times := range of {
		r.add(w, p, times)
	}
	return w
}

// aboutNobody reports whether a combination of positions has no row.
func (r *rests) aboutNobody(of mixture) bool {
	sum := fingerprint{}
	for p, times := range of {
		for _, cell := range r.in[p] {
			sum.add(r.prints[r.cells[p].release][cell], times)
		}
	}
	return sum == fingerprint{}
}

// relations are combinations of positions that are about nobody, as far as they can be seen: what is part of what in a table, and what two tables both say. Some people
// show which cells of two tables have to do with each other. Those of which nothing is left come first.
func (r *rests) relations(ctx context.Context, f *field, some *crowd) (found []mixture, err error) {
	for p := range r.cells {
		if r.gone[p] {
			of := mixture{int32(p): 1}
			for _, q := range r.less[p] {
				of[q] = -1
			}
			found = append(found, of)
		}
	}
	rows := r.among(some)
	for _, more := range inTurns(len(r.speak), func(i int) func() []mixture {
		return func() (found []mixture) {
			a, sets := r.speak[i], []set(nil)
			for _, p := range r.table[a] {
				sets = append(sets, set{mixture{p: 1}, r.in[p]})
			}
			found = same(f, sets, len(r.tables[a].lists))
			for _, b := range r.speak[:i] {
				if ctx.Err() != nil {
					break
				}
				found = append(found, r.between(f, a, b, rows)...)
			}
			return found
		}
	}) {
		found = append(found, more...)
	}
	return slices.DeleteFunc(found, func(of mixture) bool { return !r.aboutNobody(of) }), ctx.Err()
}

// between are relations of two tables. Rows connect cells of one with cells of the other; what no row connects belongs to different values of something that the tables
// share. Such a part should be of the same rows in both, so what one says of parts is a relation with what the other does: if it is about nobody, as only some rows were looked at.
func (r *rests) between(f *field, a, b int, rows *matrix) []mixture {
	shift := int32(len(r.tables[a].lists))           //nolint:gosec // at most the cells of a table
	outside := shift + int32(len(r.tables[b].lists)) //nolint:gosec // likewise
	cells := newForest(outside + 1)
	for row := range rows.people.rows {
		x, y := rows.cell(a, row), rows.cell(b, row)
		if x == None && y == None {
			continue
		}
		if x == None {
			x = outside
		}
		if y += shift; y < shift {
			y = outside
		}
		cells.join(x, y)
	}
	sets := append(r.ofParts(a, 0, cells), r.ofParts(b, shift, cells)...)
	return same(f, sets, len(cells))
}

// ofParts is what a table says of whole parts: positions, and what several without a cell in common add up to. The table's cells stand in the parts from a number on; what is joined with
// the last of all is in no part.
func (r *rests) ofParts(table int, from int32, cells forest) (sets []set) {
	size := map[int32]int{} // of parts, in cells of the table
	for cell, rows := range r.prints[table] {
		if rows != (fingerprint{}) {
			size[cells.root(from+int32(cell))]++
		}
	}
	size[cells.root(int32(len(cells)-1))] = -1 //nolint:gosec // at most the cells of two tables
	whole, within := map[int32]bool{}, map[int32][]int32{}
	for _, p := range r.table[table] {
		parts := map[int32]int{}
		for _, cell := range r.in[p] {
			parts[cells.root(from+cell)]++
		}
		s := set{of: mixture{p: 1}, parts: slices.Sorted(maps.Keys(parts))}
		all := !slices.ContainsFunc(s.parts, func(part int32) bool { return parts[part] != size[part] })
		if all {
			sets = append(sets, s)
		}
		if len(parts) == 1 {
			part := s.parts[0]
			whole[part], within[part] = whole[part] || all, append(within[part], p)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(within)) {
		if whole[part] {
			continue
		}
		if apart, taken := r.apart(within[part]); len(taken) == size[part] {
			s := set{of: mixture{}, parts: []int32{part}}
			for _, p := range apart {
				s.of[p] = 1
			}
			sets = append(sets, s)
		}
	}
	return sets
}

// set is a combination of positions that is of some parts.
type set struct {
	of    mixture
	parts []int32
}

// same are combinations of sets that come to nothing: all of them are combinations of these, if they are of small whole numbers.
func same(f *field, sets []set, parts int) (found []mixture) {
	of := make([][]int32, parts)
	for i, s := range sets {
		for _, part := range s.parts {
			of[part] = append(of[part], int32(i))
		}
	}
	e := newEchelon(f, len(sets))
	for _, list := range of {
		if len(list) > 0 {
			e.insert(list)
		}
	}
	for y := range e.nullVectors() {
		relation := mixture{}
		for i, x := range y {
			if x == 0 {
				continue
			}
			times, small := f.small(x)
			if !small {
				relation = nil
				break
			}
			for p, by := range sets[i].of {
				relation[p] += times * by
			}
		}
		if relation != nil {
			found = append(found, relation)
		}
	}
	return found
}

// forest is numbers of which some are joined with others.
type forest []int32

func newForest(n int32) forest {
	f := make(forest, n)
	for i := range f {
		f[i] = int32(i)
	}
	return f
}

// root is one of the numbers that a number is joined with, the same for all of them.
func (f forest) root(i int32) int32 {
	for f[i] != i {
		f[i] = f[f[i]]
		i = f[i]
	}
	return i
}

func (f forest) join(i, j int32) {
	i, j = f.root(i), f.root(j)
	f[max(i, j)] = min(i, j)
}
