package history

import (
	"iter"
	"math/bits"
	"slices"
)

// echelon is a set of independent columns in echelon form: each has a pivot, its first position that is not 0, of its own. Positions
// are cells in such an order (order.go) that columns are brought to 0 by few others and stay short.
type echelon struct {
	*field
	lines   []line // by pivot
	rank    int
	entries int // in all lines

	work    []uint64 // the column in hand
	touched []uint64 // bits of work that may not be 0

	y     []uint64 // a null vector: weights of positions with y·column = 0 for every column of the span
	users [][]user // lines that have a position beyond their pivot, by position
	moved func(position int, by uint64)
}

// user is a line that y's value at a position bears on.
type user struct {
	pivot int32
	value uint64
}

// line is a column whose pivot's value is 1: what it has beyond its pivot.
type line struct {
	there bool
	at    []int32
	value []uint64
}

func newEchelon(f *field, positions int) *echelon {
	return &echelon{
		field: f, lines: make([]line, positions), work: make([]uint64, positions), touched: make([]uint64, (positions+63)/64),
		users: make([][]user, positions),
	}
}

// clone is an echelon that starts from the same span, without a null vector.
func (e *echelon) clone() *echelon {
	c := newEchelon(e.field, len(e.lines))
	c.rank, c.entries = e.rank, e.entries
	copy(c.lines, e.lines)
	for p, users := range e.users {
		c.users[p] = slices.Clip(users)
	}
	return c
}

// insert adds the column that has 1 at some positions, and −1 where it is the complement ^p that stands there.
func (e *echelon) insert(positions []int32) {
	for _, p := range positions {
		if p < 0 {
			e.take(^p, e.subtract(0, e.one))
		} else {
			e.take(p, e.one)
		}
	}
	e.settle()
}

// take adds to the column in hand.
func (e *echelon) take(p int32, by uint64) {
	e.work[p] = e.add(e.work[p], by)
	e.touched[p>>6] |= 1 << (p & 63)
}

// settle keeps the column in hand if it is independent.
func (e *echelon) settle() bool {
	pivot := e.reduce()
	if pivot < 0 {
		return false
	}
	e.keep(pivot)
	return true
}

// reduce takes multiples of lines from the column in hand until its first position is no line's pivot; -1 if nothing remains.
func (e *echelon) reduce() int {
	for w := range e.touched {
		for e.touched[w] != 0 {
			bit := bits.TrailingZeros64(e.touched[w])
			p := w<<6 | bit
			factor := e.work[p]
			if factor != 0 && !e.lines[p].there {
				return p
			}
			e.work[p] = 0
			e.touched[w] &^= 1 << bit
			if factor == 0 {
				continue
			}
			e.takeLine(&e.lines[p], factor)
		}
	}
	return -1
}

// takeLine takes a multiple of a line, but for its pivot, from the column in hand. Nearly all time is spent here: positions ascend, so bits are set a word at a time.
func (e *echelon) takeLine(l *line, factor uint64) {
	f, work, value, word, set := *e.field, e.work, l.value[:len(l.at)], int32(0), uint64(0)
	for i, q := range l.at {
		work[q] = f.subtract(work[q], f.multiply(factor, value[i]))
		if q>>6 != word {
			e.touched[word] |= set
			word, set = q>>6, 0
		}
		set |= 1 << (q & 63)
	}
	e.touched[word] |= set
}

// keep makes the column in hand a line and clears the hand.
func (e *echelon) keep(pivot int) {
	scale := e.one
	if e.work[pivot] != e.one {
		scale = e.invert(e.work[pivot])
	}
	l := line{there: true}
	for w := pivot >> 6; w < len(e.touched); w++ {
		for rest := e.touched[w]; rest != 0; rest &= rest - 1 {
			p := w<<6 | bits.TrailingZeros64(rest)
			if p != pivot && e.work[p] != 0 {
				l.at = append(l.at, int32(p)) //nolint:gosec // positions are numbered in int32
				l.value = append(l.value, e.multiply(e.work[p], scale))
			}
			e.work[p] = 0
		}
		e.touched[w] = 0
	}
	for i, q := range l.at {
		e.users[q] = append(e.users[q], user{int32(pivot), l.value[i]}) //nolint:gosec // positions are numbered in int32
	}
	e.lines[pivot] = l
	e.rank++
	e.entries += len(l.at) + 1
	e.follow(pivot)
}

// clear takes multiples of lines from a vector until there is nothing left at any line's pivot.
func (e *echelon) clear(v []uint64) {
	for p, factor := range v {
		if l := &e.lines[p]; factor != 0 && l.there {
			v[p] = 0
			for i, q := range l.at {
				v[q] = e.subtract(v[q], e.multiply(factor, l.value[i]))
			}
		}
	}
}

// follow corrects y for a new line: its pivot's weight is no longer free, and weights that depend on that one follow. Free weights
// stay as they were drawn, so y is drawn evenly from the smaller null space.
func (e *echelon) follow(pivot int) {
	if e.y == nil {
		return
	}
	before := e.y[pivot]
	e.solve(e.y, pivot)
	e.move(pivot, e.subtract(e.y[pivot], before))
	for w := pivot >> 6; w >= 0; w-- {
		for e.touched[w] != 0 {
			bit := 63 - bits.LeadingZeros64(e.touched[w])
			p := w<<6 | bit
			by := e.work[p]
			e.work[p] = 0
			e.touched[w] &^= 1 << bit
			e.y[p] = e.add(e.y[p], by)
			e.move(p, by)
		}
	}
}

// move tells those who depend on a position that its weight changed.
func (e *echelon) move(position int, by uint64) {
	if by == 0 {
		return
	}
	if e.moved != nil {
		e.moved(position, by)
	}
	f, work := *e.field, e.work
	for _, u := range e.users[position] {
		work[u.pivot] = f.subtract(work[u.pivot], f.multiply(u.value, by))
		e.touched[u.pivot>>6] |= 1 << (u.pivot & 63)
	}
}

// draw draws y evenly from all null vectors; from then on it follows the span. If a column is not a combination of those inserted,
// y·column is 0 with probability 1/prime only.
func (e *echelon) draw(random *stream) {
	y := make([]uint64, len(e.lines))
	for p := len(y) - 1; p >= 0; p-- {
		if !e.lines[p].there {
			y[p] = e.arbitrary(random)
			continue
		}
		e.solve(y, p)
	}
	e.y = y
}

// nullVectors are a basis of all such vectors, one for each position without a pivot.
func (e *echelon) nullVectors() iter.Seq[[]uint64] {
	return func(yield func([]uint64) bool) {
		for free := range e.lines {
			if e.lines[free].there {
				continue
			}
			y := make([]uint64, len(e.lines))
			y[free] = e.one
			for p := free - 1; p >= 0; p-- {
				if e.lines[p].there {
					e.solve(y, p)
				}
			}
			if !yield(y) {
				return
			}
		}
	}
}

// solve gives a pivot the weight that the later ones leave it.
func (e *echelon) solve(y []uint64, pivot int) {
	l := &e.lines[pivot]
	sum := uint64(0)
	for i, q := range l.at {
		sum = e.add(sum, e.multiply(l.value[i], y[q]))
	}
	y[pivot] = e.subtract(0, sum)
}
