package review_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/enclave/measure"
	"github.com/darkroom-project/darkroom/enclave/treat"
	"github.com/darkroom-project/darkroom/internal/catalog"
	"github.com/darkroom-project/darkroom/internal/grant"
	"github.com/darkroom-project/darkroom/internal/module"
	"github.com/darkroom-project/darkroom/internal/releases"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/store"
)

// Who takes part. Census is the source department, bureau the authority.
var (
	acme   = enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "li"}
	globex = enclave.Caller{Role: enclave.Operator, Org: "globex", Name: "sun"}
	chen   = enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "chen"}
	wang   = enclave.Caller{Role: enclave.SourceOrg, Org: "census", Name: "wang"}
	zhao   = enclave.Caller{Role: enclave.Reviewer, Org: "institute", Name: "zhao"}
)

const scenario = "planning"

func people() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "people", Title: "people", Owner: "census", Grade: 1, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"a", "b"}},
			{Name: "age", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "120"},
		},
	}
}

// table is a manifest that counts people below and from an age on; crafted, it is held.
func table(cut int, crafted bool) *enclave.Manifest {
	m := &enclave.Manifest{
		Darkroom: 1, Name: "ages", Version: "1", Form: enclave.Aggregate,
		Inputs:   []enclave.ManifestInput{{Dataset: "people", Columns: []string{"age"}}},
		Keys:     []enclave.ManifestKey{{Name: "age", Of: &enclave.ColumnRule{Column: "age", Cuts: []enclave.Scalar{enclave.Scalar(fmt.Sprint(cut))}}}},
		Measures: []enclave.ManifestMeasure{{Name: "n", Op: enclave.Count}},
	}
	if crafted {
		m.Name = "crafted"
	}
	return m
}

// program is the manifest of a program; its output is [rooms.Perform]'s.
func program() *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: "list", Version: "1", Form: enclave.Program,
		Inputs: []enclave.ManifestInput{{Dataset: "people", Columns: []string{"district"}}},
		Output: &enclave.ManifestOutput{About: "a list", Behind: "everybody", Rows: 100, Columns: []enclave.ManifestColumn{
			{Name: "label", Type: enclave.KindText, About: "any text", Bytes: 1000},
			{Name: "share", Type: enclave.KindDecimal, About: "of the whole", Max: 100, Decimals: 2},
			{Name: "kind", Type: enclave.KindEnum, About: "one of two", Values: []string{"x", "y"}},
		}},
	}
}

// rooms are the real rooms, and stand-ins for what runs and inspects programs.
type rooms struct {
	texts  []string
	places []enclave.Place
}

func (r *rooms) Perform(_ context.Context, _ enclave.Rows, _ *enclave.Module, plan *enclave.Plan) (*enclave.Product, error) {
	n := len(r.texts)
	p := &enclave.Product{Plan: plan, Rows: n, Columns: []enclave.ProductColumn{
		{Texts: r.texts, Valid: make([]bool, n)}, {Numbers: make([]int64, n), Valid: make([]bool, n)}, {Numbers: make([]int64, n), Valid: make([]bool, n)},
	}}
	for i := range n {
		p.Columns[0].Valid[i], p.Columns[1].Valid[i], p.Columns[2].Valid[i] = true, true, i > 0
		p.Columns[1].Numbers[i] = int64(i)
	}
	return p, nil
}

func (r *rooms) Inspect(_ context.Context, _ enclave.Rows, product *enclave.Product, _ enclave.Profile) (*enclave.Inspected, error) {
	return &enclave.Inspected{Product: product, Facts: enclave.LeakFacts{Rows: int64(product.Rows), Identifiers: int64(len(r.places))}, Places: r.places}, nil
}

// planner takes a module's name for it that it was shown protected columns, which only one with code is.
type planner struct{ admit.Planner }

func (p planner) Plan(order *enclave.Order) (*enclave.Plan, error) {
	plan, err := p.Planner.Plan(order)
	if err == nil {
		plan.Crafted = plan.Crafted || order.Module.Manifest.Name == "crafted"
	}
	return plan, err
}

// rules hold programs and what is crafted, and release what the gate would.
type rules struct{}

func (rules) Revision() enclave.Digest { return enclave.DigestOf([]byte("policy")) }

func (rules) Profile(*enclave.Dataset, string) (enclave.Profile, error) {
	return enclave.Profile{Name: "strict", Threshold: 5, DominanceN: 1, DominancePercent: 100, HomogeneityPercent: 100, RoundCount: 1, RoundSum: 1, RowRuns: 100, Runs: 10_000, Questions: 1000}, nil
}

func (r rules) Admission(context.Context, enclave.AdmissionFacts, enclave.Profile) (enclave.Judgement, error) {
	return enclave.Judgement{Decision: enclave.Release, Revision: r.Revision()}, nil
}

func (r rules) Release(_ context.Context, facts enclave.Facts, _ enclave.Profile) (enclave.Judgement, error) {
	if facts.Crafted || facts.Form == enclave.Program {
		return enclave.Judgement{Decision: enclave.Hold, Reasons: []enclave.Reason{{Code: "OUTPUT_CRAFTED"}}, Revision: r.Revision()}, nil
	}
	return enclave.Judgement{Decision: enclave.Release, Revision: r.Revision()}, nil
}

// strict are later rules, which hold nothing any more.
type strict struct{ rules }

func (s strict) Release(context.Context, enclave.Facts, enclave.Profile) (enclave.Judgement, error) {
	return enclave.Judgement{Decision: enclave.Deny, Reasons: []enclave.Reason{{Code: "FORM_NOT_ALLOWED"}}, Revision: s.Revision()}, nil
}

type policies struct{ active enclave.Policy }

func (p *policies) Active() enclave.Policy { return p.active }

func (*policies) Revision(enclave.Digest) (enclave.Policy, error) { return rules{}, nil }

// ledger signs at once; a receipt names its act.
type ledger struct{}

func (ledger) AwaitSigned(context.Context, string) error { return nil }

func (ledger) Receipt(_ context.Context, act string) ([]byte, error) { return json.Marshal(act) }

// world is the register over real stores, real registers and the real path.
type world struct {
	*review.Register
	t        *testing.T
	folder   string
	store    *store.Store
	files    *store.Files
	grants   *grant.Register
	runs     *run.Register
	modules  map[enclave.Digest]*enclave.Module
	rooms    *rooms
	policies *policies
	config   review.Config
	runConf  run.Config
	awaited  []string
}

func (w *world) Manifest(ctx context.Context, owner string, digest enclave.Digest) (*enclave.Manifest, error) {
	entry, err := w.store.Modules().Get(ctx, owner, digest)
	return entry.Manifest, err
}

func (w *world) Module(_ context.Context, digest enclave.Digest) (*enclave.Module, error) {
	return w.modules[digest], nil
}

// Approved: no rule here asks.
func (w *world) Approved(context.Context, string, enclave.Digest, string) (bool, error) {
	return false, nil
}

// newWorld opens a world in a folder; with the same folder, what a crash left. Change may replace ports.
func newWorld(t *testing.T, folder string, change func(*world)) *world {
	t.Helper()
	w := &world{t: t, folder: folder, modules: map[enclave.Digest]*enclave.Module{}, rooms: &rooms{texts: []string{"first", "second"}}, policies: &policies{rules{}}}
	var err error
	w.store, err = store.Open(t.Context(), filepath.Join(folder, "db"), func(act enclave.Act) (store.Sealed, error) {
		body, err := json.Marshal(act)
		return store.Sealed{ID: act.ID, Body: string(body)}, err
	})
	ok(t, err)
	w.files, err = store.OpenFiles(filepath.Join(folder, "files"))
	ok(t, err)
	rows, err := load.Open(filepath.Join(folder, "snapshots"), [32]byte{1}, slog.New(slog.DiscardHandler))
	ok(t, err)
	book := releases.New(w.store.Runs(), w.files, rows, history.Seed{7})
	gate := run.NewGate(w.store.Runs(), w.files, book, ledger{}, time.Now)
	w.grants = grant.New(w.store.Grants(), w.store.Acts(), nil, nil, time.Now)
	w.runConf = run.Config{
		Store: w.store.Runs(), Results: w.files, Prints: book, Ledger: ledger{}, Acts: w.store.Acts(), Gate: gate, Policies: w.policies,
		Grants: w.grants, Modules: w, Approvals: w, Datasets: catalog.New(w.store.Catalog(), nil, time.Now), Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Workers: 2, Retry: time.Millisecond,
	}
	w.config = review.Config{
		Store: w.store.Reviews(), Grants: w.grants, Modules: w, Text: treat.Preview, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Await: func(ctx context.Context, act string) error {
			_, err := w.store.Acts().Entry(ctx, act) // it is durable already
			w.awaited = append(w.awaited, act)
			return err
		},
	}
	if change != nil {
		change(w)
	}
	w.runConf.Path = &enclave.Enclave{
		Planner: planner{}, Loader: rows, Executor: aggregate.New(nil, 1), Performer: w.rooms, Inspector: w.rooms,
		Measurer: measure.Measurer{}, Treater: treat.Treater{}, Historian: book, Recorder: run.NewGate(w.runConf.Store, w.files, book, ledger{}, time.Now),
	}
	w.runConf.Gate = run.NewGate(w.runConf.Store, w.files, book, ledger{}, time.Now)
	w.runs = run.New(w.runConf)
	if w.config.Runs == nil {
		w.config.Runs = w.runs
	}
	w.Register = review.New(w.config)
	t.Cleanup(func() {
		ok(t, w.runs.Close(context.Background()))
		ok(t, errors.Join(w.store.Close(), w.files.Close()))
	})
	if _, err := w.store.Catalog().Get(t.Context(), "people"); err != nil {
		w.furnish(rows)
	}
	for _, manifest := range manifests() {
		m := moduleOf(manifest)
		w.modules[m.Digest] = m
	}
	ok(t, w.runs.Start(t.Context()))
	return w
}

// fresh is a new world in a folder of its own.
func fresh(t *testing.T) *world {
	t.Helper()
	return newWorld(t, t.TempDir(), nil)
}

// manifests are the modules of every world.
func manifests() []*enclave.Manifest {
	return []*enclave.Manifest{table(30, true), table(31, false), table(32, true), table(40, false), table(60, false), program()}
}

func moduleOf(manifest *enclave.Manifest) *enclave.Module {
	raw, err := json.Marshal(manifest)
	if err != nil {
		panic(err)
	}
	return &enclave.Module{Digest: enclave.DigestOf(raw), Manifest: manifest, Bytes: raw}
}

// furnish gives both operators a grant ("grant-acme", "grant-globex") and the modules, and the dataset 200 people of ages 0 to 89.
func (w *world) furnish(rows *load.Store) {
	w.t.Helper()
	ctx, now := w.t.Context(), time.Now()
	act := func() enclave.Act { return enclave.NewAct(now, chen, "furnish", "x") }
	digest, err := people().Digest()
	ok(w.t, err)
	ok(w.t, w.store.Catalog().Put(ctx, catalog.Entry{Dataset: people(), Digest: digest, Created: now}, act()))
	var file bytes.Buffer
	fmt.Fprintln(&file, "id,district,age")
	for i := range 200 {
		fmt.Fprintf(&file, "%d,%s,%d\n", i+1, []string{"a", "b"}[i%2], i%90)
	}
	snapshot, err := rows.Ingest(ctx, people(), load.CSV, bytes.NewReader(file.Bytes()), nil)
	ok(w.t, err)
	ok(w.t, w.store.Catalog().AddSnapshot(ctx, snapshot, act()))
	for _, caller := range []enclave.Caller{acme, globex} {
		ok(w.t, w.store.Grants().Insert(ctx, enclave.Grant{
			ID: "grant-" + caller.Org, Operator: caller.Org, Scenario: scenario, Purpose: "to plan",
			Scopes: []enclave.Scope{{Dataset: "people", Columns: []string{"district", "age"}}}, Forms: []enclave.Form{enclave.Aggregate, enclave.Program},
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), State: enclave.GrantActive, Revision: 1,
		}, act()))
		for _, manifest := range manifests() {
			m := moduleOf(manifest)
			_, err := w.files.Put(m.Bytes)
			ok(w.t, err)
			ok(w.t, w.store.Modules().Insert(ctx, module.Entry{Digest: m.Digest, Owner: caller.Org, Manifest: manifest, Created: now}, act()))
		}
	}
}

// ran submits a run and waits for its outcome.
func (w *world) ran(caller enclave.Caller, manifest *enclave.Manifest, outcome enclave.Outcome) string {
	w.t.Helper()
	r, err := w.runs.Submit(w.t.Context(), caller, request(caller, manifest))
	ok(w.t, err)
	w.ends(r.ID, outcome)
	return r.ID
}

// held is a run of a program that waits for people.
func (w *world) held() string {
	w.t.Helper()
	return w.ran(acme, program(), enclave.Held)
}

// ends waits for a run's outcome.
func (w *world) ends(id string, outcome enclave.Outcome) enclave.Run {
	w.t.Helper()
	var last enclave.Run
	ok(w.t, w.runs.Watch(w.t.Context(), id, func(r enclave.Run) error {
		last = r
		return nil
	}))
	if last.Outcome != outcome {
		w.t.Fatalf("the run is %s %v, not %s", last.Outcome, last.Reasons, outcome)
	}
	return last
}

// show looks at a case as a reviewer does.
func (w *world) show(who enclave.Caller, id string) review.Case {
	w.t.Helper()
	c, err := w.Show(w.t.Context(), who, id)
	ok(w.t, err)
	return c
}

// ballot is a choice about a case, with the comments that it needs.
func ballot(c review.Case, choice enclave.Choice) review.Ballot {
	return review.Ballot{Choice: choice, Output: c.Output, History: c.History, Public: "public " + string(choice), Private: "private " + string(choice)}
}

// vote looks at a case and votes.
func (w *world) vote(who enclave.Caller, id string, choice enclave.Choice) (review.Review, error) {
	w.t.Helper()
	return w.Vote(w.t.Context(), who, id, ballot(w.show(who, id), choice))
}

// voted is vote where nothing may go wrong, up to a state.
func (w *world) voted(who enclave.Caller, id string, choice enclave.Choice, state review.State) review.Review {
	w.t.Helper()
	r, err := w.vote(who, id, choice)
	ok(w.t, err)
	if r.State != state {
		w.t.Fatalf("after %s's %s the review is %s, not %s", who.Name, choice, r.State, state)
	}
	return r
}

// acts are the acts about a run, in order.
func (w *world) acts(id string) (acts []enclave.Act) {
	w.t.Helper()
	pending, err := w.store.Acts().Pending(w.t.Context(), 10_000)
	ok(w.t, err)
	for _, p := range pending {
		entry, err := w.store.Acts().Entry(w.t.Context(), p.ID)
		ok(w.t, err)
		var act enclave.Act
		ok(w.t, json.Unmarshal([]byte(entry.Body), &act))
		if act.Object == "runs/"+id {
			acts = append(acts, act)
		}
	}
	return acts
}

// verbs are what happened to a run, in order.
func (w *world) verbs(id string) (verbs []string) {
	w.t.Helper()
	for _, act := range w.acts(id) {
		verbs = append(verbs, act.Verb)
	}
	return verbs
}

func (w *world) version() int64 {
	w.t.Helper()
	version, err := w.store.Runs().History(w.t.Context(), "people")
	ok(w.t, err)
	return version
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

func request(caller enclave.Caller, manifest *enclave.Manifest) run.Request {
	return run.Request{Grant: "grant-" + caller.Org, Module: moduleOf(manifest).Digest}
}
