package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/enclave/load"
	disclosure "github.com/darkroom-project/darkroom/enclave/measure"
	"github.com/darkroom-project/darkroom/enclave/treat"
	"github.com/darkroom-project/darkroom/internal/approval"
	"github.com/darkroom-project/darkroom/internal/catalog"
	"github.com/darkroom-project/darkroom/internal/grant"
	"github.com/darkroom-project/darkroom/internal/module"
	"github.com/darkroom-project/darkroom/internal/releases"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/store"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/sdk"
)

var li = enclave.Caller{Role: enclave.Operator, Org: acme, Name: "li"}

// world is the register of runs over all that is real but a network, a sandbox and a ledger, for tests that decide which run takes its next
// stage when. It is cheap to ask in: one snapshot is the data of as many datasets as there are histories to be had.
type world struct {
	*run.Register
	t        *testing.T
	store    *store.Store
	files    *store.Files
	data     *enclave.Dataset
	snapshot enclave.Snapshot
	actors   sync.Map // by dataset and name of the module
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, data: town()}
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	var err error
	w.store, err = store.Open(t.Context(), filepath.Join(dir, "db"), func(act enclave.Act) (store.Sealed, error) {
		body, err := json.Marshal(act)
		return store.Sealed{ID: act.ID, Body: string(body)}, err
	})
	ok(t, err)
	w.files, err = store.OpenFiles(filepath.Join(dir, "files"))
	ok(t, err)
	snapshots, err := load.Open(filepath.Join(dir, "snapshots"), [32]byte{1}, log)
	ok(t, err)
	w.snapshot, err = snapshots.Ingest(t.Context(), w.data, load.CSV, bytes.NewReader(townOf(200, victimCost)), nil)
	ok(t, err)
	rules, err := policy.Default()
	ok(t, err)
	loader := alias{snapshots, w.data}
	book := releases.New(w.store.Runs(), w.files, loader, history.Seed{1})
	gate := run.NewGate(w.store.Runs(), w.files, book, signed{}, time.Now)
	w.Register = run.New(run.Config{
		Store: w.store.Runs(), Results: w.files, Ledger: signed{}, Acts: w.store.Acts(), Gate: gate, Prints: book,
		Policies: onePolicy{holding{rules}},
		Grants:   grant.New(w.store.Grants(), w.store.Acts(), nil, nil, time.Now),
		Modules:  module.New(w.store.Modules(), w.files, w.store.Acts(), admit.Check, nil, time.Now, module.Quota),
		Datasets: catalog.New(w.store.Catalog(), nil, time.Now), Approvals: approval.New(approval.Config{Store: w.store.Proposals()}), Now: time.Now, Log: log, Workers: 2,
		Path: stepwise{enclave.Enclave{
			Planner: admit.Planner{}, Loader: loader, Executor: aggregate.New(nil, 1), Measurer: disclosure.Measurer{}, Treater: treat.Treater{},
			Historian: anyOrder{book}, Recorder: gate,
		}, w},
	})
	ok(t, w.Start(t.Context()))
	t.Cleanup(func() {
		ok(t, w.Close(context.Background()))
		ok(t, w.store.Close())
		ok(t, w.files.Close())
	})
	return w
}

// anyOrder lets runs over the same dataset measure at the same time, so that they come between each other in every order that there is.
type anyOrder struct{ enclave.Historian }

func (anyOrder) Turns(string) *enclave.Turns { return nil }

// stepwise is the path of a run, with an actor's boundary before each stage in which runs meet, and before each of lateSteps.
type stepwise struct {
	enclave.Enclave
	world *world
}

func (s stepwise) Run(ctx context.Context, order *enclave.Order, progress func(enclave.Stage)) error {
	found, known := s.world.actors.Load(order.Run.Dataset + "/" + order.Module.Manifest.Name)
	if !known {
		return s.Enclave.Run(ctx, order, progress)
	}
	meets := map[enclave.Stage]bool{}
	for _, stage := range shared() {
		meets[stage] = true
	}
	return s.Enclave.Run(ctx, order, func(stage enclave.Stage) {
		if meets[stage] {
			found.(*actor).boundary(string(stage)) //nolint:errcheck,forcetypeassert // nothing else is there
		}
		progress(stage)
	})
}

// lateSteps are those in which a late release meets runs.
func lateSteps() []string { return []string{"history", "audit", "record", "release"} }

func (s stepwise) ReleaseHeld(ctx context.Context, held *enclave.HeldOutput, votes []enclave.Vote) error {
	found, known := s.world.actors.Load(held.Run.ID)
	if !known {
		return s.Enclave.ReleaseHeld(ctx, held, votes)
	}
	late := s.Enclave                                              // a copy
	late.Historian = lateHistorian{late.Historian, found.(*actor)} //nolint:errcheck,forcetypeassert // nothing else is there
	late.Recorder = lateRecorder{late.Recorder, found.(*actor)}    //nolint:errcheck,forcetypeassert // nothing else is there
	return late.ReleaseHeld(ctx, held, votes)
}

type lateHistorian struct {
	enclave.Historian
	*actor
}

func (l lateHistorian) Audit(
	ctx context.Context, dataset *enclave.Dataset, version int64, profile enclave.Profile, footprint *enclave.Footprint,
) (enclave.Audited, error) {
	l.boundary("audit")
	return l.Historian.Audit(ctx, dataset, version, profile, footprint)
}

type lateRecorder struct {
	enclave.Recorder
	*actor
}

func (l lateRecorder) History(ctx context.Context, dataset string) (int64, error) {
	l.boundary("history")
	return l.Recorder.History(ctx, dataset)
}

func (l lateRecorder) Record(ctx context.Context, verdict *enclave.Verdict) error {
	l.boundary("record")
	return l.Recorder.Record(ctx, verdict)
}

func (l lateRecorder) Release(ctx context.Context, run string) error {
	l.boundary("release")
	return l.Recorder.Release(ctx, run)
}

// alias reads one snapshot whatever dataset is asked for.
type alias struct {
	enclave.Loader
	data *enclave.Dataset
}

func (a alias) Open(ctx context.Context, _ *enclave.Dataset, snapshot enclave.Digest) (enclave.Rows, error) {
	return a.Loader.Open(ctx, a.data, snapshot)
}

// signed is a ledger that has signed everything already.
type signed struct{}

func (signed) AwaitSigned(context.Context, string) error { return nil }

func (signed) Receipt(context.Context, string) ([]byte, error) { return nil, nil }

// onePolicy is the one that there is.
type onePolicy struct{ holding }

func (p onePolicy) Active() enclave.Policy { return p.holding }

func (p onePolicy) Revision(enclave.Digest) (enclave.Policy, error) { return p.holding, nil }

// holding is the policy that is built in, but for one scenario: there, what would be released waits for people.
type holding struct{ *policy.Engine }

const toBeHeld = "to-be-held"

func (h holding) Release(ctx context.Context, facts enclave.Facts, profile enclave.Profile) (enclave.Judgement, error) {
	judgement, err := h.Engine.Release(ctx, facts, profile)
	if judgement.Decision == enclave.Release && facts.Scenario == toBeHeld {
		judgement.Decision, judgement.Reasons = enclave.Hold, []enclave.Reason{{Code: "OUTPUT_CRAFTED"}}
	}
	return judgement, err
}

// place is a dataset of a world, with a history of its own and a grant of it for each scenario.
type place struct {
	*world
	dataset *enclave.Dataset
	grants  map[string]string
	asked   []*asking
}

// town makes another dataset of the same data.
func (w *world) town(name string) *place {
	w.t.Helper()
	ctx, now := w.t.Context(), time.Now()
	p := &place{world: w, dataset: town(), grants: map[string]string{scenario: enclave.NewID(), toBeHeld: enclave.NewID()}}
	p.dataset.Name = name
	act := enclave.NewAct
	digest, err := p.dataset.Digest()
	ok(w.t, err)
	ok(w.t, w.store.Catalog().Put(ctx, catalog.Entry{Dataset: p.dataset, Digest: digest, Created: now}, act(now, li, "furnish", "x")))
	snapshot := w.snapshot
	snapshot.Dataset, snapshot.Description = name, digest
	ok(w.t, w.store.Catalog().AddSnapshot(ctx, snapshot, act(now, li, "furnish", "x")))
	for scenario, id := range p.grants {
		ok(w.t, w.store.Grants().Insert(ctx, enclave.Grant{
			ID: id, Operator: acme, Scenario: scenario, Forms: []enclave.Form{enclave.Aggregate},
			Scopes:    []enclave.Scope{{Dataset: name, Columns: []string{"district", "sex", "born", "cost"}}},
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), State: enclave.GrantActive, Revision: 1,
		}, act(now, li, "furnish", "x")))
	}
	return p
}

// asking is a run with its actor, and in the end what it published.
type asking struct {
	id        string
	measure   enclave.ManifestMeasure
	actor     *actor
	published []string // the keys of each row, parted by spaces
}

// asks submits a question. Its run stops before each stage in which runs meet, unless it is called "before".
func (p *place) asks(name string, measure enclave.ManifestMeasure, keys []enclave.ManifestKey) *asking {
	p.t.Helper()
	a := &asking{measure: measure, actor: newActor()}
	if name == "before" {
		close(a.actor.at)
		p.submits(a, name, scenario, keys)
		return a
	}
	p.actors.Store(p.dataset.Name+"/"+name, a.actor)
	p.submits(a, name, scenario, keys)
	go func() { // until the outcome stands
		defer close(a.actor.at)
		if err := p.Watch(p.t.Context(), a.id, func(enclave.Run) error { return nil }); err != nil {
			p.t.Error(err)
		}
	}()
	return a
}

// holds submits a question whose answer waits for people.
func (p *place) holds(name string, measure enclave.ManifestMeasure, keys []enclave.ManifestKey) *asking {
	p.t.Helper()
	a := &asking{measure: measure}
	p.submits(a, name, toBeHeld, keys)
	ok(p.t, p.Watch(p.t.Context(), a.id, func(enclave.Run) error { return nil }))
	return a
}

// releases lets two people, who looked at a held output just now, release it. That stops before each of lateSteps.
func (p *place) releases(a *asking) *actor {
	p.t.Helper()
	history, err := p.store.Runs().History(p.t.Context(), p.dataset.Name)
	ok(p.t, err)
	decision, err := p.store.Runs().Decision(p.t.Context(), a.id)
	ok(p.t, err)
	var votes []enclave.Vote
	for _, name := range []string{"chen", "wang"} {
		votes = append(votes, enclave.Vote{
			Voter: enclave.Caller{Role: enclave.Reviewer, Org: office, Name: name}, Choice: enclave.ChooseRelease,
			Output: decision.Result, History: history, Round: 1, Time: time.Now(),
		})
	}
	agreed, err := p.store.Reviews().Get(p.t.Context(), a.id)
	ok(p.t, err)
	agreed.File.State = review.Agreed
	ok(p.t, p.store.Reviews().Update(p.t.Context(), agreed, nil, enclave.NewAct(time.Now(), li, "furnish", "x")))
	late := newActor()
	p.actors.Store(a.id, late)
	go func() {
		defer close(late.at)
		if err := p.ReleaseHeld(p.t.Context(), a.id, votes); err != nil && enclave.KindOf(err) != enclave.State && enclave.KindOf(err) != enclave.Refused {
			p.t.Error(err)
		}
	}()
	return late
}

// submits submits a question in a scenario.
func (p *place) submits(a *asking, name, scenario string, keys []enclave.ManifestKey) {
	p.t.Helper()
	whole, err := admit.Attach(nil, &enclave.Manifest{
		Darkroom: 1, Name: name, Version: "1", Form: enclave.Aggregate, Keys: keys, Measures: []enclave.ManifestMeasure{a.measure},
		Inputs: []enclave.ManifestInput{{Dataset: p.dataset.Name, Columns: []string{"district", "sex", "born", "cost"}}},
	})
	ok(p.t, err)
	checked, err := admit.Check(whole)
	ok(p.t, err)
	digest, err := p.files.Put(whole)
	ok(p.t, err)
	now := time.Now()
	ok(p.t, p.store.Modules().Insert(p.t.Context(), module.Entry{
		Digest: digest, Owner: acme, Manifest: checked.Manifest, Size: int64(len(whole)), Created: now,
	}, enclave.NewAct(now, li, "furnish", "x")))
	submitted, err := p.Submit(p.t.Context(), li, run.Request{Grant: p.grants[scenario], Module: digest})
	ok(p.t, err)
	a.id = submitted.ID
	p.asked = append(p.asked, a)
}

// publishes notes what a run published, in published under the run's name.
func (p *place) publishes(name string, a *asking, published map[string]bool) {
	p.t.Helper()
	var end enclave.Run
	ok(p.t, p.Watch(p.t.Context(), a.id, func(r enclave.Run) error {
		end = r
		return nil
	}))
	if end.Outcome == enclave.Denied || end.Outcome == enclave.Held && name == "held" {
		return
	}
	if end.Outcome != enclave.Released {
		p.t.Fatalf("%s was %s %v", name, end.Outcome, end.Reasons)
	}
	raw, err := p.Result(p.t.Context(), a.id)
	ok(p.t, err)
	reader, err := ipc.NewReader(bytes.NewReader(raw))
	ok(p.t, err)
	for reader.Next() {
		batch := reader.RecordBatch()
		_, rows := sdk.Rows([]arrow.RecordBatch{batch})
		for _, row := range rows {
			a.published = append(a.published, strings.Join(row[:len(row)-1], " "))
			published[name+" "+a.published[len(a.published)-1]] = true
		}
	}
	ok(p.t, reader.Err())
}

// agrees checks that the history has a step for each release, and each release another.
func (p *place) agrees() {
	p.t.Helper()
	version, err := p.store.Runs().History(p.t.Context(), p.dataset.Name)
	ok(p.t, err)
	steps := map[int64]bool{}
	for _, a := range p.asked {
		decision, err := p.store.Runs().Decision(p.t.Context(), a.id)
		ok(p.t, err)
		if decision.Decision == enclave.Release {
			steps[decision.History] = true
		}
	}
	if int64(len(steps)) != version {
		p.t.Errorf("the history is at %d; releases were against %v", version, steps)
	}
}
