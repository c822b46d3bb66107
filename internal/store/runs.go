package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// Runs is the store of the register of runs.
type Runs struct{ store *Store }

var _ run.Store = (*Runs)(nil)

// Runs returns the store's runs.
func (s *Store) Runs() *Runs { return &Runs{s} }

// Insert adds a queued run, or fails with BUDGET_SPENT.
func (r *Runs) Insert(ctx context.Context, run enclave.Run, budget run.Budget, act enclave.Act) error {
	params, err := encode(run.Params)
	if err != nil {
		return err
	}
	return r.store.act(ctx, act, func(q *sqlc.Queries, position int64) error {
		if err := spent(ctx, q, &run, params, &budget); err != nil {
			return err
		}
		return q.InsertRun(ctx, sqlc.InsertRunParams{
			ID: run.ID, Permit: run.Grant, Scenario: run.Scenario, Module: run.Module.String(), Dataset: run.Dataset,
			Snapshot: run.Snapshot.String(), Params: params, Policy: run.Policy.String(), Role: string(run.Submitter.Role),
			Operator: run.Submitter.Org, Submitter: run.Submitter.Name, Submitted: millis(run.Submitted), Position: position,
			Environment: string(run.Environment), SampleRows: run.Sample.Rows, SampleSubjects: run.Sample.Subjects, SeesRows: flag(budget.Counts && budget.SeesRows), Fuel: run.Fuel,
		})
	})
}

// spent is BUDGET_SPENT if a run is one too many. That a question is another one counts, not that it is asked again.
func spent(ctx context.Context, q *sqlc.Queries, run *enclave.Run, params string, budget *run.Budget) error {
	if !budget.Counts {
		return nil
	}
	runs, err := q.CountRuns(ctx, sqlc.CountRunsParams{Permit: run.Grant, Dataset: run.Dataset})
	if err != nil {
		return err
	}
	over := runs >= budget.Runs
	if budget.SeesRows {
		n, err := q.CountRowRuns(ctx, sqlc.CountRowRunsParams{Permit: run.Grant, Dataset: run.Dataset})
		if err != nil {
			return err
		}
		over = over || n >= budget.RowRuns
	}
	if len(run.Params) > 0 {
		asked, err := q.CountAsked(ctx, sqlc.CountAskedParams{Permit: run.Grant, Dataset: run.Dataset, Module: run.Module.String(), Params: params})
		if err != nil {
			return err
		}
		questions, err := q.CountQuestions(ctx, sqlc.CountQuestionsParams{Permit: run.Grant, Dataset: run.Dataset})
		if err != nil {
			return err
		}
		over = over || asked == 0 && questions >= budget.Questions
	}
	if over {
		return enclave.Fail(enclave.Limit, "BUDGET_SPENT", "grant", run.Grant, "dataset", run.Dataset)
	}
	return nil
}

// Get finds a run, or fails with RUN_NOT_FOUND.
func (r *Runs) Get(ctx context.Context, id string) (run.State, error) {
	row, err := r.store.read().GetRun(ctx, id)
	if err != nil {
		return run.State{}, missing("get a run", err, run.NotFound(id))
	}
	return runOf(row)
}

// List lists an operator's runs, or all for "", newest first.
func (r *Runs) List(ctx context.Context, operator string, page enclave.Page) ([]run.State, string, error) {
	from, err := before(page.After)
	if err != nil {
		return nil, "", err
	}
	var rows []sqlc.Run
	if operator == "" {
		rows, err = r.store.read().ListRuns(ctx, sqlc.ListRunsParams{Position: from, Limit: limit(page)})
	} else {
		rows, err = r.store.read().ListRunsOf(ctx, sqlc.ListRunsOfParams{Operator: operator, Position: from, Limit: limit(page)})
	}
	if err != nil {
		return nil, "", fault("list runs", err)
	}
	return pageOf(rows, page, runOf, func(row sqlc.Run) string { return positionToken(row.Position) })
}

// In lists the runs at a step of progress, oldest first.
func (r *Runs) In(ctx context.Context, progress run.Progress) ([]run.State, error) {
	rows, err := r.store.read().ListRunsIn(ctx, string(progress))
	if err != nil {
		return nil, fault("list runs", err)
	}
	states, _, err := pageOf(rows, enclave.Page{Size: len(rows)}, runOf, nil)
	return states, err
}

// Held lists the runs whose output waits for people, oldest first.
func (r *Runs) Held(ctx context.Context) ([]run.State, error) {
	rows, err := r.store.read().ListHeld(ctx)
	if err != nil {
		return nil, fault("list held runs", err)
	}
	states, _, err := pageOf(rows, enclave.Page{Size: len(rows)}, runOf, nil)
	return states, err
}

// Begin makes a run running and counts the attempt.
func (r *Runs) Begin(ctx context.Context, id string) error {
	return r.store.write(ctx, func(q *sqlc.Queries) error { return moved(id)(q.BeginRun(ctx, id)) })
}

// Yield makes a running run queued and takes the attempt back.
func (r *Runs) Yield(ctx context.Context, id string) error {
	return r.store.write(ctx, func(q *sqlc.Queries) error { return moved(id)(q.YieldRun(ctx, id)) })
}

// End gives a queued or running run its outcome, and keeps what there is to report of it.
func (r *Runs) End(ctx context.Context, id string, ending run.Ending, act enclave.Act) error {
	reasons, err := encode(ending.Reasons)
	if err != nil {
		return err
	}
	return r.store.act(ctx, act, func(q *sqlc.Queries, position int64) error {
		err := moved(id)(q.EndRun(ctx, sqlc.EndRunParams{
			ID: id, Stage: string(ending.Stage), Outcome: string(ending.Outcome), Reasons: reasons, Finished: millis(ending.Time),
		}))
		if err == nil && ending.Outcome == enclave.Denied {
			err = r.store.denied(ctx, q, id, ending.Denials, ending.Time, position)
		}
		if err != nil || ending.Report == "" {
			return err
		}
		return q.InsertReport(ctx, sqlc.InsertReportParams{Run: id, Body: ending.Report})
	})
}

// Withdraw gives a held run its outcome and closes its review.
func (r *Runs) Withdraw(ctx context.Context, id string, ending run.Ending, act enclave.Act) error {
	return r.store.act(ctx, act, func(q *sqlc.Queries, _ int64) error {
		if err := moved(id)(q.CloseReview(ctx, id)); err != nil {
			return err
		}
		return endHeld(ctx, q, id, &ending)
	})
}

// endHeld gives a held run its outcome.
func endHeld(ctx context.Context, q *sqlc.Queries, id string, ending *run.Ending) error {
	reasons, err := encode(ending.Reasons)
	if err != nil {
		return err
	}
	return moved(id)(q.EndHeldRun(ctx, sqlc.EndHeldRunParams{
		ID: id, Outcome: string(ending.Outcome), Reasons: reasons, Finished: millis(ending.Time),
	}))
}

// Report is what was kept when a run ended, "" if nothing was.
func (r *Runs) Report(ctx context.Context, id string) (string, error) {
	body, err := r.store.read().GetReport(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fault("get a report", err)
	}
	return body, nil
}

// moved is RUN_ENDED where a run was not at the step that a change starts from.
func moved(id string) func(int64, error) error {
	return func(rows int64, err error) error {
		if err == nil && rows != 1 {
			return enclave.Fail(enclave.State, "RUN_ENDED", "run", id)
		}
		return err
	}
}

// Release makes a recorded run released. A run that has its outcome stays as it is.
func (r *Runs) Release(ctx context.Context, id string, at time.Time) error {
	return r.store.write(ctx, func(q *sqlc.Queries) error {
		_, err := q.ReleaseRun(ctx, sqlc.ReleaseRunParams{ID: id, Finished: millis(at)})
		return err
	})
}

// History is the version of a dataset's release history.
func (r *Runs) History(ctx context.Context, dataset string) (int64, error) {
	version, err := r.store.read().HistoryVersion(ctx, dataset)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fault("read a history", err)
	}
	return version, nil
}

// Names reports whether a module, or a decision that keeps its output, names a file.
func (r *Runs) Names(ctx context.Context, file enclave.Digest) (bool, error) {
	n, err := r.store.read().NamesFile(ctx, file.String())
	if err != nil {
		return false, fault("look for a file's name", err)
	}
	return n > 0, nil
}

func runOf(row sqlc.Run) (run.State, error) {
	d, err := digests(row.Module, row.Snapshot, row.Policy, row.Result)
	if err != nil {
		return run.State{}, err
	}
	state := run.State{
		Run: enclave.Run{
			ID: row.ID, Grant: row.Permit, Scenario: row.Scenario, Module: d[0], Dataset: row.Dataset, Snapshot: d[1], Policy: d[2],
			Submitter: enclave.Caller{Role: enclave.Role(row.Role), Org: row.Operator, Name: row.Submitter},
			Submitted: fromMillis(row.Submitted), Stage: enclave.Stage(row.Stage), Outcome: enclave.Outcome(row.Outcome),
			Result: d[3], Finished: fromMillis(row.Finished), Question: row.Question, Revision: row.Revision,
			Environment: enclave.Environment(row.Environment), Sample: enclave.Sample{Rows: row.SampleRows, Subjects: row.SampleSubjects}, Fuel: row.Fuel,
		},
		Progress: run.Progress(row.Progress), Attempts: int(row.Attempts),
	}
	return state, decode(part{row.Params, &state.Params}, part{row.Reasons, &state.Reasons})
}
