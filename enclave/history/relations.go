package history

import (
	"context"
	"maps"
	"slices"
)

// mixture is a combination of positions: how many times each is in it.
type mixture map[int32]int64

// once is a mixture of some positions, each of them once.
func once(positions []int32) mixture {
	of := mixture{}
	for _, p := range positions {
		of[p] = 1
	}
	return of
}

func (m mixture) add(position int32, times int64) {
	if m[position] += times; m[position] == 0 {
		delete(m, position)
	}
}

// rest is a position in rests. It is for one goroutine.
func (r *rests) rest(position int32) mixture {
	if r.form[position] == nil {
		form := mixture{}
		if !r.gone[position] {
			form[position] = 1
		}
		for q, by := range r.less[position] {
			for p, times := range r.rest(q) {
				form.add(p, by*times)
			}
		}
		r.form[position] = form
	}
	return r.form[position]
}

// written is a combination of positions in rests.
func (r *rests) written(of mixture) mixture {
	w := mixture{}
	for p, times := range of {
		for q, by := range r.rest(p) {
			w.add(q, by*times)
		}
	}
	return w
}

// aboutNobody reports whether a combination of positions has no row.
func (r *rests) aboutNobody(of mixture) bool {
	sum := fingerprint{}
	for p, times := range of {
		sum.add(r.print[p], times)
	}
	return sum == fingerprint{}
}

// newly is what a relation says of later snapshots only, if it is one of the earlier ones too; otherwise all of it.
func (r *rests) newly(of mixture) mixture {
	later := maps.Clone(of)
	for p, times := range of {
		if r.before[p] < 0 {
			return of
		}
		later.add(r.before[p], -times)
	}
	if !r.aboutNobody(later) {
		return of
	}
	return later
}

// relations are combinations of positions that are about nobody, as far as they can be seen: what is part of what in a table, and what two tables both say. Some people
// show which cells of two tables have to do with each other. Those of which nothing is left come first.
func (r *rests) relations(ctx context.Context, f *field, some *crowd) (found []mixture, err error) {
	for p := range r.cells {
		if r.gone[p] {
			found = append(found, r.row(int32(p)))
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
		for _, of := range more {
			if r.aboutNobody(of) {
				found = append(found, r.newly(of))
			}
		}
	}
	return found, ctx.Err()
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
	for cell, rows := range r.seen.prints[table] {
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
		if apart, taken, _ := r.apart(within[part], false); len(taken) == size[part] {
			sets = append(sets, set{once(apart), []int32{part}})
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
