package adversary

import (
	"fmt"
	"math"
)

// errStuck says that a linear program did not come to an end, or has no solution.
var errStuck = fmt.Errorf("%w: it did not come to an end", ErrTooLarge)

// simplex minimises linear functions over variables between bounds, under equations. It is the primal simplex method for bounded variables with a
// dense tableau, from the basis of the equations' own variables; after a minimum it goes on from there for the next. (The one of gonum knows
// no bounds: each becomes an equation, which makes programs like ours ten times as large, and it gives up where equations depend on each other.)
type simplex struct {
	low, high []float64 // of variables
	value     []float64 // likewise
	basic     []int     // by row: the variable that it determines
	row       []int     // by variable: the row, or -1
	table     [][]float64
	feasible  bool
}

const (
	tiny    = 1e-9 // of reduced costs
	pivotal = 1e-7 // of pivots
	near    = 1e-7 // of bounds
	turns   = 20_000
)

// newSimplex takes variables with finite bounds, and inequalities between sums of them.
func newSimplex(low, high []float64, rows []inequality) *simplex {
	n := len(low)
	s := &simplex{low: append([]float64{}, low...), high: append([]float64{}, high...)}
	for range n {
		s.row = append(s.row, -1)
	}
	s.value = append(s.value, low...)
	for i, r := range rows { // a variable of its own: the sum
		s.low, s.high = append(s.low, r.low), append(s.high, r.high)
		s.row = append(s.row, i)
		s.basic = append(s.basic, n+i)
		line, sum := make([]float64, n+len(rows)), 0.0
		for j, v := range r.variables {
			line[v] += r.factors[j]
			sum += r.factors[j] * s.value[v]
		}
		s.table = append(s.table, line) // of what is not basic: basic = Σ line · variable
		s.value = append(s.value, sum)
	}
	return s
}

// minimise returns the least value of a sum of variables with these costs.
func (s *simplex) minimise(cost map[int]float64) (float64, error) {
	if !s.feasible {
		if err := s.run(s.infeasibility); err != nil {
			return 0, err
		}
		for _, v := range s.basic {
			if s.value[v] < s.low[v]-1e-5 || s.value[v] > s.high[v]+1e-5 {
				return 0, errStuck
			}
		}
		s.feasible = true
	}
	if err := s.run(func(v int) float64 { return cost[v] }); err != nil {
		return 0, err
	}
	sum := 0.0
	for v, c := range cost {
		sum += c * s.value[v]
	}
	return sum, nil
}

// infeasibility is the price of a variable while bounds are broken: it shall come down if it is too high, and up if it is too low.
func (s *simplex) infeasibility(v int) float64 {
	switch {
	case s.value[v] < s.low[v]-near:
		return -1
	case s.value[v] > s.high[v]+near:
		return 1
	}
	return 0
}

// run moves along edges until no variable that is not basic would make things cheaper.
func (s *simplex) run(price func(v int) float64) error {
	reduced := make([]float64, len(s.low))
	still := 0 // turns without progress: then the first is taken and not the steepest, which cannot go in circles
	for range turns {
		clear(reduced)
		for v := range s.low {
			if s.row[v] < 0 {
				reduced[v] = price(v)
			}
		}
		for i, b := range s.basic {
			if p := price(b); p != 0 {
				for v, t := range s.table[i] {
					if t != 0 {
						reduced[v] += p * t
					}
				}
			}
		}
		enter, best := -1, tiny
		for v, d := range reduced {
			if s.row[v] >= 0 || s.high[v]-s.low[v] < tiny && !math.IsInf(s.low[v], 0) {
				continue
			}
			if d < 0 && s.value[v] < s.high[v]-tiny || d > 0 && s.value[v] > s.low[v]+tiny {
				if size := math.Abs(d); size > best {
					enter, best = v, size
					if still > 30 {
						break
					}
				}
			}
		}
		if enter < 0 {
			return nil
		}
		direction := 1.0
		if reduced[enter] > 0 {
			direction = -1
		}
		step, leave, at := s.ratio(enter, direction, still > 30)
		if math.IsInf(step, 1) {
			return errStuck // unbounded, which nothing is here
		}
		if step > near {
			still = 0
		} else {
			still++
		}
		s.move(enter, direction*step)
		if leave >= 0 {
			s.value[s.basic[leave]] = at
			s.pivot(leave, enter)
		}
	}
	return errStuck
}

// ratio is how far a variable may go until it or a basic one comes to a bound, and which row that is (-1 for itself) and the bound. Of the basic
// ones that come to a bound about there, it is the one with the largest pivot (Harris 1973), for exactness; or the first, if there was no progress for
// long, since that does not go in circles.
func (s *simplex) ratio(enter int, direction float64, first bool) (step float64, leave int, at float64) {
	own := s.value[enter] - s.low[enter]
	if direction > 0 {
		own = s.high[enter] - s.value[enter]
	}
	reach := math.Inf(1)
	for i := range s.basic {
		if bound, rate := s.bound(i, enter, direction); rate != 0 {
			reach = min(reach, max((bound-s.value[s.basic[i]])/rate, 0)+near/math.Abs(rate))
		}
	}
	if own <= reach {
		return own, -1, 0
	}
	leave = -1
	best := 0.0
	for i, b := range s.basic {
		bound, rate := s.bound(i, enter, direction)
		if rate == 0 {
			continue
		}
		t := max((bound-s.value[b])/rate, 0)
		if t > reach {
			continue
		}
		if leave < 0 || !first && math.Abs(rate) > best || first && b < s.basic[leave] {
			step, leave, at, best = t, i, bound, math.Abs(rate)
		}
	}
	if leave < 0 {
		return own, -1, 0
	}
	return step, leave, at
}

// bound is what stops a row's variable if another moves, and how fast it comes there; 0 if nothing stops it.
func (s *simplex) bound(row, enter int, direction float64) (bound, rate float64) {
	rate = s.table[row][enter] * direction
	b := s.basic[row]
	v, low, high := s.value[b], s.low[b], s.high[b]
	switch {
	case math.Abs(rate) < pivotal:
		return 0, 0
	case rate > 0 && v < low-near:
		bound = low
	case rate > 0:
		bound = high
		if v > high+near {
			return 0, 0
		}
	case v > high+near:
		bound = high
	default:
		bound = low
		if v < low-near {
			return 0, 0
		}
	}
	if math.IsInf(bound, 0) {
		return 0, 0
	}
	return bound, rate
}

// move changes a variable and the basic ones with it.
func (s *simplex) move(v int, by float64) {
	s.value[v] += by
	for i, b := range s.basic {
		if t := s.table[i][v]; t != 0 {
			s.value[b] += t * by
		}
	}
}

// pivot makes a variable basic in place of a row's.
func (s *simplex) pivot(leave, enter int) {
	out, line := s.basic[leave], s.table[leave]
	factor := line[enter]
	// out = factor·enter + rest, so enter = out/factor − rest/factor
	for v := range line {
		line[v] = -line[v] / factor
	}
	line[enter], line[out] = 0, 1/factor
	for i, other := range s.table {
		t := other[enter]
		if i == leave || t == 0 {
			continue
		}
		other[enter] = 0
		for v, l := range line {
			if l != 0 {
				other[v] += t * l
				if math.Abs(other[v]) < 1e-12 {
					other[v] = 0
				}
			}
		}
	}
	s.basic[leave], s.row[enter], s.row[out] = enter, leave, -1
}
