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

// Vote is what one reviewer said of a held output. It is bound to the exact bytes and to the version of the release history that the
// reviewer saw: if either moves, it is void.
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

// Approvals is how many people must agree before a held output is released, or a module approved.
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
}

// ReleaseHeld takes a held output out through the gate on the votes of people: what the votes do not bind exactly, or what the releases
// since then forbid, stays inside. Reasons of errors: VOTES_NOT_ENOUGH if the votes do not suffice for exactly these bytes at the history's
// present version, HISTORY_MOVED if another release comes first, HISTORY if the table is no longer safe beside the releases made since
// it was held, and those of the recorder.
func (e *Enclave) ReleaseHeld(ctx context.Context, held *HeldOutput, votes []Vote) error {
	history, err := e.Recorder.History(ctx, held.Run.Dataset)
	if err != nil {
		return err
	}
	facts := held.Facts
	if held.Footprint != nil {
		audited, err := e.Historian.Audit(ctx, held.Dataset, history, held.Profile.Threshold, held.Footprint)
		if err != nil {
			return err
		}
		if len(audited.Suppress) > 0 || !audited.Facts.Clean {
			return Fail(Refused, "HISTORY")
		}
		facts.History = audited.Facts
	}
	verdict, err := mintAgreed(held, facts, history, votes)
	if err != nil {
		return err
	}
	if err := e.Recorder.Record(ctx, verdict); err != nil {
		return err
	}
	return e.Recorder.Release(context.WithoutCancel(ctx), held.Run.ID)
}

// mintAgreed is the second place that opens the gate, and the only one for an output that is not exact: on the votes of two people for
// exactly these bytes beside exactly these releases, none of them of the organisation that asked, and nobody against.
func mintAgreed(held *HeldOutput, facts Facts, history int64, votes []Vote) (*Verdict, error) {
	digest := DigestOf(held.Bytes)
	var voters []Caller
	for _, v := range votes {
		who := Caller{Org: v.Voter.Org, Name: v.Voter.Name} // the same person in another role is the same person
		switch {
		case v.Choice != ChooseRelease, v.Output != digest, v.History != history, !v.Voter.MayReview(held.Run.Submitter.Org, held.Dataset.Owner),
			slices.Contains(voters, who):
			return nil, Fail(State, "VOTES_NOT_ENOUGH", "run", held.Run.ID)
		}
		voters = append(voters, who)
	}
	if held.Run.Outcome != Held || len(voters) < Approvals {
		return nil, Fail(State, "VOTES_NOT_ENOUGH", "run", held.Run.ID)
	}
	return &Verdict{
		run: held.Run, judgement: Judgement{Decision: Release, Revision: held.Policy}, facts: facts, places: held.Places, profile: held.Profile,
		output: &Treated{Bytes: held.Bytes, Format: held.Format}, footprint: held.Footprint, digest: digest, history: history,
		votes: slices.Clone(votes),
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
