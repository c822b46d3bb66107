package history

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// box is between what each atom's total may change.
type box struct{ low, high []float64 }

// change is how much more each atom's total would be, and no sum would be another one; or why there is no such change.
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

// alternative looks for a change within a box that makes up for a given one of the basis's sums, such that no published sum differs. There is
// one, or there are weights that prove that there is none (Farkas). Newton's method on the box's logarithmic barrier, begun in its middle, finds one
// or the other: Boyd and Vandenberghe, Convex Optimization (2004), section 10.3.
func (w *amounts) alternative(ctx context.Context, within box, given []float64) (change, error) {
	n := len(w.basis)
	by, step := make([]float64, len(w.atoms)), make([]float64, len(w.atoms))
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
		for i := range w.atoms {
			if within.low[i] == within.high[i] {
				continue
			}
			a, slope, width := &w.atoms[i], within.slope(i, by[i]), within.width(i, by[i])
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
		if off < exactly {
			return change{found: true, by: by, steps: steps}, nil
		}
		factor, ok := factorize(mat.NewSymDense(n, hessian))
		if !ok {
			break
		}
		weights = slices.Clone(right)
		factor.solve(weights)
		low, high := dot(weights, given), dot(weights, given) // of the weighted sum, whatever changes
		length := 1.0
		for i := range w.atoms {
			if step[i] = 0; within.low[i] == within.high[i] {
				continue
			}
			pull := 0.0
			for k, q := range w.atoms[i].at {
				pull += weights[q] * w.atoms[i].by[k]
			}
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

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
