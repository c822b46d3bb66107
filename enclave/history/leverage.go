package history

import (
	"context"
	"iter"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/darkroom-project/darkroom/enclave"
)

// MaxLeverageRank is of how many independent sums leverage is computed: it takes rank³ multiplications and some 40·rank² bytes. Of a longer history it is
// that of the latest releases, which tell less than all.
const MaxLeverageRank = 1500

// Leverage is how much of single rows and subjects the releases determine together (step 7). The leverage of a row, between 0 and 1, is
// h = mᵀ(MMᵀ)⁻¹m for its column m: the share of the row's own value in the best linear guess at it. It is 1 exactly when the value
// follows, and all rows together have as much as the rank. For a subject, of whose rows any weighted sum may be wanted, it is the largest eigenvalue
// of the block H = Mₛᵀ(MMᵀ)⁻¹Mₛ of its rows. For that an upper bound stands here: the sum over the rows or, where that is above the limit and this is
// less, the largest absolute row sum of H; and no more than 1.
type Leverage struct {
	Rank int // independent sums that were looked at: those of the latest releases
	// Subject is the largest bound of a subject, leaving out those above the limit of whom the table tells nothing more than was known.
	Subject float64
	Over    int // subjects above the limit of whom the table tells more
	// Suppressed are cells of the table, one of the most telling of each of those subjects, ascending.
	Suppressed []int32
}

// LeverageLimit is the leverage at which somebody who knows nothing else guesses a binary secret right with this probability, 0.5 to
// 1: h with Φ(√(h/(1−h))) = guess.
func LeverageLimit(guess float64) float64 {
	if guess >= 1 {
		return 1
	}
	z := math.Sqrt2 * math.Erfinv(2*guess-1)
	return z * z / (1 + z*z)
}

// Guess is the inverse of [LeverageLimit].
func Guess(leverage float64) float64 {
	if leverage >= 1 {
		return 1
	}
	return 0.5 * math.Erfc(-math.Sqrt(leverage/(1-leverage))/math.Sqrt2)
}

// noMore is a leverage that is 0 but for rounding.
const noMore = 1e-9

// Leverage computes it for the history together with the result's table as it may be published, and names cells of the table to suppress so that
// no subject whom it tells more of is above the limit. Without them others may still be: treat and judge again. It takes time: see README.md.
func (r *Result) Leverage(ctx context.Context, limit float64) (*Leverage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := r.search.latest(MaxLeverageRank)
	l := &Leverage{Rank: len(m.cells)}
	if l.Rank == 0 {
		return l, nil
	}
	columns := m.terms()
	products, ok := factorize(columns.gram())
	if !ok {
		return nil, enclave.Internalf("history: leverage is beyond floating point")
	}
	onto := &projection{terms: columns, inverse: products.inverse()}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	onto.pairs = columns.pairs(func(a, b int) float64 { return between(columns.lists[a], columns.lists[b], onto.inverse) })
	var over []int32
	for _, part := range inParts(0, m.people.count, func(from, to int32) (found exposed) {
		read := onto.reader(int(to - from))
		for person := from; person < to; person++ {
			found.add(read, person, limit)
		}
		return found
	}) {
		l.Subject = max(l.Subject, part.below)
		over = append(over, part.over...)
	}
	fresh := m.since(m.newest)
	read, drops := onto.reader(0), make([]float64, len(fresh))
	for _, person := range over {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		clear(drops)
		bound := 0.0
		for column, h := range read.block(person) {
			if h > limit {
				bound = max(bound, h)
				tell(columns.positions(column), onto.inverse, fresh, drops)
			}
		}
		if most := largest(drops); most >= 0 && drops[most] > noMore {
			l.Over, l.Subject = l.Over+1, max(l.Subject, min(bound, 1))
			l.Suppressed = append(l.Suppressed, m.cells[fresh[most]].cell)
		}
	}
	slices.Sort(l.Suppressed)
	l.Suppressed = slices.Compact(l.Suppressed)
	return l, nil
}

// latest is the matrix of the latest releases that have no more than so many cells together; of the last one at least the smallest.
func (m *matrix) latest(most int) *matrix {
	of := make([]int, len(m.releases))
	for _, c := range m.cells {
		of[c.release]++
	}
	first, sum := len(of)-1, 0
	for ; first >= 0 && sum+of[first] <= most; first-- {
		sum += of[first]
	}
	if sum == 0 && first >= 0 {
		last := slices.DeleteFunc(m.positions(), func(p int) bool { return m.cells[p].release != first })
		return m.ordered(m.smallestFirst(last)[:most])
	}
	return m.only(func(p int) bool { return m.cells[p].release > first })
}

// gram is M·Mᵀ: how many columns each two positions share.
func (t *terms) gram() *mat.SymDense {
	return t.ofPositions(len(t.cells), sumInParts(t.people.count, t.squares(), func(from, to int32, shared []float64) {
		take := func(column []int32, times float64) { t.add(shared, column, times) }
		read, times := t.matrix.reader(), newMemory(int(to-from), cached, take)
		for person := from; person < to; person++ {
			read.columns(person, func(column []int32) {
				if len(column) <= few {
					take(column, 1)
					return
				}
				met, _ := times.of(column)
				*met++
			})
		}
		times.clear()
	}))
}

// projection is that onto what the releases tell: how much they tell of columns, and of one with another.
type projection struct {
	*terms
	inverse *mat.SymDense // (MMᵀ)⁻¹
	pairs   *pairs        // mᵀ(MMᵀ)⁻¹m' of kinds
}

// projectionReader reads persons' leverage. It is for one goroutine.
type projectionReader struct {
	*projection
	read  *reader
	alone *memory[float64] // of columns: their leverage
}

// reader is for a pass over so many people.
func (t *projection) reader(people int) *projectionReader {
	return &projectionReader{t, t.matrix.reader(), newMemory[float64](people, cached, nil)}
}

// leverage is that of a column.
func (r *projectionReader) leverage(column []int32) float64 {
	if len(column) <= few {
		return r.pairs.between(column, column)
	}
	h, met := r.alone.of(column)
	if !met {
		*h = r.pairs.between(column, column)
	}
	return *h
}

// block yields the different columns of a person, each with the absolute sum of its row of the person's block: how much of the person's values the
// releases tell that go with it.
func (r *projectionReader) block(person int32) iter.Seq2[[]int32, float64] {
	var columns [][]int32
	var times []float64
	r.read.columns(person, func(column []int32) {
		at := slices.IndexFunc(columns, func(c []int32) bool { return slices.Equal(c, column) })
		if at < 0 {
			at = len(columns)
			columns, times = append(columns, slices.Clone(column)), append(times, 0)
		}
		times[at]++
	})
	return func(yield func([]int32, float64) bool) {
		for _, column := range columns {
			sum := 0.0
			for i, other := range columns {
				sum += times[i] * math.Abs(r.pairs.between(column, other))
			}
			if !yield(column, sum) {
				return
			}
		}
	}
}

// exposed is what was found out about some people.
type exposed struct {
	below float64 // the largest bound of a subject that is not above the limit
	over  []int32 // subjects that are
}

// add looks at a person.
func (e *exposed) add(r *projectionReader, person int32, limit float64) {
	most := 0.0
	r.read.columns(person, func(column []int32) { root := r.pairs.root(column); most += root * root })
	if most <= e.below {
		return
	}
	all := 0.0
	r.read.columns(person, func(column []int32) { all += r.leverage(column) })
	bound := all
	if all > limit {
		most := 0.0
		for _, h := range r.block(person) {
			most = max(most, h)
		}
		bound = min(all, most)
	}
	if bound > limit {
		e.over = append(e.over, person)
	} else {
		e.below = max(e.below, bound)
	}
}

// between is the sum of a matrix's elements of some rows and some columns.
func between(rows, columns []int32, of *mat.SymDense) (sum float64) {
	raw := of.RawSymmetric()
	for _, p := range rows {
		for _, q := range columns {
			sum += raw.Data[int(min(p, q))*raw.Stride+int(max(p, q))]
		}
	}
	return sum
}

// tell adds by how much each of some cells raises the leverage of a column: what it would be less without that cell alone. Where
// x = (MMᵀ)⁻¹m, that is x² over the diagonal element of (MMᵀ)⁻¹ (the inverse of a matrix less a row and a column).
func tell(column []int32, inverse *mat.SymDense, cells []int, drops []float64) {
	for i, q := range cells {
		x := 0.0
		for _, p := range column {
			x += inverse.At(int(p), q)
		}
		drops[i] += x * x / inverse.At(q, q)
	}
}

// largest is where the largest number is, the first of several, or −1.
func largest(numbers []float64) int {
	most := -1
	for i, v := range numbers {
		if most < 0 || v > numbers[most] {
			most = i
		}
	}
	return most
}
