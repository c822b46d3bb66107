package history

import (
	"cmp"
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// subject is what the sums tell of a subject.
type subject struct {
	person int32
	most   float64 // the largest eigenvalue of its block B, or more
	told   float64 // q = 1'B(I−B)⁻¹1: others' squared changes, in shares of their amounts, that make up for the subject's being twice as large
}

// suspect is a subject for whom squares alone do not show that there are examples.
type suspect struct {
	subject
	alone  bool    // whoever asks
	rivals []int32 // otherwise if these ask
}

// room is up to which largest eigenvalue of another subject's block squares show an example for this one if that one asks; −1 if they show none
// whoever asks.
func (j *estimation) room(s subject) float64 {
	if spent := j.margin * j.margin * s.told; spent < 1 {
		return (1 - s.most) * (1 - spent)
	}
	return -1
}

// suspects are those for whom the example of least squares has somebody's amounts change by more than they are.
func (j *estimation) suspects(ctx context.Context) ([]suspect, error) {
	// Who has room for everybody is nobody to look at. How much that has to be shows on the way: mostly less than this, and one look is enough.
	const enough = 0.95
	largest, seen := j.which(func(s subject) bool { return j.room(s) < enough })
	tight := slices.DeleteFunc(slices.Clone(seen), func(s subject) bool { return j.room(s) >= largest })
	if largest > enough {
		_, tight = j.which(func(s subject) bool { return j.room(s) < largest })
	}
	if len(tight) == 0 {
		return nil, ctx.Err()
	}
	least := largest
	for _, s := range tight {
		if room := j.room(s); room >= 0 {
			least = min(least, room)
		}
	}
	others := slices.DeleteFunc(seen, func(s subject) bool { return s.most <= least })
	if least < 1-enough {
		_, others = j.which(func(s subject) bool { return s.most > least })
	}
	slices.SortFunc(others, func(a, b subject) int { return cmp.Or(-cmp.Compare(a.most, b.most), cmp.Compare(a.person, b.person)) })
	for _, s := range others {
		if s.most < 0.5 {
			break // those have few units, or are compared with few
		}
		j.prepare(s.person)
	}
	parts := inParts(0, len(tight), func(from, to int32) (found []suspect) {
		own, other := j.units(), j.units()
		for i := from; i < to && ctx.Err() == nil; i++ {
			s := suspect{subject: tight[i], alone: j.room(tight[i]) < 0}
			if !s.alone {
				s.rivals = j.rivals(&s.subject, own.of(s.person), others, other)
			}
			if s.alone || len(s.rivals) > 0 {
				found = append(found, s)
			}
		}
		return found
	})
	return slices.Concat(parts...), ctx.Err()
}

// which are the subjects of whom something holds, and what is the largest eigenvalue of anybody's block, or more. What holds of a subject has to hold of one of
// whom the sums tell more.
func (j *estimation) which(holds func(subject) bool) (largest float64, found []subject) {
	type seen struct {
		largest float64
		found   []subject
	}
	for _, part := range inParts(0, j.people.count, func(from, to int32) (of seen) {
		read := j.units()
		for person := from; person < to; person++ {
			units := read.of(person)
			if most := read.atMost(units); most <= of.largest && !holds(subject{person, most, most / (1 - most)}) {
				continue // nearly everybody
			}
			s := read.subject(j.margin, person, units)
			if of.largest = max(of.largest, s.most); s.most > 0 && holds(s) {
				of.found = append(of.found, s)
			}
		}
		return of
	}) {
		largest, found = max(largest, part.largest), append(found, part.found...)
	}
	return largest, found
}

// atMost is what a block of units has no eigenvalue above, nor the sum of its elements; infinite if that is not below 1.
func (r *units) atMost(units []unit) float64 {
	if r.pairs == nil {
		return math.Inf(1)
	}
	sum := 0.0
	for i := range units {
		sum += math.Abs(units[i].amount) * r.pairs.root(units[i].kinds)
	}
	if sum < 1 {
		return sum * sum
	}
	return math.Inf(1)
}

// subject is what the sums tell of a person, whose units these are.
func (r *units) subject(margin float64, person int32, units []unit) subject {
	s := subject{person: person}
	if len(units) == 1 {
		s.most = min(r.itself(&units[0]), 1)
		s.told = s.most / (1 - s.most)
		return s
	}
	trace, all := 0.0, 0.0
	for i := range units {
		sum := 0.0
		for k := range units {
			product := r.between(&units[i], &units[k])
			sum, all = sum+math.Abs(product), all+product
			if i == k {
				trace += product
			}
		}
		s.most = max(s.most, sum)
	}
	s.most = min(s.most, trace, 1)
	// That is no less than what is told, and mostly too little to matter.
	if s.told = all / (1 - s.most); margin*margin*s.told > 0.1 || s.most == 1 {
		s.told = odds(r.block(units, units), nil)
	}
	return s
}

// odds is c'B(I−B)⁻¹c; c is all 1 if it is nil. It is infinite where B has an eigenvalue of 1.
func odds(b *mat.Dense, c []float64) float64 {
	n, _ := b.Dims()
	if n == 1 && b.At(0, 0) < 1-1e-9 {
		h := b.At(0, 0) / (1 - b.At(0, 0))
		if c != nil {
			h *= c[0] * c[0]
		}
		return h
	}
	if c == nil {
		c = slices.Repeat([]float64{1}, n)
	}
	of := mat.NewVecDense(n, c)
	var told, solved mat.VecDense
	told.MulVec(b, of)
	if solved.SolveVec(rest(b), &told) != nil {
		return math.Inf(1)
	}
	if q := mat.Dot(of, &solved); q >= 0 {
		return q
	}
	return math.Inf(1)
}

// rest is I − B.
func rest(b *mat.Dense) *mat.Dense {
	n, _ := b.Dims()
	r := mat.NewDense(n, n, nil)
	r.Scale(-1, b)
	for i := range n {
		r.Set(i, i, 1+r.At(i, i))
	}
	return r
}

// rivals are the subjects, most told of first, who may be able to estimate one.
func (j *estimation) rivals(s *subject, own []unit, all []subject, read *units) (rivals []int32) {
	room, n := j.room(*s), float64(len(own))
	for i := range all {
		o := &all[i]
		if o.most <= room {
			break
		}
		if o.person == s.person {
			continue
		}
		others, cross := read.of(o.person), 0.0
		for i := range own {
			for k := range others {
				c := j.between(&own[i], &others[k])
				cross += c * c
			}
		}
		// Without the other one nothing is told of this one by more than a factor that shows at once if it is small.
		if left := 1 - s.most - cross/max(1-o.most, 1e-12); left > 0 && j.margin*j.margin*((s.told+n)*(1-s.most)/left-n) < 1 {
			continue
		}
		if j.margin*j.margin*odds(j.without(own, others, j.taken[o.person]), nil) >= 1 {
			rivals = append(rivals, o.person)
		}
	}
	return rivals
}

// prepare remembers what it takes to take a person's units out of the matrix.
func (j *estimation) prepare(person int32) {
	units := j.units().own(person)
	if len(units) < 2 {
		return
	}
	if j.taken == nil {
		j.taken = map[int32]*mat.LU{}
	}
	j.taken[person] = j.takeOut(units)
}

func (j *estimation) takeOut(units []unit) *mat.LU {
	var factor mat.LU
	factor.Factorize(rest(j.block(units, units)))
	return &factor
}

// without is the block of some units once others are taken out of the matrix; taken is [estimation.takeOut] of these, or nil.
func (j *estimation) without(units, others []unit, taken *mat.LU) *mat.Dense {
	b := j.block(units, units)
	if len(others) == 0 {
		return b
	}
	if taken == nil {
		taken = j.takeOut(others)
	}
	cross := j.block(units, others)
	var solved, more mat.Dense
	if taken.SolveTo(&solved, false, cross.T()) != nil {
		n := len(units) // nothing is left once they are out
		return mat.NewDense(n, n, slices.Repeat([]float64{1}, n*n))
	}
	more.Mul(cross, &solved)
	b.Add(b, &more)
	return b
}
