package history

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Alike is of whom the published numbers say which value of a column they have, all releases together.
type Alike struct {
	Cells   int // that tell of the column
	Changes int // other values of somebody that were compared with each other
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
	found.Changes, found.Rounds, found.Undecided = len(after.chosen), after.rounds, after.undecided
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
	// chosen are changes that together make up for each other, each in some part: whatever they span changes no number, forwards or backwards.
	chosen []sparse
	// barred are weights of positions of sums that no change lowers that is open still: those that raise one cannot be made.
	barred    [][]float64
	rounds    int
	effort    int
	undecided bool
}

const (
	// noise is a change of a sum that counts as none; the changes that raise it which were chosen do so by 1 or more.
	noise = 1e-6
	// outside is how large the product of a change with a random vector that is orthogonal to the chosen ones has to be for it not to be among
	// what they span, orthogonals how many such vectors there are. A change of whole numbers is overlooked once in 10^9 times, and by chance alone.
	outside     = 1e-5
	orthogonals = 3
	// maxComparisons is more than it takes, a few, before it is undecided.
	maxComparisons = 200
)

func newComparison(ctx context.Context, m *matrix, secret Secret, random *stream) (*comparison, error) {
	c := &comparison{matrix: m, random: random}
	if len(m.cells) == 0 {
		return c, ctx.Err()
	}
	c.changes = secret.changes(m)
	for {
		if len(c.chosen) == 0 {
			c.choose(everybody, nil, func(_, _ []int32) bool { return true })
		}
		if len(c.chosen) == 0 {
			return c, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c.rounds++
		parts, err := newPartition(ctx, c.chosen, len(c.cells))
		if err != nil {
			return nil, err
		}
		c.effort += parts.steps * len(c.cells) * len(c.cells) * len(c.cells) / 3
		if !parts.decided || c.effort > maxEffort || c.rounds > maxComparisons {
			c.undecided = true
			return c, nil
		}
		before := len(c.chosen)
		if slices.Contains(parts.alone, true) {
			c.choose(everybody, [][]float64{parts.weights}, func(more, less []int32) bool { return pull(parts.weights, more, less) < -noise })
			if len(c.chosen) > before {
				continue
			}
			c.bar(&parts)
		}
		before = len(c.chosen)
		if len(c.chosen) == 0 {
			continue
		}
		orthogonal := c.orthogonal()
		if len(orthogonal) == 0 {
			return c, nil
		}
		asked := func(more, less []int32) bool {
			return slices.ContainsFunc(orthogonal, func(v []float64) bool { return math.Abs(pull(v, more, less)) > outside })
		}
		if c.choose(changer.asks, orthogonal, asked); len(c.chosen) == before {
			return c, nil
		}
		c.choose(everybody, orthogonal, asked)
	}
}

// pull is by how much a change changes a weighted sum of the published cells.
func pull(weights []float64, more, less []int32) (sum float64) {
	for _, p := range more {
		sum += weights[p]
	}
	for _, p := range less {
		sum -= weights[p]
	}
	return sum
}

// bar notes weights of a sum that nobody's change lowers, and lets go of the changes that raise it.
func (c *comparison) bar(parts *partition) {
	c.barred = append(c.barred, parts.weights)
	left := c.chosen[:0]
	for i, v := range c.chosen {
		if !parts.alone[i] {
			left = append(left, v)
		}
	}
	c.chosen = left
}

// barredBy is the first of the weights that bar a change; −1 if none does.
func (c *comparison) barredBy(more, less []int32) int {
	return slices.IndexFunc(c.barred, func(weights []float64) bool { return pull(weights, more, less) > noise })
}

// orthogonal are random vectors that are orthogonal to the chosen changes and what they span; none if they span everything.
func (c *comparison) orthogonal() (orthogonal [][]float64) {
	n := len(c.cells)
	products := mat.NewSymDense(n, nil)
	trace := 0.0
	for i := range c.chosen {
		v := &c.chosen[i]
		for k, p := range v.at {
			for m, q := range v.at[:k+1] {
				products.SetSym(int(p), int(q), products.At(int(p), int(q))+v.by[k]*v.by[m])
			}
			trace += v.by[k] * v.by[k]
		}
	}
	// ε(AAᵀ+ε)⁻¹ leaves what is orthogonal to the changes, and next to nothing of the rest.
	small := 1e-7 * trace / float64(n)
	for p := range n {
		products.SetSym(p, p, products.At(p, p)+small)
	}
	var factor mat.Cholesky
	if factor.Factorize(products) {
		for range orthogonals {
			v := mat.NewVecDense(n, nil)
			for p := range n {
				v.SetVec(p, float64(c.random.uint64()>>11)/(1<<52)-1)
			}
			for range 2 {
				_ = factor.SolveVecTo(v, v) // as far as it goes
				v.ScaleVec(small, v)
			}
			if mat.Norm(v, math.Inf(1)) > outside/float64(n) {
				orthogonal = append(orthogonal, v.RawVector().Data)
			}
		}
	}
	return orthogonal
}

// everybody is whose changes may be chosen.
func everybody(changer, int) bool { return true }

// choose takes up changes of some rows that are as asked and not barred: in each stretch of the rows those that raise or lower a position that no earlier one
// did. What is asked depends on weights, or on nothing.
func (c *comparison) choose(whose func(changer, int) bool, weights [][]float64, asked func(more, less []int32) bool) {
	seen := c.patterns(slices.Concat(weights, c.barred))
	for _, part := range inParts(0, c.people.rows, func(from, to int32) (chosen []sparse) {
		read, lacking := c.changes.reader(), 2*len(c.cells)
		settled, key := newMemory[bool](int(to-from), nil), []int32(nil) // there is nothing to choose of theirs
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
				var v sparse
				for _, p := range more {
					v.add(p, 1)
					if !raised[p] {
						raised[p] = true
						lacking--
					}
				}
				for _, p := range less {
					v.add(p, -1)
					if !lowered[p] {
						lowered[p] = true
						lacking--
					}
				}
				chosen = append(chosen, v)
			})
			*done = !some || seen.of == nil
		}
		return chosen
	}) {
		c.chosen = append(c.chosen, part...)
	}
}

// patterns are those of cells by what they mean to weights; without any each is one.
func (c *comparison) patterns(weights [][]float64) *patterns {
	if len(weights) == 0 {
		return &patterns{}
	}
	return newPatterns(c.matrix, func(table int, cell int32) []float64 { return c.changes.means(weights, table, cell) })
}

// sureRow is a row of which no change is left that somebody who reads the tables would see.
type sureRow struct{ row, person int32 }

func (c *comparison) sure() []sureRow {
	if len(c.barred) == 0 {
		return nil
	}
	seen := c.patterns(c.barred)
	return slices.Concat(inParts(0, c.people.count, func(from, to int32) (sure []sureRow) {
		read, met, key := c.changes.reader(), newMemory[bool](int(to-from), nil), []int32(nil)
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
	seen, met, key := c.patterns(c.barred), newMemory[bool](len(sure), nil), []int32(nil)
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
