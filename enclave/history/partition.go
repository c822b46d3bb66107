package history

import (
	"context"
	"math"
	"slices"

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
	// partitionSteps is more than an answer takes, some 5 to 15.
	partitionSteps = 60
	// vanished is how much less than any number that is not one is that counts as 0.
	vanished = 1e-8
)

// newPartition decides it by a linear program that is its own dual. With A's columns the vectors, and e all 1:
//
//	min θ  with  A·z = θ·A·e,  s = θ·e + Aᵀ·w ≥ 0,  e·s + e·z + ν = 1 + (1 + θ)·e·e  and  z, θ, ν ≥ 0.
//
// It begins in its middle, where z and s are e, w is 0 and θ is 1, and stays near it. Where θ is 0 the parts are z and the products s, and in the middle of all such points one of them is positive for each
// vector (Ye, Todd and Mizuno, An O(√nL)-iteration homogeneous and self-dual linear programming algorithm, 1994; steps are Mehrotra's, 1992). A step takes n³/3 multiplications for n published cells.
func newPartition(ctx context.Context, vectors []sparse, n int) (partition, error) {
	s := newInterior(vectors, n)
	for steps := 1; steps <= partitionSteps; steps++ {
		if err := ctx.Err(); err != nil {
			return partition{}, err
		}
		if p, done := s.partition(); done {
			p.steps = steps
			return p, nil
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

// interior is a point within the program's bounds, and a direction. Pairs are by vector; the last one is of θ and ν.
type interior struct {
	vectors []sparse
	n       int
	w, dw   []float64
	start   []float64 // A·e
	at      []pair
	by      []pair // the direction
	matrix  []float64
	factor  factor
}

// pair are two numbers of which one has to become 0.
type pair struct{ z, s float64 }

func newInterior(vectors []sparse, n int) *interior {
	pairs := len(vectors) + 1
	s := &interior{
		vectors: vectors, n: n, w: make([]float64, n), dw: make([]float64, n), start: make([]float64, n), at: make([]pair, pairs), by: make([]pair, pairs), matrix: make([]float64, n*n),
	}
	for i := range s.at {
		s.at[i] = pair{1, 1}
	}
	s.sum(s.start, func(int) float64 { return 1 })
	return s
}

// sum adds so many times each vector.
func (s *interior) sum(to []float64, times func(i int) float64) {
	for i := range s.vectors {
		s.vectors[i].addTo(to, times(i))
	}
}

// gap is the mean product of pairs so far along the direction.
func (s *interior) gap(length float64) (sum float64) {
	for i, v := range s.at {
		d := &s.by[i]
		sum += (v.z + length*d.z) * (v.s + length*d.s)
	}
	return sum / float64(len(s.at))
}

// factorize factorizes the matrix of Newton's equations for w.
func (s *interior) factorize() (ok bool) {
	clear(s.matrix)
	for i := range s.vectors {
		weight, a := s.at[i].z/s.at[i].s, &s.vectors[i]
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

// solve solves Newton's equations with a right side, in its place, and once more for what is left of it, since the matrix that was factorized is a little larger than that of the equations.
func (s *interior) solve(right []float64) {
	left := slices.Clone(right)
	s.factor.solve(right)
	s.sum(left, func(i int) float64 { return -s.at[i].z / s.at[i].s * s.vectors[i].times(right) })
	s.factor.solve(left)
	for p, more := range left {
		right[p] += more
	}
}

// direct finds the direction to where the conditions hold but for a gap; corrected by what the direction in hand makes of products.
func (s *interior) direct(gap float64, corrected bool) {
	last := len(s.vectors)
	theta, wanted := s.at[last], make([]float64, len(s.at)) // of s·dz + z·ds
	for i, v := range s.at {
		if wanted[i] = gap - v.z*v.s; corrected {
			wanted[i] -= s.by[i].z * s.by[i].s
		}
	}
	// Newton's equations are ds = Aᵀ·dw + dθ·e, dz = wanted/s − D·ds with D = z/s, and A·dz = A·e·(θ + dθ) − A·z. So dw = still − dθ·(mean + turn).
	still, mean, turn := make([]float64, s.n), make([]float64, s.n), slices.Clone(s.start)
	s.sum(still, func(i int) float64 { return wanted[i]/s.at[i].s + s.at[i].z })
	s.sum(mean, func(i int) float64 { return s.at[i].z / s.at[i].s })
	for p, start := range s.start {
		still[p] -= theta.z * start
	}
	for _, side := range [][]float64{still, mean, turn} {
		s.solve(side)
	}
	left, right := theta.s/theta.z, wanted[last]/theta.z
	for p, start := range s.start {
		left += start * turn[p]
		right += start * still[p]
	}
	for i := range s.vectors {
		v, a := &s.at[i], &s.vectors[i]
		off := 1 - a.times(mean)
		left += v.z / v.s * off * off
		right += (wanted[i] - v.z*a.times(still)) / v.s
	}
	by := right / left
	for p := range s.dw {
		s.dw[p] = still[p] - by*(mean[p]+turn[p])
	}
	for i := range s.vectors {
		v, d := &s.at[i], &s.by[i]
		d.s = s.vectors[i].times(s.dw) + by
		d.z = (wanted[i] - v.z*d.s) / v.s
	}
	s.by[last] = pair{by, (wanted[last] - theta.s*by) / theta.z}
}

// length is how far along the direction everything stays positive, times a part, and no more than 1.
func (s *interior) length(part float64) float64 {
	longest := 1 / part
	for i, v := range s.at {
		d := &s.by[i]
		if d.z < 0 {
			longest = min(longest, -v.z/d.z)
		}
		if d.s < 0 {
			longest = min(longest, -v.s/d.s)
		}
	}
	return part * longest
}

func (s *interior) move(length float64) {
	for p := range s.w {
		s.w[p] += length * s.dw[p]
	}
	for i := range s.at {
		s.at[i].z += length * s.by[i].z
		s.at[i].s += length * s.by[i].s
	}
}

// partition is what the point says; done if of each pair one number is 0, and weights and parts show what they have to.
func (s *interior) partition() (p partition, done bool) {
	least, most, theta := math.Inf(1), 0.0, s.at[len(s.vectors)]
	for _, v := range s.at {
		least, most = min(least, max(v.z, v.s)), max(most, min(v.z, v.s))
	}
	if most > vanished*least || theta.z > theta.s {
		return partition{}, false
	}
	p = partition{weights: slices.Clone(s.w), alone: make([]bool, len(s.vectors)), decided: true}
	for i := range p.weights {
		p.weights[i] /= least
	}
	sums := make([]float64, s.n)
	for i := range s.vectors {
		v, a := s.at[i], &s.vectors[i]
		p.alone[i] = v.s > v.z
		if product := a.times(p.weights); p.alone[i] && product < 1-noise || !p.alone[i] && math.Abs(product) > noise {
			return partition{}, false
		}
		if !p.alone[i] {
			a.addTo(sums, v.z/least)
		}
	}
	return p, !slices.ContainsFunc(sums, func(sum float64) bool { return math.Abs(sum) > noise })
}

// addTo adds it so many times to another vector.
func (v *sparse) addTo(other []float64, times float64) {
	for i, at := range v.at {
		other[at] += times * v.by[i]
	}
}

// times is the product with another vector.
func (v *sparse) times(other []float64) (sum float64) {
	for i, at := range v.at {
		sum += v.by[i] * other[at]
	}
	return sum
}
