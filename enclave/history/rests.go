package history

import (
	"cmp"
	"slices"
)

// rests is a matrix written otherwise: a margin stands for what is left of it without published cells that are within it; and what is nearly the same as a cell of an earlier
// snapshot for the difference, of which a margin's is what is left of it without the differences of cells within it. Each row is what it was less some others, so the same follows from both.
// Columns are shorter, rows have less to do with each other, and of a margin all of whose cells are published nothing is left.
type rests struct {
	*matrix         // what is left of cells in tables
	of      *matrix // as it was
	seen    *looks
	table   [][]int32     // by release: its positions, the one with the fewest cells first
	in      [][]int32     // by position: cells of the full table that are part of it, if they have rows
	print   []fingerprint // by position: that of its rows
	before  []int32       // by position: that of the earlier snapshot, −1 if there is none
	less    []mixture     // by position: what was taken from it
	form    []mixture     // by position: what it is in rests, if it was asked for
	gone    []bool        // by position: nothing is left
	since   []*difference // by release, nil if there are none
}

// looks are what looking at all rows shows of full tables, whatever is published of them.
type looks struct {
	prints  [][]fingerprint
	earlier []*earlier
}

// difference is what a table has in its cells that the same cells of an earlier snapshot have not, and the other way round.
type difference struct {
	table       int       // the earlier one
	still       []int32   // by cell of that: the cell of this one of which both say the same, so that of rows in both nothing is left; None if there is none
	more, fewer [][]int32 // positions, by cell of this one, and of the earlier one
}

func (m *matrix) rests(seen *looks) *rests {
	written := *m
	r := &rests{
		matrix: &written, of: m, seen: seen, table: make([][]int32, len(m.tables)), in: make([][]int32, len(m.cells)),
		print: make([]fingerprint, len(m.cells)), before: slices.Repeat([]int32{-1}, len(m.cells)), less: make([]mixture, len(m.cells)), form: make([]mixture, len(m.cells)), gone: make([]bool, len(m.cells)), since: make([]*difference, len(m.tables)),
	}
	r.tables, r.holders = slices.Clone(m.tables), nil
	for p, c := range m.cells {
		r.table[c.release] = append(r.table[c.release], int32(p))
		for _, h := range m.holders[p] {
			if of := seen.prints[h.table][h.cell]; of != (fingerprint{}) {
				r.in[p] = append(r.in[p], h.cell)
				r.print[p].add(of, 1)
			}
		}
	}
	for _, t := range m.speak {
		slices.SortStableFunc(r.table[t], func(a, b int32) int { return cmp.Compare(len(r.in[a]), len(r.in[b])) })
		if e := seen.earlier[t]; e != nil {
			for _, p := range r.table[t] {
				r.before[p] = r.same(p, e)
			}
		}
		r.take(t)
	}
	return r
}

// same is the position of an earlier table that has more than half of its cells in common with one, and of these the one that has most; −1 if there is none.
func (r *rests) same(position int32, e *earlier) int32 {
	common := map[int32]int{}
	for _, cell := range r.in[position] {
		if was := e.cells[cell]; was != None {
			for _, q := range r.of.tables[e.table].lists[was] {
				common[q]++
			}
		}
	}
	best := int32(-1)
	for q, cells := range common {
		if 2*cells <= max(len(r.in[position]), len(r.in[q])) {
			continue
		}
		if best < 0 || cmp.Or(cmp.Compare(common[best], cells), cmp.Compare(len(r.in[q]), len(r.in[best])), cmp.Compare(q, best)) < 0 {
			best = q
		}
	}
	return best
}

// take takes from each position of a table those that are within it, or, if something is left and it is the same as an earlier one, that one, and the differences of those within it.
func (r *rests) take(table int) {
	left, done := make([][]int32, len(r.of.tables[table].lists)), make([]bool, len(r.cells))
	since := &difference{more: make([][]int32, len(left))}
	if e := r.seen.earlier[table]; e != nil {
		since.table, since.fewer = e.table, make([][]int32, len(r.of.tables[e.table].lists))
	}
	put := func(lists [][]int32, position int32, cells []int32, taken map[int32]bool) {
		for _, cell := range cells {
			if !taken[cell] {
				lists[cell] = append(lists[cell], position)
			}
		}
	}
	for _, p := range r.table[table] {
		within := r.within(p, done)
		apart, taken, _ := r.apart(within, false)
		r.less[p], done[p], r.gone[p] = once(apart), true, len(taken) == len(r.in[p])
		was := r.before[p]
		if r.gone[p] || was < 0 {
			put(left, p, r.in[p], taken)
			continue
		}
		all := setOf(r.in[was])
		apart, taken, takenBefore := r.apart(slices.DeleteFunc(within, func(q int32) bool {
			return r.before[q] < 0 || slices.ContainsFunc(r.in[r.before[q]], func(cell int32) bool { return !all[cell] })
		}), true)
		r.less[p] = once(apart)
		for _, q := range apart {
			r.less[p][r.before[q]]--
		}
		r.less[p][was]++
		r.gone[p] = r.aboutNobody(r.row(p))
		if !r.gone[p] {
			put(since.more, p, r.in[p], taken)
			put(since.fewer, p, r.in[was], takenBefore)
			r.since[table] = since
		}
	}
	r.tables[table].lists = left
	if r.since[table] != nil {
		since.unchanged(r.seen.earlier[table].cells)
	}
}

// unchanged finds the cells that say the same of both snapshots.
func (d *difference) unchanged(mates []int32) {
	d.still = slices.Repeat([]int32{None}, len(d.fewer))
	for cell, was := range mates {
		if was != None && slices.Equal(d.more[cell], d.fewer[was]) {
			d.still[was] = int32(cell)
		}
	}
}

// within are the positions of a table, of those that are done, all of whose cells are a position's.
func (r *rests) within(position int32, done []bool) (within []int32) {
	common, table := map[int32]int{}, r.cells[position].release
	for _, cell := range r.in[position] {
		for _, q := range r.of.tables[table].lists[cell] {
			if done[q] {
				common[q]++
			}
		}
	}
	for q, cells := range common {
		if cells == len(r.in[q]) {
			within = append(within, q)
		}
	}
	return within
}

// apart are positions of a table, of some, that have no cell in common, nor in the earlier snapshot if that is asked, and the cells that they have. The largest come first.
func (r *rests) apart(some []int32, earlierToo bool) (apart []int32, cells, earlier map[int32]bool) {
	slices.SortFunc(some, func(a, b int32) int { return cmp.Or(cmp.Compare(len(r.in[b]), len(r.in[a])), cmp.Compare(a, b)) })
	cells, earlier = map[int32]bool{}, map[int32]bool{}
	free := func(position int32, taken map[int32]bool) bool {
		return !slices.ContainsFunc(r.in[position], func(cell int32) bool { return taken[cell] })
	}
	for _, p := range some {
		if !free(p, cells) || earlierToo && !free(r.before[p], earlier) {
			continue
		}
		apart = append(apart, p)
		for _, cell := range r.in[p] {
			cells[cell] = true
		}
		if earlierToo {
			for _, cell := range r.in[r.before[p]] {
				earlier[cell] = true
			}
		}
	}
	return apart, cells, earlier
}

// row is a rest as a combination of positions.
func (r *rests) row(position int32) mixture {
	row := mixture{position: 1}
	for q, times := range r.less[position] {
		row.add(q, -times)
	}
	return row
}

// moved is the cell of a table that a row is in, and the one of the earlier snapshot that it was in; None twice where these say the same, or there is no earlier one.
func (r *rests) moved(table, row int) (cell, was int32) {
	since := r.since[table]
	if since == nil {
		return None, None
	}
	cell, was = r.cell(table, row), r.cell(since.table, row)
	if cell != None && was != None && since.still[was] == cell {
		return None, None
	}
	return cell, was
}

// restReader walks columns of rests. It is for one goroutine.
type restReader struct {
	*rests
	reader      *reader
	in, missing []int32
}

func (r *rests) reader() *restReader { return &restReader{rests: r, reader: r.matrix.reader()} }

// row finds what a row of data is in, and what it is missing from: cells of an earlier snapshot that it was in.
func (r *restReader) row(row int) {
	r.in, r.missing = r.appendRow(r.in[:0], row), r.missing[:0]
	for _, t := range r.speak {
		cell, was := r.moved(t, row)
		var now, before []int32
		if cell != None {
			now = r.since[t].more[cell]
		}
		if was != None {
			before = r.since[t].fewer[was]
		}
		r.in, r.missing = appendOthers(r.in, now, before), appendOthers(r.missing, before, now)
	}
}

// appendOthers appends those numbers that are not among some.
func appendOthers(list, numbers, some []int32) []int32 {
	for _, n := range numbers {
		if !slices.Contains(some, n) {
			list = append(list, n)
		}
	}
	return list
}

// columns visits the columns of a person's rows: positions in no order, in slices of the reader's.
func (r *restReader) columns(person int32, visit func(in, missing []int32)) {
	r.people.eachRow(person, func(row int) {
		r.row(row)
		visit(r.in, r.missing)
	})
}

// touched are the positions that a person's columns have, each once, in a slice of the reader's.
func (r *restReader) touched(person int32) []int32 {
	column, rows := r.reader.column[:0], 0
	r.columns(person, func(in, missing []int32) {
		column, rows = append(append(column, in...), missing...), rows+1
	})
	if r.reader.column = column; rows > 1 {
		r.reader.unite()
	}
	return r.reader.column
}

// setOf is the set of some numbers.
func setOf(numbers []int32) map[int32]bool {
	set := make(map[int32]bool, len(numbers))
	for _, n := range numbers {
		set[n] = true
	}
	return set
}
