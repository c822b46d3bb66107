package e2e_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/sdk/verify"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// panel is an organisation of reviewers whom the authority appointed.
const panel = "expert-panel"

// person issues a credential for somebody more, and connects with it.
func (d *domain) person(role sdk.Role, org, name string) *sdk.Client {
	d.t.Helper()
	credential, err := d.clients["authority"].IssueIdentity(d.t.Context(), sdk.Identity{Role: role, Org: org, Name: name}, 0)
	ok(d.t, err)
	who := org + "/" + name
	d.credentials[who] = credential
	d.dial(who)
	return d.clients[who]
}

// bench is a domain with a grant, and with those who review beside the authority.
type bench struct {
	*domain
	grant        string
	chen, source *sdk.Client
	auditor      *sdk.Client
}

func startBench(t *testing.T) *bench {
	t.Helper()
	d := start(t, app.Config{})
	d.visits()
	return &bench{
		domain: d, grant: d.grant(acme, synth.Dataset()),
		chen: d.person(sdk.Reviewer, panel, "chen"), source: d.clients[health], auditor: d.person(sdk.Auditor, "audit-office", "zhao"),
	}
}

// hold submits a module that asks to be shown costs, so that what it made waits for people.
func (b *bench) hold() sdk.Run {
	b.t.Helper()
	manifest := bands("peeping")
	manifest.Inputs[0].Show = []string{"cost"}
	run := b.ends(acme, b.submit(acme, b.grant, b.upload(acme, manifest, guest(b.t, scaffold.AgeBand)), nil), sdk.RunHeld, "OUTPUT_CRAFTED")
	b.nothingOf(run)
	return run
}

// votes looks at a case, and votes on what it saw.
func (b *bench) votes(who *sdk.Client, run sdk.Run, choice sdk.Choice, public, private string) sdk.Review {
	b.t.Helper()
	seen, err := who.GetCase(b.t.Context(), run.ID)
	ok(b.t, err)
	review, err := who.CastVote(b.t.Context(), run.ID, sdk.Ballot{Choice: choice, Seen: seen.Seen, Public: public, Private: private})
	ok(b.t, err)
	return review
}

func (b *bench) stands(who *sdk.Client, run sdk.Run, state sdk.ReviewState, votes int) sdk.Review {
	b.t.Helper()
	review, err := who.GetReview(b.t.Context(), run.ID)
	ok(b.t, err)
	if review.State != state || len(review.Votes) != votes {
		b.t.Errorf("the review is %s with %d votes, not %s with %d: %+v", review.State, len(review.Votes), state, votes, review)
	}
	return review
}

func refused(t *testing.T, err error, reason string) {
	t.Helper()
	if sdk.ReasonOf(err) != reason {
		t.Errorf("ended with %v, not %s", err, reason)
	}
}

// What policy held goes out when two people have looked at it and agree: neither knows what the other voted, and the operator nothing but
// that people look at it.
func TestHeldOutputReleasedByPeople(t *testing.T) {
	t.Parallel()
	b, ctx := startBench(t), t.Context()
	run := b.hold()

	zero := sdk.Seen{Output: strings.Repeat("0", 64)}
	_, err := b.chen.CastVote(ctx, run.ID, sdk.Ballot{Choice: sdk.ChooseRelease, Seen: zero})
	refused(t, err, "REVIEW_MOVED")
	now, err := b.chen.GetReview(ctx, run.ID)
	ok(t, err)
	_, err = b.chen.CastVote(ctx, run.ID, sdk.Ballot{Choice: sdk.ChooseRelease, Seen: now.Seen})
	refused(t, err, "REVIEW_NOT_VIEWED")

	seen, err := b.chen.GetCase(ctx, run.ID)
	ok(t, err)
	var facts enclave.Facts
	ok(t, json.Unmarshal(seen.Facts, &facts))
	if !facts.Crafted || seen.Purpose != "a test" || len(seen.Preview.Rows) == 0 || seen.Operator != acme || seen.Source != health || seen.Seen != now.Seen {
		t.Errorf("the case: %+v", seen)
	}
	if review := b.votes(b.chen, run, sdk.ChooseRelease, "", "looks harmless"); review.State != sdk.ReviewOpen || len(review.Votes) != 1 {
		t.Errorf("after the first vote: %+v", review)
	}
	_, err = b.chen.CastVote(ctx, run.ID, sdk.Ballot{Choice: sdk.ChooseReject, Seen: now.Seen, Public: "no"})
	refused(t, err, "REVIEW_VOTED")
	for _, who := range []string{health, "authority"} { // blind
		if review := b.stands(b.clients[who], run, sdk.ReviewOpen, 0); review.Voted != 0 {
			t.Errorf("%s is told that somebody voted", who)
		}
	}
	if review := b.stands(b.clients[acme], run, sdk.ReviewOpen, 0); review.Seen != (sdk.Seen{}) || review.Voted != 0 {
		t.Errorf("the operator is told %+v", review)
	}
	b.nothingOf(run)

	if review := b.votes(b.source, run, sdk.ChooseRelease, "fine with us", "our own check"); review.State != sdk.ReviewReleased || len(review.Votes) != 2 {
		t.Errorf("after the second vote: %+v", review)
	}
	_, err = b.clients["authority"].CastVote(ctx, run.ID, sdk.Ballot{Choice: sdk.ChooseReject, Seen: now.Seen, Public: "no"})
	refused(t, err, "REVIEW_ENDED")
	run = b.ends(acme, run, sdk.RunReleased, "")
	b.released(run)
	review := b.stands(b.clients[acme], run, sdk.ReviewReleased, 1)
	if v := review.Votes[0]; v.Public != "fine with us" || v.Private != "" || v.Voter.Name != "" || v.Seen != (sdk.Seen{}) {
		t.Errorf("the operator is told %+v", v)
	}
	if v := b.stands(b.auditor, run, sdk.ReviewReleased, 2).Votes; v[0].Private != "looks harmless" || v[1].Voter.Org != health {
		t.Errorf("an auditor reads %+v", v)
	}
	if views, votes := b.recorded(run, "review.view"), b.recorded(run, "review.vote"); views != 3 || votes != 2 {
		t.Errorf("%d views and %d votes are in the ledger", views, votes)
	}
}

// Where the authority has every output of a scenario wait for three people, an exact table waits too, and two of them are not enough.
func TestEveryOutputWaitsForThree(t *testing.T) {
	t.Parallel()
	b := startBench(t)
	b.rule("person.scenarios."+scenario+".reviewers", "3")
	b.rule("person.scenarios."+scenario+".output_review", "2")
	module := b.upload(acme, bands("exact"), guest(t, scaffold.AgeBand))
	wait := func() sdk.Run {
		t.Helper()
		return b.ends(acme, b.submit(acme, b.grant, module, nil), sdk.RunHeld, "OUTPUT_REVIEW")
	}
	run := wait()
	b.nothingOf(run)
	b.votes(b.chen, run, sdk.ChooseRelease, "", "")
	if review := b.votes(b.source, run, sdk.ChooseReject, "why?", ""); review.State != sdk.ReviewOpen {
		t.Errorf("after two votes of three: %+v", review)
	}
	if review := b.votes(b.clients["authority"], run, sdk.ChooseRelease, "", ""); review.State != sdk.ReviewDiffer || review.Round != 2 {
		t.Errorf("two for it, one against: %+v", review)
	}
	colleague := b.colleague()
	seen, err := colleague.GetCase(t.Context(), run.ID)
	ok(t, err)
	_, err = colleague.CastVote(t.Context(), run.ID, sdk.Ballot{Choice: sdk.ChooseRelease, Seen: seen.Seen})
	refused(t, err, "REVIEW_TAKEN")
	for i, who := range []*sdk.Client{b.source, b.chen, b.clients["authority"]} {
		if review := b.votes(who, run, sdk.ChooseRelease, "", ""); (review.State == sdk.ReviewReleased) != (i == 2) {
			t.Errorf("after vote %d of the second round: %+v", i+1, review)
		}
	}
	b.released(b.ends(acme, run, sdk.RunReleased, ""))

	// What waited when more people were asked for is asked again.
	b.rule("person.scenarios."+scenario+".reviewers", "4")
	stale := wait()
	b.rule("person.scenarios."+scenario+".reviewers", "5")
	for _, who := range []*sdk.Client{b.chen, b.source, b.clients["authority"], colleague} {
		b.votes(who, stale, sdk.ChooseRelease, "", "")
	}
	b.ends(acme, stale, sdk.RunDenied, "PROFILE_CHANGED")
}

// released fetches what was released, and verifies its receipt offline.
func (b *bench) released(run sdk.Run) {
	b.t.Helper()
	batches, err := b.clients[acme].Fetch(b.t.Context(), run.ID)
	ok(b.t, err)
	if _, rows := sdk.Rows(batches); len(rows) == 0 {
		b.t.Error("nothing is in the result")
	}
	raw, err := b.clients[acme].Receipt(b.t.Context(), run.ID)
	ok(b.t, err)
	receipt, err := verify.ParseReceipt(raw)
	ok(b.t, err)
	statement, err := receipt.Verify(b.credentials[acme].LedgerKey)
	ok(b.t, err)
	if statement.Act.Verb != "run.release" || statement.Act.Detail["result"] != run.Result {
		b.t.Errorf("the receipt says %+v", statement.Act)
	}
}

// recorded counts the ledger's acts of a verb on a run, as an auditor reads them.
func (b *bench) recorded(run sdk.Run, verb string) (count int) {
	b.t.Helper()
	head, err := b.auditor.Checkpoint(b.t.Context())
	ok(b.t, err)
	for i := range head.Head.Size {
		entry, err := b.auditor.Entry(b.t.Context(), i)
		ok(b.t, err)
		var act enclave.Act
		ok(b.t, json.Unmarshal(entry.Body, &act))
		if act.Verb == verb && act.Object == "runs/"+run.ID {
			count++
		}
	}
	return count
}

// Whoever may not review a run does not learn that it waits: rivals and other departments. And nobody of an organisation that asks, whether of
// this run or another, is given a credential to decide with, nor the other way round.
func TestReviewLooksMissing(t *testing.T) {
	t.Parallel()
	b := startBench(t)
	run := b.hold()
	strangers := map[string]*sdk.Client{"a rival": b.clients[rival], "another department": b.clients[office]}
	for role, orgs := range map[sdk.Role][]string{
		sdk.Operator: {panel, health, "audit-office", "data-authority"},
		sdk.Reviewer: {acme, rival}, sdk.Authority: {acme, rival}, sdk.Source: {acme, rival}, sdk.Auditor: {acme, rival},
	} {
		for _, org := range orgs {
			_, err := b.clients["authority"].IssueIdentity(t.Context(), sdk.Identity{Role: role, Org: org, Name: "spy"}, 0)
			refused(t, err, "ORG_ROLE_CONFLICT")
		}
	}
	const nowhere = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
	for name, c := range strangers {
		for call, try := range calls(c) {
			err := try(t.Context(), run.ID)
			none := try(t.Context(), nowhere)
			if err == nil || strings.ReplaceAll(err.Error(), run.ID, nowhere) != none.Error() {
				t.Errorf("%s: %s of a run that waits: %v; of none: %v", name, call, err, none)
			}
			if reason := sdk.ReasonOf(err); reason != "RUN_NOT_FOUND" && reason != "METHOD_FORBIDDEN" {
				t.Errorf("%s: %s: %v", name, call, err)
			}
		}
		for review, err := range c.ListReviews(t.Context()) {
			t.Errorf("%s lists %+v, err %v", name, review, err)
		}
	}
	for call, try := range calls(b.clients[acme]) { // the operator itself looks, and no more
		if err := try(t.Context(), run.ID); (err == nil) != (call == "GetReview") {
			t.Errorf("the operator: %s: %v", call, err)
		}
	}
}

func calls(c *sdk.Client) map[string]func(context.Context, string) error {
	second := func(_ any, err error) error { return err }
	return map[string]func(context.Context, string) error{
		"GetReview": func(ctx context.Context, run string) error { return second(c.GetReview(ctx, run)) },
		"GetCase":   func(ctx context.Context, run string) error { return second(c.GetCase(ctx, run)) },
		"CastVote": func(ctx context.Context, run string) error {
			return second(c.CastVote(ctx, run, sdk.Ballot{Choice: sdk.ChooseRelease, Seen: sdk.Seen{Output: strings.Repeat("0", 64)}}))
		},
		"AnswerQuestion": func(ctx context.Context, run string) error { return second(c.AnswerQuestion(ctx, run, "x")) },
	}
}

// A question comes to the operator and its answer back to the reviewers, who vote anew; when they reject, the operator reads what they say
// in public, and nothing ever leaves.
func TestReturnedThenRejected(t *testing.T) {
	t.Parallel()
	b, ctx := startBench(t), t.Context()
	run := b.hold()
	_, err := b.clients[acme].AnswerQuestion(ctx, run.ID, "nobody asked")
	refused(t, err, "REVIEW_NOT_ASKED")
	b.votes(b.chen, run, sdk.ChooseReturn, "what is 65+ for?", "odd bands")
	b.votes(b.source, run, sdk.ChooseRelease, "", "")

	asked, err := b.clients[acme].GetRun(ctx, run.ID)
	ok(t, err)
	review := b.stands(b.clients[acme], run, sdk.ReviewReturned, 1)
	if asked.Question != "what is 65+ for?" || review.Question != asked.Question || review.Votes[0].Private != "" {
		t.Errorf("the operator is asked %q: %+v", asked.Question, review)
	}
	_, err = b.chen.CastVote(ctx, run.ID, sdk.Ballot{Choice: sdk.ChooseRelease, Seen: b.stands(b.chen, run, sdk.ReviewReturned, 2).Seen})
	refused(t, err, "REVIEW_RETURNED")
	_, err = b.clients[acme].AnswerQuestion(ctx, run.ID, "pensions")
	ok(t, err)
	if asked, err = b.clients[acme].GetRun(ctx, run.ID); err != nil || asked.Question != "" {
		t.Errorf("the question still waits: %q, %v", asked.Question, err)
	}
	seen, err := b.clients["authority"].GetCase(ctx, run.ID)
	ok(t, err)
	if len(seen.Answers) != 1 || seen.Answers[0].Text != "pensions" || seen.Question != "what is 65+ for?" || seen.State != sdk.ReviewOpen || len(seen.Votes) != 0 {
		t.Errorf("who votes now sees %+v", seen.Review)
	}

	b.votes(b.clients["authority"], run, sdk.ChooseReject, "too narrow", "they try it again and again")
	b.votes(b.chen, run, sdk.ChooseReject, "no need for it", "agreed")
	run = b.ends(acme, run, sdk.RunDenied, "REVIEW_REJECTED")
	b.nothingOf(run)
	said := ""
	for _, v := range b.stands(b.clients[acme], run, sdk.ReviewRejected, 2).Votes {
		said += v.Public + "; " + v.Private + v.Voter.Name
	}
	if said != "too narrow; no need for it; " {
		t.Errorf("the operator reads %q", said)
	}
	if seen, err = b.chen.GetCase(ctx, run.ID); err != nil || len(seen.Preview.Rows) != 0 || len(seen.Votes) != 2 {
		t.Errorf("what was rejected is still shown: %+v, %v", seen, err)
	}
}

// A vote is on an output beside exactly the releases that its voter saw: another release, and it is void.
func TestVotesAreVoidWhenAnotherReleaseComesFirst(t *testing.T) {
	t.Parallel()
	b, ctx := startBench(t), t.Context()
	run := b.hold()
	before, err := b.source.GetCase(ctx, run.ID)
	ok(t, err)
	b.votes(b.chen, run, sdk.ChooseRelease, "", "")
	b.result(acme, b.submit(acme, b.grant, b.upload(acme, bands("modest"), guest(t, scaffold.AgeBand)), nil))

	_, err = b.source.CastVote(ctx, run.ID, sdk.Ballot{Choice: sdk.ChooseRelease, Seen: before.Seen})
	refused(t, err, "REVIEW_MOVED")
	if review := b.votes(b.source, run, sdk.ChooseRelease, "", ""); review.State != sdk.ReviewOpen || review.Seen.History <= before.Seen.History {
		t.Errorf("a void vote counted: %+v", review)
	}
	b.nothingOf(run)
	after, err := b.chen.GetCase(ctx, run.ID)
	ok(t, err)
	if len(after.Similar) != 1 || after.Similar[0].ByPeople || len(after.Votes) != 0 {
		t.Errorf("who votes again sees %+v", after)
	}
	if review := b.votes(b.chen, run, sdk.ChooseRelease, "", ""); review.State != sdk.ReviewReleased {
		t.Errorf("after two votes on the same: %+v", review)
	}
	b.released(b.ends(acme, run, sdk.RunReleased, ""))
}

// Where two differ, they see each other's votes and vote again; nobody else does either.
func TestVotesThatDiffer(t *testing.T) {
	t.Parallel()
	b, ctx := startBench(t), t.Context()
	run := b.hold()
	b.votes(b.chen, run, sdk.ChooseRelease, "", "harmless")
	if review := b.votes(b.source, run, sdk.ChooseReject, "why 65+?", "not harmless"); review.State != sdk.ReviewDiffer || review.Round != 2 {
		t.Errorf("after two that differ: %+v", review)
	}
	for _, who := range []*sdk.Client{b.chen, b.source} {
		if review := b.stands(who, run, sdk.ReviewDiffer, 2); review.Votes[0].Private+review.Votes[1].Private != "harmlessnot harmless" {
			t.Errorf("they see %+v", review.Votes)
		}
	}
	third, err := b.clients["authority"].GetCase(ctx, run.ID)
	ok(t, err)
	if len(third.Votes) != 0 {
		t.Errorf("a third sees %+v", third.Votes)
	}
	_, err = b.clients["authority"].CastVote(ctx, run.ID, sdk.Ballot{Choice: sdk.ChooseRelease, Seen: third.Seen})
	refused(t, err, "REVIEW_TAKEN")
	b.stands(b.clients[acme], run, sdk.ReviewOpen, 0)
	b.votes(b.source, run, sdk.ChooseRelease, "", "convinced")
	if review := b.votes(b.chen, run, sdk.ChooseRelease, "", ""); review.State != sdk.ReviewReleased {
		t.Errorf("after they agree: %+v", review)
	}
	b.released(b.ends(acme, run, sdk.RunReleased, ""))
}

// The output of a program is for people always: they see what its author says that it means, and what was measured of it.
func TestProgramReleasedByPeople(t *testing.T) {
	t.Parallel()
	b, ctx := startBench(t), t.Context()
	program := guests.NamedProgram("regression")
	code, err := program.Code(ctx, t.TempDir())
	ok(t, err)
	run := b.submit(acme, b.grant, b.upload(acme, program.Manifest, code), nil)
	run = b.ends(acme, run, sdk.RunHeld, "OUTPUT_OF_PROGRAM")
	b.nothingOf(run)
	seen, err := b.chen.GetCase(ctx, run.ID)
	ok(t, err)
	var manifest enclave.Manifest
	var facts enclave.Facts
	ok(t, json.Unmarshal(seen.Manifest, &manifest))
	ok(t, json.Unmarshal(seen.Facts, &facts))
	declared := program.Manifest.Output
	if manifest.Output == nil || manifest.Output.About != declared.About || manifest.Output.Behind != declared.Behind || facts.Leak.Parameters == 0 ||
		len(seen.Preview.Columns) != len(declared.Columns) || int64(len(seen.Preview.Rows)) != facts.Leak.Rows {
		t.Errorf("the case: %+v, %+v, %+v", manifest.Output, facts.Leak, seen.Preview)
	}
	b.votes(b.chen, run, sdk.ChooseRelease, "", "")
	b.votes(b.source, run, sdk.ChooseRelease, "", "")
	b.released(b.ends(acme, run, sdk.RunReleased, ""))
	all := b.register("authority", "visits")
	if last := all.Releases[len(all.Releases)-1]; last.Run != run.ID || !last.ByPeople || last.Form != "program" || last.Rows != facts.Leak.Rows || last.Adds != 0 || last.Guess != 0 {
		t.Errorf("the register: %+v", last)
	}
}
