package history

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// kinds are what cells of full tables have in common: those of the same kind are in the same published ones, so rows are told apart by no more.
type kinds struct {
	lists [][]int32 // positions, by kind
	of    [][]int32 // by table and cell of the full table; −1 for those that are in no published one
}

func (m *matrix) kinds() kinds {
	k := kinds{of: make([][]int32, len(m.tables))}
	for t := range m.tables {
		known := map[string]int32{}
		k.of[t] = make([]int32, len(m.tables[t].lists))
		for c, list := range m.tables[t].lists {
			if len(list) == 0 {
				k.of[t][c] = -1
				continue
			}
			name := string(key(list))
			if _, there := known[name]; !there {
				known[name] = int32(len(k.lists)) //nolint:gosec // at most the cells of all tables
				k.lists = append(k.lists, list)
			}
			k.of[t][c] = known[name]
		}
	}
	return k
}

// maxPairs is of how many kinds products are kept for each two.
const maxPairs = 1536

// squares is how many numbers there are of products of kinds: those of each two, a > b, at a·kinds+b, and after kinds² those of each with itself, which most of
// what is added goes to and which should stand close together.
func (k *kinds) squares() int { return len(k.lists) * (len(k.lists) + 1) }

// add adds a number to the products of each two of some kinds.
func (k *kinds) add(products []float64, kinds []int32, square float64) {
	n := len(k.lists)
	for i, a := range kinds {
		products[n*n+int(a)] += square
		for _, b := range kinds[:i] {
			products[int(max(a, b))*n+int(min(a, b))] += square
		}
	}
}

// ofPositions are the products of positions, n of them, to which those of kinds come.
func (k *kinds) ofPositions(n int, products []float64) *mat.SymDense {
	sum, all := mat.NewSymDense(n, nil), len(k.lists)
	data := sum.RawSymmetric().Data
	for a := range all {
		for b, product := range products[a*all : a*all+a] {
			if product == 0 {
				continue
			}
			for _, p := range k.lists[a] {
				for _, q := range k.lists[b] {
					data[int(min(p, q))*n+int(max(p, q))] += product
				}
			}
		}
		for i, p := range k.lists[a] {
			for _, q := range k.lists[a][:i+1] {
				data[int(min(p, q))*n+int(max(p, q))] += products[all*all+a]
			}
		}
	}
	return sum
}

// few is of how many kinds the products of each two are added up as fast as what was found before is remembered.
const few = 3

// terms are a matrix whose columns are written in kinds in place of positions, each of which stands for some positions.
type terms struct {
	*matrix
	kinds
}

// terms writes columns in kinds where that makes them shorter: of rows. Otherwise each position is a kind of its own.
func (m *matrix) terms() *terms {
	k := m.kinds()
	if m.distinct || len(k.lists) > maxPairs {
		alone := make([][]int32, len(m.cells))
		for p := range alone {
			alone[p] = []int32{int32(p)}
		}
		return &terms{m, kinds{lists: alone}}
	}
	written := *m
	written.tables = slices.Clone(m.tables)
	for _, t := range m.speak {
		written.tables[t].lists = make([][]int32, len(m.tables[t].lists))
		for cell, kind := range k.of[t] {
			if kind >= 0 {
				written.tables[t].lists[cell] = []int32{kind}
			}
		}
	}
	return &terms{&written, k}
}

// positions are those of a column, in no order.
func (t *terms) positions(column []int32) (positions []int32) {
	for _, kind := range column {
		positions = append(positions, t.lists[kind]...)
	}
	return positions
}

// pairs are the products of each two kinds with a matrix of positions that has no negative eigenvalue.
type pairs struct {
	n     int
	of    []float64 // at a·n+b
	roots []float64 // of the products of each kind with itself
}

func (k *kinds) pairs(product func(a, b int) float64) *pairs {
	n := len(k.lists)
	p := &pairs{n, make([]float64, n*n), make([]float64, n)}
	for a := range n {
		for b := range a + 1 {
			p.of[a*n+b] = product(a, b)
			p.of[b*n+a] = p.of[a*n+b]
		}
		p.roots[a] = math.Sqrt(max(0, p.of[a*n+a]))
	}
	return p
}

// between is the product of two sums of kinds.
func (p *pairs) between(some, others []int32) (sum float64) {
	for _, a := range some {
		for _, b := range others {
			sum += p.of[int(a)*p.n+int(b)]
		}
	}
	return sum
}

// root is what the root of the product of a sum of kinds with itself is no more than (Cauchy and Schwarz), by numbers that a processor has at hand.
func (p *pairs) root(kinds []int32) (sum float64) {
	for _, a := range kinds {
		sum += p.roots[a]
	}
	return sum
}
