package history

import (
	"hash/maphash"
	"slices"
	"sync"

	"gonum.org/v1/gonum/mat"

	"github.com/darkroom-project/darkroom/enclave"
)

// Column is a column whose sums are published.
type Column struct {
	Values []int64 // by row of the history; 0 where it is empty, as in the sum
	Of     []bool  // by release, the table in question last: whether sums of this column are published
}

// amounts is the matrix of a column's published sums: its rows are cells, or differences of such, scaled to length 1, and its columns units. Rows that
// follow from others are left out, and so are those that differ from such by too little to be told apart: the rest is the basis.
type amounts struct {
	*matrix
	values  []int64
	kinds   []kind
	alike   kinds         // of which full-table cells are
	again   []bool        // by position: the rows of data in it are those of a cell before
	rows    [][]term      // of cells; nil while each cell is a row of its own
	scale   []float64     // by row
	basis   []int         // rows, ascending
	inverse *mat.SymDense // of the products of the basis's rows
	pairs   *pairs        // products of kinds with the inverse; nil if these are too many, or rows are differences

	atoms []atom // once they were gathered
	atom  map[string]int
}

// term is a published cell in a row.
type term struct {
	position int32
	times    float64 // a whole number
}

// kind is the cells of a full table that are in the same published ones.
type kind struct {
	positions []int32
	rows      sparse
	places    sparse // those rows that are of the basis, by their places there, scaled
}

// sparse is a vector of which most is 0.
type sparse struct {
	at []int32
	by []float64
}

// add adds to an element.
func (v *sparse) add(at int32, by float64) {
	if i := slices.Index(v.at, at); i >= 0 {
		v.by[i] += by
		return
	}
	v.at, v.by = append(v.at, at), append(v.by, by)
}

const (
	// negligible is the square of the share of a row's length below which what it tells beyond others counts for nothing: floating point tells no less
	// apart.
	negligible = 1e-10
	// parallel is how much of two rows' lengths has to be the same, squared, for the one to be taken off the other.
	parallel = 1 - 1e-4
	// maxDifferences is how often that is done: once for each giant in the same cells as the next.
	maxDifferences = 12
)

// newAmounts arranges a column's sums. It is nil where nobody has an amount in any.
func newAmounts(m *matrix, values []int64) (*amounts, error) {
	n := len(m.cells)
	if n == 0 {
		return nil, nil //nolint:nilnil // as it says
	}
	w := &amounts{matrix: m, values: values, scale: make([]float64, n)}
	w.sort()
	gram := w.products()
	for range maxDifferences {
		w.measure(gram)
		if !w.reduce(gram) {
			break
		}
		gram = w.products()
	}
	w.measure(gram)
	w.plain()
	for p := range n {
		for q := p; q < n; q++ {
			gram.SetSym(p, q, gram.At(p, q)*w.scale[p]*w.scale[q])
		}
	}
	var pivoted mat.PivotedCholesky
	pivoted.Factorize(gram, negligible)
	w.basis = slices.Sorted(slices.Values(pivoted.ColumnPivots(nil)[:pivoted.Rank()]))
	if len(w.basis) == 0 {
		return nil, nil //nolint:nilnil // as it says
	}
	products := mat.NewSymDense(len(w.basis), nil)
	for i, p := range w.basis {
		for k, q := range w.basis[i:] {
			products.SetSym(i, i+k, gram.At(p, q))
		}
	}
	factor, ok := factorize(products)
	if !ok {
		return nil, enclave.Internalf("history: the sums of a column are beyond floating point")
	}
	w.inverse = factor.inverse()
	w.settle()
	return w, nil
}

// sort finds the kinds.
func (w *amounts) sort() {
	w.alike = w.matrix.kinds()
	for _, list := range w.alike.lists {
		w.kinds = append(w.kinds, kind{positions: list, rows: sparse{list, slices.Repeat([]float64{1}, len(list))}})
	}
}

// settle says of the kinds where they are in the basis, and keeps the products of each two.
func (w *amounts) settle() {
	for i := range w.kinds {
		k := &w.kinds[i]
		for n, row := range k.rows.at {
			if at, there := slices.BinarySearch(w.basis, int(row)); there {
				k.places.add(int32(at), k.rows.by[n]*w.scale[row]) //nolint:gosec // at most MaxLeverageRank
			}
		}
	}
	if len(w.kinds) > maxPairs || w.rows != nil {
		return
	}
	w.pairs = w.alike.pairs(func(a, b int) float64 { return w.product(&w.kinds[a].places, &w.kinds[b].places) })
}

// vector is the sum of some kinds' vectors, in rows or in places. What two of them have with opposite signs is exactly 0.
func (w *amounts) vector(kinds []int32, each func(*kind) *sparse) (sum sparse) {
	for _, k := range kinds {
		of := each(&w.kinds[k])
		if w.rows == nil { // then no two have any in common
			sum.at, sum.by = append(sum.at, of.at...), append(sum.by, of.by...)
			continue
		}
		for i, at := range of.at {
			sum.add(at, of.by[i])
		}
	}
	return sum
}

func inRows(k *kind) *sparse   { return &k.rows }
func inPlaces(k *kind) *sparse { return &k.places }

// product is that of two vectors with the inverse.
func (w *amounts) product(a, b *sparse) (sum float64) {
	raw := w.inverse.RawSymmetric()
	for i, p := range a.at {
		for k, q := range b.at {
			sum += a.by[i] * b.by[k] * raw.Data[int(min(p, q))*raw.Stride+int(max(p, q))]
		}
	}
	return sum
}

// products are those of all rows.
func (w *amounts) products() *mat.SymDense {
	n := len(w.cells)
	if w.rows != nil || len(w.kinds) > maxPairs {
		return mat.NewSymDense(n, w.overUnits(n*n, func(data []float64, kinds []int32, squares float64) {
			v := w.vector(kinds, inRows)
			for i, p := range v.at {
				for k, q := range v.at[:i+1] {
					data[int(min(p, q))*n+int(max(p, q))] += v.by[i] * v.by[k] * squares
				}
			}
		}))
	}
	return w.alike.ofPositions(n, w.overUnits(w.alike.squares(), w.alike.add))
}

// overUnits has the squares of all units' amounts added to so many numbers, those of the same kinds together. The first time it compares cells on the way.
func (w *amounts) overUnits(numbers int, add func(data []float64, kinds []int32, squares float64)) []float64 {
	type total struct {
		squares float64
		random  uint64
	}
	first, seed := w.again == nil, maphash.MakeSeed()
	sums := make([]uint64, len(w.kinds)) // of a random number for each unit
	var summing sync.Mutex
	data := sumInParts(w.people.count, numbers, func(from, to int32, data []float64) {
		read, random := w.units(), make([]uint64, len(w.kinds))
		take := func(kinds []int32, t total) {
			add(data, kinds, t.squares)
			for _, k := range kinds {
				random[k] += t.random
			}
		}
		totals := newMemory(int(to-from), cached, take)
		for person := from; person < to; person++ {
			units := read.of(person)
			for i := range units {
				t := total{squares: units[i].amount * units[i].amount}
				if first {
					t.random = maphash.Comparable(seed, [2]int32{person, int32(i)})
				}
				if len(units[i].kinds) <= few {
					take(units[i].kinds, t)
					continue
				}
				met, _ := totals.of(units[i].kinds)
				met.squares, met.random = met.squares+t.squares, met.random+t.random
			}
		}
		totals.clear()
		summing.Lock()
		defer summing.Unlock()
		for k, sum := range random {
			sums[k] += sum
		}
	})
	if first {
		w.compare(sums)
	}
	return data
}

// telling are the weights of cells in a sum of rows, which has a weight for each place.
func (w *amounts) telling(weights []float64) []float64 {
	times := make([]float64, len(w.cells))
	for i, row := range w.basis {
		if w.rows == nil {
			times[row] += weights[i] * w.scale[row]
			continue
		}
		for _, t := range w.rows[row] {
			times[t.position] += weights[i] * w.scale[row] * t.times
		}
	}
	return times
}
