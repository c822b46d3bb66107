package history

import (
	"cmp"
	"slices"
)

// arrange lists the published cells of all releases by size.
func arrange(p *people, distinct bool, releases []*Release, sizes [][]int32) *matrix {
	m := &matrix{people: p, releases: releases, distinct: distinct, newest: len(releases) - 1}
	for t := range releases {
		for cell, size := range sizes[t] {
			if size > 0 {
				m.cells = append(m.cells, coordinate{t, int32(cell), size})
			}
		}
	}
	slices.SortFunc(m.cells, func(a, b coordinate) int {
		return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.release, b.release), cmp.Compare(a.cell, b.cell))
	})
	m.index()
	return m
}

// peeled is the matrix in an order for so many groups. The order decides how long it takes to find groups, and nothing else: a person whose
// column begins at a position that no line has joins a span without any arithmetic, so there should be people who begin at each. And what matters is
// combinations with new cells in them: if these stand last, the people who are in nothing else but what stands there close all questions, and what is before
// stays out of it.
func (m *matrix) peeled(groups int) *matrix {
	p := &peeling{matrix: m, groups: groups, gone: make([]bool, len(m.cells))}
	for left := m.everybody(); len(p.order) < len(m.cells); left = p.inside(left) {
		each := max(1, (left.count+sampled-1)/sampled)
		var sample []int32
		for i := 0; i < left.count; i += each {
			sample = append(sample, left.person(i))
		}
		p.look(sample, each)
	}
	return m.ordered(p.order)
}

// peeling takes positions away, always one in which the fewest people are left, and with it them: whoever begins there, if the order is this one (smallest-last: D. W. Matula
// and L. L. Beck, Smallest-last ordering and clustering and graph coloring algorithms, 1983, for the cells that people are in). It looks at samples of who is left.
type peeling struct {
	*matrix
	groups int
	gone   []bool // by position
	order  []int  // of those that are
	begun  bool   // with the new positions, which are left for as long as there are people enough for all that are left
}

// sampled is how many people peeling looks at, until an eighth of them are left.
const sampled = 1 << 16

// inside are those of some people who are in something, and in nothing that is gone.
func (p *peeling) inside(of those) those {
	const left, out = 1, 2
	cells := make([][]uint8, len(p.tables)) // of full tables: part of nothing, of what is left, or of something that is gone
	for _, t := range p.speak {
		cells[t] = make([]uint8, len(p.tables[t].lists))
		for cell, list := range p.tables[t].lists {
			for _, position := range list {
				if cells[t][cell] |= left; p.gone[position] {
					cells[t][cell] |= out
				}
			}
		}
	}
	list := slices.Concat(inParts(0, of.count, func(from, to int32) (inside []int32) {
		for i := from; i < to; i++ {
			person, in := of.person(int(i)), uint8(0)
			p.people.eachRow(person, func(row int) {
				for _, t := range p.speak {
					if cell := p.cell(t, row); cell != None && in < out {
						in |= cells[t][cell]
					}
				}
			})
			if in == left {
				inside = append(inside, person)
			}
		}
		return inside
	})...)
	return those{list, len(list)}
}

// those are some people, or the first of all if there is no list.
type those struct {
	list  []int32
	count int
}

func (m *matrix) everybody() those { return those{count: m.people.count} }

func (t those) person(i int) int32 {
	if t.list == nil {
		return int32(i) //nolint:gosec // fewer than rows
	}
	return t.list[i]
}

// look goes on with a sample of those who are left, each of whom stands for so many, until it takes a new one or nothing is left.
func (p *peeling) look(sample []int32, each int) {
	in := p.places(sample)
	queue := newQueue(len(p.cells), len(sample))
	people := make([][]int32, len(p.cells))
	left := 0 // of the sample
	for i, positions := range in {
		if len(positions) == 0 {
			continue
		}
		left++
		for _, position := range positions {
			people[position] = append(people[position], int32(i))
			queue.counts[position]++
		}
	}
	put := func(fresh bool) {
		for position, c := range slices.Backward(p.cells) {
			if !p.gone[position] && (c.release == p.newest) == fresh {
				queue.put(int32(position)) //nolint:gosec // positions are numbered in int32
			}
		}
	}
	put(false)
	if p.begun {
		put(true)
	}
	for enough := left / 8; each == 1 || left > enough; {
		if positions := len(p.cells) - len(p.order); !p.begun && (queue.held == 0 || left*each < poolFor(p.groups)*positions) {
			p.begun = true
			put(true)
		}
		if queue.held == 0 {
			return
		}
		position := queue.least()
		queue.take(position)
		p.gone[position], p.order = true, append(p.order, int(position))
		for _, i := range people[position] {
			for _, other := range in[i] {
				queue.less(other)
			}
			if len(in[i]) > 0 {
				in[i], left = nil, left-1
			}
		}
	}
}

// places are the positions of some people, in no order.
func (p *peeling) places(people []int32) [][]int32 {
	return slices.Concat(inParts(0, len(people), func(from, to int32) (in [][]int32) {
		read := p.reader()
		for _, person := range people[from:to] {
			read.walk(person, true, func(positions []int32) { in = append(in, slices.Clone(positions)) })
		}
		return in
	})...)
}

// queue holds some numbers, each of which counts, by their counts: lists of those that count the same, the one that came last first.
type queue struct {
	counts            []int32
	first, next, last []int32 // by count, and by number: those after and before it; none is −1
	in                []bool
	held, from        int // how many are, and up to which count there are none
}

// newQueue is a queue of numbers from 0 to numbers−1 that count most at most.
func newQueue(numbers, most int) *queue {
	return &queue{
		counts: make([]int32, numbers), first: slices.Repeat([]int32{-1}, most+1), next: make([]int32, numbers), last: make([]int32, numbers), in: make([]bool, numbers),
	}
}

func (q *queue) put(number int32) {
	count := q.counts[number]
	after := q.first[count]
	if after >= 0 {
		q.last[after] = number
	}
	q.next[number], q.last[number], q.first[count], q.in[number] = after, -1, number, true
	q.held, q.from = q.held+1, min(q.from, int(count))
}

func (q *queue) take(number int32) {
	after, before := q.next[number], q.last[number]
	if after >= 0 {
		q.last[after] = before
	}
	if before >= 0 {
		q.next[before] = after
	} else {
		q.first[q.counts[number]] = after
	}
	q.in[number] = false
	q.held--
}

// less counts a number once less.
func (q *queue) less(number int32) {
	if !q.in[number] {
		q.counts[number]--
		return
	}
	q.take(number)
	q.counts[number]--
	q.put(number)
}

// least is a number that counts least; there MUST be one.
func (q *queue) least() int32 {
	for q.first[q.from] < 0 {
		q.from++
	}
	return q.first[q.from]
}
