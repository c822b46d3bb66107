package store_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/store"
)

// TestSQLite holds SQLite to what every database behind the store must do.
func TestSQLite(t *testing.T) { conform(t, fresh) }

func conform(t *testing.T, open func(*testing.T) *store.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *store.Store){
		"outbox": testOutbox, "identities": testIdentities, "datasets": testDatasets, "snapshots": testSnapshots, "grants": testGrants, "modules": testModules, "proposals": testProposals,
		"runs": testRuns, "run ends once": testRunEndsOnce, "rehearsals": testRehearsals, "decisions": testDecisions, "history": testHistory,
		"reviews": testReviews, "reviews end": testReviewsEnd, "similar": testSimilar,
		"tokens": testTokens,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

// must is for calls that a test cannot go on without.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testOutbox(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, acts := t.Context(), s.Acts()
	var want []store.Pending
	for range 3 {
		a := act("grant.turn-away")
		sealed := must(seal(a))
		ok(t, acts.Record(ctx, a))
		want = append(want, store.Pending{ID: sealed.ID, Commitment: sealed.Commitment})
	}
	select {
	case <-s.Written():
	default:
		t.Error("nobody was told of the entries")
	}
	equal(t, "pending, in order", must(acts.Pending(ctx, 10)), want)
	equal(t, "limited", len(must(acts.Pending(ctx, 2))), 2)

	ok(t, acts.Appended(ctx, []store.Appended{{ID: want[0].ID, Index: 7}}))
	ok(t, acts.Appended(ctx, []store.Appended{{ID: want[0].ID, Index: 7}}))
	for _, wrong := range []store.Appended{{ID: want[0].ID, Index: 8}, {ID: "nobody", Index: 9}} {
		wants(t, acts.Appended(ctx, []store.Appended{{ID: want[1].ID, Index: 10}, wrong}), enclave.Internal, "INTERNAL")
	}
	equal(t, "still pending", must(acts.Pending(ctx, 10)), want[1:])

	byIndex, byID := must(acts.EntryByIndex(ctx, 7)), must(acts.Entry(ctx, want[0].ID))
	equal(t, "the same entry", byIndex, byID)
	if again := must(seal(enclave.Act{})); byID.Commitment != want[0].Commitment || byID.Salt == again.Salt || !byID.Appended || byID.Index != 7 {
		t.Errorf("entry %+v", byID)
	}
	if waiting := must(acts.Entry(ctx, want[1].ID)); waiting.Appended {
		t.Error("an entry counts as appended before it is")
	}
	_, err := acts.EntryByIndex(ctx, 8)
	wants(t, err, enclave.NotFound, "ENTRY_NOT_FOUND")
	_, err = acts.EntryByIndex(ctx, 1<<63)
	wants(t, err, enclave.NotFound, "ENTRY_NOT_FOUND")
}

// An organisation stays on the side of its first credential, and a refusal leaves no act.
func testIdentities(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, i := t.Context(), s.Identities()
	as := func(role enclave.Role, org string) enclave.Caller {
		return enclave.Caller{Role: role, Org: org, Name: "li"}
	}
	ok(t, i.Remember(ctx, as(enclave.Authority, "bureau")))
	ok(t, i.Remember(ctx, as(enclave.Authority, "bureau")))
	for _, who := range []enclave.Caller{as(enclave.Reviewer, "bureau"), as(enclave.Operator, "acme"), as(enclave.Operator, "acme"), as(enclave.SourceOrg, "tax")} {
		ok(t, i.Issue(ctx, who, act("identity.issue")))
	}
	for _, who := range []enclave.Caller{
		as(enclave.Operator, "bureau"), as(enclave.Operator, "tax"), as(enclave.Reviewer, "acme"), as(enclave.Auditor, "acme"), as(enclave.SourceOrg, "acme"),
	} {
		wants(t, i.Issue(ctx, who, act("identity.issue")), enclave.Refused, "ORG_ROLE_CONFLICT")
	}
	equal(t, "acts", len(must(s.Acts().Pending(ctx, 100))), 4)
}

func testDatasets(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, c := t.Context(), s.Catalog()
	for _, name := range []string{"b", "a", "c"} {
		ok(t, c.Put(ctx, dataset(name), act("dataset.create")))
	}
	equal(t, "what was put", must(c.Get(ctx, "a")), dataset("a"))
	first, next, err := c.List(ctx, enclave.Page{Size: 2})
	ok(t, err)
	second, end, err := c.List(ctx, enclave.Page{Size: 2, After: next})
	ok(t, err)
	if len(first) != 2 || len(second) != 1 || first[0].Dataset.Name != "a" || second[0].Dataset.Name != "c" || end != "" {
		t.Errorf("pages %v %v %q", first, second, end)
	}
	corrected := dataset("a")
	corrected.Dataset.Title = "corrected"
	ok(t, c.Put(ctx, corrected, act("dataset.create")))
	equal(t, "corrected", must(c.Get(ctx, "a")), corrected)
	corrected.Dataset.Owner = "tax"
	wants(t, c.Put(ctx, corrected, act("dataset.create")), enclave.State, "DATASET_IN_USE")
	_, err = c.Get(ctx, "z")
	wants(t, err, enclave.NotFound, "DATASET_NOT_FOUND")
}

func testSnapshots(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, c, visits := t.Context(), s.Catalog(), dataset("visits")
	wants(t, c.AddSnapshot(ctx, snapshot(visits, "s0"), act("dataset.load")), enclave.NotFound, "DATASET_NOT_FOUND")
	ok(t, c.Put(ctx, visits, act("dataset.create")))
	for _, content := range []string{"s1", "s2", "s3"} {
		ok(t, c.AddSnapshot(ctx, snapshot(visits, content), act("dataset.load")))
	}
	newest := func() enclave.Snapshot {
		list, _, err := c.Snapshots(ctx, "visits", enclave.Page{Size: 1})
		ok(t, err)
		return list[0]
	}
	equal(t, "newest", newest(), snapshot(visits, "s3"))
	ok(t, c.AddSnapshot(ctx, snapshot(visits, "s1"), act("dataset.load")))
	equal(t, "loaded again", newest(), snapshot(visits, "s1"))
	all, end, err := c.Snapshots(ctx, "visits", enclave.Page{Size: 3})
	ok(t, err)
	if len(all) != 3 || end != "" {
		t.Errorf("%d snapshots, token %q", len(all), end)
	}
	equal(t, "by digest", must(c.Snapshot(ctx, "visits", snapshot(visits, "s2").Digest)), snapshot(visits, "s2"))
	_, err = c.Snapshot(ctx, "visits", visits.Digest)
	wants(t, err, enclave.NotFound, "SNAPSHOT_NOT_FOUND")

	outdated := snapshot(visits, "s4")
	outdated.Description = enclave.DigestOf([]byte("before the correction"))
	wants(t, c.AddSnapshot(ctx, outdated, act("dataset.load")), enclave.State, "DATASET_CHANGED")
	visits.Dataset.Title = "too late"
	wants(t, c.Put(ctx, visits, act("dataset.create")), enclave.State, "DATASET_IN_USE")
}

func testGrants(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, g := t.Context(), s.Grants()
	other := grantOf("g2")
	other.Operator = "globex"
	ok(t, g.Insert(ctx, grantOf("g1"), act("grant.apply")))
	ok(t, g.Insert(ctx, other, act("grant.apply")))
	ok(t, g.Insert(ctx, grantOf("g3"), act("grant.apply")))
	read := must(g.Get(ctx, "g1"))
	equal(t, "what was inserted", read, grantOf("g1"))
	read.State, read.Note, read.Waiting = enclave.GrantSuspended, "why", []string{"tax"}
	ok(t, g.Update(ctx, read, act("grant.suspend")))
	wants(t, g.Update(ctx, read, act("grant.suspend")), enclave.State, "GRANT_CHANGED")
	read.Revision = 2
	equal(t, "updated", must(g.Get(ctx, "g1")), read)

	ids := func(operator string) (list []string) {
		page := enclave.Page{Size: 1}
		for {
			grants, next, err := g.List(ctx, operator, page)
			ok(t, err)
			for _, one := range grants {
				list = append(list, one.ID)
			}
			if page.After = next; next == "" {
				return list
			}
		}
	}
	equal(t, "all, newest first", ids(""), []string{"g3", "g2", "g1"})
	equal(t, "of one operator", ids("acme"), []string{"g3", "g1"})
	_, err := g.Get(ctx, "g9")
	wants(t, err, enclave.NotFound, "GRANT_NOT_FOUND")
}

func testModules(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, m := t.Context(), s.Modules()
	ok(t, m.Insert(ctx, moduleOf("acme", "wasm"), act("module.upload")))
	wants(t, m.Insert(ctx, moduleOf("acme", "wasm"), act("module.upload")), enclave.State, "MODULE_EXISTS")
	digest := moduleOf("acme", "wasm").Digest
	_, err := m.Get(ctx, "globex", digest)
	wants(t, err, enclave.NotFound, "MODULE_NOT_FOUND")
	ok(t, m.Insert(ctx, moduleOf("globex", "wasm"), act("module.upload")))
	equal(t, "own", must(m.Get(ctx, "globex", digest)), moduleOf("globex", "wasm"))
	equal(t, "anyone's", must(m.Get(ctx, "", digest)), moduleOf("acme", "wasm"))
	all, _, err := m.List(ctx, "", enclave.Page{Size: 10})
	ok(t, err)
	mine, _, err := m.List(ctx, "acme", enclave.Page{Size: 10})
	ok(t, err)
	if len(all) != 2 || all[0].Owner != "globex" || len(mine) != 1 || mine[0].Owner != "acme" {
		t.Errorf("lists %v %v", all, mine)
	}
	if n := len(must(s.Acts().Pending(ctx, 10))); n != 2 {
		t.Errorf("%d entries for two changes", n)
	}
}

func testRuns(t *testing.T, s *store.Store) {
	t.Helper()
	settled(t, s)
	ctx, r := t.Context(), s.Runs()
	for i := range 3 {
		ok(t, r.Insert(ctx, runOf(fmt.Sprint("r", i)), run.Budget{}, act("run.submit")))
	}
	want := run.State{Run: runOf("r0"), Progress: run.Queued}
	want.Reasons = []enclave.Reason{}
	equal(t, "what was inserted", must(r.Get(ctx, "r0")), want)
	ok(t, r.Begin(ctx, "r0"))
	ok(t, r.Begin(ctx, "r0"))
	if got := must(r.Get(ctx, "r0")); got.Progress != run.Running || got.Attempts != 2 {
		t.Errorf("after two attempts: %+v", got)
	}
	ok(t, r.Yield(ctx, "r0"))
	if got := must(r.Get(ctx, "r0")); got.Progress != run.Queued || got.Attempts != 1 {
		t.Errorf("given back: %+v", got)
	}
	wants(t, r.Yield(ctx, "r0"), enclave.State, "RUN_ENDED")
	ok(t, r.Begin(ctx, "r2"))
	queued := must(r.In(ctx, run.Queued))
	if len(queued) != 2 || queued[0].ID != "r0" || queued[1].ID != "r1" {
		t.Errorf("queued %+v", queued)
	}
	page, next, err := r.List(ctx, "acme", enclave.Page{Size: 2})
	ok(t, err)
	rest, end, err := r.List(ctx, "", enclave.Page{Size: 2, After: next})
	ok(t, err)
	if len(page) != 2 || page[0].ID != "r2" || len(rest) != 1 || rest[0].ID != "r0" || end != "" {
		t.Errorf("pages %v %v", page, rest)
	}
	none, _, err := r.List(ctx, "globex", enclave.Page{Size: 2})
	ok(t, err)
	equal(t, "of another", none, []run.State{})
	_, err = r.Get(ctx, "r9")
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
}

func testRunEndsOnce(t *testing.T, s *store.Store) {
	t.Helper()
	settled(t, s, "r1")
	ctx, r := t.Context(), s.Runs()
	reasons := []enclave.Reason{{Code: "MODULE_TRAP"}}
	ending := run.Ending{Outcome: enclave.Failed, Stage: enclave.StageExecute, Reasons: reasons, Time: epoch, Report: `{"cause":"x"}`}
	ok(t, r.End(ctx, "r1", ending, act("run.fail")))
	got := must(r.Get(ctx, "r1"))
	if got.Outcome != enclave.Failed || got.Stage != enclave.StageExecute || !got.Finished.Equal(epoch) || got.Progress != run.Ended {
		t.Errorf("ended: %+v", got)
	}
	equal(t, "reasons", got.Reasons, reasons)
	equal(t, "report", must(r.Report(ctx, "r1")), ending.Report)
	equal(t, "of another", must(r.Report(ctx, "r0")), "")
	before := dump(t, s)
	wants(t, r.End(ctx, "r1", ending, act("run.fail")), enclave.State, "RUN_ENDED")
	wants(t, r.Begin(ctx, "r1"), enclave.State, "RUN_ENDED")
	wants(t, decide(ctx, s, decisionOf("r1", enclave.Release, 0)), enclave.Canceled, "RUN_CANCELED")
	ok(t, r.Release(ctx, "r1", epoch))
	equal(t, "tables", dump(t, s), before)
}

// What is made from synthetic rows is never decided on.
func testRehearsals(t *testing.T, s *store.Store) {
	t.Helper()
	settled(t, s)
	ctx, r, rehearsal := t.Context(), s.Runs(), runOf("dev")
	rehearsal.Environment, rehearsal.Sample = enclave.Dev, enclave.Sample{Rows: 100, Subjects: 20}
	rehearsal.Snapshot = enclave.DigestOf([]byte("of no snapshot"))
	ok(t, r.Insert(ctx, rehearsal, run.Budget{}, act("run.submit")))
	ok(t, r.Begin(ctx, "dev"))
	got := must(r.Get(ctx, "dev"))
	if got.Environment != enclave.Dev || got.Sample != rehearsal.Sample || got.Snapshot != rehearsal.Snapshot {
		t.Errorf("rehearsal %+v", got)
	}
	before := dump(t, s)
	for _, decision := range []enclave.Decision{enclave.Release, enclave.Hold, enclave.Deny} {
		wants(t, decide(ctx, s, decisionOf("dev", decision, 0)), enclave.Canceled, "RUN_CANCELED")
	}
	equal(t, "tables", dump(t, s), before)
	ok(t, r.End(ctx, "dev", run.Ending{Outcome: enclave.Rehearsed, Time: epoch}, act("run.rehearse")))
}

func testDecisions(t *testing.T, s *store.Store) {
	t.Helper()
	settled(t, s, "deny", "hold", "release")
	ctx, r := t.Context(), s.Runs()
	for id, want := range map[string]struct {
		progress run.Progress
		outcome  enclave.Outcome
		kept     bool
	}{"deny": {run.Ended, enclave.Denied, false}, "hold": {run.Ended, enclave.Held, true}, "release": {run.Recorded, "", true}} {
		d := decisionOf(id, enclave.Decision(id), 0)
		ok(t, decide(ctx, s, d))
		got := must(r.Get(ctx, id))
		if got.Progress != want.progress || got.Outcome != want.outcome || got.Result != d.Result || got.Finished.IsZero() != (id == "release") {
			t.Errorf("%s: %+v", id, got)
		}
		equal(t, id+" keeps its output", must(r.Names(ctx, d.Result)), want.kept)
		read := must(r.Decision(ctx, id))
		if read.Act == "" {
			t.Error("a decision without its act")
		}
		d.Act = read.Act
		equal(t, "decision", read, d)
		equal(t, "decision of the path", must(r.Judged(ctx, id)), d)
	}
	later := epoch.Add(time.Minute)
	ok(t, r.Release(ctx, "release", later))
	ok(t, r.Release(ctx, "release", later.Add(time.Minute)))
	if got := must(r.Get(ctx, "release")); got.Outcome != enclave.Released || !got.Finished.Equal(later) {
		t.Errorf("released: %+v", got)
	}
	_, err := r.Decision(ctx, "nobody")
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	_, err = r.Judged(ctx, "nobody")
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
}

func testHistory(t *testing.T, s *store.Store) {
	t.Helper()
	settled(t, s, "r1", "r2", "r3", "r4", "r5")
	ctx, r := t.Context(), s.Runs()
	version := func() int64 { return must(r.History(ctx, "visits")) }
	ok(t, decide(ctx, s, decisionOf("r1", enclave.Release, 0)))
	equal(t, "after a release", version(), int64(1))
	before := dump(t, s)
	wants(t, decide(ctx, s, decisionOf("r2", enclave.Release, 0)), enclave.State, "HISTORY_MOVED")
	wants(t, decide(ctx, s, decisionOf("r2", enclave.Release, 2)), enclave.State, "HISTORY_MOVED")
	equal(t, "tables", dump(t, s), before)
	ok(t, decide(ctx, s, decisionOf("r2", enclave.Release, 1)))
	ok(t, decide(ctx, s, decisionOf("r3", enclave.Hold, 0)))
	equal(t, "a held output does not move it", version(), int64(2))

	expired := decisionOf("r4", enclave.Release, 2)
	expired.Time = epoch.Add(25 * time.Hour)
	wants(t, decide(ctx, s, expired), enclave.State, "GRANT_NOT_ACTIVE")
	suspended := grantOf("g1")
	suspended.State = enclave.GrantSuspended
	ok(t, s.Grants().Update(ctx, suspended, act("grant.suspend")))
	before = dump(t, s)
	wants(t, decide(ctx, s, decisionOf("r4", enclave.Release, 2)), enclave.State, "GRANT_NOT_ACTIVE")
	wants(t, decide(ctx, s, decisionOf("r5", enclave.Hold, 2)), enclave.State, "GRANT_NOT_ACTIVE")
	equal(t, "tables", dump(t, s), before)
}

func testTokens(t *testing.T, s *store.Store) {
	t.Helper()
	for _, token := range []string{"x", "-1", "0", "1e3", "99999999999999999999"} {
		page := enclave.Page{Size: 1, After: token}
		_, _, err := s.Grants().List(t.Context(), "", page)
		wants(t, err, enclave.Invalid, "LIST_TOKEN_MALFORMED")
		_, _, err = s.Runs().List(t.Context(), "", page)
		wants(t, err, enclave.Invalid, "LIST_TOKEN_MALFORMED")
		_, _, err = s.Reviews().List(t.Context(), review.Scope{}, page)
		wants(t, err, enclave.Invalid, "LIST_TOKEN_MALFORMED")
		_, _, err = s.Modules().List(t.Context(), "", page)
		wants(t, err, enclave.Invalid, "LIST_TOKEN_MALFORMED")
		_, _, err = s.Catalog().Snapshots(t.Context(), "d", page)
		wants(t, err, enclave.Invalid, "LIST_TOKEN_MALFORMED")
	}
}

// TestRunsOfModulesThatSeeRowsAreCounted: whatever becomes of them, and by grant and dataset; others do not count.
func TestRunsOfModulesThatSeeRowsAreCounted(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	settled(t, s)
	ctx, two := t.Context(), run.Budget{Counts: true, SeesRows: true, Runs: 100, RowRuns: 2, Questions: 100}
	ok(t, s.Runs().Insert(ctx, runOf("blind"), run.Budget{}, act("run.submit")))
	ok(t, s.Runs().Insert(ctx, runOf("first"), two, act("run.submit")))
	ok(t, s.Runs().End(ctx, "first", run.Ending{Outcome: enclave.Failed}, act("run.fail")))
	ok(t, s.Runs().Insert(ctx, runOf("second"), two, act("run.submit")))
	before := dump(t, s)
	wants(t, s.Runs().Insert(ctx, runOf("third"), two, act("run.submit")), enclave.Limit, "BUDGET_SPENT")
	if dump(t, s) != before {
		t.Error("a refused run left something")
	}
	ok(t, s.Runs().Insert(ctx, runOf("blind-too"), run.Budget{Counts: true, Runs: 100, Questions: 100}, act("run.submit")))
}
