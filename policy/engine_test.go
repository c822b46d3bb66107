package policy

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

func engine(tb testing.TB) *Engine {
	tb.Helper()
	e, err := Default()
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func visits() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "visits", Owner: "health", Grade: 3, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"1"}},
			{Name: "cost", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "9"},
		},
	}
}

func honest(p enclave.Profile) enclave.Facts {
	return enclave.Facts{
		Version: 1, Form: enclave.Aggregate, Operator: "acme", Scenario: "research", Dataset: "visits", Grade: 3,
		SubjectKind: enclave.Person, Cells: enclave.CellCounts{Published: 40, Primary: 3, Complement: 2},
		MinSubjects: p.Threshold, RoundCount: p.RoundCount, RoundSum: p.RoundSum, Bytes: 9000,
		History: enclave.HistoryFacts{Clean: true, Rank: p.RankPercent, Guess: p.GuessPercent, Subjects: 100},
	}
}

func honestProgram() enclave.Facts {
	return enclave.Facts{
		Version: 1, Form: enclave.Program, Operator: "acme", Scenario: "research", Dataset: "visits", Grade: 3,
		SubjectKind: enclave.Person, Crafted: true, Bytes: 9000,
		Leak: enclave.LeakFacts{Rows: 36, Values: 108, Bits: 1116, Subjects: 7500},
	}
}

func profile(tb testing.TB, e *Engine, d *enclave.Dataset) enclave.Profile {
	tb.Helper()
	p, err := e.Profile(d, "research")
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func codes(j enclave.Judgement) []string {
	var all []string
	for _, r := range j.Reasons {
		all = append(all, r.Code)
	}
	slices.Sort(all)
	return all
}

func TestRelease(t *testing.T) {
	e := engine(t)
	for _, d := range []*enclave.Dataset{visits(), {Grade: 4, Subject: enclave.Subject{Kind: enclave.Organisation}}} {
		p := profile(t, e, d)
		for name, c := range map[string]struct {
			change func(*enclave.Facts)
			want   enclave.Decision
			codes  []string
		}{
			"honest":         {func(*enclave.Facts) {}, enclave.Release, nil},
			"crafted":        {func(f *enclave.Facts) { f.Crafted = true }, enclave.Hold, []string{"OUTPUT_CRAFTED"}},
			"small":          {func(f *enclave.Facts) { f.MinSubjects-- }, enclave.Deny, []string{"CELL_TOO_SMALL"}},
			"crafted, small": {func(f *enclave.Facts) { f.Crafted = true; f.MinSubjects-- }, enclave.Deny, []string{"CELL_TOO_SMALL", "OUTPUT_CRAFTED"}},
			"empty": {
				func(f *enclave.Facts) { f.Cells.Published, f.MinSubjects = 0, 0 }, enclave.Deny,
				[]string{"NOTHING_TO_PUBLISH"},
			},
			"empty beside others": {
				func(f *enclave.Facts) { f.Cells.Published, f.Cells.History, f.MinSubjects = 0, 1, 0 }, enclave.Deny,
				[]string{"HISTORY_LEAVES_NOTHING"},
			},
			"derivable": {func(f *enclave.Facts) { f.Derivable = 1 }, enclave.Deny, []string{"DERIVABLE"}},
			"history":   {func(f *enclave.Facts) { f.History.Clean = false }, enclave.Deny, []string{"HISTORY"}},
			"guess":     {func(f *enclave.Facts) { f.History.Guess++ }, enclave.Deny, []string{"HISTORY"}},
			"alike":     {func(f *enclave.Facts) { f.History.Alike = 1 }, enclave.Deny, []string{"HISTORY"}},
			"estimable": {func(f *enclave.Facts) { f.History.Estimable = 1 }, enclave.Deny, []string{"HISTORY"}},
			"budget":    {func(f *enclave.Facts) { f.History.Rank++ }, enclave.Deny, []string{"HISTORY_BUDGET"}},
		} {
			facts := honest(p)
			c.change(&facts)
			j, err := e.Release(t.Context(), facts, p)
			if err != nil || j.Decision != c.want || !slices.Equal(codes(j), c.codes) || j.Revision != e.Revision() {
				t.Errorf("%s, %s: %+v, %v", p.Name, name, j, err)
			}
		}
	}
}

// TestReleaseOfProgram: held at best; each fact by itself denies, and so does a grade that does not allow the form.
func TestReleaseOfProgram(t *testing.T) {
	e := engine(t)
	p := profile(t, e, visits())
	strict := visits()
	strict.Grade = 4
	for name, c := range map[string]struct {
		profile enclave.Profile
		change  func(*enclave.Facts)
		want    enclave.Decision
		codes   []string
	}{
		"honest":      {p, func(*enclave.Facts) {}, enclave.Hold, []string{"OUTPUT_OF_PROGRAM"}},
		"not crafted": {p, func(f *enclave.Facts) { f.Crafted = false }, enclave.Hold, []string{"OUTPUT_OF_PROGRAM"}},
		"grade 4":     {profile(t, e, strict), func(*enclave.Facts) {}, enclave.Deny, []string{"FORM_NOT_ALLOWED"}},
		"empty":       {p, func(f *enclave.Facts) { f.Leak.Rows = 0 }, enclave.Deny, []string{"OUTPUT_EMPTY"}},
		"records":     {p, func(f *enclave.Facts) { f.Leak.Records = 1 }, enclave.Deny, []string{"RECORDS_REPEATED"}},
		"identifiers": {p, func(f *enclave.Facts) { f.Leak.Identifiers = 1 }, enclave.Deny, []string{"IDENTIFIERS_FOUND"}},
		"packed":      {p, func(f *enclave.Facts) { f.Leak.Packed = 1 }, enclave.Deny, []string{"ROWS_PACKED"}},
		"injective":   {p, func(f *enclave.Facts) { f.Leak.Injective = 1 }, enclave.Deny, []string{"COLUMN_REVERSIBLE"}},
		"verbatim":    {p, func(f *enclave.Facts) { f.Leak.Verbatim = 21 }, enclave.Deny, []string{"VALUES_VERBATIM"}},
		"bits":        {p, func(f *enclave.Facts) { f.Leak.Bits = 7501 }, enclave.Deny, []string{"TOO_MANY_BITS"}},
		"parameters":  {p, func(f *enclave.Facts) { f.Leak.Parameters = 376 }, enclave.Deny, []string{"TOO_MANY_PARAMETERS"}},
		"a table's":   {p, func(f *enclave.Facts) { f.Form = enclave.Aggregate }, enclave.Deny, nil},
	} {
		facts := honestProgram()
		c.change(&facts)
		j, err := e.Release(t.Context(), facts, c.profile)
		if err != nil || j.Decision != c.want || c.codes != nil && !slices.Equal(codes(j), c.codes) || j.Revision != e.Revision() {
			t.Errorf("%s: %+v, %v", name, j, err)
		}
	}
}

// TestZeroProfileIsNoProfile hands in numbers that no bundle could state.
func TestZeroProfileIsNoProfile(t *testing.T) {
	e := engine(t)
	for _, p := range []enclave.Profile{{}, {Threshold: 1, Forms: []enclave.Form{enclave.Aggregate}}} {
		j, err := e.Release(t.Context(), honest(p), p)
		if err != nil || j.Decision != enclave.Deny || !slices.Equal(codes(j), []string{faultCode}) {
			t.Errorf("%+v: %+v, %v", p, j, err)
		}
		j, err = e.Admission(t.Context(), enclave.AdmissionFacts{Version: 1, Form: enclave.Aggregate, Sharing: enclave.Unconditional}, p)
		if err != nil || j.Decision != enclave.Deny {
			t.Errorf("%+v: %+v, %v", p, j, err)
		}
	}
}

func TestAdmission(t *testing.T) {
	e := engine(t)
	p := profile(t, e, visits())
	facts := enclave.AdmissionFacts{
		Version: 1, Form: enclave.Aggregate, Operator: "acme", Scenario: "research", Dataset: "visits", Grade: 3,
		SubjectKind: enclave.Person, Sharing: enclave.Conditional, Cells: 100, Subjects: 1000,
		Module: enclave.ModuleFacts{Bytes: 3_300_000, DataBytes: 1_200_000}, // a Go guest's
		Columns: []enclave.UseFacts{
			{Column: "district", Class: enclave.Quasi, Shown: true},
			{Column: "cost", Class: enclave.Measure, Shown: true, Summed: true}, // crafted, but it may run
		},
		Approved: true,
	}
	if j, err := e.Admission(t.Context(), facts, p); err != nil || j.Decision != enclave.Release {
		t.Fatalf("%+v, %v", j, err)
	}
	facts.Subjects = 999
	if j, err := e.Admission(t.Context(), facts, p); err != nil || !slices.Equal(codes(j), []string{"KEYSPACE_TOO_LARGE_FOR_DATA"}) || len(j.Reasons[0].Args) != 0 {
		t.Errorf("%+v, %v", j, err)
	}
	facts.Subjects = 1000
	facts.Columns = append(facts.Columns, enclave.UseFacts{Column: "id", Class: enclave.Identifier, Key: true})
	j, err := e.Admission(t.Context(), facts, p)
	if err != nil || j.Decision != enclave.Deny || !slices.Equal(codes(j), []string{"GROUP_BY_IDENTITY"}) || j.Reasons[0].Args["column"] != "id" {
		t.Errorf("%+v, %v", j, err)
	}
}

func TestGrant(t *testing.T) {
	e := engine(t)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	grant := enclave.Grant{
		Operator: "acme", Scenario: "research", Forms: []enclave.Form{enclave.Aggregate},
		Scopes:    []enclave.Scope{{Dataset: "visits", Columns: []string{"district", "cost"}}},
		NotBefore: start, NotAfter: start.AddDate(3, 0, 0),
	}
	lookup := func(name string) *enclave.Dataset {
		if name == "visits" {
			return visits()
		}
		return nil
	}
	judge := func(change func(*enclave.Grant)) enclave.Judgement {
		g := grant
		g.Scopes = slices.Clone(grant.Scopes)
		change(&g)
		j, err := e.Grant(t.Context(), FactsOf(&g, lookup))
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	if j := judge(func(*enclave.Grant) {}); j.Decision != enclave.Release {
		t.Fatalf("three years: %+v", j)
	}
	for name, c := range map[string]struct {
		change func(*enclave.Grant)
		code   string
	}{
		"a day too long":    {func(g *enclave.Grant) { g.NotAfter = g.NotAfter.Add(24 * time.Hour) }, "APPLICATION_TERM"},
		"a second too long": {func(g *enclave.Grant) { g.NotAfter = g.NotAfter.Add(time.Second) }, "APPLICATION_TERM"},
		"no term":           {func(g *enclave.Grant) { g.NotAfter = g.NotBefore }, "APPLICATION_TERM"},
		"backward":          {func(g *enclave.Grant) { g.NotAfter = start.AddDate(-1, 0, 0) }, "APPLICATION_TERM"},
		"identifier":        {func(g *enclave.Grant) { g.Scopes[0].Columns = []string{"id"} }, "APPLICATION_IDENTIFIER"},
		"unknown column":    {func(g *enclave.Grant) { g.Scopes[0].Columns = []string{"ghost"} }, "APPLICATION_IDENTIFIER"},
		"unknown dataset":   {func(g *enclave.Grant) { g.Scopes[0].Dataset = "ghosts" }, "SHARING_BARRED"},
		"no columns":        {func(g *enclave.Grant) { g.Scopes[0].Columns = nil }, "APPLICATION_NO_COLUMNS"},
		"no forms":          {func(g *enclave.Grant) { g.Forms = nil }, "APPLICATION_FORMS"},
		"no scenario":       {func(g *enclave.Grant) { g.Scenario = "" }, "APPLICATION_NO_SCENARIO"},
	} {
		if j := judge(c.change); j.Decision != enclave.Deny || !slices.Contains(codes(j), c.code) {
			t.Errorf("%s: %+v", name, j)
		}
	}
}

func TestAccess(t *testing.T) {
	e := engine(t)
	li := enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "li"}
	wu := enclave.Caller{Role: enclave.SourceOrg, Org: "health", Name: "wu"}
	for name, c := range map[string]struct {
		in   AccessInput
		want bool
	}{
		"health without a credential":   {AccessInput{Method: "/grpc.health.v1.Health/Check"}, true},
		"runs without a credential":     {AccessInput{Method: "/darkroom.v1.RunService/ListRuns"}, false},
		"own run":                       {AccessInput{Caller: li, Method: "/darkroom.v1.RunService/GetRun", Owner: "acme"}, true},
		"another's run":                 {AccessInput{Caller: li, Method: "/darkroom.v1.RunService/GetRun", Owner: "rival"}, false},
		"a run whose owner was not set": {AccessInput{Caller: li, Method: "/darkroom.v1.RunService/GetRun"}, false},
		"own list":                      {AccessInput{Caller: li, Method: "/darkroom.v1.RunService/ListRuns"}, true},
		"confirm a grant of own data": {
			AccessInput{Caller: wu, Method: "/darkroom.v1.GrantService/ConfirmGrant", Owner: "acme", Parties: []string{"health"}}, true,
		},
		"confirm a grant of others' data": {
			AccessInput{Caller: wu, Method: "/darkroom.v1.GrantService/ConfirmGrant", Owner: "acme", Parties: []string{"tax"}}, false,
		},
		"an operator assesses":           {AccessInput{Caller: li, Method: "/darkroom.v1.GrantService/AssessGrant", Owner: "acme"}, false},
		"a certificate without an org":   {AccessInput{Caller: enclave.Caller{Role: enclave.Authority}, Method: "/darkroom.v1.RunService/ListRuns"}, false},
		"a certificate with only a name": {AccessInput{Caller: enclave.Caller{Name: "x"}, Method: "/darkroom.v1.IdentityService/WhoAmI"}, false},
	} {
		got, err := e.Access(t.Context(), c.in)
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestCanceledContextIsAnError(t *testing.T) {
	e := engine(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := profile(t, e, visits())
	j, err := e.Release(ctx, honest(p), p)
	if !errors.Is(err, enclave.Fail(enclave.Canceled, "POLICY_CANCELED")) || enclave.KindOf(err) != enclave.Canceled || j.Decision != "" {
		t.Errorf("%+v, %v", j, err)
	}
	in := AccessInput{Method: "/grpc.health.v1.Health/Check"}
	if allowed, err := e.Access(ctx, in); allowed || err == nil {
		t.Errorf("%v, %v", allowed, err)
	}
}

// TestConcurrentDecisions: answers do not mix.
func TestConcurrentDecisions(t *testing.T) {
	e := engine(t)
	p := profile(t, e, visits())
	want := []enclave.Decision{enclave.Release, enclave.Hold, enclave.Deny}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			facts := honest(p)
			facts.Crafted = i%3 == 1
			facts.Derivable = int64(i % 3 / 2)
			for range 30 {
				if j, err := e.Release(t.Context(), facts, p); err != nil || j.Decision != want[i%3] {
					t.Errorf("%d: %+v, %v", i, j, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestDescribe(t *testing.T) {
	e := engine(t)
	d := e.Describe()
	var names []string
	for _, p := range d.Profiles {
		names = append(names, p.Name)
	}
	if want := []string{"organisation", "organisation/grade-4", "person", "person/grade-4"}; !slices.Equal(names, want) {
		t.Errorf("profiles %q", names)
	}
	if d.Revision != e.Revision() || revision(d.Files) != d.Revision {
		t.Error("the files shown are not those of the revision")
	}
	d.Files[0].Text = "changed"
	d.Profiles[0].Forms[0] = "changed"
	if e.Describe().Files[0].Text == "changed" || e.Describe().Profiles[0].Forms[0] == "changed" {
		t.Error("a reader changed the engine")
	}
}
