package history

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// search finds bases of M's columns among people. owner says which group a person belongs to: groups count from 1, 0 is none.
type search struct {
	*matrix
	ctx    context.Context //nolint:containedctx // a search lives within one call of Try
	field  *field
	random *stream
	pool   *crowd // in order
	owner  []uint8

	refined int     // spans that refine has looked at
	found   int     // of them, when it last got stuck
	looks   int     // at people and positions, of that
	out     []int32 // positions that what got stuck takes
}

// group is people of one group and the span of their columns.
type group struct {
	*echelon
	number uint8
	// questions are positions, and settled is how many of them, from the first, are 0 in every null vector of the span.
	questions []int
	settled   int
	probe     *probe // of the echelon's null vector, which it follows
}

// scanWindow is how many people are tested against a null vector before the hits among them are inserted.
const scanWindow = 1 << 18

// closed reports whether no combination of cells that has one of the questions in it is orthogonal to the span. A random null vector is
// 0 where not all are with probability 1/prime. If the questions are all positions, the span has full rank.
func (g *group) closed() bool {
	for g.settled < len(g.questions) && g.y[g.questions[g.settled]] == 0 {
		g.settled++
	}
	return g.settled == len(g.questions)
}

// extend starts a group from the span of another, nil for none.
func (s *search) extend(base *group, number uint8, questions []int) *group {
	g := &group{number: number, questions: questions}
	if base == nil {
		g.echelon = newEchelon(s.field, len(s.cells))
	} else {
		g.echelon = base.clone()
	}
	s.refresh(g)
	return g
}

// refresh draws a new null vector.
func (s *search) refresh(g *group) {
	g.draw(s.random)
	g.settled = 0
	g.probe = s.probe(s.field, g.y)
	g.moved = g.probe.move
}

// fill adds people to a group until it is closed or nobody is left who would add to it: first from the pool, then from everyone. Nobody
// is left when a null vector drawn afterwards is orthogonal to the columns of everyone who is free: if one of them were outside the span,
// that would happen with probability 1/prime.
func (s *search) fill(g *group) error {
	s.consider(g, s.pool)
	for !g.closed() {
		s.refresh(g)
		found := false
		for first := 0; first < s.people.count && !g.closed(); first += scanWindow {
			if err := s.ctx.Err(); err != nil {
				return err
			}
			hits := s.scan(g, first, min(first+scanWindow, s.people.count))
			found = found || len(hits) > 0
			s.consider(g, s.gather(hits))
		}
		if !found {
			break
		}
	}
	return s.ctx.Err()
}

// consider adds those people to a group who are free, or its own already, and have a column outside its span.
func (s *search) consider(g *group, people *crowd) {
	probe := g.probe.of(s.among(people))
	for i, person := range people.who {
		if g.closed() {
			return
		}
		seat := people.seats[i]
		if !s.free(g, person) || !probe.hit(seat) {
			continue
		}
		s.join(g, probe, person, seat)
	}
}

// share gives people who are free to sets that they add to, each to the one that has the least rank, so that none has to go without while others have several.
func (s *search) share(sets []*group, people *crowd) {
	among, probes := s.among(people), make([]*probe, len(sets))
	for i, set := range sets {
		probes[i] = set.probe.of(among)
	}
	for i, person := range people.who {
		if s.owner[person] != 0 {
			continue
		}
		best, closed := -1, true
		for n, set := range sets {
			if set.closed() {
				continue
			}
			closed = false
			if (best < 0 || set.rank < sets[best].rank) && probes[n].hit(people.seats[i]) {
				best = n
			}
		}
		if closed {
			return
		}
		if best >= 0 {
			s.join(sets[best], probes[best], person, people.seats[i])
		}
	}
}

// join adds somebody to a group as far as the columns are outside of its span.
func (s *search) join(g *group, probe *probe, person, seat int32) {
	before := g.rank
	probe.columns(seat, func(column []int32) {
		if probe.dot(column) != 0 {
			g.insert(column)
		}
	})
	if g.rank > before {
		s.owner[person] = g.number
	}
}

func (s *search) free(g *group, person int32) bool {
	return s.owner[person] == 0 || s.owner[person] == g.number
}

// scan lists the free people from first to last−1 whom the group's null vector hits.
func (s *search) scan(g *group, first, last int) []int32 {
	return slices.Concat(inParts(first, last, func(from, to int32) []int32 {
		return slices.DeleteFunc(g.probe.of(s.matrix).hits(from, to), func(person int32) bool { return !s.free(g, person) })
	})...)
}

// stretches is in how many parts people are looked at: not as many as there are processors, or sums of floating point numbers would be others on other
// machines.
const stretches = 8

// inParts has the people from first to last−1 looked at in stretches at once, and returns what was found out, in their order.
func inParts[T any](first, last int, look func(from, to int32) T) []T {
	parts := make([]T, max(1, min(stretches, (last-first)/1024)))
	var all sync.WaitGroup
	for w := range parts {
		from, to := first+(last-first)*w/len(parts), first+(last-first)*(w+1)/len(parts)
		all.Go(func() { parts[w] = look(int32(from), int32(to)) }) //nolint:gosec // fewer than rows
	}
	all.Wait()
	return parts
}

// sumInParts has people looked at in such stretches, each of which adds to n numbers that begin as 0, and returns the sums over all. There are no more lists of
// numbers at once than processors, and one.
func sumInParts(count, n int, look func(from, to int32, numbers []float64)) []float64 {
	parts := make([]chan []float64, max(1, min(stretches, count/1024)))
	var free [][]float64
	begin := func(w int) {
		var numbers []float64
		if last := len(free) - 1; last >= 0 {
			numbers, free = free[last], free[:last]
		} else {
			numbers = make([]float64, n)
		}
		parts[w] = make(chan []float64, 1)
		from, to := count*w/len(parts), count*(w+1)/len(parts)
		go func() {
			look(int32(from), int32(to), numbers) //nolint:gosec // fewer than rows
			parts[w] <- numbers
		}()
	}
	var sum []float64
	begun := 0
	for w := range parts {
		for ; begun < len(parts) && begun < w+runtime.GOMAXPROCS(0); begun++ {
			begin(begun)
		}
		numbers := <-parts[w]
		if sum == nil {
			sum = numbers
			continue
		}
		for i, number := range numbers {
			sum[i] += number
		}
		clear(numbers)
		free = append(free, numbers)
	}
	return sum
}
