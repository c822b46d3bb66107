package adversary

import (
	"fmt"
	"math"
)

// Score is how often guesses were right, beside how often the best guess without any answer is.
type Score struct {
	Tried, Right int
	Chance       float64 // that the best guess without answers is right
}

// Add counts a guess.
func (s *Score) Add(right bool) {
	s.Tried++
	if right {
		s.Right++
	}
}

// Rate is the share of right guesses.
func (s *Score) Rate() float64 { return float64(s.Right) / float64(max(s.Tried, 1)) }

// Luck is the probability of so many right guesses, or more, without any answer.
func (s *Score) Luck() float64 {
	tail := 0.0
	for k := s.Right; k <= s.Tried; k++ {
		tail += math.Exp(choose(s.Tried, k) + float64(k)*math.Log(s.Chance) + float64(s.Tried-k)*math.Log1p(-s.Chance))
	}
	return min(tail, 1)
}

// choose is the logarithm of n over k.
func choose(n, k int) float64 {
	all, _ := math.Lgamma(float64(n) + 1)
	in, _ := math.Lgamma(float64(k) + 1)
	out, _ := math.Lgamma(float64(n-k) + 1)
	return all - in - out
}

// Suspicious reports whether there are more right guesses than luck would have in nineteen of twenty cases: a reason to try more often.
func (s *Score) Suspicious() bool { return s.Luck() < 0.05 }

// Learned reports whether luck explains so many right guesses no more than once in a thousand cases.
func (s *Score) Learned() bool { return s.Luck() < 0.001 }

// String is the score for people.
func (s *Score) String() string {
	return fmt.Sprintf("%d of %d right, %.0f %% by chance", s.Right, s.Tried, 100*s.Chance)
}
