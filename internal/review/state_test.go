package review_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/review"
)

// TestStates plays reviews step by step. A step is who does what, and what comes of it: a state, or the reason of an error. Voters look at the
// case first, unless they only "vote" with what they saw before.
func TestStates(t *testing.T) {
	t.Parallel()
	for name, play := range map[string]struct {
		steps   string
		outcome enclave.Outcome // of the run
		round   int
	}{
		"silence": {"", enclave.Held, 1},
		"one":     {"chen release = open", enclave.Held, 1},
		"release": {"chen release = open, wang release = released", enclave.Released, 1},
		"reject":  {"chen reject = open, wang reject = rejected", enclave.Denied, 1},
		"over": {
			"chen reject = open, wang reject = rejected, zhao release = REVIEW_ENDED, chen release = REVIEW_ENDED, acme answers = REVIEW_NOT_ASKED, acme cancels = RUN_ENDED",
			enclave.Denied, 1,
		},
		"out": {"chen release = open, wang release = released, zhao reject = REVIEW_ENDED, acme cancels = RUN_ENDED", enclave.Released, 1},
		"one person has one vote": {
			"chen release = open, chen release = REVIEW_VOTED, chen reject = REVIEW_VOTED, chen-as-reviewer release = REVIEW_VOTED",
			enclave.Held, 1,
		},
		"one returns":  {"chen return = open, wang release = returned", enclave.Held, 1},
		"both return":  {"chen return = open, wang return = returned, zhao release = REVIEW_RETURNED, chen release = REVIEW_RETURNED", enclave.Held, 1},
		"return, late": {"chen reject = open, wang return = returned", enclave.Held, 1},
		"answered": {
			"chen release = open, wang return = returned, acme answers = open, chen release = open, chen release = REVIEW_VOTED, zhao release = released",
			enclave.Released, 2,
		},
		"answered, not seen": {"chen release = open, wang return = returned, acme answers = open, chen votes = REVIEW_NOT_VIEWED", enclave.Held, 2},
		"asked twice": {
			"chen return = open, wang return = returned, acme answers = open, acme answers = REVIEW_NOT_ASKED, wang return = open, zhao return = returned, acme answers = open",
			enclave.Held, 3,
		},
		"nothing asked": {"acme answers = REVIEW_NOT_ASKED, chen return = open, acme answers = REVIEW_NOT_ASKED", enclave.Held, 1},
		"they differ":   {"chen release = open, wang reject = differ", enclave.Held, 2},
		"a third stays out": {
			"chen release = open, wang reject = differ, zhao release = REVIEW_TAKEN, wang release = differ, zhao release = REVIEW_TAKEN, chen release = released",
			enclave.Released, 2,
		},
		"they differ, not looked again": {"chen release = open, wang reject = differ, chen votes = REVIEW_NOT_VIEWED", enclave.Held, 2},
		"they differ twice":             {"chen release = open, wang reject = differ, wang release = differ, chen reject = differ, chen reject = differ, wang reject = rejected", enclave.Denied, 3},
		"they differ, then ask": {
			"chen release = open, wang reject = differ, wang return = differ, chen release = returned, acme answers = open, zhao reject = open, wang reject = rejected",
			enclave.Denied, 3,
		},
		"not looked":        {"chen looks = open, zhao votes = REVIEW_NOT_VIEWED, chen votes = open", enclave.Held, 1},
		"the history moves": {"chen release = open, history, wang release = open, chen release = released", enclave.Released, 1},
		"looked before":     {"chen looks = open, history, chen votes = REVIEW_MOVED, chen release = open", enclave.Held, 1},
		"the pair stands": {
			"chen release = open, wang reject = differ, history, zhao release = REVIEW_TAKEN, wang reject = differ, chen reject = rejected",
			enclave.Denied, 2,
		},
		"the pair stands, later": {
			"chen release = open, wang reject = differ, wang release = differ, history, zhao release = REVIEW_TAKEN, chen release = differ, wang release = released",
			enclave.Released, 2,
		},
		"a rejection stands":    {"chen reject = open, history, chen release = REVIEW_VOTED, wang release = differ, history, wang reject = differ", enclave.Held, 2},
		"rejected all the same": {"chen reject = open, history, wang reject = rejected", enclave.Denied, 1},
		"a question from one":   {"chen return = open, history, wang release = returned", enclave.Held, 1},
		"a question stands":     {"chen return = open, wang return = returned, history, chen release = REVIEW_RETURNED, acme answers = open", enclave.Held, 2},
		"withdrawn":             {"acme cancels = closed, chen release = REVIEW_ENDED, acme cancels = RUN_ENDED", enclave.Stopped, 1},
		"withdrawn late":        {"chen release = open, wang reject = differ, acme cancels = closed, acme answers = REVIEW_NOT_ASKED", enclave.Stopped, 2},
		"suspended":             {"chen release = open, suspend, wang release = GRANT_NOT_ACTIVE, wang reject = differ", enclave.Held, 2},
		"suspended and resumed": {"suspend, chen release = GRANT_NOT_ACTIVE, resume, chen release = open, wang release = released", enclave.Released, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := fresh(t)
			id := w.held()
			p := player{world: w, id: id, seen: map[string]review.Case{}}
			for step := range strings.SplitSeq(play.steps, ", ") {
				if step == "" {
					continue
				}
				what, want, _ := strings.Cut(step, " = ")
				if got := p.play(what); got != want {
					t.Fatalf("%s: %s, not %s", what, got, want)
				}
			}
			last, err := w.Get(t.Context(), zhao, id)
			if err != nil || last.Outcome != play.outcome || last.Round != play.round {
				t.Errorf("it ended %s in round %d, %v", last.Outcome, last.Round, err)
			}
			p.consistent(play.outcome)
		})
	}
}

type player struct {
	*world
	id   string
	seen map[string]review.Case
}

// play takes one step and says what came of it.
func (p player) play(step string) string {
	p.t.Helper()
	ctx := p.t.Context()
	who, what, _ := strings.Cut(step, " ")
	caller := map[string]enclave.Caller{
		"chen": chen, "wang": wang, "zhao": zhao, "chen-as-reviewer": {Role: enclave.Reviewer, Org: chen.Org, Name: chen.Name},
	}[who]
	var err error
	var after review.Review
	switch what {
	case "": // the world's
		switch who {
		case "history":
			p.ran(globex, table(40, false), enclave.Released)
		case "suspend":
			_, err = p.grants.Suspend(ctx, chen, "grant-acme", "")
		case "resume":
			_, err = p.grants.Resume(ctx, chen, "grant-acme", "")
		}
		ok(p.t, err)
		return ""
	case "answers":
		after, err = p.Answer(ctx, acme, p.id, "because")
	case "cancels":
		if _, err = p.runs.Cancel(ctx, acme, p.id); err == nil {
			after, err = p.Get(ctx, acme, p.id)
		}
	case "looks":
		var c review.Case
		c, err = p.Show(ctx, caller, p.id)
		p.seen[who], after = c, c.Review
	case "votes":
		c, there := p.seen[who]
		if !there { // as somebody told
			r, err := p.Get(ctx, caller, p.id)
			ok(p.t, err)
			c = review.Case{Review: r}
		}
		after, err = p.Vote(ctx, caller, p.id, ballot(c, enclave.ChooseRelease))
	default:
		after, err = p.vote(caller, p.id, enclave.Choice(what))
	}
	if err != nil {
		return enclave.AsError(err).Reason
	}
	return string(after.State)
}

// consistent compares what run, result, history and ledger say.
func (p player) consistent(outcome enclave.Outcome) {
	p.t.Helper()
	r, err := p.runs.Get(p.t.Context(), p.id)
	ok(p.t, err)
	_, fetch := p.runs.Result(p.t.Context(), p.id)
	released := outcome == enclave.Released
	if r.Outcome != outcome || (fetch == nil) != released || r.Question != "" && outcome != enclave.Held {
		p.t.Errorf("the run is %+v, its result %v", r, fetch)
	}
	count := map[string]int{}
	for _, verb := range p.verbs(p.id) {
		count[verb]++
	}
	want := map[enclave.Outcome]string{enclave.Released: "run.release", enclave.Denied: "run.deny", enclave.Stopped: "run.cancel"}
	for of, verb := range want {
		if (count[verb] == 1) != (of == outcome) || count[verb] > 1 {
			p.t.Errorf("%d times %s of a run that is %s", count[verb], verb, outcome)
		}
	}
	footprints, err := p.store.Runs().Footprints(p.t.Context(), "people")
	if err != nil || int64(len(footprints)) != p.version() {
		p.t.Errorf("%d releases, the history is at %d, %v", len(footprints), p.version(), err)
	}
	stored, err := p.store.Runs().Get(p.t.Context(), p.id)
	ok(p.t, err)
	kept, err := p.store.Runs().Names(p.t.Context(), stored.Result)
	if err != nil || kept != (released || outcome == enclave.Held) {
		p.t.Errorf("an output of a run that is %s is kept: %v, %v", outcome, kept, err)
	}
	if held, _, err := p.runs.Held(p.t.Context(), p.id); err != nil || (held.Bytes != nil) != kept {
		p.t.Errorf("it can be looked at: %v, %v", held, err)
	}
}

// TestWhoMayReview: to anybody else a held run looks exactly like one that is not there.
func TestWhoMayReview(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), fresh(t)
	id := w.held()
	for name, who := range map[string]enclave.Caller{
		"a rival":                   globex,
		"an auditor of the asker":   {Role: enclave.Auditor, Org: "acme", Name: "ma"},
		"an auditor of a rival":     {Role: enclave.Auditor, Org: "globex", Name: "hu"},
		"another source":            {Role: enclave.SourceOrg, Org: "tax", Name: "wu"},
		"a reviewer of the asker":   {Role: enclave.Reviewer, Org: "acme", Name: "ma"},
		"an authority of the asker": {Role: enclave.Authority, Org: "acme", Name: "ma"},
		"a source of the asker":     {Role: enclave.SourceOrg, Org: "acme", Name: "ma"},
		"a reviewer of a rival":     {Role: enclave.Reviewer, Org: "globex", Name: "hu"},
		"an authority of a rival":   {Role: enclave.Authority, Org: "globex", Name: "hu"},
		"nobody":                    {},
		"the enclave":               {Role: enclave.SelfOrg, Org: enclave.SelfOrg, Name: enclave.SelfOrg},
	} {
		list, _, err := w.List(ctx, who, enclave.Page{Size: 10})
		if err != nil || len(list) != 0 {
			t.Errorf("%s sees %v, %v", name, list, err)
		}
		for _, run := range []string{id, "missing"} {
			_, err := w.Get(ctx, who, run)
			wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
			_, err = w.Show(ctx, who, run)
			wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
			_, err = w.Vote(ctx, who, run, review.Ballot{Choice: enclave.ChooseRelease})
			wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
			_, err = w.Answer(ctx, who, run, "because")
			wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
		}
	}
	// An auditor reads, and that is recorded, but does not vote.
	auditor := enclave.Caller{Role: enclave.Auditor, Org: "audit", Name: "qi"}
	list, _, err := w.List(ctx, auditor, enclave.Page{Size: 1})
	if c := w.show(auditor, id); err != nil || len(list) != 1 || c.Preview.Rows == nil {
		t.Errorf("an auditor sees %v, %+v, %v", list, c, err)
	}
	_, err = w.vote(auditor, id, enclave.ChooseRelease)
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	// The operator sees that it waits, and no more; reviewers answer no questions.
	_, err = w.Show(ctx, acme, id)
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	_, err = w.Vote(ctx, acme, id, review.Ballot{Choice: enclave.ChooseRelease})
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	_, err = w.Answer(ctx, chen, id, "because")
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	if got := w.verbs(id); !slices.Equal(got, []string{"run.submit", "run.hold", "review.view", "review.view"}) {
		t.Errorf("the ledger has %v", got)
	}
	for _, who := range []enclave.Caller{acme, chen, wang, zhao} {
		list, _, err := w.List(ctx, who, enclave.Page{Size: 10})
		if err != nil || len(list) != 1 || list[0].Run != id || list[0].Output.IsZero() != (who == acme) {
			t.Errorf("%s sees %v, %v", who.Name, list, err)
		}
	}
	// A run that was not held has no review.
	exact := w.ran(globex, table(40, false), enclave.Released)
	_, err = w.Show(ctx, chen, exact)
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	_, err = w.Get(ctx, globex, exact)
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	// Whoever becomes an operator loses sight of it.
	ok(t, w.store.Grants().Insert(ctx, enclave.Grant{ID: "g", Operator: zhao.Org, Revision: 1}, enclave.NewAct(w.config.Now(), zhao, "grant.apply", "grants/g")))
	_, err = w.Show(ctx, zhao, id)
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
}

// TestVotesAreBlind reads what each sees of the others' votes at each point, by any way.
func TestVotesAreBlind(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), fresh(t)
	id := w.held()
	sees := func(who enclave.Caller, want ...string) {
		t.Helper()
		var all []review.Review
		r, err := w.Get(t.Context(), who, id)
		ok(t, err)
		list, _, err := w.List(t.Context(), who, enclave.Page{Size: 1})
		ok(t, err)
		all = append(all, r, list[0])
		if who.Role != enclave.Operator {
			all = append(all, w.show(who, id).Review)
		}
		for _, r := range all {
			var got []string
			for _, v := range r.Votes {
				text := v.Voter.Name + ":" + string(v.Choice)
				if v.Private != "" {
					text += "!"
				}
				got = append(got, text)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s sees %v of a review that is %s, not %v", who.Name, got, r.State, want)
			}
		}
	}
	everybody := func(want map[string][]string) {
		t.Helper()
		for name, who := range map[string]enclave.Caller{"chen": chen, "wang": wang, "zhao": zhao, "acme": acme} {
			sees(who, want[name]...)
		}
	}
	everybody(nil)
	w.voted(chen, id, enclave.ChooseRelease, review.Open)
	everybody(map[string][]string{"chen": {"chen:release!"}})
	w.voted(wang, id, enclave.ChooseReject, review.Differ)
	both := []string{"chen:release!", "wang:reject!"}
	everybody(map[string][]string{"chen": both, "wang": both})
	w.voted(wang, id, enclave.ChooseReturn, review.Differ)
	everybody(map[string][]string{"chen": both, "wang": append(slices.Clone(both), "wang:return!")})
	w.voted(chen, id, enclave.ChooseRelease, review.Returned)
	all := append(slices.Clone(both), "wang:return!", "chen:release!")
	everybody(map[string][]string{
		"chen": all, "wang": all, "zhao": {"chen:release", "wang:reject", "wang:return", "chen:release"}, "acme": {":return", ":release"},
	})
	r, err := w.runs.Get(ctx, id)
	if err != nil || r.Question != "public return" || r.Outcome != enclave.Held {
		t.Errorf("the operator sees %+v, %v", r, err)
	}
	answered, err := w.Answer(ctx, acme, id, "because")
	if err != nil || answered.State != review.Open || answered.Answers[0].Text != "because" || answered.Question != "public return" || !answered.Output.IsZero() || answered.History != 0 {
		t.Errorf("answered: %+v, %v", answered, err)
	}
	// In which round of theirs the reviewers asked, its operator does not learn, neither here nor from its act.
	acts := w.acts(id)
	for name := range acts[len(acts)-1].Detail {
		if name != "text" {
			t.Errorf("the answer's act tells its operator %s", name)
		}
	}
	if inside, err := w.Get(ctx, chen, id); err != nil || answered.Answers[0].Round != 1 || answered.Round != 2 || inside.Answers[0].Round != 2 {
		t.Errorf("the operator sees %+v, reviewers %+v, %v", answered, inside, err)
	}
	if r, err := w.runs.Get(ctx, id); err != nil || r.Question != "" {
		t.Errorf("the question still waits: %+v, %v", r, err)
	}
	everybody(nil)
	w.voted(zhao, id, enclave.ChooseReject, review.Open)
	w.voted(wang, id, enclave.ChooseReject, review.Rejected)
	last := []string{"zhao:reject!", "wang:reject!"}
	everybody(map[string][]string{"chen": last, "wang": last, "zhao": last, "acme": {":reject", ":reject"}})
	seen, err := w.Get(ctx, acme, id)
	if err != nil || seen.Votes[0].Public != "public reject" || seen.Votes[0].Voter.Org != "institute" || !seen.Votes[0].Output.IsZero() || seen.Votes[0].History != 0 {
		t.Errorf("the operator is told %+v, %v", seen, err)
	}
	ended := w.ends(id, enclave.Denied)
	if len(ended.Reasons) != 1 || ended.Reasons[0].Code != "REVIEW_REJECTED" || ended.Reasons[0].Args != nil {
		t.Errorf("the run says %+v", ended)
	}
}

// TestBallotsThatAreNotTaken are malformed, or about something else.
func TestBallotsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), fresh(t)
	id := w.held()
	good := ballot(w.show(chen, id), enclave.ChooseReject)
	for reason, change := range map[string]func(*review.Ballot){
		"REVIEW_BALLOT":           func(b *review.Ballot) { b.Choice = "abstain" },
		"REVIEW_COMMENT":          func(b *review.Ballot) { b.Public = strings.Repeat("x", review.MaxComment+1) },
		"REVIEW_COMMENT_REQUIRED": func(b *review.Ballot) { b.Public = " \n" },
	} {
		b := good
		change(&b)
		_, err := w.Vote(ctx, chen, id, b)
		wants(t, err, enclave.Invalid, reason)
	}
	for _, text := range []string{"\x1b[31m", "a\u202eb", "\xff", "a\rb", "a\u200bb", strings.Repeat("x", review.MaxComment+1)} {
		b := good
		b.Private = text
		_, err := w.Vote(ctx, chen, id, b)
		wants(t, err, enclave.Invalid, "REVIEW_COMMENT")
		_, err = w.Answer(ctx, acme, id, text)
		wants(t, err, enclave.Invalid, "REVIEW_COMMENT")
	}
	other := good
	other.Output[0]++
	_, err := w.Vote(ctx, chen, id, other)
	wants(t, err, enclave.State, "REVIEW_MOVED")
	other = good
	other.History++
	_, err = w.Vote(ctx, chen, id, other)
	wants(t, err, enclave.State, "REVIEW_MOVED")
	good.Public = "不同意。\n\t见\u3000附注"
	_, err = w.Vote(ctx, chen, id, good)
	ok(t, err)
}

// TestPages lists newest first.
func TestPages(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), fresh(t)
	ids := []string{w.held(), w.ran(globex, program(), enclave.Held), w.held()}
	var got []string
	page := enclave.Page{Size: 2}
	for {
		list, next, err := w.List(ctx, wang, page)
		ok(t, err)
		for _, r := range list {
			got = append(got, r.Run)
		}
		if page.After = next; next == "" {
			break
		}
	}
	slices.Reverse(got)
	if !slices.Equal(got, ids) {
		t.Errorf("listed %v, not %v", got, ids)
	}
	if list, _, err := w.List(ctx, acme, enclave.Page{Size: 5}); err != nil || len(list) != 2 {
		t.Errorf("an operator sees %v, %v", list, err)
	}
}
