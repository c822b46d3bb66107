package history

import (
	"context"
	"math"

	"github.com/darkroom-project/darkroom/enclave"
)

// MaxLeverageRank is the largest rank for which leverage is computed: it takes rank³ multiplications and 8·rank² bytes.
const MaxLeverageRank = 6000

// Leverage is how much of single rows and subjects the releases determine together (step 8). The leverage of a row, between 0 and 1, is
// h = mᵀ(MMᵀ)⁻¹m for its column m: the share of the row's own value in the best linear guess at it. It is 1 exactly when the value
// follows, and all rows together have as much as the rank. For a subject it is the largest eigenvalue of the block of its rows,
// for which the sum over the rows, but no more than 1, stands here as an upper bound.
type Leverage struct {
	Rank     int
	Subjects int     // who are in a published cell
	Row      float64 // the largest of a row; for Subjects audits the same as Subject
	Subject  float64 // the largest bound of a subject
	Sum      float64 // over everyone: equal to Rank, but for rounding
	Share    float64 // the largest mean of the bounds in the population of any release: those with a row in it
	Over     int     // subjects whose bound is above the limit
	Limit    float64
}

type mean struct{ sum, count float64 }

// LeverageLimit is the leverage at which somebody who knows nothing else guesses a binary secret right with this probability, 0.5 to
// below 1: h with Φ(√(h/(1−h))) = guess.
func LeverageLimit(guess float64) float64 {
	z := math.Sqrt2 * math.Erfinv(2*guess-1)
	return z * z / (1 + z*z)
}

// Within reports whether the budget for a tolerated guess holds: nobody is above the limit, and the mean is at most share, both of
// everyone, where it is the rank by subject, and of each release's population.
func (l *Leverage) Within(share float64) bool {
	return l.Over == 0 && l.Share <= share && float64(l.Rank) <= share*float64(l.Subjects)
}

// Leverage computes it for the history together with the result's table as it may be published. It takes time: see README.md. It
// fails with HISTORY_RANK where the rank is above MaxLeverageRank; budgets end such histories before.
func (r *Result) Leverage(ctx context.Context, guess float64) (*Leverage, error) {
	m := r.search.matrix
	if len(m.cells) > MaxLeverageRank {
		return nil, enclave.Fail(enclave.Limit, "HISTORY_RANK")
	}
	if !(guess >= 0.5 && guess < 1) {
		return nil, enclave.Internalf("history: a tolerated guess of %g", guess)
	}
	inverse := m.gram()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !inverse.invert() {
		return nil, enclave.Internalf("history: leverage is beyond floating point")
	}
	l := &Leverage{Rank: len(m.cells), Limit: LeverageLimit(guess)}
	read, means := m.reader(), make([]mean, len(m.releases))
	for person := range int32(m.people.count) { //nolint:gosec // fewer than rows
		sum, counted := 0.0, false
		read.columns(person, func(positions []int32) {
			h := 0.0
			for i, p := range positions {
				for _, q := range positions[:i] {
					h += 2 * inverse[max(p, q)][min(p, q)]
				}
				h += inverse[p][p]
			}
			counted = counted || len(positions) > 0
			l.Row, sum = max(l.Row, h), sum+h
		})
		if !counted {
			continue
		}
		l.Subjects++
		l.Sum += sum
		l.Subject = max(l.Subject, min(sum, 1))
		if sum > l.Limit {
			l.Over++
		}
		for t, release := range m.releases {
			if m.people.anyRow(person, func(row int) bool { return row < len(release.Cells) && release.Cells[row] != None }) {
				means[t].sum, means[t].count = means[t].sum+min(sum, 1), means[t].count+1
			}
		}
	}
	for _, of := range means {
		if of.count > 0 {
			l.Share = max(l.Share, of.sum/of.count)
		}
	}
	return l, ctx.Err()
}
