package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/approval"
	"github.com/darkroom-project/darkroom/internal/catalog"
	"github.com/darkroom-project/darkroom/internal/grant"
	"github.com/darkroom-project/darkroom/internal/module"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/store"
)

var (
	acme   = enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "li"}
	globex = enclave.Caller{Role: enclave.Operator, Org: "globex", Name: "sun"}
	bureau = enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "chen"}
	wasm   = []byte("a module")
)

// What a test's run does, by its parameter "do".
var behaviours = []string{"ok", "hang", "trap", "panic", "fault", "forbidden", "hold", "deny", "barrier", "b1", "b2", "b3", "b4"}

// rooms are fakes of the rooms on the real path of a run.
type rooms struct {
	hung    chan string // hears of each run that hangs
	let     chan struct{}
	between func() // called before each judgement
}

func (rooms) Facts(order *enclave.Order) (enclave.AdmissionFacts, error) {
	return enclave.AdmissionFacts{Scenario: string(order.Run.Params["do"])}, nil
}

func (rooms) Plan(order *enclave.Order) (*enclave.Plan, error) {
	return &enclave.Plan{Params: []byte(order.Run.Params["do"])}, nil
}

type noRows struct{ enclave.Rows }

func (noRows) Close() error { return nil }

func (rooms) Open(context.Context, *enclave.Dataset, enclave.Digest) (enclave.Rows, error) {
	return noRows{}, nil
}

func (r rooms) Execute(ctx context.Context, _ enclave.Rows, _ *enclave.Module, plan *enclave.Plan) (*enclave.Table, error) {
	if plan.Operator != acme.Org && plan.Operator != globex.Org {
		return nil, errors.New("the plan does not say whose run it is")
	}
	switch do := string(plan.Params); do {
	case "hang":
		r.hung <- do
		select {
		case <-ctx.Done():
			return nil, enclave.Fail(enclave.Canceled, "RUN_CANCELED").Because(context.Cause(ctx))
		case <-r.let:
		}
	case "trap":
		return nil, enclave.Fail(enclave.State, "MODULE_TRAP")
	case "panic":
		panic("with a secret value")
	case "fault":
		return nil, errors.New("the disk is on fire")
	}
	return &enclave.Table{Plan: plan}, nil
}

func (rooms) Measure(table *enclave.Table, _ enclave.Profile) *enclave.Measured {
	return &enclave.Measured{Table: table}
}

func (rooms) Treat(_ context.Context, measured *enclave.Measured, _ enclave.Profile) (*enclave.Treated, error) {
	return &enclave.Treated{Table: measured.Table, Bytes: append([]byte("result of "), measured.Table.Plan.Params...), Format: enclave.MediaArrow}, nil
}

func (rooms) Present(*enclave.Product) (*enclave.Treated, error) {
	return nil, errors.New("no program runs here")
}

func (rooms) Keep(*enclave.Footprint) (enclave.Digest, error) {
	return enclave.DigestOf([]byte("footprint")), nil
}

func (rooms) Load(enclave.Digest) (*enclave.Footprint, error) {
	return &enclave.Footprint{}, nil
}

func (rooms) Turns(string) *enclave.Turns { return nil }

func (rooms) Audit(context.Context, *enclave.Dataset, int64, enclave.Profile, *enclave.Footprint) (enclave.Audited, error) {
	return enclave.Audited{Facts: enclave.HistoryFacts{Clean: true}}, nil
}

type measurer struct{ rooms }

func (m measurer) Facts(_ context.Context, treated *enclave.Treated, _ enclave.Profile) (enclave.Facts, error) {
	if m.between != nil {
		m.between()
	}
	return enclave.Facts{
		Version: 1, Cells: enclave.CellCounts{Published: 1}, MinSubjects: map[string]int64{"hold": 1, "deny": 2}[string(treated.Table.Plan.Params)],
	}, nil
}

// rules is a policy that knows the behaviours.
type rules struct{}

func (rules) Revision() enclave.Digest { return enclave.DigestOf([]byte("policy")) }

func (rules) Profile(*enclave.Dataset, string) (enclave.Profile, error) {
	return enclave.Profile{Name: "strict", Threshold: 10, Runs: 10_000, RowRuns: 100, Questions: 1000, HeldDays: 90}, nil
}

func (r rules) Admission(_ context.Context, facts enclave.AdmissionFacts, _ enclave.Profile) (enclave.Judgement, error) {
	if facts.Scenario == "forbidden" {
		return enclave.Judgement{Decision: enclave.Deny, Reasons: []enclave.Reason{{Code: "GROUP_BY_IDENTITY"}}, Revision: r.Revision()}, nil
	}
	return enclave.Judgement{Decision: enclave.Release, Revision: r.Revision()}, nil
}

func (r rules) Release(_ context.Context, facts enclave.Facts, _ enclave.Profile) (enclave.Judgement, error) {
	j := enclave.Judgement{Revision: r.Revision()}
	switch facts.MinSubjects {
	case 1:
		j.Decision, j.Reasons = enclave.Hold, []enclave.Reason{{Code: "OUTPUT_CRAFTED"}}
	case 2:
		j.Decision, j.Reasons = enclave.Deny, []enclave.Reason{{Code: "DOMINANCE"}}
	default:
		j.Decision = enclave.Release
	}
	return j, nil
}

type policies struct{}

func (policies) Active() enclave.Policy { return rules{} }

func (policies) Revision(revision enclave.Digest) (enclave.Policy, error) {
	if revision != (rules{}).Revision() {
		return nil, enclave.Internalf("no such policy")
	}
	return rules{}, nil
}

// ledger signs at once, unless a test holds it back or lets it fail.
type ledger struct {
	mu    sync.Mutex
	hold  chan struct{}
	fails int
}

func (l *ledger) AwaitSigned(ctx context.Context, _ string) error {
	l.mu.Lock()
	hold, failing := l.hold, l.fails > 0
	l.fails--
	l.mu.Unlock()
	if failing {
		return enclave.Fail(enclave.Unavailable, "LEDGER_UNAVAILABLE")
	}
	if hold == nil {
		return nil
	}
	select {
	case <-hold:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *ledger) Receipt(_ context.Context, act string) ([]byte, error) {
	return json.Marshal(map[string]string{"act": act})
}

// world is a register over real stores and registers, with fakes for the rooms that do the work.
type world struct {
	*run.Register
	t       *testing.T
	folder  string
	store   *store.Store
	results *store.Files
	gate    *run.Gate
	grants  *grant.Register
	ledger  *ledger
	rooms   rooms
	config  run.Config
	now     func() time.Time
}

type option func(*world)

// newWorld opens a world in a folder; with the same folder, the world that a crash left.
func newWorld(t *testing.T, folder string, options ...option) *world {
	t.Helper()
	w := &world{
		t: t, folder: folder, ledger: &ledger{}, now: time.Now,
		rooms: rooms{hung: make(chan string, 100), let: make(chan struct{})},
	}
	var err error
	w.store, err = store.Open(t.Context(), filepath.Join(folder, "db"), func(act enclave.Act) (store.Sealed, error) {
		body, err := json.Marshal(act)
		return store.Sealed{ID: act.ID, Body: string(body)}, err
	})
	ok(t, err)
	w.results, err = store.OpenFiles(filepath.Join(folder, "results"))
	ok(t, err)
	_, err = w.results.Put(wasm) // modules and outputs share a folder
	ok(t, err)
	w.gate = run.NewGate(w.store.Runs(), w.results, w.rooms, w.ledger, func() time.Time { return w.now() })
	w.grants = grant.New(w.store.Grants(), w.store.Acts(), nil, nil, func() time.Time { return w.now() })
	check := func(b []byte) (*enclave.Module, error) {
		return &enclave.Module{Digest: enclave.DigestOf(b), Bytes: b, Manifest: manifest()}, nil
	}
	w.config = run.Config{
		Store: w.store.Runs(), Results: w.results, Prints: w.rooms, Ledger: w.ledger, Acts: w.store.Acts(), Gate: w.gate,
		Policies: policies{}, Grants: w.grants,
		Modules:  module.New(w.store.Modules(), w.results, w.store.Acts(), check, nil, time.Now, module.Quota),
		Datasets: catalog.New(w.store.Catalog(), nil, time.Now), Approvals: approval.New(approval.Config{Store: w.store.Proposals()}),
		Now: func() time.Time { return w.now() }, Log: slog.New(slog.DiscardHandler), Workers: 3, Retry: time.Millisecond,
	}
	for _, change := range options {
		change(w)
	}
	if w.config.Path == nil {
		w.config.Path = w.path(w.gate)
	}
	w.Register = run.New(w.config)
	t.Cleanup(func() {
		ok(t, w.Close(ended())) // some hang
		ok(t, errors.Join(w.store.Close(), w.results.Close()))
	})
	return w
}

// ended is a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (w *world) path(recorder enclave.Recorder) *enclave.Enclave {
	return &enclave.Enclave{Planner: w.rooms, Loader: w.rooms, Executor: w.rooms, Measurer: measurer{w.rooms}, Treater: w.rooms, Historian: w.rooms, Recorder: recorder}
}

// started is a fresh world, furnished and started.
func started(t *testing.T, options ...option) *world {
	t.Helper()
	w := newWorld(t, t.TempDir(), options...)
	w.furnish()
	ok(t, w.Start(t.Context()))
	return w
}

func manifest() *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: "cost", Version: "1", Form: enclave.Aggregate,
		Inputs: []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"id"}}},
		Params: []enclave.ManifestParam{{Name: "do", Type: "enum", Values: behaviours, Default: "ok"}},
	}
}

func (w *world) visits() *enclave.Dataset {
	return &enclave.Dataset{Name: "visits", Owner: "health", Subject: enclave.Subject{Column: "id", Kind: enclave.Person}}
}

// furnish gives both operators a grant ("grant-acme", "grant-globex") and the module, and the dataset a snapshot.
func (w *world) furnish() {
	w.t.Helper()
	ctx, now := w.t.Context(), time.Now()
	act := func() enclave.Act { return enclave.NewAct(now, bureau, "furnish", "x") }
	digest, err := w.visits().Digest()
	ok(w.t, err)
	ok(w.t, w.store.Catalog().Put(ctx, catalog.Entry{Dataset: w.visits(), Digest: digest, Created: now}, act()))
	ok(w.t, w.store.Catalog().AddSnapshot(ctx, enclave.Snapshot{
		Dataset: "visits", Digest: enclave.DigestOf([]byte("snapshot")), Description: digest, Rows: 10, Subjects: 5, Loaded: now,
	}, act()))
	for _, caller := range []enclave.Caller{acme, globex} {
		ok(w.t, w.store.Grants().Insert(ctx, enclave.Grant{
			ID: "grant-" + caller.Org, Operator: caller.Org, Scenario: "planning", Scopes: []enclave.Scope{{Dataset: "visits", Columns: []string{"id"}}},
			Forms: []enclave.Form{enclave.Aggregate}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), State: enclave.GrantActive, Revision: 1,
		}, act()))
		ok(w.t, w.store.Modules().Insert(ctx, module.Entry{Digest: enclave.DigestOf(wasm), Owner: caller.Org, Manifest: manifest(), Created: now}, act()))
	}
}

func request(caller enclave.Caller, do string) run.Request {
	return run.Request{Grant: "grant-" + caller.Org, Module: enclave.DigestOf(wasm), Params: map[string]enclave.Scalar{"do": enclave.Scalar(do)}}
}

func (w *world) submit(caller enclave.Caller, do string) enclave.Run {
	w.t.Helper()
	r, err := w.Submit(w.t.Context(), caller, request(caller, do))
	ok(w.t, err)
	return r
}

// end watches a run to its outcome.
func (w *world) end(id string) enclave.Run {
	w.t.Helper()
	var last enclave.Run
	ok(w.t, w.Watch(w.t.Context(), id, func(r enclave.Run) error {
		last = r
		return nil
	}))
	return last
}

var errSeen = errors.New("seen")

// reach watches a run until it is at a stage.
func (w *world) reach(id string, stage enclave.Stage) enclave.Run {
	w.t.Helper()
	var last enclave.Run
	err := w.Watch(w.t.Context(), id, func(r enclave.Run) error {
		if last = r; r.Stage == stage {
			return errSeen
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		w.t.Fatalf("run %s never was at %s: %v", id, stage, err)
	}
	return last
}

// acts are the acts about an object, in order.
func (w *world) acts(object string) (acts []enclave.Act) {
	w.t.Helper()
	pending, err := w.store.Acts().Pending(w.t.Context(), 10_000)
	ok(w.t, err)
	for _, p := range pending {
		entry, err := w.store.Acts().Entry(w.t.Context(), p.ID)
		ok(w.t, err)
		var act enclave.Act
		ok(w.t, json.Unmarshal([]byte(entry.Body), &act))
		if act.Object == object {
			acts = append(acts, act)
		}
	}
	return acts
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, err error, kind enclave.Kind, reason string) {
	t.Helper()
	if e := enclave.AsError(err); e == nil || e.Kind != kind || e.Reason != reason {
		t.Errorf("got %v, want %s %s", err, kind, reason)
	}
}

func filesIn(t *testing.T, folder string) int {
	t.Helper()
	entries, err := os.ReadDir(folder)
	ok(t, err)
	return len(entries)
}
