package history

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// Alike is of whom the published numbers say which value of a column they have, all releases together.
type Alike struct {
	Cells   int // that tell of the column
	Free    int // independent changes of them that make up for others, and others for them
	Changes int // that had to be compared with each other to find out which do
	Rounds  int // of comparing
	// People are the subjects of whom it follows with the table which value they have, and did not follow before.
	People int
	// Undecided is set if it took too much to find out; then People are all.
	Undecided bool
	// Suppressed are cells of the table without which it might not follow, ascending.
	Suppressed []int32
}

// Alike judges by whether the published numbers leave everybody another value. They do if there are other values of everybody, between a [Bounded] column's
// bounds or any of a [Labelled] one's, that give the same numbers, and in which somebody's is another one; and then, mixing such examples, there is
// one example for all of whom there is any. In it parts of a person count: see README.md. Of a history of more than [MaxLeverageRank] cells
// that tell of the column the latest releases are looked at.
func (r *Result) Alike(ctx context.Context, secret Secret) (*Alike, error) {
	told := secret.tells(r.all).latest(MaxLeverageRank)
	found := &Alike{Cells: len(told.cells)}
	after, err := newComparison(ctx, told, secret, r.random())
	if err != nil {
		return nil, err
	}
	found.Free, found.Changes, found.Rounds, found.Undecided = len(after.free), after.compared, after.rounds, after.undecided
	if after.undecided {
		found.People = r.all.people.count
		return found, ctx.Err()
	}
	sure := after.sure()
	if len(sure) == 0 {
		return found, ctx.Err()
	}
	// What was sure without the table is out.
	last := len(r.all.releases) - 1
	before, err := newComparison(ctx, told.only(func(p int) bool { return told.cells[p].release < last }), secret, r.random())
	if err != nil {
		return nil, err
	}
	known := map[int32]bool{}
	if !before.undecided { // or more would be called known than is
		for _, row := range before.sure() {
			known[row.row] = true
		}
	}
	sure = slices.DeleteFunc(sure, func(row sureRow) bool { return known[row.row] })
	people := map[int32]bool{}
	for _, row := range sure {
		people[row.person] = true
	}
	found.People = len(people)
	found.Suppressed = after.name(sure)
	return found, nil
}

// random are numbers of the audit that nothing else is made from.
func (r *Result) random() *stream { return r.audit.seed.stream(^r.Version) }

// comparison is a search for other values of everybody that give the same numbers.
type comparison struct {
	*matrix
	changes changes
	random  *stream
	// free are independent changes for which others make up, and which make up for others: whatever they span changes no number, forwards or backwards. null are
	// weights drawn evenly from those that are orthogonal to them.
	free []sparse
	span *echelon
	null modular
	// chosen are changes that are not among those, to be compared with each other.
	chosen []sparse
	// barred are weights of sums that no change lowers that is open still: those that raise one cannot be made.
	barred    []real
	compared  int
	rounds    int
	effort    int
	undecided bool
}

const (
	// noise is a change of a sum that counts as none; the changes that raise it which were chosen do so by 1 or more.
	noise = 1e-6
	// maxComparisons is more than it takes, a few, before it is undecided.
	maxComparisons = 200
)

func newComparison(ctx context.Context, m *matrix, secret Secret, random *stream) (*comparison, error) {
	c := &comparison{matrix: m, random: random}
	if len(m.cells) == 0 {
		return c, ctx.Err()
	}
	c.changes = secret.changes(m)
	c.span = newEchelon(newField(random), len(m.cells))
	c.span.draw(random)
	c.null = modular{c.span.field, c.span.y}
	c.swap()
	for {
		if c.choose(changer.asks, c.outside, c.null); len(c.chosen) == 0 {
			return c, ctx.Err()
		}
		c.choose(everybody, c.outside, c.null)
		if err := c.compare(ctx); err != nil || c.undecided {
			return c, err
		}
	}
}

// swapped is among how many rows, and no more, changes are looked for that two people could exchange, in so many stretches of all rows.
const swapped, swappedStretches = 1 << 18, 1 << 10

// swap takes up changes that two people in the same place, of different values, make up for by exchanging these. Mostly those span all that there is,
// and nothing has to be compared.
func (c *comparison) swap() {
	read, places, key := c.changes.reader(), newMemory[int](min(c.people.rows, swapped), swapped, nil), []int32(nil)
	length := swapped / swappedStretches
	for from := 0; from < c.people.rows; from += max(length, c.people.rows/swappedStretches) {
		for row := from; row < min(from+length, c.people.rows); row++ {
			key = read.place(key[:0], row)
			other, met := places.of(key)
			if !met {
				*other = row
			}
			read.swap(row, *other, func(more, less []int32) { c.release(more, less) })
		}
	}
}

// release makes a change free, if it is not among what is.
func (c *comparison) release(more, less []int32) {
	if c.outside(more, less) && c.span.insert(more, less) {
		c.free = append(c.free, exchange(more, less))
	}
}

// outside reports whether a change is not among what free ones span; it overlooks that with probability 1/prime.
func (c *comparison) outside(more, less []int32) bool { return c.null.difference(more, less) != 0 }

// compare finds out of the chosen changes which can make up for each other and become free, and which cannot.
func (c *comparison) compare(ctx context.Context) error {
	within := c.within()
	_, n := within.Dims()
	for {
		c.rounds++
		vectors, of := c.reduce(within)
		parts, err := newPartition(ctx, vectors, n)
		if err != nil {
			return err
		}
		c.effort += parts.steps * n * n * n / 3
		if !parts.decided || c.effort > maxEffort || c.rounds > maxComparisons {
			c.undecided = true
			return ctx.Err()
		}
		if slices.Contains(parts.alone, true) {
			var w mat.VecDense
			w.MulVec(within, mat.NewVecDense(n, parts.weights))
			weights, before := real(w.RawVector().Data), len(c.chosen)
			c.choose(everybody, func(more, less []int32) bool { return weights.pull(more, less) < -noise }, weights)
			if len(c.chosen) > before {
				continue
			}
			c.barred = append(c.barred, weights)
		}
		for i := range c.chosen {
			if !parts.alone[of[i]] {
				c.release(c.chosen[i].sides())
			}
		}
		c.compared, c.chosen = c.compared+len(c.chosen), nil
		return nil
	}
}

// reduce is the chosen changes, less what is free in them, and each of those but once; of says which of them a change is.
func (c *comparison) reduce(within *mat.Dense) (vectors []sparse, of []int) {
	_, n := within.Dims()
	known, reduced := map[string]int{}, make([]float64, n)
	for i := range c.chosen {
		clear(reduced)
		for k, p := range c.chosen[i].at {
			blas64.Axpy(c.chosen[i].by[k], blas64.Vector{N: n, Data: within.RawRowView(int(p)), Inc: 1}, blas64.Vector{N: n, Data: reduced, Inc: 1})
		}
		var v sparse
		var name []byte
		for p, by := range reduced {
			if rounded := math.Round(by / alike); rounded != 0 {
				v.at, v.by = append(v.at, int32(p)), append(v.by, by)                                                              //nolint:gosec // at most MaxLeverageRank
				name = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(name, uint32(p)), uint64(int64(rounded))) //nolint:gosec // their bits
			}
		}
		number, met := known[string(name)]
		if !met {
			number = len(vectors)
			known[string(name)], vectors = number, append(vectors, v)
		}
		of = append(of, number)
	}
	return vectors, of
}

// within is what weights are within that are orthogonal to all free changes: a matrix of a column for each dimension. Of some positions, one for each free
// change, the weights follow from those of the others.
func (c *comparison) within() *mat.Dense {
	rank, n := len(c.free), len(c.cells)
	var given, follow []int
	for p := range n {
		if c.span.lines[p].there {
			follow = append(follow, p)
		} else {
			given = append(given, p)
		}
	}
	at := make([]int, n)
	for _, side := range [][]int{given, follow} {
		for i, p := range side {
			at[p] = i
		}
	}
	within := mat.NewDense(n, n-rank, nil)
	for i, p := range given {
		within.Set(p, i, 1)
	}
	if rank == 0 {
		return within
	}
	left, right := mat.NewDense(rank, rank, nil), mat.NewDense(rank, n-rank, nil)
	for i := range c.free {
		for k, p := range c.free[i].at {
			if c.span.lines[p].there {
				left.Set(i, at[p], c.free[i].by[k])
			} else {
				right.Set(i, at[p], -c.free[i].by[k])
			}
		}
	}
	var solved mat.Dense
	_ = solved.Solve(left, right) // it complains of what is badly conditioned
	for i, p := range follow {
		within.SetRow(p, solved.RawRowView(i))
	}
	return within
}

// exchange is a change as a vector, and sides the other way round.
func exchange(more, less []int32) (v sparse) {
	for _, p := range more {
		v.add(p, 1)
	}
	for _, p := range less {
		v.add(p, -1)
	}
	return v
}

func (v *sparse) sides() (more, less []int32) {
	for i, p := range v.at {
		if v.by[i] > 0 {
			more = append(more, p)
		} else if v.by[i] < 0 {
			less = append(less, p)
		}
	}
	return more, less
}

// barredBy is the first of the weights that bar a change; −1 if none does.
func (c *comparison) barredBy(more, less []int32) int {
	return slices.IndexFunc(c.barred, func(w real) bool { return w.pull(more, less) > noise })
}

// everybody is whose changes may be chosen.
func everybody(changer, int) bool { return true }

// choose takes up changes of some rows that are as asked and not barred: in each stretch of the rows those that raise or lower a position that no earlier one
// did. What is asked depends on weights, or on nothing.
func (c *comparison) choose(whose func(changer, int) bool, asked func(more, less []int32) bool, by weights) {
	seen := c.patterns(by)
	for _, part := range inParts(0, c.people.rows, func(from, to int32) (chosen []sparse) {
		read, lacking := c.changes.reader(), 2*len(c.cells)
		settled, key := newMemory[bool](int(to-from), cached, nil), []int32(nil) // there is nothing to choose of theirs
		raised, lowered := make([]bool, len(c.cells)), make([]bool, len(c.cells))
		for row := int(from); row < int(to) && lacking > 0; row++ {
			if !whose(read, row) {
				continue
			}
			key = seen.key(key[:0], c.matrix, row, read.other(row))
			done, _ := settled.of(key)
			if *done {
				continue
			}
			some := false
			read.of(row, func(more, less []int32, _ bool) {
				if !asked(more, less) || c.barredBy(more, less) >= 0 {
					return
				}
				some = true
				isNew := func(at []bool) func(int32) bool { return func(p int32) bool { return !at[p] } }
				if !slices.ContainsFunc(more, isNew(raised)) && !slices.ContainsFunc(less, isNew(lowered)) {
					return
				}
				for _, p := range more {
					if !raised[p] {
						raised[p] = true
						lacking--
					}
				}
				for _, p := range less {
					if !lowered[p] {
						lowered[p] = true
						lacking--
					}
				}
				chosen = append(chosen, exchange(more, less))
			})
			*done = !some
		}
		return chosen
	}) {
		c.chosen = append(c.chosen, part...)
	}
}

// patterns are those of cells by what they mean to the barred sums and to others.
func (c *comparison) patterns(others ...weights) *patterns {
	for _, w := range c.barred {
		others = append(others, w)
	}
	return newPatterns(c.matrix, c.changes, others)
}

// sureRow is a row of which no change is left that somebody who reads the tables would see.
type sureRow struct{ row, person int32 }

func (c *comparison) sure() []sureRow {
	if len(c.barred) == 0 {
		return nil
	}
	seen := c.patterns()
	return slices.Concat(inParts(0, c.people.count, func(from, to int32) (sure []sureRow) {
		read, met, key := c.changes.reader(), newMemory[bool](int(to-from), cached, nil), []int32(nil)
		for person := from; person < to; person++ {
			c.people.eachRow(person, func(row int) {
				if !read.asks(row) {
					return
				}
				key = seen.key(key[:0], c.matrix, row, read.other(row))
				told, known := met.of(key)
				if !known {
					some, left := false, false
					read.of(row, func(more, less []int32, open bool) {
						some = some || open
						left = left || open && c.barredBy(more, less) < 0
					})
					*told = some && !left
				}
				if *told {
					sure = append(sure, sureRow{int32(row), person}) //nolint:gosec // at most maxRows
				}
			})
		}
		return sure
	})...)
}

// name are the cells of the table that some of the barred sums that tell of these rows would do least without.
func (c *comparison) name(sure []sureRow) (cells []int32) {
	read, tells := c.changes.reader(), make([]bool, len(c.barred))
	seen, met, key := c.patterns(), newMemory[bool](len(sure), cached, nil), []int32(nil)
	for _, row := range sure {
		key = seen.key(key[:0], c.matrix, int(row.row), read.other(int(row.row)))
		if _, known := met.of(key); known {
			continue
		}
		read.of(int(row.row), func(more, less []int32, open bool) {
			if by := c.barredBy(more, less); open && by >= 0 {
				tells[by] = true
			}
		})
	}
	for i, weights := range c.barred {
		if !tells[i] {
			continue
		}
		whole := slices.Clone(weights)
		for p, w := range whole {
			if math.Abs(w) < noise {
				whole[p] = 0
			}
		}
		if cell := c.cheapest(whole); cell >= 0 {
			cells = append(cells, cell)
		}
	}
	slices.Sort(cells)
	return slices.Compact(cells)
}
