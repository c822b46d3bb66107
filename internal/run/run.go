// Package run is the register of runs: it pins them at submission, gives them to workers fairly, records how they end, and hands out
// what was released.
//
// # What survives a crash
//
// A run is durable from Submit on. At the next start, runs that were queued or at work are executed anew (execution is deterministic),
// and runs whose release was recorded are released, never judged again. A run whose execution was begun too often without an end takes
// the enclave down with it, presumably: it fails with RUN_INTERRUPTED.
//
// # One outcome
//
// A run gets its outcome in one transaction with the act that says so, and only from a step that has none: whichever of cancel,
// failure and verdict commits first stands, and the others find it so.
package run

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Request is what an operator asks to run.
type Request struct {
	Grant    string
	Module   enclave.Digest
	Snapshot *SnapshotRef // must be the newest of the dataset that the manifest names; nil: whichever is
	Params   map[string]enclave.Scalar

	Environment enclave.Environment // "" means Prod
	Sample      enclave.Sample      // of a run in Dev: how many rows are made for it; see [enclave.Sample.Filled]
}

// SnapshotRef names a snapshot.
type SnapshotRef struct {
	Dataset string
	Digest  enclave.Digest
}

// Config is what a register works with. Every port must be set.
type Config struct {
	Store     Store
	Results   Results
	Prints    Footprints
	Ledger    Ledger
	Acts      Recorder
	Path      Path
	Gate      enclave.Recorder // the one that Path records with
	Policies  Policies
	Grants    Grants
	Modules   Modules
	Datasets  Datasets
	Approvals Approvals
	Dev       Rehearsal
	Replays   Replays
	Now       func() time.Time
	Log       *slog.Logger

	// SupportKey is the secret by which the ends of runs are named to their operators; the same for the life of the domain.
	SupportKey [32]byte

	// Workers is how many runs are at work at once. Four times as many may wait for the ledger besides. Default: the number of cores, at least 2.
	Workers int
	// Waiting is how many runs an operator may have waiting. Default 1000.
	Waiting int
	// Attempts is how often a run's execution may begin before it counts as the cause of interruptions. Default 3.
	Attempts int
	// Limit is the most time that one execution of a run may take up to its record. Default 30 minutes.
	Limit time.Duration
	// Retry is how long a worker waits before it tries a failed write or the ledger again; it doubles up to 100 times that. Default 100 ms.
	Retry time.Duration
}

// Register is the register of runs. It is safe for concurrent use.
type Register struct {
	config Config
	queue  *queue
	live   *live

	closing chan struct{} // closed by Close
	once    sync.Once
	stop    context.CancelFunc // ends the workers' context; set by Start
	workers sync.WaitGroup

	replaying sync.Mutex // held by the one replay that there may be
}

// New makes the register. Submit works at once; runs begin after Start.
func New(c Config) *Register {
	if c.Workers <= 0 {
		c.Workers = max(2, runtime.NumCPU())
	}
	if c.Waiting <= 0 {
		c.Waiting = 1000
	}
	if c.Attempts <= 0 {
		c.Attempts = 3
	}
	if c.Limit <= 0 {
		c.Limit = 30 * time.Minute
	}
	if c.Retry <= 0 {
		c.Retry = 100 * time.Millisecond
	}
	// With three workers or more, one is always left to other operators. With fewer, two of one operator may run beside each other.
	share := max(c.Workers-1, min(c.Workers, 2))
	return &Register{
		config: c, queue: newQueue(share, c.Waiting, 4*c.Workers), live: newLive(), closing: make(chan struct{}), stop: func() {},
	}
}

// NotFound is the error for a run that is missing or not for this caller.
func NotFound(id string) *enclave.Error {
	return enclave.Fail(enclave.NotFound, "RUN_NOT_FOUND", "run", id)
}

// Submit pins a run to its grant, module, snapshot, parameters and the active policy's revision, and queues it. Grant and module must
// be of the caller's organisation: others look missing. A run outside its grant is refused, and the refusal recorded; the columns and
// whether the manifest fits the dataset are admission's to check.
func (r *Register) Submit(ctx context.Context, caller enclave.Caller, request Request) (enclave.Run, error) {
	if r.queue.full(caller.Org) {
		return enclave.Run{}, enclave.Fail(enclave.Limit, "RUN_QUEUE_FULL")
	}
	grant, err := r.config.Grants.Get(ctx, request.Grant)
	if err == nil && grant.Operator != caller.Org {
		err = enclave.Fail(enclave.NotFound, "GRANT_NOT_FOUND", "grant", request.Grant)
	}
	if err != nil {
		return enclave.Run{}, err
	}
	manifest, err := r.config.Modules.Manifest(ctx, caller.Org, request.Module)
	if err != nil {
		return enclave.Run{}, err
	}
	rules := r.config.Policies.Active() // once: others may come in force meanwhile
	run := enclave.Run{
		ID: enclave.NewID(), Grant: grant.ID, Scenario: grant.Scenario, Module: request.Module, Dataset: manifest.Inputs[0].Dataset,
		Params: maps.Clone(request.Params), Policy: rules.Revision(), Submitter: caller,
		Stage: enclave.StageQueued, Revision: 1, Environment: enclave.Prod,
	}
	now := r.config.Now()
	if err := grant.Permits(now, manifest.Form, run.Dataset, nil); err != nil {
		return enclave.Run{}, r.refuse(ctx, now, &run, err)
	}
	if err := checkParams(manifest, request.Params); err != nil {
		return enclave.Run{}, err
	}
	if err := r.pinRows(ctx, &run, &request); err != nil {
		return enclave.Run{}, err
	}
	budget, err := r.budget(ctx, rules, &run, manifest)
	if err != nil {
		return enclave.Run{}, err
	}
	if run.Fuel, err = r.reserve(ctx, &run, manifest); err != nil {
		return enclave.Run{}, err
	}
	params, err := enclave.DigestJSON(run.Params)
	if err != nil {
		return enclave.Run{}, err
	}
	act := enclave.NewAct(now, caller, "run.submit", "runs/"+run.ID,
		append(pinned(&run, params), "policy", run.Policy.String(), "environment", string(run.Environment), "fuel", strconv.FormatInt(run.Fuel, 10))...)
	run.Submitted = act.Time
	if err := r.config.Store.Insert(ctx, run, budget, act); err != nil {
		if errors.Is(err, enclave.Fail(enclave.Limit, "BUDGET_SPENT")) {
			err = r.refuse(ctx, now, &run, err)
		}
		return enclave.Run{}, err
	}
	r.queue.put(job{caller.Org, run.ID})
	return r.sight(&State{Run: run, Progress: Queued}), nil
}

// budget is what the run's grant may ask of its dataset. In dev there is nothing to ask.
func (r *Register) budget(ctx context.Context, rules enclave.Policy, run *enclave.Run, manifest *enclave.Manifest) (Budget, error) {
	if run.Environment == enclave.Dev {
		return Budget{}, nil
	}
	dataset, err := r.config.Datasets.Dataset(ctx, run.Dataset)
	if err != nil {
		return Budget{}, err
	}
	profile, err := rules.Profile(dataset, run.Scenario)
	return Budget{
		Counts: true, SeesRows: manifest.SeesRows(), Runs: profile.Runs, RowRuns: profile.RowRuns, Questions: profile.Questions,
	}, err
}

// reserve is the fuel that is set aside for the run's module.
func (r *Register) reserve(ctx context.Context, run *enclave.Run, manifest *enclave.Manifest) (int64, error) {
	dataset, err := r.config.Datasets.Dataset(ctx, run.Dataset)
	if err != nil {
		return 0, err
	}
	rows := run.Sample.Rows
	if run.Environment != enclave.Dev {
		snapshot, err := r.config.Datasets.Snapshot(ctx, run.Dataset, run.Snapshot)
		if err != nil {
			return 0, err
		}
		rows = snapshot.Rows
	}
	return enclave.ReservedFuel(manifest, dataset, rows), nil
}

// pinRows pins a run to the rows that it will read: the newest snapshot, or, in dev, rows made from the description.
func (r *Register) pinRows(ctx context.Context, run *enclave.Run, request *Request) (err error) {
	if request.Environment != enclave.Dev {
		if request.Sample != (enclave.Sample{}) {
			return enclave.Fail(enclave.Invalid, "SAMPLE_IN_PROD")
		}
		run.Snapshot, err = r.snapshot(ctx, run.Dataset, request.Snapshot)
		return err
	}
	if request.Snapshot != nil {
		return enclave.Fail(enclave.Invalid, "SNAPSHOT_IN_DEV")
	}
	dataset, err := r.config.Datasets.Dataset(ctx, run.Dataset)
	if err != nil {
		return err
	}
	run.Environment = enclave.Dev
	if run.Sample, err = request.Sample.Filled(); err != nil {
		return err
	}
	snapshot, err := r.config.Dev.Snapshot(dataset, run.Sample)
	run.Snapshot = snapshot.Digest
	return err
}

func (r *Register) refuse(ctx context.Context, now time.Time, run *enclave.Run, why error) error {
	act := enclave.NewAct(now, run.Submitter, "run.refuse", "runs/"+run.ID,
		"grant", run.Grant, "module", run.Module.String(), "dataset", run.Dataset, "reason", enclave.AsError(why).Reason)
	if err := r.config.Acts.Record(ctx, act); err != nil {
		return err
	}
	return why
}

// snapshot is the newest of a dataset. One that the caller names must be that: the same question about an older one, subtracted, would
// tell the rows that changed in between (A42).
func (r *Register) snapshot(ctx context.Context, dataset string, ref *SnapshotRef) (enclave.Digest, error) {
	if ref == nil {
		newest, err := r.config.Datasets.Newest(ctx, dataset)
		return newest.Digest, err
	}
	if ref.Dataset != dataset {
		return enclave.Digest{}, enclave.Fail(enclave.Invalid, "RUN_SNAPSHOT_DATASET", "dataset", dataset)
	}
	if _, err := r.config.Datasets.Snapshot(ctx, dataset, ref.Digest); err != nil {
		return enclave.Digest{}, err
	}
	newest, err := r.config.Datasets.Newest(ctx, dataset)
	if err == nil && newest.Digest != ref.Digest {
		err = enclave.Fail(enclave.State, "SNAPSHOT_NOT_NEWEST", "dataset", dataset)
	}
	return newest.Digest, err
}

// checkParams tells an operator at once what admission would refuse later.
func checkParams(manifest *enclave.Manifest, params map[string]enclave.Scalar) error {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		at := slices.IndexFunc(manifest.Params, func(p enclave.ManifestParam) bool { return p.Name == name })
		if at < 0 {
			return enclave.Fail(enclave.Invalid, "PARAM_UNKNOWN", "param", name)
		}
		if _, err := manifest.Params[at].Check(params[name]); err != nil {
			return err
		}
	}
	return nil
}

// Get returns a run as its operator may see it, or RUN_NOT_FOUND. Whether the caller may see it at all is for the caller's side.
func (r *Register) Get(ctx context.Context, id string) (enclave.Run, error) {
	state, err := r.config.Store.Get(ctx, id)
	if err != nil {
		return enclave.Run{}, err
	}
	return r.sight(&state), nil
}

// List lists an operator's runs, or all for "", newest first. The string is After of the next page, "" at the end.
func (r *Register) List(ctx context.Context, operator string, page enclave.Page) ([]enclave.Run, string, error) {
	states, after, err := r.config.Store.List(ctx, operator, page)
	runs := make([]enclave.Run, len(states))
	for i := range states {
		runs[i] = r.sight(&states[i])
	}
	return runs, after, err
}

// Cancel stops a run that has not come to its record yet, or withdraws one that is held; then its outcome is canceled at once, while its
// work may take a moment to stop. A run that was recorded for release or ended fails with RUN_ENDED; another operator's looks missing.
func (r *Register) Cancel(ctx context.Context, caller enclave.Caller, id string) (enclave.Run, error) {
	state, err := r.config.Store.Get(ctx, id)
	if err != nil {
		return enclave.Run{}, err
	}
	if caller.Role == enclave.Operator && state.Submitter.Org != caller.Org {
		return enclave.Run{}, NotFound(id)
	}
	canceled := enclave.Fail(enclave.Canceled, "RUN_CANCELED")
	act := enclave.NewAct(enclave.Coarse(r.config.Now()), caller, "run.cancel", "runs/"+id, "operator", state.Submitter.Org, "grant", state.Grant)
	end := r.config.Store.End
	if state.Outcome == enclave.Held {
		end = r.config.Store.Withdraw
	}
	err = end(ctx, id, Ending{
		Outcome: enclave.Stopped, Stage: r.sight(&state).Stage, Reasons: canceled.Reasons(), Time: act.Time,
	}, act)
	if err != nil {
		return enclave.Run{}, err
	}
	r.queue.remove(job{state.Submitter.Org, id})
	r.live.stop(id, canceled)
	r.live.changed(id)
	return r.Get(ctx, id)
}

// Result returns the released bytes, RUN_NOT_FOUND, or RESULT_NOT_RELEASED.
func (r *Register) Result(ctx context.Context, id string) ([]byte, error) {
	state, err := r.released(ctx, id)
	if err != nil {
		return nil, err
	}
	content, err := r.config.Results.Get(state.Result)
	if err != nil {
		return nil, enclave.Internalf("result of run %s: %w", id, err)
	}
	return content, nil
}

// Receipt returns the signed statement of how a released result came to be, as JSON; errors as for Result.
func (r *Register) Receipt(ctx context.Context, id string) ([]byte, error) {
	if _, err := r.released(ctx, id); err != nil {
		return nil, err
	}
	decision, err := r.config.Store.Decision(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.config.Ledger.Receipt(ctx, decision.Act)
}

func (r *Register) released(ctx context.Context, id string) (State, error) {
	state, err := r.config.Store.Get(ctx, id)
	if err == nil && state.Outcome != enclave.Released {
		err = enclave.Fail(enclave.State, "RESULT_NOT_RELEASED", "run", id)
	}
	return state, err
}

// Decision returns what the gate decided of a run, with the facts that it was made from: for auditors and reviewers, never for
// operators. RUN_NOT_FOUND if the gate decided nothing.
func (r *Register) Decision(ctx context.Context, id string) (Decision, error) {
	return r.config.Store.Decision(ctx, id)
}

// Report returns everything that is known of how a run ended, as JSON of [enclave.Report]: to whoever may see it (see mayReport), else
// REPORT_NOT_SHOWN. A run that has no outcome yet fails with REPORT_NOT_READY.
func (r *Register) Report(ctx context.Context, caller enclave.Caller, id string) ([]byte, error) {
	state, err := r.config.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if !mayReport(caller, &state) {
		return nil, enclave.Fail(enclave.Refused, "REPORT_NOT_SHOWN")
	}
	if state.Outcome == "" {
		return nil, enclave.Fail(enclave.State, "REPORT_NOT_READY", "run", id)
	}
	report, err := r.report(ctx, &state)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(report)
	if err != nil {
		return nil, enclave.Internalf("encode a report: %w", err)
	}
	return raw, nil
}

// report puts together what was kept when the run ended and what the gate decided.
func (r *Register) report(ctx context.Context, state *State) (*enclave.Report, error) {
	report := &enclave.Report{}
	kept, err := r.config.Store.Report(ctx, state.ID)
	if err != nil {
		return nil, err
	}
	if kept != "" {
		if err := json.Unmarshal([]byte(kept), report); err != nil {
			return nil, enclave.Internalf("decode a report: %w", err)
		}
	}
	if state.Environment != enclave.Dev {
		report.Rehearsal = nil // there was none: whatever was kept, what a guest wrote or burnt over real rows is shown to nobody
	}
	report.Version, report.Run, report.Environment = 1, state.ID, state.Environment
	report.Outcome, report.Stage, report.Reasons = state.Outcome, state.Stage, state.Reasons
	report.Support = support(r.config.SupportKey, state)
	decision, err := r.config.Store.Decision(ctx, state.ID)
	if errors.Is(err, NotFound(state.ID)) {
		return report, nil
	}
	if err != nil {
		return nil, err
	}
	evidence, err := decision.evidence()
	if err != nil {
		return nil, err
	}
	report.Facts, report.Places, report.Profile, report.Passed = &evidence.Facts, evidence.Places, &decision.Profile, evidence.Passed
	return report, nil
}

// Watch sends the run as it is now and after each change until it has an outcome. Changes in quick succession may be sent as one. It
// returns nil after the outcome, an error of send as it is, RUN_WATCH_ENDED when ctx is done, and RUN_SERVICE_CLOSING at Close.
func (r *Register) Watch(ctx context.Context, id string, send func(enclave.Run) error) error {
	var last enclave.Run
	for {
		changed, leave := r.live.follow(id)
		run, err := r.Get(ctx, id)
		if err == nil && (run.Revision != last.Revision || run.Stage != last.Stage) {
			err = send(run)
		}
		if err != nil || run.Outcome != "" {
			leave()
			return err
		}
		last = run
		select {
		case <-changed:
		case <-ctx.Done():
			leave()
			return enclave.Fail(enclave.Canceled, "RUN_WATCH_ENDED").Because(context.Cause(ctx))
		case <-r.closing:
			leave()
			return enclave.Fail(enclave.Unavailable, "RUN_SERVICE_CLOSING")
		}
	}
}
