package review

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

// Show opens a held output to a reviewer or an auditor. That it was shown, to whom and in which form is in the ledger before it is returned, and only
// who was shown the case as it stands may vote.
func (r *Register) Show(ctx context.Context, caller enclave.Caller, id string) (Case, error) {
	for range attempts {
		record, err := r.open(ctx, caller, id, reading)
		if err != nil {
			return Case{}, err
		}
		shown, err := r.lay(ctx, &record, caller)
		if err != nil {
			return Case{}, err
		}
		act := r.act(caller, "review.view", &record)
		record.File.view(View{By: caller, Round: record.File.Round, History: record.History, Time: act.Time})
		err = r.Store.Update(ctx, record, nil, act)
		if isChanged(err) {
			continue
		}
		if err == nil {
			err = r.Await(ctx, act.ID)
		}
		if err != nil {
			return Case{}, err
		}
		return shown, nil
	}
	return Case{}, changed(id)
}

// lay puts together all that a reviewer sees.
func (r *Register) lay(ctx context.Context, record *Record, caller enclave.Caller) (Case, error) {
	c := Case{Review: seen(record, caller), Params: record.Run.Params}
	grant, err := r.Grants.Get(ctx, record.Run.Grant)
	if err != nil {
		return c, err
	}
	c.Purpose = grant.Purpose
	if c.Manifest, err = r.Modules.Manifest(ctx, record.Run.Submitter.Org, record.Run.Module); err != nil {
		return c, err
	}
	held, reasons, err := r.Runs.Held(ctx, record.Run.ID)
	if err != nil {
		return c, err
	}
	c.Facts, c.Profile, c.Places, c.Reasons = held.Facts, held.Profile, held.Places, reasons
	if c.Similar, err = r.Store.Similar(ctx, record.Run, MaxSimilar); err != nil {
		return c, err
	}
	if held.Bytes != nil && record.File.State != Rejected && record.File.State != Closed {
		c.Preview, err = preview(r.Text, held)
	}
	return c, err
}

// Vote casts a reviewer's ballot. With the second of a round the review goes on: what two people would release goes through the gate at
// once, so the answer may take as long as the ledger's next checkpoint. Reasons of errors: REVIEW_BALLOT, REVIEW_COMMENT,
// REVIEW_COMMENT_REQUIRED; REVIEW_MOVED if the output or the history is not what the ballot names, or stopped being so at the same moment:
// look again, and vote again; REVIEW_NOT_VIEWED, REVIEW_VOTED, REVIEW_TAKEN, REVIEW_RETURNED, REVIEW_ENDED; and GRANT_NOT_ACTIVE for a release.
func (r *Register) Vote(ctx context.Context, caller enclave.Caller, id string, ballot Ballot) (Review, error) {
	if err := ballot.check(); err != nil {
		return Review{}, err
	}
	for range attempts {
		record, err := r.open(ctx, caller, id, voting)
		if err != nil {
			return Review{}, err
		}
		if err := r.admits(ctx, &record, caller, ballot); err != nil {
			return Review{}, err
		}
		err = r.cast(ctx, record, caller, ballot)
		if isChanged(err) {
			continue
		}
		if err != nil {
			return Review{}, err
		}
		r.Runs.Changed(id)
		return r.conclude(context.WithoutCancel(ctx), caller, id)
	}
	return Review{}, changed(id)
}

// admits says why a ballot cannot be cast, or nil.
func (r *Register) admits(ctx context.Context, record *Record, caller enclave.Caller, ballot Ballot) error {
	id := record.Run.ID
	if f := &record.File; (f.State == Open || f.State == Differ) && (ballot.Output != record.Run.Result || ballot.History != record.History) {
		return enclave.Fail(enclave.State, "REVIEW_MOVED", "run", id)
	}
	if err := record.File.admits(caller, id, record.History); err != nil || ballot.Choice != enclave.ChooseRelease {
		return err
	}
	grant, err := r.Grants.Get(ctx, record.Run.Grant)
	if err != nil {
		return err
	}
	if state := grant.StateAt(r.Now()); state != enclave.GrantActive {
		return enclave.Fail(enclave.State, "GRANT_NOT_ACTIVE", "grant", grant.ID, "state", string(state))
	}
	return nil
}

// cast writes a vote and what follows from it among people.
func (r *Register) cast(ctx context.Context, record Record, caller enclave.Caller, ballot Ballot) error {
	f := &record.File
	vote := Vote{Salt: enclave.NewID(), Vote: enclave.Vote{
		Voter: caller, Choice: ballot.Choice, Output: ballot.Output, History: ballot.History, Public: ballot.Public, Private: ballot.Private, Round: f.Round,
	}}
	act := r.act(caller, "review.vote", &record)
	vote.Time = act.Time
	sealed, err := enclave.DigestJSON(vote)
	if err != nil {
		return err
	}
	act.Detail["ballot"] = sealed.String()
	f.cast(vote)
	round := slices.DeleteFunc(slices.Clone(f.Votes), func(v Vote) bool { return v.Round != vote.Round })
	if len(round) < f.deciders() {
		return r.Store.Update(ctx, record, nil, act)
	}
	// What each of them chose is in the ledger once neither can be swayed by it: whoever reads records would else see it before.
	act.Detail["choices"], act.Detail["state"] = choices(round), string(f.State)
	if f.State != Rejected {
		return r.Store.Update(ctx, record, nil, act)
	}
	why := []enclave.Reason{{Code: "REVIEW_REJECTED"}}
	return r.Store.Update(ctx, record, r.denied(why), act, r.denial(&record, caller, why[0].Code))
}

// conclude answers a voter, after what the vote led to.
func (r *Register) conclude(ctx context.Context, caller enclave.Caller, id string) (Review, error) {
	record, err := r.Store.Get(ctx, id)
	if err == nil && record.File.State == Agreed {
		switch err = r.finish(ctx, record); {
		case err == nil, isChanged(err): // by whoever finished it first
			record, err = r.Store.Get(ctx, id)
		case errors.Is(err, enclave.Fail(enclave.State, "HISTORY_MOVED")), errors.Is(err, enclave.Fail(enclave.State, "VOTES_NOT_ENOUGH")):
			err = enclave.Fail(enclave.State, "REVIEW_MOVED", "run", id).Because(err)
		}
	}
	return seen(&record, caller), err
}

// Answer is the operator's answer to the question that its run was returned with: then two people vote anew. REVIEW_NOT_ASKED if no
// question waits, REVIEW_COMMENT.
func (r *Register) Answer(ctx context.Context, caller enclave.Caller, id, text string) (Review, error) {
	if text == "" || badComment(text, MaxAnswer) {
		return Review{}, enclave.Fail(enclave.Invalid, "REVIEW_COMMENT", "limit", strconv.Itoa(MaxAnswer))
	}
	for range attempts {
		record, err := r.Store.Get(ctx, id)
		if err == nil && !submitted(&record, caller) {
			err = run.NotFound(id)
		}
		if err == nil && record.File.State != Returned {
			err = enclave.Fail(enclave.State, "REVIEW_NOT_ASKED", "run", id)
		}
		if err != nil {
			return Review{}, err
		}
		// Anybody who may see the act may see the text.
		act := r.act(caller, "review.answer", &record, "text", enclave.DigestOf([]byte(text)).String())
		for _, hidden := range []string{"output", "history", "round"} { // the operator may see this act, and these it may not
			delete(act.Detail, hidden)
		}
		record.File.reply(Answer{Round: record.File.Round, Text: text, By: caller, Time: act.Time})
		if err := r.Store.Update(ctx, record, nil, act); isChanged(err) {
			continue
		} else if err != nil {
			return Review{}, err
		}
		r.Runs.Changed(id)
		return seenByOperator(&record), nil
	}
	return Review{}, changed(id)
}

// check refuses a ballot that says nothing, or what nobody could show.
func (b *Ballot) check() error {
	switch b.Choice {
	case enclave.ChooseRelease, enclave.ChooseReject, enclave.ChooseReturn:
	default:
		return enclave.Fail(enclave.Invalid, "REVIEW_BALLOT")
	}
	if badComment(b.Public, MaxComment) || badComment(b.Private, MaxComment) {
		return enclave.Fail(enclave.Invalid, "REVIEW_COMMENT", "limit", strconv.Itoa(MaxComment))
	}
	if b.Choice != enclave.ChooseRelease && strings.TrimSpace(b.Public) == "" {
		return enclave.Fail(enclave.Invalid, "REVIEW_COMMENT_REQUIRED")
	}
	return nil
}

// badComment refuses what would not stay text on somebody's screen.
func badComment(text string, limit int) bool {
	hidden := func(c rune) bool { return c != '\n' && c != '\t' && c != '\u3000' && !unicode.IsPrint(c) }
	return len(text) > limit || !utf8.ValidString(text) || strings.ContainsFunc(text, hidden)
}

// act is an act on a review: which output, beside which releases, in which round.
func (r *Register) act(actor enclave.Caller, verb string, record *Record, detail ...string) enclave.Act {
	return enclave.NewAct(r.Now(), actor, verb, "runs/"+record.Run.ID, append([]string{
		"output", record.Run.Result.String(), "history", strconv.FormatInt(record.History, 10), "round", strconv.Itoa(record.File.Round),
	}, detail...)...)
}

// denied is the end of a run that does not go out.
func (r *Register) denied(why []enclave.Reason) *run.Ending {
	return &run.Ending{Outcome: enclave.Denied, Stage: enclave.StageRecord, Reasons: why, Time: enclave.Coarse(r.Now())}
}

// denial is the act of that end, of the same form as any other.
func (r *Register) denial(record *Record, actor enclave.Caller, reason string) enclave.Act {
	return enclave.NewAct(enclave.Coarse(r.Now()), actor, "run.deny", "runs/"+record.Run.ID,
		"operator", record.Run.Submitter.Org, "grant", record.Run.Grant, "reason", reason)
}

// choices names who chose what, for the ledger.
func choices(votes []Vote) string {
	texts := make([]string, len(votes))
	for i, v := range votes {
		texts[i] = v.Voter.Org + "/" + v.Voter.Name + "=" + string(v.Choice)
	}
	return strings.Join(texts, " ")
}

// itself is the actor of what the enclave does on its own.
func itself() enclave.Caller {
	return enclave.Caller{Role: enclave.SelfOrg, Org: enclave.SelfOrg, Name: enclave.SelfOrg}
}
