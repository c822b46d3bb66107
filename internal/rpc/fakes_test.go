package rpc_test

import (
	"context"
	"encoding/json"
	"os"
	"sync"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/approval"
	"github.com/darkroom-project/darkroom/internal/catalog"
	"github.com/darkroom-project/darkroom/internal/grant"
	"github.com/darkroom-project/darkroom/internal/module"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/rpc"
	"github.com/darkroom-project/darkroom/internal/rulebook"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/source"
	"github.com/darkroom-project/darkroom/policy"
)

// The one object of each register. Health's dataset is granted to acme, whose module ran.
const (
	grantID = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
	runID   = "bbbbbbbbbbbbbbbbbbbbbbbbbb"

	proposalID = "cccccccccccccccccccccccccc"
)

var (
	bytesOfModule = []byte("\x00asm")
	moduleDigest  = enclave.DigestOf(bytesOfModule)
	snapDigest    = enclave.DigestOf([]byte("snapshot"))
	loadedAt      = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	visits        = &enclave.Dataset{
		Name: "visits", Owner: "health", Grade: 3, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "citizen", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "citizen", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "cost", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "100"},
		},
	}
)

// fakes are registers with one object each. Fail, if set, is what every method fails with; gone makes every object missing.
type fakes struct {
	mu     sync.Mutex
	fail   func() error
	gone   bool
	loaded []string // contents of the files that Load saw
	acts   []enclave.Act
	result []byte
	ballot review.Ballot // the last one
	ruled  string        // what was last done with the rules
	answer string        // likewise
	public bool          // reviews are as an operator sees them

	loading  func(ctx context.Context) error // runs inside Load
	watching func(ctx context.Context) error // runs inside Watch, after the first run was sent

	replay func(ctx context.Context, workers int) (run.Replayed, error) // in place of Replay
}

func (f *fakes) err(missing error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail()
	}
	if f.gone {
		return missing
	}
	return nil
}

func (f *fakes) set(change func(f *fakes)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

type fakeCatalog struct{ *fakes }

func (c fakeCatalog) entry() catalog.Entry {
	return catalog.Entry{Dataset: visits, Digest: enclave.DigestOf([]byte("d")), Created: loadedAt}
}

func (c fakeCatalog) snapshot() enclave.Snapshot {
	return enclave.Snapshot{Dataset: "visits", Digest: snapDigest, Description: enclave.DigestOf([]byte("d")), Rows: 1234, Subjects: 567, Loaded: loadedAt}
}

func (c fakeCatalog) Create(context.Context, enclave.Caller, *enclave.Dataset) (catalog.Entry, error) {
	return c.entry(), c.err(nil)
}

func (c fakeCatalog) Get(_ context.Context, name string) (catalog.Entry, error) {
	if name != visits.Name {
		return catalog.Entry{}, catalog.NotFound(name)
	}
	return c.entry(), c.err(catalog.NotFound(name))
}

func (c fakeCatalog) List(context.Context, enclave.Page) ([]catalog.Entry, string, error) {
	return []catalog.Entry{c.entry()}, "", c.err(nil)
}

func (c fakeCatalog) Load(ctx context.Context, _ enclave.Caller, _, _, path string) (enclave.Snapshot, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the spool of this test
	if err != nil {
		return enclave.Snapshot{}, err
	}
	c.set(func(f *fakes) { f.loaded = append(f.loaded, string(raw)) })
	if c.loading != nil {
		if err := c.loading(ctx); err != nil {
			return enclave.Snapshot{}, err
		}
	}
	return c.snapshot(), c.err(nil)
}

func (c fakeCatalog) Snapshot(_ context.Context, dataset string, _ enclave.Digest) (enclave.Snapshot, error) {
	return c.snapshot(), c.err(catalog.NotFound(dataset))
}

func (c fakeCatalog) Snapshots(context.Context, string, enclave.Page) ([]enclave.Snapshot, string, error) {
	return []enclave.Snapshot{c.snapshot()}, "", c.err(nil)
}

type fakeGrants struct{ *fakes }

func (g fakeGrants) grant() enclave.Grant {
	return enclave.Grant{
		ID: grantID, Operator: "acme", Scenario: "insurance", Purpose: "pricing", Scopes: []enclave.Scope{{Dataset: "visits", Columns: []string{"cost"}}},
		Forms: []enclave.Form{enclave.Aggregate}, NotBefore: loadedAt, NotAfter: loadedAt.AddDate(1, 0, 0), State: enclave.GrantAssessed,
		Waiting: []string{"health"}, Note: "noted",
	}
}

func (g fakeGrants) Apply(context.Context, enclave.Caller, grant.Application) (enclave.Grant, error) {
	return g.grant(), g.err(nil)
}

func (g fakeGrants) Get(_ context.Context, id string) (enclave.Grant, error) {
	return g.grant(), g.err(grant.NotFound(id))
}

func (g fakeGrants) List(context.Context, string, enclave.Page) ([]enclave.Grant, string, error) {
	return []enclave.Grant{g.grant()}, "", g.err(nil)
}

func (g fakeGrants) Assess(context.Context, enclave.Caller, string, bool, string) (enclave.Grant, error) {
	return g.grant(), g.err(nil)
}

func (g fakeGrants) Confirm(context.Context, enclave.Caller, string, bool, string) (enclave.Grant, error) {
	return g.grant(), g.err(nil)
}

func (g fakeGrants) Suspend(context.Context, enclave.Caller, string, string) (enclave.Grant, error) {
	return g.grant(), g.err(nil)
}

func (g fakeGrants) Resume(context.Context, enclave.Caller, string, string) (enclave.Grant, error) {
	return g.grant(), g.err(nil)
}

func (g fakeGrants) Revoke(context.Context, enclave.Caller, string, string) (enclave.Grant, error) {
	return g.grant(), g.err(nil)
}

type fakeModules struct{ *fakes }

func (m fakeModules) entry() module.Entry {
	return module.Entry{
		Digest: moduleDigest, Owner: "acme", Manifest: &enclave.Manifest{Darkroom: 1, Name: "m"}, HasCode: true, Size: 4, Created: loadedAt,
	}
}

func (m fakeModules) Upload(_ context.Context, _ enclave.Caller, wasm []byte) (module.Entry, error) {
	m.set(func(f *fakes) { f.loaded = append(f.loaded, string(wasm)) })
	return m.entry(), m.err(nil)
}

// Get is as the register is asked to be: an operator finds its own.
func (m fakeModules) Get(_ context.Context, owner string, digest enclave.Digest) (module.Entry, error) {
	if owner != "" && owner != "acme" {
		return module.Entry{}, module.NotFound(digest)
	}
	return m.entry(), m.err(module.NotFound(digest))
}

// List ignores whose modules it is asked for: what a caller sees must not hang on that.
func (m fakeModules) List(context.Context, string, enclave.Page) ([]module.Entry, string, error) {
	return []module.Entry{m.entry()}, "", m.err(nil)
}

type fakeApprovals struct{ *fakes }

func (a fakeApprovals) proposal() approval.Proposal {
	return approval.Proposal{
		ID: proposalID, Module: moduleDigest, Name: "m", Version: "1", Dataset: "visits", Source: "health", Archive: snapDigest,
		Proposer: enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "li"}, State: approval.Rejected, Created: loadedAt, Decided: loadedAt,
		Votes: []approval.Vote{
			{Voter: gov, Choice: approval.Reject, Public: "too many columns", Private: "watch them", Round: 1, Time: loadedAt, Salt: "s"},
			{Voter: health, Choice: approval.Reject, Public: "no need", Round: 1, Time: loadedAt, Salt: "t"},
		},
	}
}

func (a fakeApprovals) Propose(context.Context, enclave.Caller, enclave.Digest, string, []byte) (approval.Proposal, error) {
	return a.proposal(), a.err(nil)
}

func (a fakeApprovals) Get(_ context.Context, id string) (approval.Proposal, error) {
	return a.proposal(), a.err(approval.NotFound(id))
}

func (a fakeApprovals) List(context.Context, string, enclave.Page) ([]approval.Proposal, string, error) {
	return []approval.Proposal{a.proposal()}, "", a.err(nil)
}

func (a fakeApprovals) Review(context.Context, enclave.Caller, approval.Proposal) (*approval.Material, error) {
	return &approval.Material{
		Manifest: &enclave.Manifest{Darkroom: 1, Name: "m"}, Missing: []enclave.Reason{{Code: "MODULE_DATA_OVER_PROFILE", Args: map[string]string{"limit": "7"}}},
		Facts:   enclave.AdmissionFacts{Version: 1, Module: enclave.ModuleFacts{DataBytes: 8}, HasCode: true},
		Archive: &source.Archive{Go: "go1.26.1", Files: []source.File{{Path: "main.go", Content: []byte("package main\n")}}},
		Similar: []approval.Proposal{a.proposal()},
	}, a.err(nil)
}

func (a fakeApprovals) File(_ context.Context, _ enclave.Caller, _ approval.Proposal, wantSource bool) ([]byte, error) {
	if wantSource {
		return []byte("the source"), a.err(nil)
	}
	return bytesOfModule, a.err(nil)
}

func (a fakeApprovals) Vote(context.Context, enclave.Caller, string, approval.Choice, string, string) (approval.Proposal, error) {
	return a.proposal(), a.err(nil)
}

func (a fakeApprovals) Withdraw(context.Context, enclave.Caller, string, string) (approval.Proposal, error) {
	return a.proposal(), a.err(nil)
}

type fakeRuns struct{ *fakes }

func (r fakeRuns) run() enclave.Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return enclave.Run{
		ID: runID, Grant: grantID, Scenario: "insurance", Module: moduleDigest, Dataset: "visits", Snapshot: snapDigest,
		Params: map[string]enclave.Scalar{"as_of": "2024"}, Policy: enclave.DigestOf([]byte("p")),
		Submitter: enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "li"}, Submitted: enclave.Coarse(loadedAt),
		Stage: enclave.StageRelease, Outcome: enclave.Released, Reasons: []enclave.Reason{{Code: "GATE_FLOOR"}},
		Result: enclave.DigestOf(r.result), Finished: enclave.Coarse(loadedAt.Add(time.Second)),
		Support: "abcdefgh", Question: "why?", Environment: enclave.Dev, Sample: enclave.Sample{Rows: 10, Subjects: 5}, Fuel: 7,
	}
}

func (r fakeRuns) Submit(context.Context, enclave.Caller, run.Request) (enclave.Run, error) {
	return r.run(), r.err(nil)
}

func (r fakeRuns) Get(_ context.Context, id string) (enclave.Run, error) {
	return r.run(), r.err(run.NotFound(id))
}

func (r fakeRuns) List(context.Context, string, enclave.Page) ([]enclave.Run, string, error) {
	return []enclave.Run{r.run()}, "", r.err(nil)
}

func (r fakeRuns) Cancel(context.Context, enclave.Caller, string) (enclave.Run, error) {
	return r.run(), r.err(nil)
}

func (r fakeRuns) Watch(ctx context.Context, _ string, send func(enclave.Run) error) error {
	now := r.run()
	now.Stage, now.Outcome, now.Result = enclave.StageQueued, "", enclave.Digest{}
	if err := send(now); err != nil {
		return err
	}
	if r.watching != nil {
		if err := r.watching(ctx); err != nil {
			return err
		}
	}
	return send(r.run())
}

func (r fakeRuns) Result(context.Context, string) ([]byte, error) { return r.result, r.err(nil) }

func (r fakeRuns) Receipt(context.Context, string) ([]byte, error) {
	return []byte(`{"receipt":1}`), r.err(nil)
}

type fakeReviews struct{ *fakes }

// review is of acme's run on health's data: two votes that differed, and a question that was answered.
func (r fakeReviews) review() review.Review {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.public {
		return review.Review{
			Run: runID, Operator: "acme", Source: "health", State: review.Rejected, Votes: []enclave.Vote{{Choice: enclave.ChooseReject, Public: "said"}},
		}
	}
	output := enclave.DigestOf([]byte("held"))
	return review.Review{
		Run: runID, Operator: "acme", Grant: grantID, Scenario: "insurance", Dataset: "visits", Source: "health", Module: moduleDigest,
		State: review.Differ, Outcome: enclave.Held, Round: 2, Output: output, History: 7, Held: loadedAt.Add(time.Millisecond), Question: "why?",
		Answers: []review.Answer{{Round: 1, Text: "that", By: acme, Time: loadedAt}}, Voted: 1,
		Votes: []enclave.Vote{
			{Voter: panel, Choice: enclave.ChooseReject, Output: output, History: 7, Public: "said", Private: "thought", Round: 1, Time: loadedAt},
			{Voter: health, Choice: enclave.ChooseRelease, Output: output, History: 7, Round: 1, Time: loadedAt},
		},
	}
}

// List and Get ignore who asks: what a caller sees must not hang on that.
func (r fakeReviews) List(context.Context, enclave.Caller, enclave.Page) ([]review.Review, string, error) {
	return []review.Review{r.review()}, "", r.err(nil)
}

func (r fakeReviews) Get(_ context.Context, _ enclave.Caller, run string) (review.Review, error) {
	return r.review(), r.err(enclave.Fail(enclave.NotFound, "INNER_REASON"))
}

func (r fakeReviews) Show(context.Context, enclave.Caller, string) (review.Case, error) {
	return review.Case{
		Review: r.review(), Purpose: "pricing", Manifest: &enclave.Manifest{Darkroom: 1, Name: "m"}, Params: map[string]enclave.Scalar{"as_of": "2024"},
		Facts: enclave.Facts{Version: 1, Form: enclave.Program, Leak: enclave.LeakFacts{Verbatim: 3}}, Profile: enclave.Profile{Name: "person", Threshold: 10},
		Reasons: []enclave.Reason{{Code: "OUTPUT_CRAFTED"}}, Places: []enclave.Place{{Fact: "verbatim", Row: 1, Column: -1}},
		Preview: review.Preview{Columns: []string{"a"}, Rows: [][]review.Cell{{{Text: "1"}}, {{Text: "secret", Masked: true}}}, Total: 9},
		Similar: []review.Similar{{Run: runID, Operator: "rival", Scenario: "other", Module: moduleDigest, Released: loadedAt, ByPeople: true}},
	}, r.err(nil)
}

func (r fakeReviews) Vote(_ context.Context, _ enclave.Caller, _ string, ballot review.Ballot) (review.Review, error) {
	r.set(func(f *fakes) { f.ballot = ballot })
	return r.review(), r.err(nil)
}

func (r fakeReviews) Answer(_ context.Context, _ enclave.Caller, _, text string) (review.Review, error) {
	r.set(func(f *fakes) { f.answer = text })
	return r.review(), r.err(nil)
}

func (r fakeRuns) Report(context.Context, enclave.Caller, string) ([]byte, error) {
	return []byte(`{"version":1}`), r.err(nil)
}

func (r fakeRuns) Replay(ctx context.Context, _ enclave.Caller, _ string, workers int) (run.Replayed, error) {
	if r.replay != nil {
		return r.replay(ctx, workers)
	}
	return run.Replayed{Output: true, Decision: true, Facts: true, Record: true}, r.err(nil)
}

// votes are the ledger's entries that are votes, by their index; all others are submissions.
func votes() map[uint64]string { return map[uint64]string{9: "review.vote", 10: "approval.vote"} }

type fakeLedger struct {
	*fakes
	checkpoint, key string
}

func (l fakeLedger) Checkpoint(context.Context) ([]byte, error) {
	return []byte(l.checkpoint), l.err(nil)
}
func (l fakeLedger) PublicKey() string { return l.key }

func (l fakeLedger) Entry(_ context.Context, index uint64) (string, []byte, error) {
	act := enclave.NewAct(loadedAt, enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "li"}, "run.submit", "runs/"+runID)
	if verb := votes()[index]; verb != "" {
		act = enclave.NewAct(loadedAt, enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "chen"}, verb, "runs/"+runID)
	}
	raw, err := json.Marshal(act)
	if err != nil {
		return "", nil, err
	}
	return string(raw), make([]byte, 32), l.err(enclave.Fail(enclave.NotFound, "INNER_REASON"))
}

func (l fakeLedger) Inclusion(context.Context, uint64, uint64) ([][]byte, error) {
	return [][]byte{make([]byte, 32)}, l.err(nil)
}

func (l fakeLedger) Consistency(context.Context, uint64, uint64) ([][]byte, error) {
	return [][]byte{make([]byte, 32)}, l.err(nil)
}

type fakePolicy struct{}

func (fakePolicy) Show(enclave.Digest) (rpc.Rules, error) {
	return rpc.Rules{
		Revision: enclave.DigestOf([]byte("p")), Files: []rpc.RuleFile{{Path: "a.rego", Text: "package a"}},
		Profiles: []rpc.RuleProfile{{Name: "person", Numbers: `{"threshold":10}`}},
	}, nil
}

// change is one that gov proposed and somebody rejected.
func change() rulebook.Change {
	return rulebook.Change{
		ID: proposalID, Revision: enclave.DigestOf([]byte("p")), Base: enclave.DigestOf([]byte("q")), State: rulebook.Rejected, Proposer: gov,
		Decider: enclave.Caller{Role: enclave.Authority, Org: "data-bureau", Name: "chen"}, Note: "n", Proposed: loadedAt, Decided: loadedAt,
		Difference: []policy.Change{{Place: "profiles.person.base.threshold", Before: "10", After: "20"}},
	}
}

type fakeRulebook struct{ *fakes }

func (r fakeRulebook) Propose(context.Context, enclave.Caller, []byte, string) (rulebook.Change, error) {
	r.set(func(f *fakes) { f.ruled = "propose" })
	return change(), r.err(nil)
}

func (r fakeRulebook) Agree(context.Context, enclave.Caller, string) (rulebook.Change, error) {
	r.set(func(f *fakes) { f.ruled = "agree" })
	return change(), r.err(nil)
}

func (r fakeRulebook) Reject(context.Context, enclave.Caller, string) (rulebook.Change, error) {
	r.set(func(f *fakes) { f.ruled = "reject" })
	return change(), r.err(nil)
}

func (r fakeRulebook) List(context.Context, enclave.Page) ([]rulebook.Change, string, error) {
	return []rulebook.Change{change()}, "", r.err(nil)
}

func (f *fakes) dryRun(context.Context, enclave.Caller, []byte, int, bool) (*run.WhatIf, error) {
	return &run.WhatIf{Version: 1, Judged: 3}, f.err(nil)
}

func (r fakeRuns) Releases(_ context.Context, dataset string) (*run.Releases, error) {
	return &run.Releases{Version: 1, Dataset: dataset}, r.err(nil)
}

func (r fakeRuns) Explain(context.Context, enclave.Caller, string) (*run.Explanation, error) {
	return &run.Explanation{Version: 1, Run: runID}, r.err(nil)
}
