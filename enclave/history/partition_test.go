package history_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave/history"
)

// Vectors make up for each other just as exact arithmetic says, however much there is of each and in whatever positions are measured; or that is not decided, which it always is of plain ones.
func TestPartition(t *testing.T) {
	scale := func(r *rand.Rand) float64 { return math.Ldexp(1, r.IntN(41)-20) }
	for _, c := range []struct {
		name      string
		scaled    func(r *rand.Rand, vectors [][]float64)
		undecided float64 // of all
	}{
		{"plain", func(*rand.Rand, [][]float64) {}, 0},
		{"of any length", func(r *rand.Rand, vectors [][]float64) {
			for _, v := range vectors {
				by := scale(r)
				for p := range v {
					v[p] *= by
				}
			}
		}, 0.2},
		{"of any units", func(r *rand.Rand, vectors [][]float64) {
			for p := range vectors[0] {
				by := scale(r)
				for _, v := range vectors {
					v[p] *= by
				}
			}
		}, 0.2},
	} {
		undecided, some := 0, [2]int{}
		n := systems(2000, 200)
		for i := range n {
			r := random(i)
			vectors := vectors(r)
			c.scaled(r, vectors)
			if r.IntN(2) == 0 { // what makes up for all of them
				all := make([]float64, len(vectors[0]))
				for _, v := range vectors {
					for p := range v {
						all[p] -= v[p]
					}
				}
				vectors = append(vectors, all)
			}
			alone, decided := history.Partition(vectors)
			if !decided {
				undecided++
				continue
			}
			if want := exactlyAlone(vectors); !slices.Equal(alone, want) {
				t.Fatalf("%s, system %d: %v, %v, want %v", c.name, i, vectors, alone, want)
			}
			for _, alone := range alone {
				if alone {
					some[0]++
				} else {
					some[1]++
				}
			}
		}
		t.Logf("%s: of %d systems %d undecided; of their vectors %d alone, %d not", c.name, n, undecided, some[0], some[1])
		if float64(undecided) > c.undecided*float64(n) || float64(min(some[0], some[1])) < float64(n)/2 {
			t.Errorf("%s: the systems say too little", c.name)
		}
	}
}

// What is no number, or beyond all numbers, decides nothing.
func TestPartitionOfNoNumbers(t *testing.T) {
	for _, of := range [][][]float64{{{math.NaN()}}, {{1, math.NaN()}, {1, 0}}, {{math.Inf(1)}}, {{math.Inf(1), 1}, {-1, 1}}, {{math.Inf(1)}, {math.Inf(-1)}}} {
		if alone, decided := history.Partition(of); decided {
			t.Errorf("%v: %v", of, alone)
		}
	}
	for _, of := range []float64{1e-300, 1e-20, 1e20, 1e300} {
		if alone, decided := history.Partition([][]float64{{of}}); decided && !alone[0] {
			t.Errorf("%v makes up for itself", of)
		}
	}
}

// vectors are a few of small whole numbers, some of them the same or opposite.
func vectors(r *rand.Rand) (vectors [][]float64) {
	n := 1 + r.IntN(4)
	for i := range 1 + r.IntN(6) {
		v := make([]float64, n)
		for p := range v {
			v[p] = float64(r.IntN(5) - 2)
		}
		if i > 0 && r.IntN(4) == 0 {
			other, by := vectors[r.IntN(i)], float64(2*r.IntN(2)-1)
			for p := range v {
				v[p] = by * other[p]
			}
		}
		vectors = append(vectors, v)
	}
	return vectors
}

// exactlyAlone are the vectors that are in no set of which positive multiples come to 0. Of those in one, some are in a smallest one, of which the multiples are the only ones.
func exactlyAlone(vectors [][]float64) (alone []bool) {
	alone = slices.Repeat([]bool{true}, len(vectors))
	for set := 1; set < 1<<len(vectors); set++ {
		var of []int
		for i := range vectors {
			if set>>i&1 == 1 {
				of = append(of, i)
			}
		}
		if multiples := onlyOnes(vectors, of); multiples != nil && !slices.ContainsFunc(multiples, func(m *big.Rat) bool { return m.Sign() != multiples[0].Sign() || m.Sign() == 0 }) {
			for _, i := range of {
				alone[i] = false
			}
		}
	}
	return alone
}

// onlyOnes are multiples of some vectors that come to 0, if there are no others but as much more of each; else nil.
func onlyOnes(vectors [][]float64, of []int) (multiples []*big.Rat) {
	rows := make([][]*big.Rat, len(vectors[0]))
	for p := range rows {
		for _, i := range of {
			rows[p] = append(rows[p], new(big.Rat).SetFloat64(vectors[i][p]))
		}
	}
	free, rank := -1, 0
	var pivots []int
	for column := range of {
		at := slices.IndexFunc(rows[rank:], func(row []*big.Rat) bool { return row[column].Sign() != 0 })
		if at < 0 {
			if free >= 0 {
				return nil
			}
			free = column
			continue
		}
		rows[rank], rows[rank+at] = rows[rank+at], rows[rank]
		top := rows[rank]
		for i, row := range rows {
			if i == rank || row[column].Sign() == 0 {
				continue
			}
			by := new(big.Rat).Quo(row[column], top[column])
			for k := range row {
				row[k] = new(big.Rat).Sub(row[k], new(big.Rat).Mul(by, top[k]))
			}
		}
		pivots = append(pivots, column)
		rank++
	}
	if free < 0 {
		return nil
	}
	multiples = make([]*big.Rat, len(of))
	multiples[free] = big.NewRat(1, 1)
	for i, column := range pivots {
		multiples[column] = new(big.Rat).Neg(new(big.Rat).Quo(rows[i][free], rows[i][column]))
	}
	return multiples
}
