package store

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// Reviews is the store of the register of reviews.
type Reviews struct{ store *Store }

var _ review.Store = (*Reviews)(nil)

// Reviews returns the store's reviews.
func (s *Store) Reviews() *Reviews { return &Reviews{s} }

// Get finds the review of a run, or fails with RUN_NOT_FOUND.
func (r *Reviews) Get(ctx context.Context, id string) (review.Record, error) {
	row, err := r.store.read().GetReview(ctx, id)
	if err != nil {
		return review.Record{}, missing("get a review", err, run.NotFound(id))
	}
	return recordOf(sqlc.ListReviewsRow(row))
}

// List lists the reviews in a scope, newest first.
func (r *Reviews) List(ctx context.Context, scope review.Scope, page enclave.Page) ([]review.Record, string, error) {
	from, err := before(page.After)
	if err != nil {
		return nil, "", err
	}
	rows, err := r.store.read().ListReviews(ctx, sqlc.ListReviewsParams{
		Position: from, Operator: scope.Not, Operator_2: scope.Operator, Owner: scope.Source, Limit: limit(page),
	})
	if err != nil {
		return nil, "", fault("list reviews", err)
	}
	return pageOf(rows, page, recordOf, func(row sqlc.ListReviewsRow) string { return positionToken(row.Review.Position) })
}

// In lists the runs of the reviews in a state, oldest first.
func (r *Reviews) In(ctx context.Context, state review.State) ([]string, error) {
	runs, err := r.store.read().ListReviewsIn(ctx, string(state))
	if err != nil {
		return nil, fault("list reviews", err)
	}
	return runs, nil
}

// Update writes what people said, and what that makes of the run.
func (r *Reviews) Update(ctx context.Context, record review.Record, ending *run.Ending, acts ...enclave.Act) error {
	changed := enclave.Fail(enclave.State, "REVIEW_CHANGED", "run", record.Run.ID)
	file, err := encode(record.File)
	if err != nil {
		return err
	}
	return r.store.acts(ctx, acts, func(q *sqlc.Queries, _ int64) error {
		n, err := q.UpdateReview(ctx, sqlc.UpdateReviewParams{
			Run: record.Run.ID, Revision: record.Revision, State: string(record.File.State), File: file,
		})
		if err != nil {
			return err
		}
		if n != 1 {
			return changed
		}
		if ending == nil {
			return q.AskRun(ctx, sqlc.AskRunParams{ID: record.Run.ID, Question: record.File.Asked()})
		}
		return endHeld(ctx, q, record.Run.ID, ending)
	})
}

// Similar lists other releases of a run's dataset.
func (r *Reviews) Similar(ctx context.Context, of enclave.Run, limit int) ([]review.Similar, error) {
	rows, err := r.store.read().ListSimilar(ctx, sqlc.ListSimilarParams{
		Dataset: of.Dataset, ID: of.ID, Module: of.Module.String(), Limit: int32(limit), //nolint:gosec // a small constant
	})
	if err != nil {
		return nil, fault("list similar releases", err)
	}
	list := make([]review.Similar, len(rows))
	for i, row := range rows {
		module, err := digests(row.Module)
		if err != nil {
			return nil, err
		}
		list[i] = review.Similar{
			Run: row.ID, Operator: row.Operator, Scenario: row.Scenario, Module: module[0], Released: fromMillis(row.Decided), ByPeople: row.ByPeople != 0,
		}
	}
	return list, nil
}

// recordOf reads a review. Its state is the column's: the gate writes that alone.
func recordOf(row sqlc.ListReviewsRow) (review.Record, error) {
	state, err := runOf(row.Run)
	if err != nil {
		return review.Record{}, err
	}
	record := review.Record{
		Run: state.Run, Source: row.Owner, Held: fromMillis(row.Review.Held), History: row.Version, Revision: row.Review.Revision,
	}
	err = decode(part{row.Review.File, &record.File})
	record.File.State = review.State(row.Review.State)
	return record, err
}
