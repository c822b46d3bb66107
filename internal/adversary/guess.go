package adversary

import (
	"errors"
	"math"
)

// Belief is what the adversary makes of a secret that has one of some values.
type Belief struct {
	Guess     int     // position of the value that it would name
	Low, High float64 // what follows for sure: of a sum its least and greatest value, of a code whether it could be, for the guess
	Mean      float64 // the best linear guess, in the column's stored units; of a code how likely it is
	Share     float64 // of the secret's variance that the answers explain
}

// Guess names the likeliest of the values that a secret may have: of those that what was seen allows, the one that is closest to the best linear
// guess; of codes, the one that is likeliest by it.
func (s *System) Guess(w Wanted, values []int64) (Belief, error) {
	column := &s.register.Dataset.Columns[s.register.Dataset.Column(w.Column)]
	if column.Codes != nil {
		return s.guessCode(w, values)
	}
	places := s.functional(w, -1, s.register.home(w.Subject))
	low, high, err := s.Interval(places)
	if errors.Is(err, ErrTooLarge) {
		low, high, err = math.Inf(-1), math.Inf(1), nil
	}
	if err != nil {
		return Belief{}, err
	}
	means, shares := s.Expect(places)
	b := Belief{Low: low, High: high, Mean: means[0], Share: shares[0]}
	best := math.Inf(1)
	for i, v := range values {
		far := math.Abs(float64(v) - means[0])
		if float64(v) < low-0.5 || float64(v) > high+0.5 {
			far += 1e12
		}
		if far < best {
			best, b.Guess = far, i
		}
	}
	return b, nil
}

func (s *System) guessCode(w Wanted, codes []int64) (Belief, error) {
	wanted := make([][]int, len(codes))
	for i, code := range codes {
		wanted[i] = s.functional(w, int32(code), s.register.home(w.Subject)) //nolint:gosec // a code
	}
	means, shares := s.Expect(wanted...)
	var b Belief
	best := math.Inf(-1)
	for i, code := range codes {
		low, high := 0.0, 1.0
		if len(wanted[i]) == 0 {
			means[i] = s.often(w, code) // nobody asked
		} else {
			l, h, _, err := s.Bounds(w, int32(code)) //nolint:gosec // a code
			if err != nil && !errors.Is(err, ErrTooLarge) {
				return Belief{}, err
			}
			if err == nil {
				low, high = l, h
			}
		}
		likely := means[i]
		if high < 1e-3 {
			likely -= 1e3
		}
		if low > 1-1e-3 {
			likely += 1e3
		}
		if likely > best {
			best = likely
			b = Belief{Guess: i, Low: low, High: high, Mean: means[i], Share: shares[i]}
		}
	}
	return b, nil
}

// often is how often a code occurs in the prior.
func (s *System) often(w Wanted, code int64) float64 {
	n, column := 0, s.register.Dataset.Column(w.Column)
	for _, values := range s.register.Prior {
		if values[column] == code {
			n++
		}
	}
	return float64(n) / float64(len(s.register.Prior))
}

// Beliefs are the best linear guesses at many sums at once, without intervals.
func (s *System) Beliefs(wanted []Wanted) []Belief {
	places := make([][]int, len(wanted))
	for i, w := range wanted {
		places[i] = s.functional(w, -1, s.register.home(w.Subject))
	}
	means, shares := s.Expect(places...)
	beliefs := make([]Belief, len(wanted))
	for i := range beliefs {
		beliefs[i] = Belief{Mean: means[i], Share: shares[i]}
	}
	return beliefs
}

// Bounds are what follows for sure of a subject's sum of a column, or, of a code, of how many of its rows have it. Asked is false if no
// question looked at the column.
func (s *System) Bounds(w Wanted, code int32) (low, high float64, asked bool, err error) {
	home := s.register.home(w.Subject)
	places := s.functional(w, code, home)
	if len(places) == 0 {
		return 0, 0, false, nil
	}
	low, high, err = s.Interval(places)
	if err == nil && s.register.Dataset.Columns[s.register.Dataset.Column(w.Column)].Codes != nil {
		if low = 0; len(s.certainly(w, code, home)) > 0 {
			low, _, err = s.Interval(s.certainly(w, code, home))
		}
	}
	return low, high, true, err
}
