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
	if err != nil {
		return nil, err
	}
	for i := range q.dataset.Columns {
		more, err := q.column(ctx, &q.dataset.Columns[i])
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

// column says whose amounts in a column could be estimated, and who is known to have which value of it, if the table tells anything of it.
func (q *question) column(ctx context.Context, c *enclave.Column) ([]int32, error) {
	summed, telling := slices.Contains(q.release.summed, c.Name), q.release.telling(c.Name)
	var named []int32
	if summed {
		amounts := &history.Column{Of: q.summed(c.Name)}
		var err error
		if amounts.Values, err = q.book.rows.values(ctx, q.dataset, c.Name, 0, q.loader); err != nil {
			return nil, err
		}
		estimates, err := q.sums.Estimates(ctx, amounts, q.profile.PPercent)
		if err != nil {
			return nil, err
		}
		q.facts.Estimable += int64(estimates.Estimable)
		named = estimates.Suppressed
	}
	if !summed && telling == nil || q.profile.HomogeneityPercent > 100 {
		return named, nil
	}
	secret, err := q.secret(ctx, c, telling)
	if err != nil {
		return nil, err
	}
	alike, err := q.sums.Alike(ctx, secret)
	if err != nil {
		return nil, err
	}
	q.facts.Alike += int64(alike.People)
	return append(named, alike.Suppressed...), nil
}

// secret is what all releases, and the table, tell of a column.
func (q *question) secret(ctx context.Context, c *enclave.Column, telling *enclave.Telling) (secret *history.Secret, err error) {
	secret = &history.Secret{Summed: q.summed(c.Name)}
	empty := int64(0)
	if c.Nullable {
		empty = enclave.EmptyValue
	}
	if secret.Values, err = q.book.rows.values(ctx, q.dataset, c.Name, empty, q.loader); err != nil {
		return nil, err
	}
	for i := range q.book.releases {
		secret.By = append(secret.By, q.book.releases[i].telling(c.Name))
	}
	secret.By = append(secret.By, telling)
	if !slices.Contains(secret.Summed, true) {
		return secret, nil
	}
	if secret.Low, secret.High, err = c.Bounds(); err != nil {
		return nil, enclave.Internalf("column %s has no bounds: %v", c.Name, err)
	}
	if c.Nullable { // counts as 0
		secret.Low, secret.High = min(secret.Low, 0), max(secret.High, 0)
	}
	return secret, nil
}

// summed says of each release, and of the table, whether it publishes sums of a column.
func (q *question) summed(name string) (of []bool) {
	for i := range q.book.releases {
		of = append(of, slices.Contains(q.book.releases[i].summed, name))
	}
	return append(of, slices.Contains(q.release.summed, name))
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
