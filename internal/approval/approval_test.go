package approval_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/approval"
	"github.com/darkroom-project/darkroom/internal/catalog"
	"github.com/darkroom-project/darkroom/internal/module"
	"github.com/darkroom-project/darkroom/internal/source"
	"github.com/darkroom-project/darkroom/internal/store"
	"github.com/darkroom-project/darkroom/policy"
)

var (
	acme   = enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "li"}
	rival  = enclave.Caller{Role: enclave.Operator, Org: "rival", Name: "bo"}
	bureau = enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "zhao"}
	panel  = enclave.Caller{Role: enclave.Reviewer, Org: "bureau", Name: "sun"}
	health = enclave.Caller{Role: enclave.SourceOrg, Org: "health", Name: "wu"}
	tax    = enclave.Caller{Role: enclave.SourceOrg, Org: "tax", Name: "qian"}
	audit  = enclave.Caller{Role: enclave.Auditor, Org: "audit", Name: "zhou"}
	inside = enclave.Caller{Role: enclave.Reviewer, Org: "acme", Name: "he"} // a reviewer of the organisation that asks
)

// world is the register over a real store, real modules without code, and the default policy.
type world struct {
	*approval.Register
	t       *testing.T
	modules *module.Register
	mu      sync.Mutex
	acts    []enclave.Act
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, what string, err error, reason string) {
	t.Helper()
	if e := enclave.AsError(err); e == nil || e.Reason != reason {
		t.Errorf("%s: %v, want %s", what, err, reason)
	}
	if !enclave.Known(reason) {
		t.Errorf("%s has no text", reason)
	}
}

var rules = sync.OnceValues(func() (*policy.Engine, error) { return policy.Default() })

func start(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	seal := func(act enclave.Act) (store.Sealed, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.acts = append(w.acts, act)
		body, err := json.Marshal(act)
		return store.Sealed{ID: act.ID, Body: string(body)}, err
	}
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "db"), seal)
	ok(t, err)
	files, err := store.OpenFiles(t.TempDir())
	ok(t, err)
	t.Cleanup(func() { ok(t, errors.Join(db.Close(), files.Close())) })
	engine, err := rules()
	ok(t, err)
	compile := func(context.Context, string, *enclave.Module) error { return nil }
	w.modules = module.New(db.Modules(), files, db.Acts(), admit.Check, compile, time.Now, module.Quota)
	datasets := catalog.New(db.Catalog(), nil, time.Now)
	w.Register = approval.New(approval.Config{
		Store: db.Proposals(), Modules: w.modules, Datasets: datasets, Files: files, Acts: db.Acts(), Facts: admit.Planner{}.Facts,
		Policy: func() enclave.Policy { return engine }, Now: time.Now,
	})
	for _, name := range []string{"visits", "empty"} {
		d := &enclave.Dataset{
			Name: name, Owner: health.Org, Grade: 4, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
			Columns: []enclave.Column{
				{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
				{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"a", "b"}},
				{Name: "cost", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "9"},
			},
		}
		entry, err := datasets.Create(t.Context(), bureau, d)
		ok(t, err)
		if name == "visits" {
			ok(t, db.Catalog().AddSnapshot(t.Context(), enclave.Snapshot{
				Dataset: name, Digest: enclave.DigestOf([]byte("s")), Description: entry.Digest, Rows: 1000, Subjects: 1000, Loaded: time.Now(),
			}, enclave.NewAct(time.Now(), health, "dataset.load", "x")))
		}
	}
	w.acts = nil
	return w
}

// upload registers a module of an operator: a manifest of that version, by what the change makes of it.
func (w *world) upload(operator enclave.Caller, version string, change ...func(*enclave.Manifest)) enclave.Digest {
	w.t.Helper()
	m := &enclave.Manifest{
		Darkroom: 1, Name: "cost", Version: version, Form: enclave.Aggregate,
		Inputs:   []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"district", "cost"}}},
		Params:   []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2026, Default: "2024"}},
		Keys:     []enclave.ManifestKey{{Name: "district", Of: &enclave.ColumnRule{Column: "district"}}},
		Measures: []enclave.ManifestMeasure{{Name: "cost", Op: enclave.Sum, Of: "cost"}},
	}
	for _, c := range change {
		c(m)
	}
	whole, err := admit.Attach(nil, m)
	ok(w.t, err)
	entry, err := w.modules.Upload(w.t.Context(), operator, whole)
	ok(w.t, err)
	return entry.Digest
}

func (w *world) propose(module enclave.Digest) approval.Proposal {
	w.t.Helper()
	p, err := w.Propose(w.t.Context(), acme, module, "visits", nil)
	ok(w.t, err)
	return p
}

// vote looks at a proposal, where the caller may, and votes.
func (w *world) vote(who enclave.Caller, id string, choice approval.Choice) (approval.Proposal, error) {
	w.look(who, id)
	return w.Vote(w.t.Context(), who, id, choice, string(choice)+" says "+who.Name, "private of "+who.Name)
}

// look shows a proposal to whoever may see it.
func (w *world) look(who enclave.Caller, id string) {
	w.t.Helper()
	if p := mustGet(w.t, w, id); p.ReviewedBy(who) {
		_, err := w.Review(w.t.Context(), who, p)
		ok(w.t, err)
	}
}

func (w *world) approved(operator string, module enclave.Digest, dataset string) bool {
	w.t.Helper()
	yes, err := w.Approved(w.t.Context(), operator, module, dataset)
	ok(w.t, err)
	return yes
}

// TestStates walks every way through the states. Votes are voter and choice; the last of each must lead to the state.
func TestStates(t *testing.T) {
	const yes, no = approval.Approve, approval.Reject
	type cast struct {
		who    enclave.Caller
		choice approval.Choice
		reason string // of its error, or ""
	}
	sunAgain := enclave.Caller{Role: enclave.Authority, Org: panel.Org, Name: panel.Name}
	for name, c := range map[string]struct {
		votes []cast
		state approval.State
	}{
		"silence":                     {nil, approval.Waiting},
		"one yes":                     {[]cast{{bureau, yes, ""}}, approval.Waiting},
		"two yes":                     {[]cast{{bureau, yes, ""}, {health, yes, ""}}, approval.Approved},
		"two of one organisation":     {[]cast{{bureau, yes, ""}, {panel, yes, ""}}, approval.Approved},
		"two no":                      {[]cast{{panel, no, ""}, {health, no, ""}}, approval.Rejected},
		"one no":                      {[]cast{{panel, no, ""}}, approval.Waiting},
		"one person twice":            {[]cast{{bureau, yes, ""}, {bureau, yes, "PROPOSAL_VOTED"}}, approval.Waiting},
		"one person in two roles":     {[]cast{{panel, yes, ""}, {sunAgain, yes, "PROPOSAL_VOTED"}}, approval.Waiting},
		"they differ":                 {[]cast{{panel, no, ""}, {health, yes, ""}}, approval.Waiting},
		"they differ, a third agrees": {[]cast{{panel, no, ""}, {health, yes, ""}, {bureau, yes, "PROPOSAL_TAKEN"}}, approval.Waiting},
		"they differ, others outvote": {[]cast{{panel, no, ""}, {health, yes, ""}, {health, yes, ""}, {bureau, yes, "PROPOSAL_TAKEN"}}, approval.Waiting},
		"they differ, then agree":     {[]cast{{panel, no, ""}, {health, yes, ""}, {panel, yes, ""}, {health, yes, ""}}, approval.Approved},
		"they differ, then not":       {[]cast{{panel, no, ""}, {health, yes, ""}, {health, no, ""}, {panel, no, ""}}, approval.Rejected},
		"they differ twice":           {[]cast{{panel, no, ""}, {health, yes, ""}, {panel, no, ""}, {health, yes, ""}}, approval.Waiting},
		"after an approval":           {[]cast{{panel, yes, ""}, {health, yes, ""}, {bureau, no, "PROPOSAL_STATE"}}, approval.Approved},
		"after a rejection":           {[]cast{{panel, no, ""}, {health, no, ""}, {bureau, yes, "PROPOSAL_STATE"}}, approval.Rejected},
		"the operator":                {[]cast{{acme, yes, "PROPOSAL_NOT_FOUND"}}, approval.Waiting},
		"the operator's reviewer":     {[]cast{{inside, yes, "PROPOSAL_NOT_FOUND"}}, approval.Waiting},
		"a rival":                     {[]cast{{rival, no, "PROPOSAL_NOT_FOUND"}}, approval.Waiting},
		"another source":              {[]cast{{tax, yes, "PROPOSAL_NOT_FOUND"}}, approval.Waiting},
		"an auditor":                  {[]cast{{audit, yes, "PROPOSAL_NOT_FOUND"}}, approval.Waiting},
		"another choice":              {[]cast{{bureau, "maybe", "PROPOSAL_CHOICE"}}, approval.Waiting},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			digest := w.upload(acme, "1")
			p := w.propose(digest)
			for _, v := range c.votes {
				_, err := w.vote(v.who, p.ID, v.choice)
				if v.reason == "" {
					ok(t, err)
				} else {
					wants(t, v.who.Name, err, v.reason)
				}
			}
			got, err := w.Get(t.Context(), p.ID)
			if err != nil || got.State != c.state || got.Decided.IsZero() != (c.state == approval.Waiting) {
				t.Errorf("%+v, %v", got, err)
			}
			if w.approved("acme", digest, "visits") != (c.state == approval.Approved) {
				t.Error("what runs ask says otherwise")
			}
		})
	}
}

// TestWhoVotesHasLooked: at the proposal as it stands in the round, also after votes that differ.
func TestWhoVotesHasLooked(t *testing.T) {
	w := start(t)
	p := w.propose(w.upload(acme, "1"))
	blind := func(who enclave.Caller) {
		t.Helper()
		_, err := w.Vote(t.Context(), who, p.ID, approval.Reject, "no", "")
		wants(t, who.Name, err, "PROPOSAL_NOT_VIEWED")
	}
	blind(panel)
	w.look(health, p.ID)
	blind(panel)
	_, err := w.vote(panel, p.ID, approval.Reject)
	ok(t, err)
	stale := mustGet(t, w, p.ID) // shown before the second vote opened the next round
	_, err = w.vote(health, p.ID, approval.Approve)
	ok(t, err)
	blind(panel)
	_, err = w.Review(t.Context(), panel, stale)
	ok(t, err)
	blind(panel)
	blind(health)
	for _, who := range []enclave.Caller{panel, health} {
		_, err = w.vote(who, p.ID, approval.Approve)
		ok(t, err)
	}
	if now := mustGet(t, w, p.ID); now.State != approval.Approved || len(now.Views) != 2 {
		t.Errorf("%+v", now)
	}
}

// TestComments: what is said of a proposal stays text on somebody's screen, and a reason is one.
func TestComments(t *testing.T) {
	w := start(t)
	p := w.propose(w.upload(acme, "1"))
	w.look(panel, p.ID)
	vote := func(public, private, reason string) {
		t.Helper()
		_, err := w.Vote(t.Context(), panel, p.ID, approval.Reject, public, private)
		wants(t, public+private, err, reason)
	}
	vote("no\x1b[2J", "", "PROPOSAL_COMMENT_HIDDEN")
	vote("no", "\u202e", "PROPOSAL_COMMENT_HIDDEN")
	vote("no", "\u3164", "PROPOSAL_COMMENT_HIDDEN")
	vote(" \n", "", "PROPOSAL_COMMENT_REQUIRED")
	vote("no", strings.Repeat("a", 2001), "PROPOSAL_COMMENT_LONG")
	for _, who := range []enclave.Caller{panel, health} {
		_, err := w.vote(who, p.ID, approval.Approve)
		ok(t, err)
	}
	for note, reason := range map[string]string{"\r": "PROPOSAL_COMMENT_REQUIRED", "bad\r": "PROPOSAL_COMMENT_HIDDEN", " ": "PROPOSAL_COMMENT_REQUIRED"} {
		_, err := w.Withdraw(t.Context(), bureau, p.ID, note)
		wants(t, note, err, reason)
	}
}

// TestAnEndedCallChangesNothing: whoever gave up does not go on trying.
func TestAnEndedCallChangesNothing(t *testing.T) {
	w := start(t)
	p := w.propose(w.upload(acme, "1"))
	w.look(panel, p.ID)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Vote(ctx, panel, p.ID, approval.Approve, "", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestWithdrawn(t *testing.T) {
	w := start(t)
	digest := w.upload(acme, "1")
	p := w.propose(digest)
	_, err := w.Withdraw(t.Context(), bureau, p.ID, "a fault")
	wants(t, "while it waits", err, "PROPOSAL_STATE")
	for _, who := range []enclave.Caller{bureau, health} {
		_, err = w.vote(who, p.ID, approval.Approve)
		ok(t, err)
	}
	for other, yes := range map[[2]string]bool{{"acme", "visits"}: true, {"rival", "visits"}: false, {"acme", "empty"}: false} {
		if w.approved(other[0], digest, other[1]) != yes {
			t.Errorf("%v: not %v", other, yes)
		}
	}
	if next := w.upload(acme, "2"); w.approved("acme", next, "visits") {
		t.Error("another digest is approved with it")
	}
	_, err = w.Withdraw(t.Context(), bureau, p.ID, "")
	wants(t, "without a reason", err, "PROPOSAL_COMMENT_REQUIRED")
	_, err = w.Withdraw(t.Context(), bureau, p.ID, strings.Repeat("a", 2001))
	wants(t, "a long reason", err, "PROPOSAL_COMMENT_LONG")
	gone, err := w.Withdraw(t.Context(), bureau, p.ID, "a fault")
	if err != nil || gone.State != approval.Withdrawn || gone.Note != "a fault" || w.approved("acme", digest, "visits") {
		t.Errorf("%+v, %v", gone, err)
	}
	_, err = w.Withdraw(t.Context(), bureau, p.ID, "again")
	wants(t, "twice", err, "PROPOSAL_STATE")
	_, err = w.Propose(t.Context(), acme, digest, "visits", nil)
	wants(t, "asked again", err, "PROPOSAL_FINAL")
	_, err = w.Withdraw(t.Context(), bureau, "nobody", "x")
	wants(t, "none", err, "PROPOSAL_NOT_FOUND")
}

func TestPropose(t *testing.T) {
	w := start(t)
	digest := w.upload(acme, "1")
	archive, err := (&source.Archive{Go: "go1.26.1", Files: []source.File{{Path: "darkroom.yaml"}}}).Encode()
	ok(t, err)
	p, err := w.Propose(t.Context(), acme, digest, "visits", archive)
	if err != nil || p.State != approval.Waiting || p.Archive != enclave.DigestOf(archive) || p.Source != "health" || p.Version != "1" {
		t.Fatalf("%+v, %v", p, err)
	}
	again, err := w.Propose(t.Context(), acme, digest, "visits", archive)
	if err != nil || again.ID != p.ID {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	try := func(what, reason string, who enclave.Caller, digest enclave.Digest, dataset string, archive []byte) {
		t.Helper()
		_, err := w.Propose(t.Context(), who, digest, dataset, archive)
		wants(t, what, err, reason)
	}
	try("another source", "PROPOSAL_EXISTS", acme, digest, "visits", nil)
	try("another's module", "MODULE_NOT_FOUND", rival, digest, "visits", nil)
	try("no module", "MODULE_NOT_FOUND", acme, enclave.DigestOf(nil), "visits", nil)
	try("no dataset", "DATASET_NOT_FOUND", acme, digest, "nothing", nil)
	try("a dataset without data", "DATASET_EMPTY", acme, digest, "empty", nil)
	next := w.upload(acme, "2")
	try("no archive", "MODULE_SOURCE_MALFORMED", acme, next, "visits", []byte("source"))
	unknown := w.upload(acme, "3", func(m *enclave.Manifest) { m.Inputs[0].Columns = append(m.Inputs[0].Columns, "income") })
	try("an unknown column", "COLUMN_UNKNOWN", acme, unknown, "visits", nil)
	elsewhere := w.upload(acme, "4", func(m *enclave.Manifest) { m.Inputs[0].Dataset = "people" })
	try("of another dataset", "DATASET_NOT_INPUT", acme, elsewhere, "visits", nil)

	for _, who := range []enclave.Caller{bureau, health} {
		_, err = w.vote(who, p.ID, approval.Reject)
		ok(t, err)
	}
	try("a rejected one", "PROPOSAL_FINAL", acme, digest, "visits", archive)
	w.propose(next) // a new digest may be asked
	_, err = w.Vote(t.Context(), bureau, w.propose(next).ID, approval.Reject, "", "for us alone")
	wants(t, "a rejection without a public reason", err, "PROPOSAL_COMMENT_REQUIRED")
}

// TestBlind: nobody learns of a vote before both are in, neither from the proposal nor from the acts.
func TestBlind(t *testing.T) {
	w := start(t)
	p := w.propose(w.upload(acme, "1"))
	shown := func(who enclave.Caller) (all []string) {
		now, err := w.Get(t.Context(), p.ID)
		ok(t, err)
		for _, v := range now.Seen(who).Votes {
			all = append(all, strings.TrimSpace(strings.Join([]string{v.Voter.Name, string(v.Choice), v.Public, v.Private}, "|")))
		}
		return all
	}
	sees := func(who enclave.Caller, want ...string) {
		t.Helper()
		if got := shown(who); !slices.Equal(got, want) {
			t.Errorf("%v sees %q, want %q", who, got, want)
		}
	}
	_, err := w.vote(bureau, p.ID, approval.Reject)
	ok(t, err)
	const first, second = "zhao|reject|reject says zhao|private of zhao", "wu|approve|approve says wu|private of wu"
	sees(bureau, first)
	for _, who := range []enclave.Caller{health, panel, audit, acme, inside, rival, tax} {
		sees(who)
	}
	for _, act := range w.acts {
		if raw, err := json.Marshal(act); err != nil || strings.Contains(string(raw), "reject") {
			t.Errorf("the ledger tells the vote: %s, %v", raw, err)
		}
	}
	_, err = w.vote(health, p.ID, approval.Approve)
	ok(t, err)
	for _, who := range []enclave.Caller{bureau, health, panel, audit} {
		sees(who, first, second)
	}
	for _, who := range []enclave.Caller{acme, inside} {
		sees(who, "||reject says zhao|", "||approve says wu|")
	}
	_, err = w.vote(bureau, p.ID, approval.Approve)
	ok(t, err)
	sees(health, first, second)
	sees(bureau, first, second, "zhao|approve|approve says zhao|private of zhao")
	_, err = w.vote(health, p.ID, approval.Approve)
	ok(t, err)
	if got := shown(acme); len(got) != 4 || strings.Contains(strings.Join(got, " "), "private") {
		t.Errorf("the operator sees %q", got)
	}
}

// TestEverythingIsRecorded: who proposed, looked, took, voted and withdrew.
func TestEverythingIsRecorded(t *testing.T) {
	w := start(t)
	digest := w.upload(acme, "1")
	w.acts = nil
	archive, err := (&source.Archive{Go: "go1.26.1", Files: []source.File{{Path: "main.go", Content: []byte("package main\n")}}}).Encode()
	ok(t, err)
	p, err := w.Propose(t.Context(), acme, digest, "visits", archive)
	ok(t, err)
	m, err := w.Review(t.Context(), panel, p)
	ok(t, err)
	if m.Manifest.Version != "1" || m.Facts.Grade != 4 || m.Facts.Approved || len(m.Missing) != 0 || m.Archive.Go != "go1.26.1" || m.Facts.Columns[1].Column != "cost" || !m.Facts.Columns[1].Summed {
		t.Errorf("%+v", m)
	}
	taken, err := w.File(t.Context(), panel, p, true)
	if err != nil || !reflect.DeepEqual(taken, archive) {
		t.Errorf("%d bytes, %v", len(taken), err)
	}
	wasm, err := w.File(t.Context(), health, p, false)
	if err != nil || enclave.DigestOf(wasm) != digest {
		t.Errorf("%d bytes, %v", len(wasm), err)
	}
	for _, who := range []enclave.Caller{panel, health} {
		_, err = w.vote(who, p.ID, approval.Approve)
		ok(t, err)
	}
	_, err = w.Withdraw(t.Context(), bureau, p.ID, "n")
	ok(t, err)
	var got []string
	for _, a := range w.acts {
		got = append(got, a.Actor.Name+" "+a.Verb+" "+a.Detail["state"])
		if a.Object != "proposals/"+p.ID || a.Detail["module"] != digest.String() || a.Detail["dataset"] != "visits" || a.Detail["operator"] != "acme" {
			t.Errorf("%+v", a)
		}
	}
	want := []string{
		"li approval.propose ", "sun approval.view waiting", "sun approval.take-source ", "wu approval.take-module ",
		"sun approval.view waiting", "sun approval.vote waiting", "wu approval.view waiting", "wu approval.vote approved", "zhao approval.withdraw withdrawn",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	votes := mustGet(t, w, p.ID).Votes
	if digest, err := enclave.DigestJSON(votes[0]); err != nil || w.acts[5].Detail["vote"] != digest.String() {
		t.Errorf("the record does not name the vote: %v", err)
	}
	without := w.propose(w.upload(acme, "2"))
	_, err = w.File(t.Context(), panel, without, true)
	wants(t, "no source", err, "PROPOSAL_NO_SOURCE")
}

func mustGet(t *testing.T, w *world, id string) approval.Proposal {
	t.Helper()
	p, err := w.Get(t.Context(), id)
	ok(t, err)
	return p
}

// TestMaterial: reviewers are told what the checks would refuse, and of what is like it.
func TestMaterial(t *testing.T) {
	w := start(t)
	first := w.propose(w.upload(acme, "1"))
	for _, who := range []enclave.Caller{panel, health} {
		_, err := w.vote(who, first.ID, approval.Approve)
		ok(t, err)
	}
	wide := w.upload(acme, "2", func(m *enclave.Manifest) {
		m.Keys = append(m.Keys, enclave.ManifestKey{Name: "wide", Of: &enclave.ColumnRule{Column: "cost", Cuts: cuts(50)}})
	})
	w.upload(rival, "1")
	theirs, err := w.Propose(t.Context(), rival, first.Module, "visits", nil)
	ok(t, err)
	second := w.propose(wide)
	m, err := w.Review(t.Context(), panel, second)
	ok(t, err)
	if len(m.Missing) != 1 || m.Missing[0].Code != "KEYSPACE_TOO_LARGE_FOR_DATA" {
		t.Errorf("%+v", m.Missing)
	}
	if len(m.Similar) != 1 || m.Similar[0].ID != first.ID {
		t.Errorf("similar %+v", m.Similar)
	}
	m, err = w.Review(t.Context(), panel, theirs)
	if err != nil || len(m.Similar) != 1 || m.Similar[0].ID != first.ID {
		t.Errorf("of the same bytes: %+v, %v", m, err)
	}
}

func cuts(n int) (all []enclave.Scalar) {
	for i := range n {
		all = append(all, enclave.Scalar(strconv.Itoa(i)))
	}
	return all
}

// TestVotesAtOnce: of many who vote at the same moment, each vote counts once and the state follows from the first two that agree.
func TestVotesAtOnce(t *testing.T) {
	w := start(t)
	p := w.propose(w.upload(acme, "1"))
	var group sync.WaitGroup
	var mu sync.Mutex
	counted := 0
	for i := range 12 {
		group.Go(func() {
			who := enclave.Caller{Role: enclave.Reviewer, Org: "bureau", Name: "r" + strconv.Itoa(i)}
			if _, err := w.Review(t.Context(), who, p); err != nil {
				t.Error(err)
			}
			if _, err := w.Vote(t.Context(), who, p.ID, approval.Approve, "", ""); err == nil {
				mu.Lock()
				counted++
				mu.Unlock()
			} else if enclave.AsError(err).Reason != "PROPOSAL_STATE" {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if now := mustGet(t, w, p.ID); counted != 2 || len(now.Votes) != 2 || now.State != approval.Approved {
		t.Errorf("%d votes counted, %+v", counted, now)
	}
}
