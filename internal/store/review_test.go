package store_test

import (
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/approval"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/store"
)

func testReviews(t *testing.T, s *store.Store) {
	t.Helper()
	settled(t, s, "r1", "r2", "r3")
	ctx, r := t.Context(), s.Reviews()
	_, err := r.Get(ctx, "r1")
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	for _, id := range []string{"r1", "r2"} {
		ok(t, decide(ctx, s, decisionOf(id, enclave.Hold, 0)))
	}
	ok(t, decide(ctx, s, decisionOf("r3", enclave.Release, 0)))
	got := must(r.Get(ctx, "r1"))
	equal(t, "begun", got, review.Record{
		Run: must(s.Runs().Get(ctx, "r1")).Run, Source: "health", Held: epoch, History: 1, File: review.NewFile(2), Revision: 1,
	})

	got.File.State, got.File.Question, got.File.Round = review.Returned, "why?", 2
	got.File.Votes = []review.Vote{{Vote: enclave.Vote{Voter: operator, Choice: enclave.ChooseReturn, Public: "why?", Private: "hm", Round: 2, Time: epoch}, Salt: "s"}}
	got.File.Views = []review.View{{By: operator, Round: 2, History: 1, Time: epoch}}
	got.File.Answers = []review.Answer{{Round: 1, Text: "so", By: operator, Time: epoch}}
	ok(t, r.Update(ctx, got, nil, act("review.vote")))
	before := dump(t, s)
	wants(t, r.Update(ctx, got, nil, act("review.vote")), enclave.State, "REVIEW_CHANGED")
	equal(t, "tables", dump(t, s), before)
	read := must(r.Get(ctx, "r1"))
	equal(t, "written", read.File, got.File)
	if read.Revision != 2 || read.Run.Question != "why?" || must(s.Runs().Get(ctx, "r1")).Question != "why?" {
		t.Errorf("asked %+v", read)
	}
	read.File.State = review.Open
	ok(t, r.Update(ctx, read, nil, act("review.answer")))
	equal(t, "question", must(r.Get(ctx, "r1")).Run.Question, "")

	for _, c := range []struct {
		scope review.Scope
		want  []string
	}{
		{review.Scope{}, []string{"r2", "r1"}},
		{review.Scope{Operator: "acme"}, []string{"r2", "r1"}},
		{review.Scope{Operator: "globex"}, nil},
		{review.Scope{Not: "acme"}, nil},
		{review.Scope{Not: "globex", Source: "health"}, []string{"r2", "r1"}},
		{review.Scope{Source: "tax"}, nil},
	} {
		var ids []string
		page := enclave.Page{Size: 1}
		for {
			list, next, err := r.List(ctx, c.scope, page)
			ok(t, err)
			for _, record := range list {
				ids = append(ids, record.Run.ID)
			}
			if page.After = next; next == "" {
				break
			}
		}
		equal(t, "listed", ids, c.want)
	}
	equal(t, "open", must(r.In(ctx, review.Open)), []string{"r1", "r2"})
	equal(t, "agreed", len(must(r.In(ctx, review.Agreed))), 0)
}

func testReviewsEnd(t *testing.T, s *store.Store) {
	t.Helper()
	settled(t, s, "out", "no", "back", "moved", "open", "plain")
	ctx, r := t.Context(), s.Runs()
	for _, id := range []string{"out", "no", "back", "moved"} {
		held(t, s, id)
	}
	ok(t, decide(ctx, s, decisionOf("open", enclave.Hold, 0)))
	before := dump(t, s)
	wants(t, decide(ctx, s, byPeople("open", 0)), enclave.State, "RUN_ENDED")  // nobody agreed
	wants(t, decide(ctx, s, byPeople("plain", 0)), enclave.State, "RUN_ENDED") // nothing is held
	wants(t, decide(ctx, s, byPeople("out", 1)), enclave.State, "HISTORY_MOVED")
	expired := byPeople("out", 0)
	expired.Time = epoch.Add(25 * time.Hour)
	wants(t, decide(ctx, s, expired), enclave.State, "GRANT_NOT_ACTIVE")
	wants(t, r.Withdraw(ctx, "plain", run.Ending{Outcome: enclave.Stopped}, act("run.cancel")), enclave.State, "RUN_ENDED")
	equal(t, "tables", dump(t, s), before)

	footprint := byPeople("out", 0)
	footprint.Footprint = enclave.DigestOf([]byte("footprint"))
	ok(t, decide(ctx, s, footprint))
	wants(t, decide(ctx, s, byPeople("out", 1)), enclave.State, "RUN_ENDED") // once
	wants(t, decide(ctx, s, byPeople("moved", 0)), enclave.State, "HISTORY_MOVED")
	wants(t, r.Withdraw(ctx, "out", run.Ending{Outcome: enclave.Stopped}, act("run.cancel")), enclave.State, "RUN_ENDED")
	if got := must(r.Get(ctx, "out")); got.Progress != run.Recorded || got.Outcome != "" || got.Stage != enclave.StageRelease || !got.Finished.IsZero() {
		t.Errorf("recorded %+v", got)
	}
	equal(t, "released", must(s.Reviews().Get(ctx, "out")).File.State, review.Released)
	if d := must(r.Decision(ctx, "out")); d.Decision != enclave.Release || !d.ByPeople || d.Footprint != footprint.Footprint || d.Evidence != footprint.Evidence {
		t.Errorf("decided %+v", d)
	}
	reviewed := byPeople("moved", 1) // a program's: it has no footprint, and its module must stand approved
	reviewed.Approval = true
	before = dump(t, s)
	wants(t, decide(ctx, s, reviewed), enclave.Refused, "MODULE_NOT_APPROVED")
	equal(t, "tables", dump(t, s), before)
	proposal := proposalOf("p1")
	proposal.State = approval.Withdrawn
	ok(t, s.Proposals().Insert(ctx, proposal, act("approval.propose")))
	wants(t, decide(ctx, s, reviewed), enclave.Refused, "MODULE_NOT_APPROVED")
	proposal.State = approval.Approved
	ok(t, s.Proposals().Update(ctx, proposal, act("approval.vote")))
	ok(t, decide(ctx, s, reviewed))
	equal(t, "footprints", must(r.Footprints(ctx, "visits")), []enclave.Digest{footprint.Footprint, {}})
	equal(t, "the footprint is kept", must(r.Names(ctx, footprint.Footprint)), true)
	ok(t, r.Release(ctx, "out", epoch))
	equal(t, "its result", must(r.Names(ctx, footprint.Result)), true)

	denied := run.Ending{Outcome: enclave.Denied, Reasons: []enclave.Reason{{Code: "REVIEW_REJECTED"}}, Time: epoch.Add(time.Hour)}
	no := must(s.Reviews().Get(ctx, "no"))
	no.File.State = review.Rejected
	ok(t, s.Reviews().Update(ctx, no, &denied, act("review.vote"), act("run.deny")))
	ok(t, r.Withdraw(ctx, "back", run.Ending{Outcome: enclave.Stopped}, act("run.cancel")))
	for id, want := range map[string]enclave.Outcome{"no": enclave.Denied, "back": enclave.Stopped} {
		got := must(r.Get(ctx, id))
		if got.Outcome != want || got.Progress != run.Ended {
			t.Errorf("%s: %+v", id, got)
		}
		equal(t, id+" keeps its output", must(r.Names(ctx, got.Result)), false)
		wants(t, decide(ctx, s, byPeople(id, 2)), enclave.State, "RUN_ENDED")
	}
	equal(t, "closed", must(s.Reviews().Get(ctx, "back")).File.State, review.Closed)
	again := must(s.Reviews().Get(ctx, "no"))
	wants(t, s.Reviews().Update(ctx, again, &denied, act("x")), enclave.State, "RUN_ENDED")
	if got := must(r.Get(ctx, "no")); len(got.Reasons) != 1 || !got.Finished.Equal(denied.Time) {
		t.Errorf("denied %+v", got)
	}
}

func testSimilar(t *testing.T, s *store.Store) {
	t.Helper()
	settled(t, s, "r1", "r2", "r3", "h")
	ctx := t.Context()
	other := moduleOf(operator.Org, "another")
	ok(t, s.Modules().Insert(ctx, other, act("module.upload")))
	latest := runOf("r4")
	latest.Module = other.Digest
	ok(t, s.Runs().Insert(ctx, latest, run.Budget{}, act("run.submit")))
	ok(t, s.Runs().Begin(ctx, "r4"))
	held(t, s, "h")
	for i, id := range []string{"r1", "r2", "r4"} {
		ok(t, decide(ctx, s, decisionOf(id, enclave.Release, int64(i))))
	}
	ok(t, decide(ctx, s, decisionOf("r3", enclave.Deny, 0)))
	ok(t, decide(ctx, s, byPeople("h", 3)))
	list := must(s.Reviews().Similar(ctx, runOf("r1"), 2))
	if len(list) != 2 || list[0].Run != "h" || !list[0].ByPeople || list[1].Run != "r2" || list[1].ByPeople {
		t.Errorf("the same module's, newest first: %+v", list)
	}
	list = must(s.Reviews().Similar(ctx, latest, 20))
	if len(list) != 3 || list[0].Run != "h" || list[2].Run != "r1" {
		t.Errorf("all others: %+v", list)
	}
	equal(t, "in full", list[1], review.Similar{Run: "r2", Operator: "acme", Scenario: "planning", Module: runOf("r2").Module, Released: epoch})
}
