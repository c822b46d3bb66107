package adversary

import (
	"errors"
	"maps"
	"math"
	"slices"
)

// ErrTooLarge says that a system has more quantities than linear programming is tried on, or that rounding kept it from an end.
var ErrTooLarge = errors.New("the system is too large for a linear program")

// MaxQuantities is up to how many quantities linear programs are solved: it takes seconds then.
const MaxQuantities = 600

// inequality is that a sum of variables with factors is between low and high. Variables are not negative.
type inequality struct {
	variables []int
	factors   []float64
	low, high float64
}

// slack is how far an equation may be off: it keeps the program feasible in spite of floating point.
const slack = 1e-7

// program is the system as a linear program. A count is a variable; a sum of a column is low·count + (span)·variable, so that variables are of
// the size of counts.
type program struct {
	*simplex
	system *System
	lows   []float64 // of columns
	spans  []float64
}

func (s *System) program() *program {
	p := &program{system: s}
	var rows []inequality
	limits, least := make([]float64, len(s.atoms)*s.width), make([]float64, len(s.atoms)*s.width)
	for c := range s.columns {
		low, high := math.Inf(1), math.Inf(-1)
		for _, b := range s.beliefs {
			low, high = min(low, slices.Min(b.low[c])), max(high, slices.Max(b.high[c]))
		}
		p.lows, p.spans = append(p.lows, low), append(p.spans, max(high-low, 1e-9))
	}
	for a := range s.atoms {
		n, b := float64(s.atoms[a].rows), &s.beliefs[s.atoms[a].kind]
		var whole []int
		for q := range s.parts {
			count := s.place(a, q, -1)
			limits[count] = n
			if b.mean[q*(1+len(s.columns))] == 0 {
				limits[count] = 0 // nobody of that kind
			}
			if len(s.parts) == 1 {
				least[count] = n
			}
			whole = append(whole, count)
			for c := range s.columns {
				v := s.place(a, q, c)
				low, high := (b.low[c][q]-p.lows[c])/p.spans[c], (b.high[c][q]-p.lows[c])/p.spans[c]
				limits[v] = n * high
				if len(s.parts) == 1 {
					least[v] = n * low
					continue
				}
				rows = append(rows, inequality{[]int{v, count}, []float64{1, -low}, 0, math.Inf(1)},
					inequality{[]int{v, count}, []float64{1, -high}, math.Inf(-1), 0})
			}
		}
		if len(s.parts) > 1 {
			rows = append(rows, inequality{whole, ones(len(whole)), n, n})
		}
	}
	for _, f := range slices.Concat(s.facts, s.floors) {
		row, scale := p.sum(f.terms, f.minus)
		row.low, row.high = f.low/scale-slack, f.high/scale+slack
		rows = append(rows, row)
	}
	p.simplex = newSimplex(least, limits, rows)
	return p
}

func ones(n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = 1
	}
	return all
}

// sum writes a sum of quantities, less others, over variables, divided by scale.
func (p *program) sum(places, minus []int) (row inequality, scale float64) {
	factors := map[int]float64{}
	scale = 1
	width := 1 + len(p.system.columns)
	for _, at := range slices.Concat(places, minus) {
		if c := at%width - 1; c >= 0 {
			scale = max(scale, p.spans[c])
		}
	}
	for i, at := range slices.Concat(places, minus) {
		sign := 1 / scale
		if i >= len(places) {
			sign = -sign
		}
		c := at%width - 1
		if c < 0 {
			factors[at] += sign
			continue
		}
		factors[at] += sign * p.spans[c]
		factors[at-c-1] += sign * p.lows[c]
	}
	for _, at := range slices.Sorted(maps.Keys(factors)) {
		if f := factors[at]; f != 0 {
			row.variables, row.factors = append(row.variables, at), append(row.factors, f)
		}
	}
	return row, scale
}

// Interval bounds a sum of quantities: whatever protected values agree with everything that was seen and with the prior's least and greatest
// values, the sum is in it.
func (s *System) Interval(places []int) (low, high float64, err error) {
	if len(s.atoms)*s.width > MaxQuantities {
		return 0, 0, ErrTooLarge
	}
	if s.solver == nil {
		s.solver = s.program()
	}
	row, scale := s.solver.sum(places, nil)
	cost := map[int]float64{}
	for i, v := range row.variables {
		cost[v] += row.factors[i]
	}
	least, err := s.solver.minimise(cost)
	if err != nil {
		return 0, 0, err
	}
	for v := range cost {
		cost[v] = -cost[v]
	}
	most, err := s.solver.minimise(cost)
	return least * scale, -most * scale, err
}

// Closest are values of some sums that agree with everything that was seen, and of those the ones that agree best with guesses at them: LP decoding,
// for secrets that are 0 or 1. A sum whose guess is above one half is made as large as it can be together with the others, any other as small.
func (s *System) Closest(wanted []Wanted, guesses []float64) ([]float64, error) {
	if len(s.atoms)*s.width > MaxQuantities {
		return nil, ErrTooLarge
	}
	if s.solver == nil {
		s.solver = s.program()
	}
	cost, rows := map[int]float64{}, make([]inequality, len(wanted))
	scales := make([]float64, len(wanted))
	for i, w := range wanted {
		rows[i], scales[i] = s.solver.sum(s.functional(w, -1, s.register.home(w.Subject)), nil)
		for j, v := range rows[i].variables {
			cost[v] += rows[i].factors[j] * (1 - 2*guesses[i])
		}
	}
	if _, err := s.solver.minimise(cost); err != nil {
		return nil, err
	}
	values := make([]float64, len(wanted))
	for i, row := range rows {
		for j, v := range row.variables {
			values[i] += row.factors[j] * s.solver.value[v] * scales[i]
		}
	}
	return values, nil
}
