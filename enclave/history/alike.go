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
	Cells    int // that tell of the column
	Free     int // independent shifts of them, as another value of somebody would make them, for which others make up, and which make up for others
	Compared int // shifts that had to be compared with each other to find out which do
	Rounds   int // of comparing
	// People are the subjects of whom it follows with the table which value they have, and did not follow before.
	People int
	// Undecided is set if it took too much to find out, or numbers are rounded too much to tell; then People are all.
	Undecided bool
	// Suppressed are cells of the table without which it might not follow, ascending.
	Suppressed []int32
}

// Alike judges by whether the published numbers leave everybody another value. They do if there are other values of everybody, of those that there may be,
// that give the same numbers, and in which somebody's is told apart from its own, or is not the least or greatest that it was; and then, mixing such examples, there is
// one example for all of whom there is any. In it parts of a person count: see README.md. Of a history of more than [MaxLeverageRank] cells
// that tell of the column the latest releases are looked at.
func (r *Result) Alike(ctx context.Context, secret *Secret) (*Alike, error) {
	cells := secret.doubled(r.all).latest(MaxLeverageRank)
	found := &Alike{Cells: len(cells.cells)}
	after, err := newComparison(ctx, secret.told(cells), r.random(), rounding)
	if err != nil {
		return nil, err
	}
	found.Free, found.Compared, found.Rounds, found.Undecided = len(after.free), after.compared, after.rounds, after.undecided
	if after.undecided {
		found.People = r.all.people.count
		return found, ctx.Err()
	}
	sure := after.sure()
	if len(sure) == 0 {
		return found, ctx.Err()
	}
	// What was sure without the table is out.
	before, err := newComparison(ctx, secret.told(cells.only(func(p int) bool { return cells.cells[p].release < cells.newest })), r.random(), roundingBefore)
	if err != nil {
		return nil, err
	}
	known := map[sureRow]bool{}
	if !before.undecided { // or more would be called known than is
		for _, row := range before.sure() {
			known[row] = true
		}
	}
	sure = slices.DeleteFunc(sure, func(row sureRow) bool { return known[row] })
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
	*told
	// free are independent shifts for which others make up, and which make up for others: whatever they span changes no number, forwards or backwards. null are
	// weights drawn evenly from those that are orthogonal to them.
	free   []shift
	span   *echelon
	null   *modular
	random *stream
	// chosen are shifts that are not among those, to be compared with each other.
	chosen []shift
	units  []float64 // what 1 is in floating point, by position
	// barred are weights of sums that no shift lowers that is open still: those that raise one cannot be made.
	barred    []*floating
	rounding  float64 // by how much a shift may seem to lower a sum
	compared  int
	rounds    int
	effort    int
	undecided bool
}

const (
	// noise is by how much a shift of 1 has to raise a sum to be barred; those that raise it which were chosen do so by about 1 or more. What raises it less is looked at again.
	noise = 1e-6
	// rounding is by how much one may seem to lower a sum that it does not change. Whoever lowers it by less in truth is taken not to, and so more may seem to be told than is. Of what was
	// told before that would be the unsafe side, and less is believed: hardly any seems to lower a sum by more that does not.
	rounding, roundingBefore = 1e-9, 1e-12
	// exact is how exact the largest number of a shift has to be to be believed, and apart the square of how much of a vector has to be beyond others for it to be another one: what vectors are wrong by, of what they are apart, is no more than
	// what counts (little).
	exact, apart = 1e-7, 1e-4
	// maxComparisons is more than it takes, a few, before it is undecided.
	maxComparisons = 200
)

func newComparison(ctx context.Context, told *told, random *stream, rounding float64) (*comparison, error) {
	c := &comparison{told: told, random: random, rounding: rounding, span: newEchelon(newField(random), len(told.cells))}
	if len(c.cells) == 0 {
		return c, ctx.Err()
	}
	c.span.draw(random)
	c.null = &modular{c.span.field, c.span.y}
	c.swap()
	for {
		if c.choose((*shifter).asks, c.outside, c.null); len(c.chosen) == 0 {
			return c, ctx.Err()
		}
		c.choose(everybody, c.outside, c.null)
		if err := c.compare(ctx); err != nil || c.undecided {
			return c, err
		}
	}
}

// swapped is among how many rows, and no more, shifts are looked for that two people could exchange, in so many stretches of all rows.
const swapped, swappedStretches = 1 << 18, 1 << 10

// swap takes up shifts that two people in the same place, of different values, make up for by exchanging these. Mostly those span all that there is,
// and nothing has to be compared.
func (c *comparison) swap() {
	read, places, key := c.shifter(), newMemory[int](min(c.people.rows, swapped), swapped, nil), []int32(nil)
	length := swapped / swappedStretches
	for from := 0; from < c.people.rows; from += max(length, c.people.rows/swappedStretches) {
		for row := from; row < min(from+length, c.people.rows); row++ {
			key = read.place(key[:0], row)
			other, met := places.of(key)
			if !met {
				*other = row
			}
			read.swap(row, *other, c.release)
		}
	}
}

// release makes a shift free, if it is not among what is.
func (c *comparison) release(v *shift) {
	if !c.outside(v) {
		return
	}
	if v.into(c.span) {
		c.free = append(c.free, v.clone())
	}
}

// outside reports whether a shift is not among what free ones span; it overlooks that with probability 1/prime.
func (c *comparison) outside(v *shift) bool { return c.null.pull(v) != 0 }

// compare finds out of the chosen shifts which can make up for each other and become free, and which cannot.
func (c *comparison) compare(ctx context.Context) error {
	c.measure()
	within, doubt := c.within()
	_, n := within.Dims()
	for {
		c.rounds++
		vectors, of, known := c.reduce(within, doubt)
		if !known {
			c.undecided = true
			return ctx.Err()
		}
		parts, err := newPartition(ctx, vectors, n)
		if err != nil {
			return err
		}
		c.effort += parts.effort
		if !parts.decided || c.effort > maxEffort || c.rounds > maxComparisons {
			c.undecided = true
			return ctx.Err()
		}
		if slices.Contains(parts.alone, true) {
			w, before := c.weigh(within, parts.weights), len(c.chosen)
			c.choose(everybody, func(v *shift) bool { return w.pull(v) < -c.rounding }, w)
			if more := c.chosen[before:]; len(more) > 0 {
				if c.undecided = slices.ContainsFunc(more, func(v shift) bool { return !c.outside(&v) }); c.undecided {
					return ctx.Err() // what is free lowers no sum: numbers are rounded too much
				}
				continue
			}
			c.barred = append(c.barred, w)
		}
		if c.undecided = !c.settled(vectors, of, parts.alone); c.undecided {
			return ctx.Err()
		}
		for i := range c.chosen {
			if !parts.alone[of[i]] {
				c.release(&c.chosen[i])
			}
		}
		c.compared, c.chosen = c.compared+len(c.chosen), nil
		return nil
	}
}

// settled reports whether what was found of the chosen shifts settles them: those that are alone are barred, and those that make up for each other are as many independent ones in rounded numbers as they are exactly. If they
// are, what they miss to make up for each other exactly takes a little of each only.
func (c *comparison) settled(vectors []sparse, of []int, alone []bool) bool {
	n := len(c.cells) - len(c.free)
	exactly, squares, met := c.span.clone(), make([]float64, n*n), make([]bool, len(vectors))
	for i := range c.chosen {
		v := &c.chosen[i]
		if alone[of[i]] {
			if c.barredBy(v) < 0 {
				return false
			}
			continue
		}
		v.into(exactly)
		met[of[i]] = true
	}
	together, _ := equilibrated(vectors, n)
	for i, v := range together {
		if met[i] {
			v.addSquare(squares, n, 1)
		}
	}
	var factor mat.PivotedCholesky
	factor.Factorize(mat.NewSymDense(n, squares), apart*extreme(squares))
	return factor.Rank() >= exactly.rank-c.span.rank
}

// measure finds units of published numbers in which the shifts in hand are as much of one as of another.
func (c *comparison) measure() {
	c.units = slices.Repeat([]float64{1}, len(c.cells))
	var all []sparse
	for _, v := range slices.Concat(c.free, c.chosen) {
		all = append(all, sparse{v.at, c.measured(&v)})
	}
	_, c.units = equilibrated(all, len(c.cells))
}

// measured are a shift's changes in those units.
func (c *comparison) measured(v *shift) []float64 {
	by := make([]float64, len(v.by))
	for i, p := range v.at {
		by[i] = float64(v.by[i]) * c.units[p]
	}
	return by
}

// weigh are weights that are so many times each of what they are within.
func (c *comparison) weigh(within *mat.Dense, times []float64) *floating {
	var of mat.VecDense
	of.MulVec(within, mat.NewVecDense(len(times), times))
	return newFloating(of.RawVector().Data, c.units, c.random)
}

// within is what weights are within that are orthogonal to all free shifts: a matrix of a column for each dimension. Of some positions, one for each free
// shift, the weights follow from those of the others; doubt is how wrong, of the largest, any may be, since numbers are rounded.
func (c *comparison) within() (within *mat.Dense, doubt float64) {
	const rounded = 1e-15
	rank, n := len(c.free), len(c.cells)
	var given, follow []int
	at := make([]int, n) // in either
	for p := range n {
		side := &given
		if c.span.lines[p].there {
			side = &follow
		}
		at[p], *side = len(*side), append(*side, p)
	}
	within = mat.NewDense(n, n-rank, nil)
	for i, p := range given {
		within.Set(p, i, 1)
	}
	if rank == 0 {
		return within, rounded
	}
	left, right := mat.NewDense(rank, rank, nil), mat.NewDense(rank, n-rank, nil)
	for i, v := range c.free {
		by := c.measured(&v)
		most := extreme(by)
		for k, p := range v.at {
			if c.span.lines[p].there {
				left.Set(i, at[p], by[k]/most)
			} else {
				right.Set(i, at[p], -by[k]/most)
			}
		}
	}
	var factor mat.LU
	factor.Factorize(left)
	var solved, back mat.Dense
	if factor.SolveTo(&solved, false, right) != nil {
		return within, math.Inf(1)
	}
	back.Mul(left, &solved)
	back.Sub(&back, right) // more than rounding where elimination made numbers grow
	wrong := extreme(back.RawMatrix().Data) / mat.Norm(left, math.Inf(1)) / max(1, extreme(solved.RawMatrix().Data))
	for i, p := range follow {
		within.SetRow(p, solved.RawRowView(i))
	}
	return within, max(rounded, wrong) * factor.Cond()
}

// extreme is how large the largest of some numbers is, whatever their signs.
func extreme(numbers []float64) (most float64) {
	for _, x := range numbers {
		most = max(most, math.Abs(x))
	}
	return most
}

// reduce is the chosen shifts, less what is free in them, and each of those but once, however much of it; of says which of them a shift is. They are not known if they may be wrong.
func (c *comparison) reduce(within *mat.Dense, doubt float64) (vectors []sparse, of []int, known bool) {
	_, n := within.Dims()
	numbers, reduced, most := map[string]int{}, make([]float64, n), extreme(within.RawMatrix().Data)
	for i := range c.chosen {
		clear(reduced)
		by, whole := c.measured(&c.chosen[i]), 0.0
		for k, p := range c.chosen[i].at {
			whole += math.Abs(by[k])
			blas64.Axpy(by[k], blas64.Vector{N: n, Data: within.RawRowView(int(p)), Inc: 1}, blas64.Vector{N: n, Data: reduced, Inc: 1})
		}
		left := extreme(reduced)
		if !(exact*left > doubt*whole*most) {
			return nil, nil, false
		}
		var v sparse
		var name []byte
		for p, by := range reduced {
			if rounded := math.Round(by / left / alike); rounded != 0 {
				v.at, v.by = append(v.at, int32(p)), append(v.by, by/left)
				name = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(name, uint32(p)), uint64(int64(rounded))) //nolint:gosec // their bits
			}
		}
		number, met := numbers[string(name)]
		if !met {
			number = len(vectors)
			numbers[string(name)], vectors = number, append(vectors, v)
		}
		of = append(of, number)
	}
	return vectors, of, true
}

// barredBy is the first of the weights that bar a shift; −1 if none does.
func (c *comparison) barredBy(v *shift) int {
	return slices.IndexFunc(c.barred, func(w *floating) bool { return w.pull(v) > noise })
}

// everybody is whose shifts may be chosen.
func everybody(*shifter, int) bool { return true }

// choose takes up shifts of some rows that are as asked by weights and not barred: in each stretch of the rows those that raise or lower a position that no
// earlier one did.
func (c *comparison) choose(whose func(*shifter, int) bool, asked func(*shift) bool, by weights) {
	seen := c.seen(by)
	var null [][]uint64
	if modular, is := by.(*modular); is && !c.summed {
		null = c.ofClasses(modular)
	}
	for _, part := range inParts(0, c.people.rows, func(from, to int32) (chosen []shift) {
		read, lacking := c.shifter(), 2*len(c.cells)
		read.null, read.field = null, c.null.field
		settled, key := newMemory[bool](int(to-from), cached, nil), []int32(nil) // there is nothing to choose of theirs
		raised, lowered := make([]bool, len(c.cells)), make([]bool, len(c.cells))
		for row := int(from); row < int(to) && lacking > 0; row++ {
			if !whose(read, row) {
				continue
			}
			key = seen.key(key[:0], c.told, row)
			done, _ := settled.of(key)
			if *done {
				continue
			}
			some := false
			read.of(row, func(v *shift, _ opens) {
				if !asked(v) || c.barredBy(v) >= 0 {
					return
				}
				some = true
				before := lacking
				for i, p := range v.at {
					if v.by[i] > 0 && !raised[p] {
						raised[p] = true
						lacking--
					}
					if v.by[i] < 0 && !lowered[p] {
						lowered[p] = true
						lacking--
					}
				}
				if lacking < before {
					chosen = append(chosen, v.clone())
				}
			})
			*done = !some
		}
		return chosen
	}) {
		c.chosen = append(c.chosen, part...)
	}
}

// seen is how cells look to the barred sums and to others.
func (c *comparison) seen(others ...weights) *patterns {
	for _, w := range c.barred {
		others = append(others, w)
	}
	return c.patterns(others...)
}

// sureRow is a row of which no shift is left by which somebody who reads the tables would see another class, or another amount.
type sureRow struct {
	row, person int32
	amount      bool
}

func (c *comparison) sure() []sureRow {
	if len(c.barred) == 0 {
		return nil
	}
	seen := c.seen()
	return slices.Concat(inParts(0, c.people.count, func(from, to int32) (sure []sureRow) {
		read, met, key := c.shifter(), newMemory[opens](int(to-from), cached, nil), []int32(nil)
		for person := from; person < to; person++ {
			c.people.eachRow(person, func(row int) {
				if !read.asks(row) {
					return
				}
				key = seen.key(key[:0], c.told, row)
				told, known := met.of(key)
				if !known {
					*told = c.decide(read, row)
				}
				if told.class {
					sure = append(sure, sureRow{int32(row), person, false}) //nolint:gosec // at most maxRows
				}
				if told.amount {
					sure = append(sure, sureRow{int32(row), person, true}) //nolint:gosec // at most maxRows
				}
			})
		}
		return sure
	})...)
}

// decide says what is told of a row: what some shift would open, and none that is not barred does.
func (c *comparison) decide(read *shifter, row int) opens {
	var some, left opens
	read.of(row, func(v *shift, opens opens) {
		free := c.barredBy(v) < 0
		some.class, some.amount = some.class || opens.class, some.amount || opens.amount
		left.class, left.amount = left.class || opens.class && free, left.amount || opens.amount && free
	})
	return opens{class: some.class && !left.class, amount: some.amount && !left.amount}
}

// name are the cells of the table that some of the barred sums that tell of these rows would do least without.
func (c *comparison) name(sure []sureRow) (cells []int32) {
	read, tells := c.shifter(), make([]bool, len(c.barred))
	seen, met, key := c.seen(), newMemory[bool](len(sure), cached, nil), []int32(nil)
	for _, row := range sure {
		key = seen.key(key[:0], c.told, int(row.row))
		if _, known := met.of(key); known {
			continue
		}
		read.of(int(row.row), func(v *shift, opens opens) {
			if by := c.barredBy(v); by >= 0 && (opens.class || opens.amount) {
				tells[by] = true
			}
		})
	}
	for i, w := range c.barred {
		if !tells[i] {
			continue
		}
		whole := slices.Clone(w.of)
		for p, weight := range whole {
			if math.Abs(weight) < noise {
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
