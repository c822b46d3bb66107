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
func (q *question) ask(ctx context.Context) ([]int32, error) {
	named, err := q.guess(ctx)
	asked := func(more []int32, failed error) {
		named, err = append(named, more...), failed
	}
	for _, column := range q.release.summed {
		if err == nil {
			asked(q.estimate(ctx, column))
		}
		if err == nil {
			asked(q.atBound(ctx, column))
		}
	}
	for i := range q.release.tells {
		if err == nil {
			asked(q.alike(ctx, q.release.tells[i].Column))
		}
	}
	return named, err
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

// estimate says whose amounts in a column could be estimated.
func (q *question) estimate(ctx context.Context, name string) ([]int32, error) {
	column, err := q.summed(ctx, name)
	if err != nil {
		return nil, err
	}
	estimates, err := q.sums.Estimates(ctx, column, q.profile.PPercent)
	if err != nil {
		return nil, err
	}
	q.facts.Estimable += int64(estimates.Estimable)
	return estimates.Suppressed, nil
}

// atBound says who is known to have the least or the greatest value of a column that is summed.
func (q *question) atBound(ctx context.Context, name string) ([]int32, error) {
	if q.profile.HomogeneityPercent > 100 {
		return nil, nil
	}
	column, err := q.summed(ctx, name)
	if err != nil {
		return nil, err
	}
	secret := &history.Bounded{Column: *column}
	for i := range q.dataset.Columns {
		if c := &q.dataset.Columns[i]; c.Name == name {
			if secret.Low, secret.High, err = c.Bounds(); err != nil {
				return nil, enclave.Internalf("column %s has no bounds: %v", name, err)
			}
			if c.Nullable { // counts as 0
				secret.Low, secret.High = min(secret.Low, 0), max(secret.High, 0)
			}
		}
	}
	return q.judge(ctx, secret)
}

// alike says who is known to have which value of a column that tells cells apart.
func (q *question) alike(ctx context.Context, name string) ([]int32, error) {
	if q.profile.HomogeneityPercent > 100 {
		return nil, nil
	}
	values, err := q.book.rows.values(ctx, q.dataset, name, enclave.EmptyValue, q.loader)
	if err != nil {
		return nil, err
	}
	secret := &history.Labelled{Values: values}
	for i := range q.book.releases {
		secret.By = append(secret.By, q.book.releases[i].telling(name))
	}
	secret.By = append(secret.By, q.release.telling(name))
	return q.judge(ctx, secret)
}

func (q *question) judge(ctx context.Context, secret history.Secret) ([]int32, error) {
	alike, err := q.sums.Alike(ctx, secret)
	if err != nil {
		return nil, err
	}
	q.facts.Alike += int64(alike.People)
	return alike.Suppressed, nil
}

// summed is a column with the releases that publish sums of it.
func (q *question) summed(ctx context.Context, name string) (*history.Column, error) {
	values, err := q.book.rows.values(ctx, q.dataset, name, 0, q.loader)
	column := &history.Column{Values: values}
	for i := range q.book.releases {
		column.Of = append(column.Of, slices.Contains(q.book.releases[i].summed, name))
	}
	column.Of = append(column.Of, true)
	return column, err
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
