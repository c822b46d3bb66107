package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/approval"
	"github.com/darkroom-project/darkroom/internal/catalog"
	"github.com/darkroom-project/darkroom/internal/module"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/store"
)

var (
	epoch    = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	operator = enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "li"}
)

// seal is a sealer with the ledger's shape: the body, and a commitment to it.
func seal(act enclave.Act) (store.Sealed, error) {
	body, err := json.Marshal(act)
	if err != nil {
		return store.Sealed{}, err
	}
	s := store.Sealed{ID: act.ID, Body: string(body), Salt: sha256.Sum256([]byte(act.ID))}
	s.Commitment = sha256.Sum256(append(s.Salt[:], body...))
	return s, nil
}

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, seal)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func fresh(t *testing.T) *store.Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "darkroom.db"))
}

func act(verb string) enclave.Act { return enclave.NewAct(epoch, operator, verb, "things/1", "a", "b") }

func dataset(name string) catalog.Entry {
	d := &enclave.Dataset{
		Name: name, Title: "就诊", Owner: "health", Grade: 2, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "id", Header: "身份证号", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"a", "b"}},
		},
	}
	digest, err := d.Digest()
	if err != nil {
		panic(err)
	}
	return catalog.Entry{Dataset: d, Digest: digest, Created: epoch}
}

func snapshot(of catalog.Entry, content string) enclave.Snapshot {
	return enclave.Snapshot{
		Dataset: of.Dataset.Name, Digest: enclave.DigestOf([]byte(content)), Description: of.Digest, Rows: 10, Subjects: 7, Loaded: epoch,
	}
}

func grantOf(id string) enclave.Grant {
	return enclave.Grant{
		ID: id, Operator: operator.Org, Scenario: "planning", Purpose: "规划",
		Scopes: []enclave.Scope{{Dataset: "visits", Columns: []string{"district"}}}, Forms: []enclave.Form{enclave.Aggregate},
		NotBefore: epoch, NotAfter: epoch.Add(24 * time.Hour), State: enclave.GrantActive,
		Confirmations: map[string]string{"health": "wang"}, Waiting: []string{}, Note: "ok", Revision: 1,
	}
}

func moduleOf(owner, content string) module.Entry {
	return module.Entry{
		Digest: enclave.DigestOf([]byte(content)), Owner: owner, HasCode: true, Size: int64(len(content)), Created: epoch,
		Manifest: &enclave.Manifest{Darkroom: 1, Name: "cost", Version: "1", Form: enclave.Aggregate, Inputs: []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"district"}}}},
	}
}

func proposalOf(id string) approval.Proposal {
	return approval.Proposal{
		ID: id, Module: enclave.DigestOf([]byte("wasm")), Name: "cost", Version: "1", Dataset: "visits", Source: "health",
		Archive: enclave.DigestOf([]byte("source")), Proposer: operator, State: approval.Waiting, Created: epoch, Revision: 1,
	}
}

func runOf(id string) enclave.Run {
	return enclave.Run{
		ID: id, Grant: "g1", Scenario: "planning", Module: enclave.DigestOf([]byte("wasm")), Dataset: "visits",
		Snapshot: enclave.DigestOf([]byte("s1")), Params: map[string]enclave.Scalar{"as_of": "2024"}, Policy: enclave.DigestOf([]byte("policy")),
		Submitter: operator, Submitted: epoch, Stage: enclave.StageQueued, Revision: 1,
		Environment: enclave.Prod,
	}
}

func decisionOf(id string, decision enclave.Decision, history int64) run.Decision {
	return run.Decision{
		Run: id, Grant: "g1", Dataset: "visits", Time: epoch, Decision: decision, Policy: enclave.DigestOf([]byte("policy")),
		Profile: enclave.Profile{Name: "strict", Threshold: 10}, Evidence: `{"salt":"x","facts":{}}`,
		Result: enclave.DigestOf([]byte(id)), Format: enclave.MediaArrow, History: history,
	}
}

// decide records a decision whose act is made to match.
func decide(ctx context.Context, s *store.Store, d run.Decision) error {
	a := act("run." + string(d.Decision))
	d.Act = a.ID
	return s.Runs().Decide(ctx, d, a)
}

// held is a held run whose review two people agree on, from its file's revision 2 on.
func held(t *testing.T, s *store.Store, id string) {
	t.Helper()
	ok(t, decide(t.Context(), s, decisionOf(id, enclave.Hold, 0)))
	agreed := must(s.Reviews().Get(t.Context(), id))
	agreed.File.State = review.Agreed
	ok(t, s.Reviews().Update(t.Context(), agreed, nil, act("review.vote")))
}

// byPeople is the release of a held run.
func byPeople(id string, history int64) run.Decision {
	d := decisionOf(id, enclave.Release, history)
	d.ByPeople, d.Evidence = true, `{"salt":"y","facts":{}}`
	return d
}

// settled is a store with a dataset, a snapshot, a grant, a module and running runs of the given ids.
func settled(t *testing.T, s *store.Store, runs ...string) {
	t.Helper()
	ctx := t.Context()
	visits := dataset("visits")
	steps := []error{
		s.Catalog().Put(ctx, visits, act("dataset.create")),
		s.Catalog().AddSnapshot(ctx, snapshot(visits, "s1"), act("dataset.load")),
		s.Grants().Insert(ctx, grantOf("g1"), act("grant.apply")),
		s.Modules().Insert(ctx, moduleOf(operator.Org, "wasm"), act("module.upload")),
	}
	for _, id := range runs {
		steps = append(steps, s.Runs().Insert(ctx, runOf(id), run.Budget{}, act("run.submit")), s.Runs().Begin(ctx, id))
	}
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// dump is every row of every table.
func dump(t *testing.T, s *store.Store) string {
	t.Helper()
	text := ""
	for _, table := range []string{"entry", "dataset", "snapshot", "permit", "module", "proposal", "run", "decision", "report", "review", "history"} {
		text += dumpTable(t, s, table)
	}
	return text
}

func dumpTable(t *testing.T, s *store.Store, table string) string {
	t.Helper()
	rows, err := s.DB().QueryContext(t.Context(), "SELECT * FROM "+table+" ORDER BY 1, 2")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { ok(t, rows.Close()) }()
	columns := must(rows.Columns())
	text := ""
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		ok(t, rows.Scan(into...))
		text += fmt.Sprintln(table, values)
	}
	ok(t, rows.Err())
	return text
}

// wants fails unless err has a reason.
func wants(t *testing.T, err error, kind enclave.Kind, reason string) {
	t.Helper()
	if e := enclave.AsError(err); e == nil || e.Kind != kind || e.Reason != reason {
		t.Errorf("got %v, want %s %s", err, kind, reason)
	}
	if !enclave.Known(reason) {
		t.Errorf("%s has no text", reason)
	}
}
