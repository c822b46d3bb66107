package review

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

// Config is what a register works with. Every port must be set.
type Config struct {
	Store   Store
	Runs    Runs
	Grants  Grants
	Modules Modules
	Text    Text
	// Await returns when the ledger has an act durably.
	Await func(ctx context.Context, act string) error
	Now   func() time.Time
	Log   *slog.Logger
}

// Register is the register of reviews. It is safe for concurrent use. To whoever may not review a run it looks missing: RUN_NOT_FOUND.
type Register struct{ Config }

// New makes the register.
func New(c Config) *Register { return &Register{c} }

// attempts is how often an act is tried on a review that others change at the same moment; each of them ends when one of those succeeds.
const attempts = 100

// List lists the reviews that a caller may decide on, those that an auditor may read or, for an operator, those of its own runs, newest first,
// also when they are over. The string is After of the next page, "" at the end.
func (r *Register) List(ctx context.Context, caller enclave.Caller, page enclave.Page) ([]Review, string, error) {
	var scope Scope
	switch caller.Role {
	case enclave.Operator:
		scope.Operator = caller.Org
	case enclave.Authority, enclave.Reviewer, enclave.Auditor:
		scope.Not = caller.Org
	case enclave.SourceOrg:
		scope.Source, scope.Not = caller.Org, caller.Org
	default:
		return nil, "", nil
	}
	if caller.Role != enclave.Operator {
		if operates, err := r.operates(ctx, caller.Org); err != nil || operates {
			return nil, "", err
		}
	}
	records, next, err := r.Store.List(ctx, scope, page)
	reviews := make([]Review, len(records))
	for i := range records {
		records[i].File.settle(records[i].History) // for the eye; whoever acts next writes it down
		if reviews[i] = seen(&records[i], caller); caller.Role == enclave.Operator {
			reviews[i] = seenByOperator(&records[i])
		}
	}
	return reviews, next, err
}

// Get is one review as List has it.
func (r *Register) Get(ctx context.Context, caller enclave.Caller, id string) (Review, error) {
	record, err := r.Store.Get(ctx, id)
	if err != nil {
		return Review{}, err
	}
	record.File.settle(record.History)
	if submitted(&record, caller) {
		return seenByOperator(&record), nil
	}
	if err := r.may(ctx, caller, &record, reading); err != nil {
		return Review{}, err
	}
	return seen(&record, caller), nil
}

// submitted reports whether a run is the caller's, as an operator.
func submitted(record *Record, caller enclave.Caller) bool {
	return caller.Role == enclave.Operator && caller.Org == record.Run.Submitter.Org
}

// purpose is what somebody comes to a review for.
type purpose int

const (
	reading purpose = iota // auditors may, too
	voting
)

// may refuses whoever may not review a run, and every organisation that is an operator itself: a rival learns nothing here.
func (r *Register) may(ctx context.Context, caller enclave.Caller, record *Record, to purpose) error {
	missing, submitter := run.NotFound(record.Run.ID), record.Run.Submitter.Org
	audits := to == reading && caller.Role == enclave.Auditor && caller.Org != submitter
	if !audits && !caller.MayReview(submitter, record.Source) {
		return missing
	}
	operates, err := r.operates(ctx, caller.Org)
	if err == nil && operates {
		err = missing
	}
	return err
}

// operates reports whether an organisation ever applied for a grant. Without one it cannot have submitted a run.
func (r *Register) operates(ctx context.Context, org string) (bool, error) {
	grants, _, err := r.Grants.List(ctx, org, enclave.Page{Size: 1})
	return len(grants) > 0, err
}

// open is a review for somebody who may review it, brought up to date first: votes that do not bind any more are void, and what two people
// agreed on goes through the gate.
func (r *Register) open(ctx context.Context, caller enclave.Caller, id string, to purpose) (Record, error) {
	record, err := r.Store.Get(ctx, id)
	if err != nil {
		return record, err
	}
	if err := r.may(ctx, caller, &record, to); err != nil {
		return record, err
	}
	for range attempts {
		switch {
		case record.File.settle(record.History):
			err = r.void(ctx, record, "HISTORY_MOVED")
		case record.File.State == Agreed:
			err = r.finish(ctx, record)
		default:
			return record, nil
		}
		if err != nil && enclave.KindOf(err) != enclave.State {
			return record, err
		}
		if record, err = r.Store.Get(ctx, id); err != nil {
			return record, err
		}
	}
	return record, changed(id)
}

// changed is the error of an act that others kept coming before.
func changed(id string) error { return enclave.Fail(enclave.State, "REVIEW_CHANGED", "run", id) }

func isChanged(err error) bool { return errors.Is(err, enclave.Fail(enclave.State, "REVIEW_CHANGED")) }

// void writes down that votes are void, and why. In the file they are already.
func (r *Register) void(ctx context.Context, record Record, why string) error {
	return r.Store.Update(ctx, record, nil, r.act(itself(), "review.void", &record, "reason", why))
}

// finish takes what two people agreed on through the gate. If the gate says no for good, the run is denied, as its own judgement would
// have; if what the votes are bound to has changed, they are void: then the error has kind State. After any other error the review stays
// agreed, and is finished by whoever looks next, or at the next start.
func (r *Register) finish(ctx context.Context, record Record) error {
	var votes []enclave.Vote
	for _, v := range record.File.current() {
		votes = append(votes, v.Vote)
	}
	failure := r.Runs.ReleaseHeld(ctx, record.Run.ID, votes)
	if failure == nil {
		return nil
	}
	switch e := enclave.AsError(failure); e.Kind { //nolint:exhaustive // whatever else goes wrong may go right later
	case enclave.Refused, enclave.Limit:
		record.File.State = Closed
		if err := r.Store.Update(ctx, record, r.denied(e.Reasons()), r.denial(&record, itself(), e.Reason)); err != nil {
			return errors.Join(err, failure)
		}
		r.Runs.Changed(record.Run.ID)
		return nil
	case enclave.State:
		record.File.unbind()
		if err := r.void(ctx, record, e.Reason); err != nil {
			return errors.Join(err, failure)
		}
	}
	return failure
}

// Resume finishes what two people agreed on before the enclave stopped, or voids votes that do not bind any more. It waits for the ledger, so it is for a goroutine beside the service.
// What fails is logged, and finished by whoever looks next.
func (r *Register) Resume(ctx context.Context) {
	agreed, err := r.Store.In(ctx, Agreed)
	for _, id := range agreed {
		err = errors.Join(err, r.resume(ctx, id))
	}
	if err != nil {
		r.Log.ErrorContext(ctx, "reviews not finished", slog.Any("error", err))
	}
}

// resume finishes one review. A fault in it must not end the enclave, at this start and at each one after it: the review stays agreed. What it
// panicked with may hold data, so only its type is kept.
func (r *Register) resume(ctx context.Context, id string) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = enclave.Internalf("review of run %s: panic of type %T: %s", id, fault, debug.Stack())
		}
	}()
	record, err := r.Store.Get(ctx, id)
	if err != nil || record.File.State != Agreed {
		return err
	}
	if err = r.finish(ctx, record); enclave.KindOf(err) == enclave.State {
		return nil // another release came in between: the votes are void, which is recorded, and people look again
	}
	return err
}
