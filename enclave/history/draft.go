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

// draft deals people out to disjoint groups: a sample of all, and more of those who are in positions that few are in.
func (m *matrix) draft(groups int) [][]int32 {
	step := max(1, m.people.count/max(peopleLeast, groups*peopleEach*len(m.cells)))
	people := make([]int32, 0, m.people.count/step+1)
	for person := 0; person < m.people.count; person += step {
		people = append(people, int32(person))
	}
	have := m.headcount(people)
	if step > 1 {
		people = append(people, m.others(step, have, int32(groups*inEach))...) //nolint:gosec // groups are at most 255
	}
	return m.deal(m.gather(people), have, groups)
}

// headcount is how many of some people are in each position.
func (m *matrix) headcount(people []int32) []int32 {
	have := make([]int32, len(m.cells))
	for _, part := range inParts(0, len(people), func(from, to int32) []int32 {
		have, read := make([]int32, len(m.cells)), m.reader()
		for _, person := range people[from:to] {
			read.walk(person, true, func(positions []int32) {
				for _, p := range positions {
					have[p]++
				}
			})
		}
		return have
	}) {
		for p, count := range part {
			have[p] += count
		}
	}
	return have
}

// others are people, none of those who stand at multiples of step, who are in positions where there are not enough, until there are. They are counted.
func (m *matrix) others(step int, have []int32, enough int32) (people []int32) {
	scarce := make([][]bool, len(m.tables)) // cells of full tables that are part of such a position
	for _, t := range m.speak {
		scarce[t] = make([]bool, len(m.tables[t].lists))
		for cell, list := range m.tables[t].lists {
			scarce[t][cell] = slices.ContainsFunc(list, func(p int32) bool { return have[p] < enough })
		}
	}
	join := func(have []int32, read *reader, person int32) (joined bool) {
		read.walk(person, true, func(positions []int32) {
			joined = slices.ContainsFunc(positions, func(p int32) bool { return have[p] < enough })
			for _, p := range positions {
				if joined {
					have[p]++
				}
			}
		})
		return joined
	}
	for _, part := range inParts(0, m.people.count, func(from, to int32) (found []int32) {
		have, read := slices.Clone(have), m.reader()
		for person := from; person < to; person++ {
			in := false
			m.people.eachRow(person, func(row int) {
				for _, t := range m.speak {
					if cell := m.cell(t, row); cell != None {
						in = in || scarce[t][cell]
					}
				}
			})
			if in && int(person)%step > 0 && join(have, read, person) {
				found = append(found, person)
			}
		}
		return found
	}) {
		read := m.reader()
		for _, person := range part {
			if join(have, read, person) {
				people = append(people, person)
			}
		}
	}
	return people
}

// deal deals people out, of whom there are so many in each position: those first who are where the fewest are, each to the group that has the fewest there.
func (m *matrix) deal(seated *crowd, have []int32, groups int) [][]int32 {
	people := seated.who
	rarest := slices.Concat(inParts(0, len(people), func(from, to int32) (rarest []int32) {
		read := m.among(seated).reader()
		for _, seat := range seated.seats[from:to] {
			read.walk(seat, true, func(positions []int32) {
				if len(positions) == 0 {
					rarest = append(rarest, -1)
					return
				}
				rarest = append(rarest, slices.MinFunc(positions, func(a, b int32) int { return cmp.Or(cmp.Compare(have[a], have[b]), cmp.Compare(a, b)) }))
			})
		}
		return rarest
	})...)
	by := make([][]int32, len(m.cells)) // places among people, by their rarest position
	for i, p := range rarest {
		if p >= 0 {
			by[p] = append(by[p], int32(i))
		}
	}
	positions := m.positions()
	slices.SortStableFunc(positions, func(a, b int) int { return cmp.Compare(have[a], have[b]) })
	dealt, in := make([][]int32, groups), make([][]int32, groups)
	for g := range in {
		in[g] = make([]int32, len(m.cells))
	}
	read := m.among(seated).reader()
	for _, p := range positions {
		for _, i := range by[p] {
			least := 0
			for g := range in {
				if cmp.Or(cmp.Compare(in[g][p], in[least][p]), cmp.Compare(len(dealt[g]), len(dealt[least]))) < 0 {
					least = g
				}
			}
			read.walk(seated.seats[i], true, func(positions []int32) {
				for _, q := range positions {
					in[least][q]++
				}
			})
			dealt[least] = append(dealt[least], people[i])
		}
	}
	return dealt
}
