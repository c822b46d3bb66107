package store

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/approval"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// Decide writes a decision, its act, what it makes of the run, and for a release the history's next version.
func (r *Runs) Decide(ctx context.Context, d run.Decision, act enclave.Act) error {
	parts, err := encodeAll(d.Profile, d.Reasons)
	if err != nil {
		return err
	}
	return r.store.act(ctx, act, func(q *sqlc.Queries, position int64) error {
		if err := settle(ctx, q, &d, parts[1], position); err != nil {
			return err
		}
		if err := granted(ctx, q, &d); err != nil {
			return err
		}
		if err := approved(ctx, q, &d); err != nil {
			return err
		}
		if d.Decision == enclave.Release {
			if err := advance(ctx, q, &d); err != nil {
				return err
			}
		}
		if d.Decision == enclave.Deny {
			if err := r.store.denied(ctx, q, d.Run, d.Profile.Denials, d.Time, position); err != nil {
				return err
			}
		}
		return q.InsertDecision(ctx, sqlc.InsertDecisionParams{
			Run: d.Run, Act: act.ID, Decision: string(d.Decision), Reasons: parts[1], Policy: d.Policy.String(), Profile: parts[0],
			Facts: d.Evidence, Result: hex(d.Result), Format: d.Format, History: d.History, Footprint: hex(d.Footprint),
			ByPeople: flag(d.ByPeople), Decided: millis(d.Time), Position: position,
		})
	})
}

// settle makes of a running run what was decided, and begins the review of one that is held; or ends the review of one that people release.
func settle(ctx context.Context, q *sqlc.Queries, d *run.Decision, reasons string, position int64) error {
	if d.ByPeople {
		agreed, err := q.ReleaseReview(ctx, d.Run)
		if err != nil {
			return err
		}
		held, err := q.RecordHeldRun(ctx, d.Run)
		return moved(d.Run)(min(agreed, held), err)
	}
	n, err := q.DecideRun(ctx, decided(d, reasons))
	if err != nil {
		return err
	}
	if n != 1 {
		return enclave.Fail(enclave.Canceled, "RUN_CANCELED")
	}
	if d.Decision != enclave.Hold {
		return nil
	}
	file, err := encode(review.NewFile(d.Profile.Deciders()))
	if err != nil {
		return err
	}
	return q.InsertReview(ctx, sqlc.InsertReviewParams{Run: d.Run, State: string(review.Open), File: file, Held: millis(d.Time), Position: position})
}

// decided is what a decision makes of a running run. A release has its outcome only once the ledger's checkpoint is signed.
func decided(d *run.Decision, reasons string) sqlc.DecideRunParams {
	row := sqlc.DecideRunParams{
		ID: d.Run, Progress: string(run.Ended), Stage: string(enclave.StageRecord), Outcome: string(enclave.Denied),
		Reasons: reasons, Result: hex(d.Result), Finished: millis(d.Time),
	}
	switch d.Decision {
	case enclave.Release:
		row.Progress, row.Stage, row.Outcome, row.Finished = string(run.Recorded), string(enclave.StageRelease), "", 0
	case enclave.Hold:
		row.Outcome = string(enclave.Held)
	case enclave.Deny:
	}
	return row
}

// granted re-reads the grant in the decision's own transaction.
func granted(ctx context.Context, q *sqlc.Queries, d *run.Decision) error {
	row, err := q.GetPermit(ctx, d.Grant)
	if err != nil {
		return err
	}
	grant, err := grantOf(row)
	if err != nil {
		return err
	}
	if state := grant.StateAt(d.Time); state != enclave.GrantActive {
		return enclave.Fail(enclave.State, "GRANT_NOT_ACTIVE", "grant", grant.ID, "state", string(state))
	}
	return nil
}

// approved re-reads in the decision's own transaction whether people still approve of the module, where that is asked.
func approved(ctx context.Context, q *sqlc.Queries, d *run.Decision) error {
	if !d.Approval {
		return nil
	}
	of, err := q.GetRun(ctx, d.Run)
	if err != nil {
		return err
	}
	proposal, err := q.FindProposal(ctx, sqlc.FindProposalParams{Operator: of.Operator, Module: of.Module, Dataset: of.Dataset})
	if err != nil && !errors.Is(err, sql.ErrNoRows) || err == nil && proposal.State == string(approval.Approved) {
		return err
	}
	return enclave.Fail(enclave.Refused, "MODULE_NOT_APPROVED", "dataset", d.Dataset)
}

// advance moves a dataset's release history on, if it is still where the output was measured against.
func advance(ctx context.Context, q *sqlc.Queries, d *run.Decision) error {
	if err := q.OpenHistory(ctx, d.Dataset); err != nil {
		return err
	}
	n, err := q.AdvanceHistory(ctx, sqlc.AdvanceHistoryParams{Dataset: d.Dataset, Version: d.History})
	if err == nil && n != 1 {
		return enclave.Fail(enclave.State, "HISTORY_MOVED")
	}
	return err
}

// Decision finds what the gate last decided of a run, or fails with RUN_NOT_FOUND.
func (r *Runs) Decision(ctx context.Context, id string) (run.Decision, error) {
	row, err := r.store.read().GetDecision(ctx, id)
	return r.decisionOf(ctx, id, row, err)
}

// Judged finds what the path decided of a run, or fails with RUN_NOT_FOUND.
func (r *Runs) Judged(ctx context.Context, id string) (run.Decision, error) {
	row, err := r.store.read().GetFirstDecision(ctx, id)
	return r.decisionOf(ctx, id, row, err)
}

// LastJudged lists the runs of the last decisions that a path made, newest first.
func (r *Runs) LastJudged(ctx context.Context, limit int) ([]string, error) {
	runs, err := r.store.read().ListJudged(ctx, int32(min(max(limit, 0), math.MaxInt32)))
	if err != nil {
		return nil, fault("list decisions", err)
	}
	return runs, nil
}

func (r *Runs) decisionOf(ctx context.Context, id string, row sqlc.Decision, err error) (run.Decision, error) {
	if err != nil {
		return run.Decision{}, missing("get a decision", err, run.NotFound(id))
	}
	state, err := r.Get(ctx, id)
	if err != nil {
		return run.Decision{}, err
	}
	all, err := digests(row.Policy, row.Result, row.Footprint)
	if err != nil {
		return run.Decision{}, err
	}
	d := run.Decision{
		Run: id, Grant: state.Grant, Dataset: state.Dataset, Act: row.Act, Time: fromMillis(row.Decided),
		Decision: enclave.Decision(row.Decision), ByPeople: row.ByPeople != 0,
		Policy: all[0], Evidence: row.Facts, Result: all[1], Format: row.Format, History: row.History, Footprint: all[2],
	}
	return d, decode(part{row.Profile, &d.Profile}, part{row.Reasons, &d.Reasons})
}

// Footprints lists those of a dataset's releases, oldest first; the zero digest where a release has none.
func (r *Runs) Footprints(ctx context.Context, dataset string) ([]enclave.Digest, error) {
	rows, err := r.store.read().ListFootprints(ctx, dataset)
	if err != nil {
		return nil, fault("list footprints", err)
	}
	return digests(rows...)
}

// Released lists the runs of a dataset's releases, oldest first.
func (r *Runs) Released(ctx context.Context, dataset string) ([]string, error) {
	runs, err := r.store.read().ListReleased(ctx, dataset)
	if err != nil {
		return nil, fault("list releases", err)
	}
	return runs, nil
}
