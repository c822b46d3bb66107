package history

import (
	"cmp"
	"context"
	"slices"
)

// scale is of what it is tried to judge without elimination, and with how many people.
type scale struct {
	cells   int // from how many on; little time is taken of fewer
	each    int // people for each position and group, of all people
	least   int // people at least, for all groups together
	in      int // people in each position for a group, if there are
	without int // with how many it does at least
}

// usual is what serves.
var usual = scale{cells: 1 << 10, each: 3, least: 1 << 16, in: 8, without: 3}

// draft is some people and the positions that they are in, or missing from.
type draft struct {
	*rests
	people []int32
	at     []int32 // positions of the first, then of the second
	ends   []int32 // where those of each end
	in     []int32 // by position: how many people
	scale  scale
	groups int
	step   int    // each so-manieth of all people was looked at
	out    []bool // by position: whoever is in it is left out
	found  []bool // by position: that is everybody who is in it
}

// positions are those of somebody, by place among the people.
func (d *draft) positions(i int32) []int32 {
	from := int32(0)
	if i > 0 {
		from = d.ends[i-1]
	}
	return d.at[from:d.ends[i]]
}

// draft finds people for some groups: each so-manieth of all, and more of those who are where few are. Of a position where fewer are than should be for each group that is everybody there is.
func (r *rests) draft(scale scale, groups int) *draft {
	step := max(1, r.people.count/max(1, scale.least, groups*scale.each*len(r.cells)))
	d := &draft{rests: r, in: make([]int32, len(r.cells)), scale: scale, groups: groups, step: step, out: make([]bool, len(r.cells)), found: make([]bool, len(r.cells))}
	parts := inParts(0, (r.people.count+step-1)/step, func(from, to int32) *draft {
		part := &draft{rests: r, in: make([]int32, len(r.cells))}
		for read, i := r.reader(), from; i < to; i++ {
			person := i * int32(step) //nolint:gosec // no more than people
			part.take(person, read.touched(person))
		}
		return part
	})
	people, at := 0, 0
	for _, part := range parts {
		people, at = people+len(part.people), at+len(part.at)
	}
	d.people, d.ends, d.at = make([]int32, 0, people), make([]int32, 0, people), make([]int32, 0, at)
	for n, part := range parts {
		for i, person := range part.people {
			d.take(person, part.positions(int32(i)))
		}
		parts[n] = nil
	}
	d.lookForMore()
	return d
}

// without is the draft without people who are in some positions, and with others in their places.
func (d *draft) without(out []bool) *draft {
	less := &draft{rests: d.rests, in: make([]int32, len(d.in)), scale: d.scale, groups: d.groups, step: d.step, out: out, found: d.found}
	for i, person := range d.people {
		if positions := d.positions(int32(i)); !less.leftOut(positions) {
			less.take(person, positions)
		}
	}
	less.lookForMore()
	return less
}

func (d *draft) leftOut(positions []int32) bool {
	return slices.ContainsFunc(positions, func(p int32) bool { return d.out[p] })
}

// take adds somebody who is in some positions, of whom nothing is known yet.
func (d *draft) take(person int32, positions []int32) {
	d.people, d.at = append(d.people, person), append(d.at, positions...)
	d.ends = append(d.ends, int32(len(d.at))) //nolint:gosec // of some people
	for _, p := range positions {
		d.in[p]++
	}
}

// lookForMore adds people, of those who are not there yet, who are in positions where there are not enough for so many groups, until there are.
func (d *draft) lookForMore() {
	enough := int32(d.groups * d.scale.in) //nolint:gosec // groups are at most 255
	wanted := make([]bool, len(d.in))
	for p, people := range d.in {
		wanted[p] = people < enough && !d.out[p] && !d.found[p]
	}
	if d.step == 1 || !slices.Contains(wanted, true) {
		return
	}
	scarce, there := d.cellsOf(func(p int32) bool { return wanted[p] }), make([]bool, d.rests.people.count)
	for _, person := range d.people {
		there[person] = true
	}
	for _, part := range inParts(0, d.rests.people.count, func(from, to int32) *draft {
		part, read := &draft{rests: d.rests, in: slices.Clone(d.in), out: d.out}, d.reader()
		for person := from; person < to; person++ {
			if !there[person] && scarce.hold(person) {
				part.join(person, read.touched(person), wanted, enough)
			}
		}
		return part
	}) {
		for i, person := range part.people {
			d.join(person, part.positions(int32(i)), wanted, enough)
		}
	}
	d.found = slices.Clone(d.found)
	for p, people := range d.in {
		d.found[p] = d.found[p] || wanted[p] && people < enough
	}
}

// join adds somebody who is in a position that is wanted, of which there are not enough.
func (d *draft) join(person int32, positions []int32, wanted []bool, enough int32) {
	if slices.ContainsFunc(positions, func(p int32) bool { return wanted[p] && d.in[p] < enough }) && !d.leftOut(positions) {
		d.take(person, positions)
	}
}

// cells are those of full tables that are part of positions of some kind.
type cells struct {
	*rests
	alone       [][]bool // by table and cell
	more, fewer [][]bool // of differences likewise, by cells of the earlier table
}

func (r *rests) cellsOf(kind func(p int32) bool) *cells {
	s := &cells{r, make([][]bool, len(r.tables)), make([][]bool, len(r.tables)), make([][]bool, len(r.tables))}
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
func (s *cells) hold(person int32) (holds bool) {
	s.people.eachRow(person, func(row int) {
		for _, t := range s.speak {
			if cell := s.cell(t, row); cell != None && s.alone[t][cell] {
				holds = true
				return
			}
			if cell, was := s.moved(t, row); cell != None && s.more[t][cell] || was != None && s.fewer[t][was] {
				holds = true
				return
			}
		}
	})
	return holds
}

// maxTurns is how often common finds more positions to do without.
const maxTurns = 1 << 5

// common is the draft without positions where there are fewer people than groups need, and without everybody in these; nil if these are more than half of all, or it takes too long.
func (d *draft) common(ctx context.Context) *draft {
	left := 0
	for range maxTurns {
		out, more := slices.Clone(d.out), false
		for p, people := range d.in {
			if !d.gone[p] && !out[p] && int(people) < d.groups*d.scale.without {
				out[p], more = true, true
				left++
			}
		}
		if !more {
			return d
		}
		if 2*left > len(d.cells) || ctx.Err() != nil {
			return nil
		}
		d = d.without(out)
	}
	return nil
}

// deal deals the people out to groups, those first who are where the fewest are: each to the group that has the fewest there; if several have, in the next position; and of these to the
// smallest.
func (d *draft) deal() [][]int32 {
	order := d.matrix.positions()
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(d.in[a], d.in[b]) })
	place := make([]int32, len(order)) // of positions in the order
	for i, p := range order {
		place[p] = int32(i)
	}
	by := make([][]int32, len(order))     // places among people, by their rarest position
	for i := range int32(len(d.people)) { //nolint:gosec // fewer than rows
		if positions := d.positions(i); len(positions) > 0 {
			slices.SortFunc(positions, func(a, b int32) int { return cmp.Compare(place[a], place[b]) })
			by[positions[0]] = append(by[positions[0]], i)
		}
	}
	dealt, in := make([][]int32, d.groups), make([][]int32, d.groups)
	for g := range in {
		in[g] = make([]int32, len(order))
	}
	for _, p := range order {
		for _, i := range by[p] {
			least := 0
			for g := range in {
				if cmp.Or(compare(d.positions(i), in[g], in[least]), cmp.Compare(len(dealt[g]), len(dealt[least]))) < 0 {
					least = g
				}
			}
			for _, q := range d.positions(i) {
				in[least][q]++
			}
			dealt[least] = append(dealt[least], d.people[i])
		}
	}
	return dealt
}

// compare compares how many are in positions, the first one first.
func compare(positions []int32, some, others []int32) int {
	for _, p := range positions {
		if c := cmp.Compare(some[p], others[p]); c != 0 {
			return c
		}
	}
	return 0
}
