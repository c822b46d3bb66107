package history

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// box is between what each vector may be multiplied by: of an atom, what its total may change by.
type box struct{ low, high []float64 }

// change is what each vector is multiplied by, for atoms how much more their total would be, and no sum would be another one; or why there is no such change.
type change struct {
	found bool
	by    []float64 // by atom, within the box
	// Otherwise these are weights of the basis's cells: of a sum for which no change in the box makes up for the given one if proven is set, of
	// the last that was tried if not.
	weights []float64
	proven  bool
	steps   int // of Newton's method
}

const (
	// newtonSteps is more than an answer takes, some 5 to 15, one way or the other.
	newtonSteps = 40
	// exactly is how far off, as a share of a cell's length, a sum may be to count as the same.
	exactly = 1e-6
)

// alternative looks for a change within a box that makes up for a given one of the basis's sums, such that no published sum differs.
func (w *amounts) alternative(ctx context.Context, within box, given []float64) (change, error) {
	return balance(ctx, len(w.atoms), func(i int) *sparse { return &w.atoms[i].sparse }, within, given, exactly)
}

// balance looks for multiples of some vectors, within a box, that add up to less than so much together with a given one. There are
// some, or there are weights that prove that there are none (Farkas). Newton's method on the box's logarithmic barrier, begun in its middle, finds one
// or the other: Boyd and Vandenberghe, Convex Optimization (2004), section 10.3.
func balance(ctx context.Context, count int, vector func(int) *sparse, within box, given []float64, enough float64) (change, error) {
	n := len(given)
	by, step := make([]float64, count), make([]float64, count)
	for i := range by {
		by[i] = (within.low[i] + within.high[i]) / 2
	}
	hessian, right := make([]float64, n*n), make([]float64, n)
	var weights []float64
	for steps := 1; steps <= newtonSteps; steps++ {
		if err := ctx.Err(); err != nil {
			return change{}, err
		}
		rest := slices.Clone(given)
		clear(hessian)
		clear(right)
		for i := range by {
			if within.low[i] == within.high[i] {
				continue
			}
			a, slope, width := vector(i), within.slope(i, by[i]), within.width(i, by[i])
			for k, q := range a.at {
				rest[q] += by[i] * a.by[k]
				right[q] -= width * slope * a.by[k]
				for m, o := range a.at[:k+1] {
					hessian[int(min(q, o))*n+int(max(q, o))] += width * a.by[k] * a.by[m]
				}
			}
		}
		off := 0.0
		for i, v := range rest {
			right[i] += v
			off = max(off, math.Abs(v))
			hessian[i*n+i] = hessian[i*n+i]*(1+1e-12) + 1e-300 // keeps it positive in spite of rounding
		}
		if off < enough {
			return change{found: true, by: by, steps: steps}, nil
		}
		var factor mat.Cholesky
		var solved mat.VecDense
		if !factor.Factorize(mat.NewSymDense(n, hessian)) {
			break
		}
		_ = factor.SolveVecTo(&solved, mat.NewVecDense(n, right)) // what it complains of shows in what remains off
		weights = solved.RawVector().Data
		low, high := dot(weights, given), dot(weights, given) // of the weighted sum, whatever changes
		length := 1.0
		for i := range by {
			if step[i] = 0; within.low[i] == within.high[i] {
				continue
			}
			pull := vector(i).times(weights)
			low, high = low+min(pull*within.low[i], pull*within.high[i]), high+max(pull*within.low[i], pull*within.high[i])
			step[i] = -(within.slope(i, by[i]) + pull) * within.width(i, by[i])
			switch next := by[i] + step[i]; {
			case next >= within.high[i]:
				length = min(length, 0.95*(within.high[i]-by[i])/step[i])
			case next <= within.low[i]:
				length = min(length, 0.95*(within.low[i]-by[i])/step[i])
			}
		}
		if margin := 1e-7 * math.Abs(dot(weights, given)); low > margin || high < -margin {
			return change{weights: weights, proven: true, steps: steps}, nil
		}
		for i := range by {
			by[i] += length * step[i]
		}
	}
	return change{weights: weights, steps: newtonSteps}, nil
}

// slope is the barrier's first derivative for an atom, width the inverse of its second.
func (b box) slope(atom int, at float64) float64 {
	return 1/(b.high[atom]-at) - 1/(at-b.low[atom])
}

func (b box) width(atom int, at float64) float64 {
	up, down := 1/(b.high[atom]-at), 1/(at-b.low[atom])
	return 1 / (up*up + down*down)
}

// times is the product with another vector.
func (v *sparse) times(other []float64) (sum float64) {
	for i, at := range v.at {
		sum += v.by[i] * other[at]
	}
	return sum
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
