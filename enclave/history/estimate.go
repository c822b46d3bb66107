package history

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/mat"
)

// Estimates is whose amounts the published sums of a column give away, all releases together.
type Estimates struct {
	Rank     int // cells of the basis
	Suspects int // subjects for whom an example had to be looked for
	Searches int // for examples
	// Estimable are the subjects whom somebody could estimate within the margin, as far as the table tells more of it than was known; counted
	// are also those of whom that could not be ruled out, of which there are Undecided.
	Estimable, Undecided int
	// Suppressed are cells of the table without which they might not be, ascending.
	Suppressed []int32
}

// Estimates judges the sums of a column by the p % rule, all releases and the result's table together: nobody, who knows its own amounts, can estimate
// somebody else's within so many percent. It is so if for each subject, and each other one who may be asking, there is an example, other amounts of
// everybody that give the same sums, in which the subject's are all so many percent larger (and then one in which they are all smaller),
// the other one's are what they are, and nobody else's changes its sign or more than doubles. README.md says how such examples are found. Of
// a history of more than [MaxLeverageRank] cells the latest releases are looked at.
func (r *Result) Estimates(ctx context.Context, column *Column, percent int64) (*Estimates, error) {
	found := &Estimates{}
	if percent <= 0 {
		return found, ctx.Err()
	}
	sums := r.all.only(func(p int) bool { return column.Of[r.all.cells[p].release] }).latest(MaxLeverageRank)
	last := len(column.Of) - 1
	weighed, err := newAmounts(sums, column.Values)
	if err != nil || weighed == nil {
		return found, errors.Join(err, ctx.Err())
	}
	j := &estimation{amounts: weighed, margin: float64(percent) / 100, found: found}
	found.Rank = len(j.basis)
	suspects, err := j.suspects(ctx)
	if err != nil {
		return nil, err
	}
	found.Suspects = len(suspects)
	// What could be estimated without the table is out.
	j.before = sync.OnceValues(func() (*estimation, error) {
		old, err := newAmounts(sums.only(func(p int) bool { return sums.cells[p].release < last }), column.Values)
		return &estimation{amounts: old, margin: j.margin, found: &Estimates{}}, err
	})
	for _, s := range suspects {
		why, err := j.estimable(ctx, &s)
		if err != nil {
			return nil, err
		}
		if why == nil {
			continue
		}
		found.Estimable++
		if !why.proven {
			found.Undecided++
		}
		if cell := j.cheapest(j.telling(why.weights)); cell >= 0 {
			found.Suppressed = append(found.Suppressed, cell)
		}
	}
	slices.Sort(found.Suppressed)
	found.Suppressed = slices.Compact(found.Suppressed)
	return found, nil
}

// estimation is a search for somebody whose amounts could be estimated.
type estimation struct {
	*amounts
	margin float64 // p, as a share
	found  *Estimates
	taken  map[int32]*mat.LU           // of subjects that many are compared with
	effort int                         // multiplications so far
	before func() (*estimation, error) // the same without the table
}

const (
	// maxRivals is of how many others it is looked at one by one whether they could estimate somebody.
	maxRivals = 64
	// maxEffort is how many multiplications searches for examples may take over one table, some tens of seconds; it is the same on every machine.
	maxEffort = 2e11
)

// estimable reports why somebody could be estimated who could not before; nil if not.
func (j *estimation) estimable(ctx context.Context, s *suspect) (*change, error) {
	rivals := s.rivals
	if s.alone {
		// One with something to spare serves for most of those who could ask.
		for _, spare := range []float64{0.1, 0} {
			c, err := j.example(ctx, s.person, nobody, 1-spare)
			if err != nil {
				return nil, err
			}
			if c.found {
				if rivals = j.concerned(s.person, c.by, spare); len(rivals) <= maxRivals {
					break
				}
			} else if spare == 0 {
				return j.news(ctx, &c, s.person, nobody)
			}
		}
	}
	for i, rival := range rivals {
		if i == maxRivals {
			return &change{weights: j.about(s.person)}, nil
		}
		c, err := j.example(ctx, s.person, rival, 1)
		if err != nil {
			return nil, err
		}
		if c.found {
			continue
		}
		if why, err := j.news(ctx, &c, s.person, rival); why != nil || err != nil {
			return why, err
		}
	}
	return nil, nil
}

// news is why there is no example, unless there was none without the table.
func (j *estimation) news(ctx context.Context, why *change, person, rival int32) (*change, error) {
	before, err := j.before()
	if err != nil {
		return nil, err
	}
	known, err := before.example(ctx, person, rival, 1)
	if err != nil || !known.found {
		return nil, err
	}
	if why.weights == nil {
		why.weights = j.about(person)
	}
	return why, nil
}

// about are the weights of the sum that tells most of a person.
func (j *estimation) about(person int32) []float64 {
	sum := mat.NewVecDense(len(j.basis), nil)
	for _, u := range j.units().own(person) {
		j.addTo(sum.RawVector().Data, &u, 1)
	}
	var weights mat.VecDense
	weights.MulVec(j.inverse, sum)
	return weights.RawVector().Data
}

// example looks for other amounts with the same sums, in which a person's are all larger by the margin, a rival's the same, and nobody else's differ by more
// than this share.
func (j *estimation) example(ctx context.Context, person, rival int32, share float64) (change, error) {
	if j.amounts == nil {
		return change{found: true}, nil // nothing is published
	}
	j.gather()
	j.found.Searches++
	read, n := j.units(), len(j.basis)
	own, asking := read.own(person), read.own(rival)
	given := make([]float64, n)
	for i := range own {
		j.addTo(given, &own[i], j.margin)
	}
	held := slices.Concat(own, asking)
	within := j.around(held, share)
	c := j.leastSquares(held, given, within)
	if !c.found && j.effort <= maxEffort {
		var err error
		if c, err = j.alternative(ctx, within, given); err != nil {
			return c, err
		}
		j.effort += c.steps * (n*n*n/3 + 64*len(j.atoms))
	}
	for i := range c.by { // from amounts to shares of those that change
		if within.high[i] > 0 {
			c.by[i] *= share / within.high[i]
		}
	}
	return c, nil
}

// around is by how much each atom may change, of whose units some are held, and the others change by no more than this share.
func (j *estimation) around(held []unit, share float64) box {
	within := box{make([]float64, len(j.atoms)), make([]float64, len(j.atoms))}
	for i := range j.atoms {
		within.high[i] = share * j.atoms[i].capacity
	}
	for i := range held {
		within.high[j.at(&held[i])] -= share * math.Abs(held[i].amount)
	}
	for i, most := range within.high {
		if most < exactly*j.atoms[i].capacity {
			within.high[i] = 0 // but for rounding
		}
		within.low[i] = -within.high[i]
	}
	return within
}

// leastSquares is the change with the least squares, in shares of the amounts, that makes up for a given one while some units are held, if it is within the
// box: that costs a small part of looking for another one.
func (j *estimation) leastSquares(held []unit, given []float64, within box) change {
	n, k := len(j.basis), len(held)
	columns := mat.NewDense(n, max(k, 1), nil)
	squares := make([]float64, len(j.atoms))
	for i := range j.atoms {
		squares[i] = j.atoms[i].squares
	}
	for i := range held {
		column := make([]float64, n)
		j.addTo(column, &held[i], 1)
		columns.SetCol(i, column)
		squares[j.at(&held[i])] -= held[i].amount * held[i].amount
	}
	// The inverse of what is left of the matrix without them, times the given change (Sherman, Morrison and Woodbury).
	var images, known, solved mat.Dense
	images.Mul(j.inverse, columns)
	var weights, at, more mat.VecDense
	weights.MulVec(j.inverse, mat.NewVecDense(n, given))
	at.MulVec(columns.T(), &weights)
	known.Mul(columns.T(), &images)
	if solved.Solve(rest(&known), &at) != nil {
		return change{}
	}
	more.MulVec(&images, solved.ColView(0))
	weights.AddVec(&weights, &more)
	left, by := slices.Clone(given), make([]float64, len(j.atoms))
	for i := range j.atoms {
		pull := 0.0
		for m, p := range j.atoms[i].at {
			pull += j.atoms[i].by[m] * weights.AtVec(int(p))
		}
		if within.high[i] > 0 {
			by[i] = -squares[i] * pull
		}
		if math.Abs(by[i]) > within.high[i] {
			return change{}
		}
		for m, p := range j.atoms[i].at {
			left[p] += by[i] * j.atoms[i].by[m]
		}
	}
	for _, off := range left {
		if math.Abs(off) > exactly {
			return change{}
		}
	}
	return change{found: true, by: by}
}

// concerned are those who would notice too much of an example: what they have must not change if they ask, and others have no more than so much to
// spare to make up for it.
func (j *estimation) concerned(person int32, by []float64, spare float64) (rivals []int32) {
	own := j.units().own(person)
	taken := j.takeOut(own)
	return slices.Concat(inParts(0, j.people.count, func(from, to int32) (rivals []int32) {
		read := j.units()
		for other := from; other < to; other++ {
			units := read.of(other)
			if other == person || len(units) == 0 {
				continue
			}
			changes, sum := make([]float64, len(units)), 0.0
			for i := range units {
				changes[i] = by[j.at(&units[i])]
				sum += math.Abs(changes[i])
			}
			if sum > 0 && odds(j.without(units, own, taken), changes) > spare*spare {
				rivals = append(rivals, other)
			}
		}
		return rivals
	})...)
}
