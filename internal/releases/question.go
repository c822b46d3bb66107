package releases

import (
	"context"
	"math"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/history"
)

// question is what is asked of a table that the audits let through: what follows from it without following exactly.
type question struct {
	*Register
	dataset *enclave.Dataset
	book    *book
	release *placed
	sums    *history.Result
	profile *enclave.Profile
	facts   *enclave.HistoryFacts
}

// ask notes the facts, and names the cells that must go.
func (q *question) ask(ctx context.Context) (named []int32, err error) {
	asks := []func() ([]int32, error){func() ([]int32, error) { return q.guess(ctx) }}
	for _, name := range q.release.summed {
		asks = append(asks, func() ([]int32, error) { return q.amounts(ctx, name) })
	}
	for i := range q.release.tells {
		asks = append(asks, func() ([]int32, error) { return q.labels(ctx, q.release.tells[i].Column) })
	}
	for _, ask := range asks {
		more, err := ask()
		if err != nil {
			return nil, err
		}
		named = append(named, more...)
	}
	return named, nil
}

// guess says how well one subject can be guessed, and which cells must go so that no more is tolerated, in percent of guesses.
func (q *question) guess(ctx context.Context) ([]int32, error) {
	if q.facts.Guess = 100; q.profile.GuessPercent >= q.facts.Guess {
		return nil, nil
	}
	leverage, err := q.sums.Leverage(ctx, history.LeverageLimit(float64(q.profile.GuessPercent)/100))
	if err != nil {
		return nil, err
	}
	q.facts.Guess = percent(history.Guess(leverage.Subject))
	return leverage.Suppressed, nil
}

// amounts says whose amounts in a summed column could be estimated, and who is known to have the least or the greatest.
func (q *question) amounts(ctx context.Context, name string) ([]int32, error) {
	values, err := q.book.rows.values(ctx, q.dataset, name, 0, q.loader)
	if err != nil {
		return nil, err
	}
	secret := &history.Bounded{Column: history.Column{Values: values}}
	for i := range q.book.releases {
		secret.Of = append(secret.Of, slices.Contains(q.book.releases[i].summed, name))
	}
	secret.Of = append(secret.Of, true)
	c := &q.dataset.Columns[q.dataset.Column(name)]
	if secret.Low, secret.High, err = c.Bounds(); err != nil {
		return nil, enclave.Internalf("column %s has no bounds: %v", name, err)
	}
	if c.Nullable { // counts as 0
		secret.Low, secret.High = min(secret.Low, 0), max(secret.High, 0)
	}
	estimates, err := q.sums.Estimates(ctx, &secret.Column, q.profile.PPercent)
	if err != nil {
		return nil, err
	}
	q.facts.Estimable += int64(estimates.Estimable)
	alike, err := q.alike(ctx, secret)
	return append(estimates.Suppressed, alike...), err
}

// labels says who is known to have which value of a column that tells cells apart.
func (q *question) labels(ctx context.Context, name string) ([]int32, error) {
	values, err := q.book.rows.values(ctx, q.dataset, name, enclave.EmptyValue, q.loader)
	if err != nil {
		return nil, err
	}
	secret := &history.Labelled{Values: values}
	for i := range q.book.releases {
		secret.By = append(secret.By, q.book.releases[i].telling(name))
	}
	secret.By = append(secret.By, q.release.telling(name))
	return q.alike(ctx, secret)
}

// alike says of whom it is told which value they have, unless the rules let that be told.
func (q *question) alike(ctx context.Context, secret history.Secret) ([]int32, error) {
	if q.profile.HomogeneityPercent > 100 {
		return nil, nil
	}
	alike, err := q.sums.Alike(ctx, secret)
	if err != nil {
		return nil, err
	}
	q.facts.Alike += int64(alike.People)
	return alike.Suppressed, nil
}

// telling is what a release tells of a column, nil if nothing.
func (p *placed) telling(column string) *enclave.Telling {
	if i := slices.IndexFunc(p.tells, func(t enclave.Telling) bool { return t.Column == column }); i >= 0 {
		return &p.tells[i]
	}
	return nil
}

// percent is a share in percent, rounded up but for what rounding in its computation may have added.
func percent(share float64) int64 { return int64(math.Ceil(100*share - 1e-6)) }
