package history

import (
	"cmp"
	"slices"
)

const (
	// peopleEach is how many people for each position draft looks for, for a group, and inEach how many in each position, if there are.
	peopleEach, inEach = 3, 8
	// peopleLeast is how many it looks for at least, for all groups together.
	peopleLeast = 1 << 16
)

// draft is some people and the positions that they are in, or missing from.
type draft struct {
	*rests
	people    []int32
	positions [][]int32 // by place among the people
	in        []int32   // by position: how many of them
}

// draft finds people for so many groups: each so-manieth of all, and more of those who are where few are. Of a position where less than inEach are for each group that is everybody there is.
func (r *rests) draft(groups int) *draft {
	d := &draft{rests: r, in: make([]int32, len(r.cells))}
	step := max(1, r.people.count/max(peopleLeast, groups*peopleEach*len(r.cells)))
	for _, part := range inParts(0, (r.people.count+step-1)/step, func(from, to int32) *draft {
		part := &draft{rests: r, in: make([]int32, len(r.cells))}
		for read, i := r.reader(), from; i < to; i++ {
			person := i * int32(step) //nolint:gosec // no more than people
			part.take(person, read.touched(person))
		}
		return part
	}) {
		for i, person := range part.people {
			d.take(person, part.positions[i])
		}
	}
	if step > 1 {
		d.lookForMore(step, int32(groups*inEach)) //nolint:gosec // groups are at most 255
	}
	return d
}

// take adds somebody who is in some positions, of whom nothing is known yet.
func (d *draft) take(person int32, positions []int32) {
	d.people, d.positions = append(d.people, person), append(d.positions, slices.Clone(positions))
	for _, p := range positions {
		d.in[p]++
	}
}

// lookForMore adds people, none of those who stand at multiples of step, who are in positions where there are not enough, until there are.
func (d *draft) lookForMore(step int, enough int32) {
	few := func(p int32) bool { return d.in[p] < enough }
	scarce := d.cellsOf(few)
	for _, part := range inParts(0, d.rests.people.count, func(from, to int32) *draft {
		part, read := &draft{rests: d.rests, in: slices.Clone(d.in)}, d.reader()
		for person := from; person < to; person++ {
			if int(person)%step > 0 && scarce.hold(person) {
				part.join(person, read.touched(person), enough)
			}
		}
		return part
	}) {
		for i, person := range part.people {
			d.join(person, part.positions[i], enough)
		}
	}
}

// join adds somebody who is in a position where there are not enough.
func (d *draft) join(person int32, positions []int32, enough int32) {
	if slices.ContainsFunc(positions, func(p int32) bool { return d.in[p] < enough }) {
		d.take(person, positions)
	}
}

// scarce are cells of full tables that are part of positions of some kind.
type scarce struct {
	*rests
	alone       [][]bool // by table and cell
	more, fewer [][]bool // of differences likewise, by cells of the earlier table
}

func (r *rests) cellsOf(kind func(p int32) bool) *scarce {
	s := &scarce{r, make([][]bool, len(r.tables)), make([][]bool, len(r.tables)), make([][]bool, len(r.tables))}
	parts := func(lists [][]int32) []bool {
		parts := make([]bool, len(lists))
		for cell, list := range lists {
			parts[cell] = slices.ContainsFunc(list, kind)
		}
		return parts
	}
	for _, t := range r.speak {
		s.alone[t] = parts(r.tables[t].lists)
		if since := r.since[t]; since != nil {
			s.more[t], s.fewer[t] = parts(since.more), parts(since.fewer)
		}
	}
	return s
}

// hold reports whether a person has a row in such a cell, or missing from one.
func (s *scarce) hold(person int32) (holds bool) {
	s.people.eachRow(person, func(row int) {
		for _, t := range s.speak {
			cell := s.cell(t, row)
			holds = holds || cell != None && s.alone[t][cell]
			if since := s.since[t]; since != nil && !holds {
				was := s.cell(since.table, row)
				if was == None || cell == None || since.still[was] != cell {
					holds = cell != None && s.more[t][cell] || was != None && s.fewer[t][was]
				}
			}
		}
	})
	return holds
}

// deal deals the people out: those first who are where the fewest are, each to the group that has the fewest there.
func (d *draft) deal(groups int) [][]int32 {
	by := make([][]int32, len(d.cells)) // places among people, by their rarest position
	for i, positions := range d.positions {
		if len(positions) > 0 {
			rarest := slices.MinFunc(positions, func(a, b int32) int { return cmp.Or(cmp.Compare(d.in[a], d.in[b]), cmp.Compare(a, b)) })
			by[rarest] = append(by[rarest], int32(i)) //nolint:gosec // fewer than rows
		}
	}
	order := d.matrix.positions()
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(d.in[a], d.in[b]) })
	dealt, in := make([][]int32, groups), make([][]int32, groups)
	for g := range in {
		in[g] = make([]int32, len(d.cells))
	}
	for _, p := range order {
		for _, i := range by[p] {
			least := 0
			for g := range in {
				if cmp.Or(cmp.Compare(in[g][p], in[least][p]), cmp.Compare(len(dealt[g]), len(dealt[least]))) < 0 {
					least = g
				}
			}
			for _, q := range d.positions[i] {
				in[least][q]++
			}
			dealt[least] = append(dealt[least], d.people[i])
		}
	}
	return dealt
}

// lacking reports whether there is a position where fewer than k people are, so that not all of k groups can have somebody there.
func (d *draft) lacking(k int) bool {
	for p, people := range d.in {
		if !d.gone[p] && int(people) < k {
			return true
		}
	}
	return false
}

// few are cells of the newest table without which nothing is left that was found to be about fewer than k people, other than nothing; and how many.
func (d *draft) few(k int) (named []Suppression) {
	taken := map[int32]bool{}
	for p, people := range d.in {
		if d.gone[p] || int(people) >= k {
			continue
		}
		var fresh []int
		row := d.row(int32(p)) //nolint:gosec // positions are numbered in int32
		for q := range row {
			if d.cells[q].release >= d.newest {
				fresh = append(fresh, int(q))
			}
		}
		if len(fresh) == 0 || slices.ContainsFunc(fresh, func(q int) bool { return taken[int32(q)] }) { //nolint:gosec // likewise
			continue // what follows from what was there is out; and what would follow with a cell that goes does not
		}
		slices.Sort(fresh)
		cell := d.smallestFirst(fresh)[0]
		taken[int32(cell)] = true //nolint:gosec // likewise
		named = append(named, Suppression{d.cells[cell].cell, int(people)})
	}
	return named
}
