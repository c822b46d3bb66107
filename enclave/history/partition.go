package history

import (
	"context"
	"math"

	"gonum.org/v1/gonum/mat"
)

// partition is which of some vectors can make up for each other, each in some part, and which cannot. A sum proves the latter: with its weights w, products w·a of
// vectors that can are 0, and those of the others are 1 or more. That there is one or the other for each is Tucker's theorem (Goldman and Tucker, Theory of Linear Programming, 1956).
type partition struct {
	weights []float64
	alone   []bool // by vector: it cannot
	decided bool   // or it took too much, and nothing is known
	steps   int    // of Newton's method
}

const (
	// partitionSteps is more than an answer takes, some 10 to 25.
	partitionSteps = 60
	// optimal is how far the conditions of an optimum may be missed.
	optimal = 1e-8
)

// newPartition decides it by the linear program
//
//	max Σ t  with  t ≤ w·a  and  0 ≤ t ≤ 1  for each vector a,
//
// whose dual has the parts: z ≥ 0 with Σ z·a = 0 and Σ max(0, 1−z) least. Mehrotra's predictor-corrector method ends in the middle of the optimal solutions, where t is 1 of
// all that can be positive (Mehrotra, On the implementation of a primal-dual interior point method, 1992). A step takes n³/3 multiplications for n published cells.
func newPartition(ctx context.Context, vectors []sparse, n int) (partition, error) {
	s := newInterior(vectors, n)
	for steps := 1; steps <= partitionSteps; steps++ {
		if err := ctx.Err(); err != nil {
			return partition{}, err
		}
		if s.missed() < optimal {
			return s.partition(steps), nil
		}
		if !s.factorize() {
			break
		}
		s.direct(0, false)
		ahead := s.gap(s.length(1))
		s.direct(math.Pow(ahead/s.gap(0), 3)*s.gap(0), true)
		s.move(s.length(0.995))
	}
	return partition{steps: partitionSteps}, nil
}

// interior is a point within the program's bounds and its dual's, and a direction. By vector are the variables: t and what they have to their bounds,
// p = w·a − t, q = 1 − t and t itself, and the multipliers of these z, y and x.
type interior struct {
	vectors []sparse
	n       int
	w, dw   []float64
	at      []point
	by      []point // the direction
	matrix  []float64
	factor  factor
}

type point struct{ t, p, q, z, y, x float64 }

func newInterior(vectors []sparse, n int) *interior {
	s := &interior{vectors: vectors, n: n, w: make([]float64, n), at: make([]point, len(vectors)), by: make([]point, len(vectors)), matrix: make([]float64, n*n)}
	for i := range s.at {
		s.at[i] = point{t: 0.5, p: 1, q: 0.5, z: 1, y: 0.5, x: 0.5}
	}
	return s
}

// gap is the mean product of what variables have to their bounds with the multipliers, so far along the direction.
func (s *interior) gap(length float64) (sum float64) {
	for i, v := range s.at {
		d := &s.by[i]
		sum += (v.p + length*d.p) * (v.z + length*d.z)
		sum += (v.q + length*d.q) * (v.y + length*d.y)
		sum += (v.t + length*d.t) * (v.x + length*d.x)
	}
	return sum / float64(3*len(s.at))
}

// missed is by how much the point misses an optimum.
func (s *interior) missed() float64 {
	worst, sums := s.gap(0), make([]float64, s.n)
	for i := range s.at {
		v, a := &s.at[i], &s.vectors[i]
		worst = max(worst, math.Abs(a.times(s.w)-v.t-v.p))
		for k, p := range a.at {
			sums[p] += v.z * a.by[k]
		}
	}
	for _, sum := range sums {
		worst = max(worst, math.Abs(sum)/float64(len(s.at)))
	}
	return worst
}

// slopes are what a vector's products with a direction of w do to its t.
func (v *point) slopes() (first, second float64) { return v.z / v.p, v.y/v.q + v.x/v.t }

// factorize factorizes the matrix of Newton's equations for w.
func (s *interior) factorize() (ok bool) {
	clear(s.matrix)
	for i := range s.vectors {
		first, second := s.at[i].slopes()
		weight, a := first*second/(first+second), &s.vectors[i]
		for k, p := range a.at {
			for m, q := range a.at[:k+1] {
				s.matrix[int(min(p, q))*s.n+int(max(p, q))] += weight * a.by[k] * a.by[m]
			}
		}
	}
	for p := range s.n { // cells that follow from others
		s.matrix[p*s.n+p] += s.matrix[p*s.n+p]*1e-11 + 1e-14
	}
	s.factor, ok = factorize(mat.NewSymDense(s.n, s.matrix))
	return ok
}

// direct finds the direction to where the conditions of an optimum hold but for a gap; corrected by what the direction in hand makes of products.
func (s *interior) direct(gap float64, corrected bool) {
	right, known := make([]float64, s.n), make([][4]float64, len(s.at))
	for i := range s.at {
		v, a, d := &s.at[i], &s.vectors[i], s.by[i]
		if !corrected {
			d = point{}
		}
		first, second := v.slopes()
		offP := a.times(s.w) - v.t - v.p
		z := (gap-d.p*d.z)/v.p - v.z
		y := (gap-d.q*d.y)/v.q - v.y
		x := (gap-d.t*d.x)/v.t - v.x
		known[i] = [4]float64{z - first*offP, y, x, 1 - v.z - v.y + v.x - z - y + x + first*offP}
		for k, p := range a.at {
			right[p] += a.by[k] * (v.z + known[i][0] + first*known[i][3]/(first+second))
		}
	}
	s.factor.solve(right)
	s.dw = right
	for i := range s.at {
		v, d := &s.at[i], &s.by[i]
		first, second := v.slopes()
		product := s.vectors[i].times(s.dw)
		d.t = (known[i][3] + first*product) / (first + second)
		d.z = known[i][0] - first*(product-d.t)
		d.y = known[i][1] + v.y/v.q*d.t
		d.x = known[i][2] - v.x/v.t*d.t
		d.p = product - d.t + s.vectors[i].times(s.w) - v.t - v.p
		d.q = -d.t
	}
}

// length is how far along the direction everything stays positive, times a part, and no more than 1.
func (s *interior) length(part float64) float64 {
	longest := 1 / part
	for i := range s.at {
		v, d := &s.at[i], &s.by[i]
		for _, side := range [][2]float64{{v.t, d.t}, {v.p, d.p}, {v.q, d.q}, {v.z, d.z}, {v.y, d.y}, {v.x, d.x}} {
			if side[1] < 0 {
				longest = min(longest, -side[0]/side[1])
			}
		}
	}
	return part * longest
}

func (s *interior) move(length float64) {
	for p := range s.w {
		s.w[p] += length * s.dw[p]
	}
	for i := range s.at {
		v, d := &s.at[i], &s.by[i]
		*v = point{v.t + length*d.t, v.p + length*d.p, v.q + length*d.q, v.z + length*d.z, v.y + length*d.y, v.x + length*d.x}
	}
}

// partition is what the point, an optimum, says.
func (s *interior) partition(steps int) partition {
	p := partition{weights: s.w, alone: make([]bool, len(s.at)), decided: true, steps: steps}
	for i := range s.at {
		p.alone[i] = s.at[i].t > 0.5
	}
	return p
}

// times is the product with another vector.
func (v *sparse) times(other []float64) (sum float64) {
	for i, at := range v.at {
		sum += v.by[i] * other[at]
	}
	return sum
}
