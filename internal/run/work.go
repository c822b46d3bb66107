package run

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// yieldTime is how long a worker may take to give its run back, and how long Close waits for workers that have to.
const yieldTime = 10 * time.Second

// Start takes up what an earlier process left: recorded runs first, then those that were at work or queued, in the order of their
// submission. Before that it withdraws what waited for people too long, and removes the files that a crash left without a name, so modules MUST NOT be uploaded until Start has
// returned. Then it starts the workers. ctx is for Start alone; Close ends the workers. Call it once.
func (r *Register) Start(ctx context.Context) error {
	if err := r.tidy(ctx, 0); err != nil {
		return err
	}
	for _, progress := range []Progress{Recorded, Running, Queued} {
		left, err := r.config.Store.In(ctx, progress)
		if err != nil {
			return err
		}
		for i := range left {
			r.queue.put(job{left[i].Submitter.Org, left[i].ID})
		}
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	for range r.config.Workers {
		r.workers.Go(func() { r.work(working) })
	}
	r.workers.Go(func() { r.tidyDaily(working) })
	return nil
}

// work takes runs up, one after the other, until the queue is closed, or until another worker has come in this one's place.
func (r *Register) work(ctx context.Context) {
	for relieved := false; !relieved; {
		j, ok := r.queue.take()
		if !ok {
			return
		}
		r.take(ctx, j.id, func() {
			if relieved = relieved || r.queue.leave(j); relieved {
				r.workers.Go(func() { r.work(ctx) })
			}
		})
		r.queue.done(j, relieved)
	}
}

// Close takes up no more runs. Those at work may finish until ctx is done; then they are stopped and given back, to be queued at the next
// start. It returns when all workers have ended, which it waits for no more than yieldTime beyond ctx. Watches end at once.
func (r *Register) Close(ctx context.Context) error {
	r.once.Do(func() {
		r.queue.close()
		close(r.closing)
	})
	ended := make(chan struct{})
	go func() {
		r.workers.Wait()
		close(ended)
	}()
	defer r.stop()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	r.stop()
	patience := time.NewTimer(yieldTime)
	defer patience.Stop()
	select {
	case <-ended:
		return nil
	case <-patience.C:
		return enclave.Fail(enclave.Unavailable, "RUN_SERVICE_CLOSING").Because(context.Cause(ctx))
	}
}

// take brings one run to its end, or gives it back when ctx is done. It calls recorded when nothing is left but to wait for the ledger.
func (r *Register) take(ctx context.Context, id string, recorded func()) {
	log := r.config.Log.With(slog.String("run", id))
	tooLong := r.tooLong()
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	timed, expire := context.WithTimeoutCause(running, r.config.Limit, tooLong)
	defer expire()
	r.live.begin(id, stop) // before Begin: a cancel after it finds whom to stop
	defer r.live.end(id)
	w := &walk{stage: enclave.StageAdmit}
	log.DebugContext(ctx, "run taken up")
	err := r.execute(timed, id, w, func(s enclave.Stage) {
		log.DebugContext(ctx, "run enters a stage", slog.String("stage", string(s)))
		w.stage = s
		r.live.enter(id, stageOf(w.order, s))
		if s == enclave.StageRelease {
			recorded()
		}
	})
	if enclave.KindOf(err) == enclave.Internal && running.Err() == nil {
		log.ErrorContext(ctx, "run failed inside", slog.String("stage", string(w.stage)), slog.Any("error", err))
	}
	if kind := enclave.KindOf(err); errors.Is(context.Cause(timed), tooLong) && (kind == enclave.Canceled || kind == enclave.Internal) {
		// Whatever the end of the context was taken for. It is another error than the cause, which err may hold: they must not go in a circle.
		err = r.tooLong().Because(err)
	}
	w.stage, err = blur(w.order, w.stage, err)
	r.insist(ctx, log, func(ctx context.Context) error { return r.settle(ctx, id, w, err) })
	log.DebugContext(ctx, "run settled")
	if ctx.Err() != nil {
		r.giveBack(ctx, log, id)
	}
}

func (r *Register) tooLong() *enclave.Error {
	return enclave.Fail(enclave.Limit, "RUN_TOO_LONG", "limit", r.config.Limit.String())
}

// walk is what a worker learns of a run that it brings to its end.
type walk struct {
	stage  enclave.Stage
	order  *enclave.Order  // nil if it did not come that far
	report *enclave.Report // of a rehearsal; nil otherwise
}

// giveBack queues a run that the closing register interrupted, so that the attempt does not count. If it fails, the next start takes
// the run up all the same.
func (r *Register) giveBack(ctx context.Context, log *slog.Logger, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), yieldTime)
	defer cancel()
	err := r.config.Store.Yield(ctx, id)
	if err != nil && !errors.Is(err, enclave.Fail(enclave.State, "RUN_ENDED")) {
		log.ErrorContext(ctx, "run not given back", slog.Any("error", err))
	}
}

// execute walks the path. It returns nil if the run needs no more than to be settled.
func (r *Register) execute(ctx context.Context, id string, w *walk, progress func(enclave.Stage)) (err error) {
	// A fault in one run must not end the others. What it panicked with may hold data, so only its type is kept.
	defer func() {
		if fault := recover(); fault != nil {
			err = enclave.Internalf("panic of type %T: %s", fault, debug.Stack())
		}
	}()
	state, err := r.config.Store.Get(ctx, id)
	if err != nil {
		return err
	}
	if state.Progress == Recorded || state.Progress == Ended {
		return nil
	}
	if state.Attempts >= r.config.Attempts {
		return enclave.Fail(enclave.Unavailable, "RUN_INTERRUPTED")
	}
	if err := r.config.Store.Begin(ctx, id); err != nil {
		return err
	}
	r.live.enter(id, enclave.StageAdmit)
	order, err := r.order(ctx, state.Run)
	if err != nil {
		return err
	}
	w.order = order
	if order.Run.Environment == enclave.Dev {
		w.report, err = r.config.Dev.Rehearse(ctx, order, progress)
		return err
	}
	return r.config.Path.Run(ctx, order, progress)
}

// order fetches what a run was pinned to. The path verifies the digests. Whether people approved the module is asked now, not at submission: an
// approval that was withdrawn meanwhile is none.
func (r *Register) order(ctx context.Context, run enclave.Run) (*enclave.Order, error) {
	order := &enclave.Order{Run: run}
	var err error
	if order.Grant, err = r.config.Grants.Get(ctx, run.Grant); err != nil {
		return nil, err
	}
	if order.Module, err = r.config.Modules.Module(ctx, run.Module); err != nil {
		return nil, err
	}
	if order.Dataset, err = r.config.Datasets.Dataset(ctx, run.Dataset); err != nil {
		return nil, err
	}
	if order.Snapshot, err = r.rowsOf(ctx, order); err != nil {
		return nil, err
	}
	// What reads synthetic rows alone needs nobody's approval.
	if order.Approved = run.Environment == enclave.Dev; !order.Approved {
		order.Approved, err = r.config.Approvals.Approved(ctx, order.Grant.Operator, run.Module, run.Dataset)
		if err != nil {
			return nil, err
		}
	}
	order.Policy, err = r.config.Policies.Revision(run.Policy)
	return order, err
}

// rowsOf finds the snapshot that a run was pinned to, or the synthetic rows.
func (r *Register) rowsOf(ctx context.Context, order *enclave.Order) (enclave.Snapshot, error) {
	if order.Run.Environment == enclave.Dev {
		return r.config.Dev.Snapshot(order.Dataset, order.Run.Sample)
	}
	return r.config.Datasets.Snapshot(ctx, order.Run.Dataset, order.Run.Snapshot)
}

// settle brings what the store says of a run in line with how its execution ended.
func (r *Register) settle(ctx context.Context, id string, w *walk, failure error) error {
	state, err := r.config.Store.Get(ctx, id)
	if err != nil {
		return err
	}
	switch state.Progress {
	case Ended:
		return nil
	case Recorded:
		return r.config.Gate.Release(ctx, id)
	case Queued, Running:
	}
	ending, verb := rehearsed(w.report)
	if failure != nil || w.report == nil {
		if failure == nil {
			failure = enclave.Internalf("the path ended without an outcome")
		}
		ending, verb = endingOf(failure)
	}
	if ending.Report, err = kept(&state, w.report, failure); err != nil {
		return err
	}
	act := enclave.NewAct(enclave.Coarse(r.config.Now()), itself(), verb, "runs/"+id,
		append([]string{"operator", state.Submitter.Org, "grant", state.Grant}, firstReason(ending.Reasons)...)...)
	ending.Stage, ending.Time = w.stage, act.Time
	if ending.Denials, err = denials(&ending, w.order); err != nil {
		return err
	}
	err = r.config.Store.End(ctx, id, ending, act)
	if errors.Is(err, enclave.Fail(enclave.State, "RUN_ENDED")) {
		return nil
	}
	return err
}

// denials is how many the run's grant has on its dataset, if this is one of them.
func denials(ending *Ending, order *enclave.Order) (int64, error) {
	if ending.Outcome != enclave.Denied || order == nil || order.Policy == nil || order.Run.Environment == enclave.Dev {
		return 0, nil
	}
	profile, err := order.Policy.Profile(order.Dataset, order.Grant.Scenario)
	return profile.Denials, err
}

// firstReason is the first reason as an act's detail, if there is one.
func firstReason(reasons []enclave.Reason) []string {
	if len(reasons) == 0 {
		return nil
	}
	return []string{"reason", reasons[0].Code}
}

// rehearsed is the outcome of a rehearsal that came to a decision, and the verb of its act.
func rehearsed(report *enclave.Report) (Ending, string) {
	if report == nil || report.Rehearsal == nil {
		return Ending{}, ""
	}
	if d := report.Rehearsal.Decision; d != enclave.Release && d != enclave.Hold {
		return Ending{Outcome: enclave.Denied, Reasons: report.Reasons}, "run.rehearse"
	}
	return Ending{Outcome: enclave.Rehearsed, Reasons: report.Reasons}, "run.rehearse"
}

// maxCause is how much is kept of an error with its causes, in bytes.
const maxCause = 16 << 10

// kept is what is written down of a run's end beside its outcome: the error with its causes, and what a rehearsal told. Of a fault inside the
// enclave, the operator of a run in dev reads no more than that: stacks and paths are in the log.
func kept(state *State, report *enclave.Report, failure error) (string, error) {
	var all enclave.Report
	if report != nil {
		all = *report
	}
	if failure != nil {
		text := failure.Error()
		if inside := enclave.Fail(enclave.Internal, "INTERNAL"); state.Environment == enclave.Dev && errors.Is(failure, inside) {
			text = inside.Error()
		}
		if refused, ok := errors.AsType[*enclave.AdmissionError](failure); ok {
			all.Admission, all.Profile, all.Passed = &refused.Facts, &refused.Profile, refused.Passed
		}
		all.Cause = strings.ToValidUTF8(text[:min(len(text), maxCause)], "?")
	}
	raw, err := json.Marshal(&all)
	if err != nil {
		return "", enclave.Internalf("encode a report: %w", err)
	}
	return string(raw), nil
}

// endingOf is the outcome of an error, and the verb of its act. Of a fault inside, nobody outside learns more than that.
func endingOf(failure error) (Ending, string) {
	e := enclave.AsError(failure)
	switch e.Kind { //nolint:exhaustive // every other kind is a failure with its own reasons
	case enclave.Refused:
		return Ending{Outcome: enclave.Denied, Reasons: e.Reasons()}, "run.deny"
	case enclave.Canceled:
		return Ending{Outcome: enclave.Stopped, Reasons: e.Reasons()}, "run.cancel"
	case enclave.Internal:
		return Ending{Outcome: enclave.Failed, Reasons: []enclave.Reason{{Code: "INTERNAL"}}}, "run.fail"
	}
	return Ending{Outcome: enclave.Failed, Reasons: e.Reasons()}, "run.fail"
}

// insist settles a run until it succeeds, however long the disk or the ledger is out of order. It stops when the register closes.
func (r *Register) insist(ctx context.Context, log *slog.Logger, settle func(context.Context) error) {
	for wait := r.config.Retry; ; wait = min(2*wait, 100*r.config.Retry) {
		if ctx.Err() != nil {
			return
		}
		err := settle(ctx)
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			log.ErrorContext(ctx, "run not settled, trying again", slog.Duration("in", wait), slog.Any("error", err))
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}
