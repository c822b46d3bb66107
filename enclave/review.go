package enclave

import (
	"context"
	"slices"
	"time"
)

// Choice is what a reviewer wants done with a held output.
type Choice string

// The choices. Whatever people do not agree on stays held: silence never releases.
const (
	ChooseRelease Choice = "release"
	ChooseReject  Choice = "reject"
	ChooseReturn  Choice = "return" // with a question to the operator
)

// Vote is what one reviewer said of a held output. One for release is bound to the exact bytes and to the version of the release history
// that the reviewer saw: if either moves, it is void.
type Vote struct {
	Voter   Caller    `json:"voter"`
	Choice  Choice    `json:"choice"`
	Output  Digest    `json:"output"`
	History int64     `json:"history"`
	Public  string    `json:"public,omitempty"`  // for the operator too
	Private string    `json:"private,omitempty"` // for reviewers and auditors
	Round   int       `json:"round"`             // from 1; grows when the votes differ, and when the operator answers a question
	Time    time.Time `json:"time"`
}

// Approvals is how many people must agree before a module is approved, and at least before a held output is released.
const Approvals = 2

// HeldOutput is an output that waits for people, as it was recorded.
type HeldOutput struct {
	Run       Run
	Dataset   *Dataset
	Facts     Facts
	Profile   Profile
	Policy    Digest // revision that held it
	Bytes     []byte
	Format    string
	Footprint *Footprint // nil of a program's output
	Places    []Place

	// How things stand now, for a release.
	Rules    Policy // in force
	Approved bool   // two people approved the module, and nobody withdrew that
}

// ReleaseHeld takes a held output out through the gate on the votes of people, which stand beside the rules and not above them: what the
// votes do not bind exactly, or what the rules in force or the releases since then forbid, stays inside. Reasons of errors: VOTES_NOT_ENOUGH
// if the votes do not suffice for exactly these bytes at the history's present version, HISTORY_MOVED if another release comes first, and
// those of the recorder. Of kind Refused, for good: HISTORY if the table is no longer safe beside the releases made since it was held,
// PROFILE_CHANGED if it was measured by other numbers or more people must agree now, MODULE_NOT_APPROVED, and policy's own unless it would hold
// the output today, or release an exact one.
func (e *Enclave) ReleaseHeld(ctx context.Context, held *HeldOutput, votes []Vote) error {
	now, err := e.rejudge(ctx, held)
	if err != nil {
		return err
	}
	verdict, err := mintAgreed(held, now, votes)
	if err != nil {
		return err
	}
	if err := e.Recorder.Record(ctx, verdict); err != nil {
		return err
	}
	return e.Recorder.Release(context.WithoutCancel(ctx), held.Run.ID)
}

// rejudged is what the rules in force say of a held output beside the releases up to now: that people may release it.
type rejudged struct {
	history  int64
	profile  Profile
	facts    Facts
	passed   []string
	revision Digest
}

// rejudge asks everything again that its run was asked and that may have changed since: the numbers, the release history, the approval of
// the module, the rules.
func (e *Enclave) rejudge(ctx context.Context, held *HeldOutput) (*rejudged, error) {
	history, err := e.Recorder.History(ctx, held.Run.Dataset)
	if err != nil {
		return nil, err
	}
	profile, err := held.Rules.Profile(held.Dataset, held.Run.Scenario)
	if err != nil {
		return nil, err
	}
	if !profile.measuresAs(&held.Profile) || profile.Deciders() > held.Profile.Deciders() {
		return nil, Fail(Refused, "PROFILE_CHANGED")
	}
	facts := held.Facts
	if held.Footprint != nil {
		audited, err := e.Historian.Audit(ctx, held.Dataset, history, profile, held.Footprint)
		if err != nil {
			return nil, err
		}
		if len(audited.Suppress) > 0 || !audited.Facts.Clean {
			return nil, Fail(Refused, "HISTORY")
		}
		facts.History = audited.Facts
	}
	if profile.asksPeople(&facts) && !held.Approved {
		return nil, Fail(Refused, "MODULE_NOT_APPROVED", "dataset", held.Run.Dataset)
	}
	judgement, err := held.Rules.Release(ctx, facts, profile)
	if err != nil {
		return nil, err
	}
	// Rules that had all outputs wait, and no longer do, let an exact one go.
	if judgement.Decision != Hold && (judgement.Decision != Release || !facts.clean()) {
		return nil, Refusal(judgement)
	}
	return &rejudged{history: history, profile: profile, facts: facts, passed: judgement.Passed, revision: judgement.Revision}, nil
}

// measuresAs reports whether what was counted as unsafe by one profile's numbers would be by another's.
func (p *Profile) measuresAs(q *Profile) bool {
	return p.Threshold == q.Threshold && p.DominanceN == q.DominanceN && p.DominancePercent == q.DominancePercent &&
		p.PPercent == q.PPercent && p.HomogeneityPercent == q.HomogeneityPercent && p.IntervalPercent == q.IntervalPercent &&
		(p.IntervalPercent == 0 || p.RoundCount == q.RoundCount)
}

// asksPeople reports whether the module of a held output must be approved: see [Profile.ModuleReview].
func (p *Profile) asksPeople(facts *Facts) bool {
	return p.ModuleReview >= 2 || p.ModuleReview == 1 && (facts.Crafted || facts.Form != Aggregate)
}

// mintAgreed is the second place that opens the gate, and the only one for an output that is not exact: on the votes of as many people as the
// profile asks for exactly these bytes beside exactly these releases, none of them of the organisation that asked, and nobody against.
func mintAgreed(held *HeldOutput, now *rejudged, votes []Vote) (*Verdict, error) {
	digest := DigestOf(held.Bytes)
	var voters []Caller
	for _, v := range votes {
		switch {
		case v.Choice != ChooseRelease, v.Output != digest, v.History != now.history, !v.Voter.MayReview(held.Run.Submitter.Org, held.Dataset.Owner),
			slices.ContainsFunc(voters, v.Voter.SamePerson):
			return nil, Fail(State, "VOTES_NOT_ENOUGH", "run", held.Run.ID)
		}
		voters = append(voters, v.Voter)
	}
	if held.Run.Outcome != Held || len(voters) < now.profile.Deciders() {
		return nil, Fail(State, "VOTES_NOT_ENOUGH", "run", held.Run.ID)
	}
	return &Verdict{
		run: held.Run, judgement: Judgement{Decision: Release, Passed: now.passed, Revision: now.revision}, facts: now.facts, places: held.Places, profile: now.profile,
		output: &Treated{Bytes: held.Bytes, Format: held.Format}, footprint: held.Footprint, digest: digest, history: now.history,
		votes: slices.Clone(votes), approval: now.profile.asksPeople(&now.facts),
	}, nil
}

// MayReview reports whether somebody may decide on an output or a module of an organisation: people of the authority, of the source
// department whose data it is, and reviewers whom the authority appointed, but never the organisation that asked.
func (c Caller) MayReview(submitter, source string) bool {
	if c.Org == submitter {
		return false
	}
	switch c.Role {
	case Authority, Reviewer:
		return true
	case SourceOrg:
		return c.Org == source
	case Operator, Auditor:
	}
	return false
}
