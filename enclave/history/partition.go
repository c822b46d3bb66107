package history

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// partition is which of some vectors can make up for each other, each in some part, and which cannot. A sum proves the latter: with its weights w, products w·a of
// vectors that can are 0, and those of the others are positive. That there is one or the other for each is Tucker's theorem (Goldman and Tucker, Theory of Linear Programming, 1956).
// It is right of vectors that are rounded, and so may be wrong of those that they stand for: that is for the caller to find out (comparison.settled). The largest number of each is to be
// about 1, or it may be undecided.
type partition struct {
	weights []float64
	alone   []bool // by vector: it cannot
	decided bool   // or it took too much, or numbers are rounded too much, and nothing is known
	effort  int    // multiplications
}

const (
	// partitionSteps is more than an answer takes, some 5 to 15.
	partitionSteps = 60
	// vanished is how much less than any number that is not one is that is to be 0, and little what no number that counts is less than.
	vanished, little = 1e-4, 1e-5
	// converged is of θ: further steps tell nothing more.
	converged = 1e-16
)

// newPartition decides it by a linear program that is its own dual. With A's columns the vectors, and e all 1:
//
//	min θ  with  A·z = θ·A·e,  s = θ·e + Aᵀ·w ≥ 0,  e·s + e·z + ν = 1 + (1 + θ)·e·e  and  z, θ, ν ≥ 0.
//
// It begins in its middle, where z and s are e, w is 0 and θ is 1, and stays near it. Where θ is 0 the parts are z and the products s, and in the middle of all such points one of them is positive for each
// vector (Ye, Todd and Mizuno, An O(√nL)-iteration homogeneous and self-dual linear programming algorithm, 1994; steps are Mehrotra's, 1992). A step takes n³/3 multiplications for n published cells.
// Neither how much of a vector there is matters, nor in what it is measured, so all are scaled (D. Ruiz, A scaling algorithm to equilibrate both rows and columns norms in matrices, 2001).
func newPartition(ctx context.Context, vectors []sparse, n int) (p partition, err error) {
	s := newInterior(vectors, n)
	step := n * n * n / 3
	for i := range vectors {
		step += len(vectors[i].at) * len(vectors[i].at) / 2
	}
	for range partitionSteps {
		if err := ctx.Err(); err != nil {
			return partition{}, err
		}
		if p.alone, p.weights, p.decided = s.decide(vectors); p.decided || s.at[len(vectors)].z < converged || !s.factorize() {
			break
		}
		s.direct(0, false)
		ahead := s.gap(s.length(1))
		s.direct(math.Pow(ahead/s.gap(0), 3)*s.gap(0), true)
		s.move(s.length(0.995))
	}
	p.effort = s.factored * step
	return p, nil
}

// equilibrated are vectors times positive numbers, in units of positions such that about 1 is the most of any vector and of any position.
func equilibrated(vectors []sparse, n int) (scaled []sparse, units []float64) {
	const rounds = 8
	units = slices.Repeat([]float64{1}, n)
	for i := range vectors {
		scaled = append(scaled, sparse{vectors[i].at, slices.Clone(vectors[i].by)})
	}
	for range rounds {
		most := make([]float64, n)
		for _, v := range scaled {
			of := math.Sqrt(extreme(v.by))
			for k, p := range v.at {
				v.by[k] /= of
				most[p] = max(most[p], math.Abs(v.by[k]))
			}
		}
		for _, v := range scaled {
			for k, p := range v.at {
				v.by[k] /= math.Sqrt(most[p])
			}
		}
		for p, of := range most {
			if of > 0 {
				units[p] /= math.Sqrt(of)
			}
		}
	}
	return scaled, units
}

// interior is a point within the program's bounds, and a direction. Pairs are by vector; the last one is of θ and ν.
type interior struct {
	vectors []sparse  // equilibrated
	units   []float64 // of positions
	n       int
	w, dw   []float64
	start   []float64 // A·e
	at      []pair
	by      []pair // the direction
	matrix  []float64
	factor  factor

	factored int // how often
}

// pair are two numbers of which one has to become 0.
type pair struct{ z, s float64 }

func newInterior(vectors []sparse, n int) *interior {
	pairs := len(vectors) + 1
	vectors, units := equilibrated(vectors, n)
	s := &interior{
		vectors: vectors, units: units, n: n, w: make([]float64, n), dw: make([]float64, n), start: make([]float64, n), at: make([]pair, pairs), by: make([]pair, pairs), matrix: make([]float64, n*n),
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
		s.vectors[i].addSquare(s.matrix, s.n, s.at[i].z/s.at[i].s)
	}
	return s.nearly()
}

// nearly factorizes the matrix in hand, made a little larger, since cells may follow from others.
func (s *interior) nearly() (ok bool) {
	s.factored++
	for p := range s.n {
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

// decide says which of the vectors as they were are alone, and weights that show it, once it is clear of each pair which number is to be 0. The others are moved to the
// nearest ones with which it is, so that what they show is wrong by no more than rounding.
func (s *interior) decide(vectors []sparse) (alone []bool, weights []float64, decided bool) {
	least, most, theta := math.Inf(1), 0.0, s.at[len(vectors)]
	for _, v := range s.at {
		least, most = min(least, max(v.z, v.s)), max(most, min(v.z, v.s))
	}
	if !(least > little && most < vanished*least && theta.z < theta.s) {
		return nil, nil, false
	}
	for _, v := range s.at[:len(vectors)] {
		alone = append(alone, v.s > v.z)
	}
	weights, parts := slices.Clone(s.w), make([]float64, len(vectors))
	for i := range parts {
		if !alone[i] {
			parts[i] = s.at[i].z
		}
	}
	if !s.polish(weights, parts, alone) {
		return nil, nil, false
	}
	for p := range weights {
		weights[p] *= s.units[p]
	}
	lowest, highest, sums := math.Inf(1), 0.0, make([]float64, s.n)
	for i := range vectors {
		product := vectors[i].times(weights)
		if alone[i] {
			lowest = min(lowest, product)
			continue
		}
		highest, least = max(highest, math.Abs(product)), min(least, parts[i])
		s.vectors[i].addTo(sums, parts[i])
	}
	if !(lowest > 0 && least > 0 && highest < 1e-10*min(lowest, 1) && extreme(sums) < 1e-6*least) {
		return nil, nil, false
	}
	for p := range weights {
		weights[p] /= lowest
	}
	return alone, weights, true
}

// polish moves weights to those nearest of which the products with vectors that are not alone are 0, and parts of these to those nearest with which they add up to nothing.
func (s *interior) polish(weights, parts []float64, alone []bool) (ok bool) {
	const rounds = 3 // the matrix that is factorized is a little larger than theirs
	clear(s.matrix)
	for i := range s.vectors {
		if !alone[i] {
			s.vectors[i].addSquare(s.matrix, s.n, 1)
		}
	}
	if !s.nearly() {
		return false
	}
	for range rounds {
		off, sums := make([]float64, s.n), make([]float64, s.n)
		for i := range s.vectors {
			if !alone[i] {
				s.vectors[i].addTo(off, s.vectors[i].times(weights))
				s.vectors[i].addTo(sums, parts[i])
			}
		}
		s.factor.solve(off)
		s.factor.solve(sums)
		for p := range weights {
			weights[p] -= off[p]
		}
		for i := range parts {
			if !alone[i] {
				parts[i] -= s.vectors[i].times(sums)
			}
		}
	}
	return true
}

// addTo adds it so many times to another vector.
func (v *sparse) addTo(other []float64, times float64) {
	for i, at := range v.at {
		other[at] += times * v.by[i]
	}
}

// addSquare adds its product with itself, so many times, to the upper triangle of a matrix of n rows.
func (v *sparse) addSquare(matrix []float64, n int, times float64) {
	for k, p := range v.at {
		for m, q := range v.at[:k+1] {
			matrix[int(min(p, q))*n+int(max(p, q))] += times * v.by[k] * v.by[m]
		}
	}
}

// times is the product with another vector.
func (v *sparse) times(other []float64) (sum float64) {
	for i, at := range v.at {
		sum += v.by[i] * other[at]
	}
	return sum
}
