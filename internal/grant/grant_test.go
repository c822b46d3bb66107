package grant_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/grant"
	"github.com/darkroom-project/darkroom/internal/store"
)

var (
	operator  = enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "li"}
	authority = enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "chen"}
	health    = enclave.Caller{Role: enclave.SourceOrg, Org: "health", Name: "wang"}
	tax       = enclave.Caller{Role: enclave.SourceOrg, Org: "tax", Name: "zhao"}
)

// datasets is a catalogue of two.
type datasets struct{}

func (datasets) Dataset(_ context.Context, name string) (*enclave.Dataset, error) {
	owner := map[string]string{"visits": "health", "incomes": "tax", "births": "health"}[name]
	if owner == "" {
		return nil, enclave.Fail(enclave.NotFound, "DATASET_NOT_FOUND", "dataset", name)
	}
	return &enclave.Dataset{Name: name, Owner: owner, Columns: []enclave.Column{{Name: "a"}, {Name: "b"}}}, nil
}

// judge lets every scenario through but "fishing".
type judge struct{ seen *[]grant.Facts }

func (j judge) Grant(_ context.Context, facts grant.Facts) (enclave.Judgement, error) {
	*j.seen = append(*j.seen, facts)
	if facts.Application.Scenario == "fishing" {
		return enclave.Judgement{Decision: enclave.Deny, Reasons: []enclave.Reason{{Code: "APPLICATION_NO_SCENARIO"}}}, nil
	}
	return enclave.Judgement{Decision: enclave.Release}, nil
}

type world struct {
	*grant.Register
	store *store.Store
	facts []grant.Facts
	now   time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	var err error
	w.store, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "db"), func(act enclave.Act) (store.Sealed, error) {
		body, err := json.Marshal(act)
		return store.Sealed{ID: act.ID, Body: string(body)}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.Register = grant.New(w.store.Grants(), w.store.Acts(), datasets{}, judge{&w.facts}, func() time.Time { return w.now })
	return w
}

// verbs are the acts recorded so far.
func (w *world) verbs(t *testing.T) (verbs []string) {
	t.Helper()
	pending, err := w.store.Acts().Pending(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pending {
		entry, err := w.store.Acts().Entry(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		var act enclave.Act
		if err := json.Unmarshal([]byte(entry.Body), &act); err != nil {
			t.Fatal(err)
		}
		verbs = append(verbs, act.Verb)
	}
	return verbs
}

func application() grant.Application {
	return grant.Application{
		Scenario: "planning", Purpose: "为什么", TermDays: 30,
		Scopes: []enclave.Scope{{Dataset: "visits", Columns: []string{"a"}}, {Dataset: "incomes", Columns: []string{"b"}}, {Dataset: "births", Columns: []string{"b"}}},
	}
}

func reason(t *testing.T, err error, want string) {
	t.Helper()
	if e := enclave.AsError(err); e == nil || e.Reason != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestTheLifeOfAGrant(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), newWorld(t)
	g, err := w.Apply(ctx, operator, application())
	if err != nil {
		t.Fatal(err)
	}
	if g.State != enclave.GrantApplied || strings.Join(g.Waiting, " ") != "health tax" || g.Operator != "acme" || g.Forms[0] != enclave.Aggregate {
		t.Errorf("applied: %+v", g)
	}
	if f := w.facts[0]; f.Version != 1 || f.Operator != "acme" || len(f.Datasets) != 3 || f.Datasets[1].Name != "incomes" {
		t.Errorf("policy saw %+v", f)
	}
	_, err = w.Confirm(ctx, health, g.ID, true, "")
	reason(t, err, "GRANT_STATE")
	steps := []struct {
		do   func() (enclave.Grant, error)
		want enclave.GrantState
	}{
		{func() (enclave.Grant, error) { return w.Assess(ctx, authority, g.ID, true, "fine") }, enclave.GrantAssessed},
		{func() (enclave.Grant, error) { return w.Confirm(ctx, tax, g.ID, true, "") }, enclave.GrantAssessed},
		{func() (enclave.Grant, error) {
			w.now = w.now.Add(72 * time.Hour)
			return w.Confirm(ctx, health, g.ID, true, "")
		}, enclave.GrantActive},
		{func() (enclave.Grant, error) { return w.Suspend(ctx, authority, g.ID, "look") }, enclave.GrantSuspended},
		{func() (enclave.Grant, error) { return w.Resume(ctx, authority, g.ID, "") }, enclave.GrantActive},
	}
	for i, step := range steps {
		changed, err := step.do()
		if err != nil || changed.State != step.want || changed.Revision != int64(i+2) {
			t.Fatalf("step %d: %+v, %v", i, changed, err)
		}
		if read, err := w.Get(ctx, g.ID); err != nil || read.State != step.want || read.Revision != changed.Revision {
			t.Fatalf("step %d reads %+v, %v", i, read, err)
		}
	}
	w.now = w.now.Add(30 * 24 * time.Hour)
	if read, err := w.Get(ctx, g.ID); err != nil || read.State != enclave.GrantActive {
		t.Errorf("on its last day: %+v, %v", read, err)
	}
	w.now = w.now.Add(time.Millisecond)
	if list, _, err := w.List(ctx, "acme", enclave.Page{Size: 5}); err != nil || len(list) != 1 || list[0].State != enclave.GrantExpired {
		t.Errorf("after its term: %+v, %v", list, err)
	}
	_, err = w.Suspend(ctx, authority, g.ID, "late")
	reason(t, err, "GRANT_STATE")
	if got := strings.Join(w.verbs(t), " "); got != "grant.apply grant.approve grant.confirm grant.confirm grant.suspend grant.resume" {
		t.Errorf("acts: %s", got)
	}
}

func TestApplicationsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), newWorld(t)
	for name, test := range map[string]struct {
		spoil func(*grant.Application)
		want  string
	}{
		"no scenario":     {func(a *grant.Application) { a.Scenario = "" }, "GRANT_INVALID"},
		"no purpose":      {func(a *grant.Application) { a.Purpose = "" }, "GRANT_INVALID"},
		"long purpose":    {func(a *grant.Application) { a.Purpose = strings.Repeat("x", grant.MaxPurpose+1) }, "GRANT_INVALID"},
		"no term":         {func(a *grant.Application) { a.TermDays = 0 }, "GRANT_INVALID"},
		"endless term":    {func(a *grant.Application) { a.TermDays = grant.MaxTermDays + 1 }, "GRANT_INVALID"},
		"no scope":        {func(a *grant.Application) { a.Scopes = nil }, "GRANT_INVALID"},
		"a scope twice":   {func(a *grant.Application) { a.Scopes[1].Dataset = "visits" }, "GRANT_INVALID"},
		"no column":       {func(a *grant.Application) { a.Scopes[0].Columns = nil }, "GRANT_INVALID"},
		"a column twice":  {func(a *grant.Application) { a.Scopes[0].Columns = []string{"a", "a"} }, "GRANT_INVALID"},
		"a form twice":    {func(a *grant.Application) { a.Forms = []enclave.Form{"aggregate", "aggregate"} }, "GRANT_INVALID"},
		"unknown dataset": {func(a *grant.Application) { a.Scopes[0].Dataset = "nothing" }, "DATASET_NOT_FOUND"},
		"unknown column":  {func(a *grant.Application) { a.Scopes[0].Columns = []string{"z"} }, "GRANT_COLUMN_UNKNOWN"},
		"policy says no":  {func(a *grant.Application) { a.Scenario = "fishing" }, "APPLICATION_NO_SCENARIO"},
	} {
		a := application()
		test.spoil(&a)
		if _, err := w.Apply(ctx, operator, a); enclave.AsError(err) == nil || enclave.AsError(err).Reason != test.want {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	if got := strings.Join(w.verbs(t), " "); got != "grant.turn-away" {
		t.Errorf("acts: %s", got)
	}
	if list, _, err := w.List(ctx, "", enclave.Page{Size: 5}); err != nil || len(list) != 0 {
		t.Errorf("registered: %v, %v", list, err)
	}
}

// TestConcurrentConfirmations lets a source confirm many times at once: it counts once.
func TestConcurrentConfirmations(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), newWorld(t)
	g, err := w.Apply(ctx, operator, application())
	if err == nil {
		_, err = w.Assess(ctx, authority, g.ID, true, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 8)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { _, errs[i] = w.Confirm(ctx, health, g.ID, true, "") })
	}
	group.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if r := enclave.AsError(err).Reason; r != "GRANT_CHANGED" && r != "GRANT_CONFIRMED" {
			t.Errorf("got %v", err)
		}
	}
	read, err := w.Get(ctx, g.ID)
	if err != nil || won != 1 || read.Revision != 3 || read.State != enclave.GrantAssessed {
		t.Errorf("%d won: %+v, %v", won, read, err)
	}
}
