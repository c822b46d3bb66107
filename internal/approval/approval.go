// Package approval is the register of what people let run (模型上线审核): an operator proposes a module for a dataset, two people of the authority,
// the source department or the appointed reviewers approve it, independently and blind, and the authority may withdraw that at any time.
//
// Whoever votes has looked at the material in that round. Where the two votes of a round differ, the same two see both, look again and vote
// again: a third person cannot outvote one of them.
//
// An approval is of exact bytes. The manifest is among them, so the domains of the parameters are approved with the module. The dataset must
// hold data, so that its description is fixed by then. What was rejected or withdrawn is not asked again: a change gives the module
// another digest.
package approval

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// State is where a proposal stands.
type State string

// The states. Rejected and withdrawn are final.
const (
	Waiting   State = "waiting"
	Approved  State = "approved"
	Rejected  State = "rejected"
	Withdrawn State = "withdrawn" // approved once
)

// Choice is what a reviewer says.
type Choice string

// The choices.
const (
	Approve Choice = "approve"
	Reject  Choice = "reject"
)

// Vote is what one reviewer said of a proposal.
type Vote struct {
	Voter   enclave.Caller `json:"voter"`
	Choice  Choice         `json:"choice"`
	Public  string         `json:"public,omitempty"`  // for the operator too; a rejection needs it
	Private string         `json:"private,omitempty"` // for reviewers and auditors
	Round   int            `json:"round"`             // from 1; the next begins when the two votes of one differ
	Time    time.Time      `json:"time"`
	// Salt keeps the vote's digest, which the ledger's record names, from being guessed while the round is open.
	Salt string `json:"salt"`
}

// View says that somebody was shown the proposal as it stood in a round.
type View struct {
	By    enclave.Caller `json:"by"`
	Round int            `json:"round"`
}

// Proposal asks that a module may run on a dataset.
type Proposal struct {
	ID       string
	Module   enclave.Digest
	Name     string // of the module, as its manifest says
	Version  string
	Dataset  string
	Source   string         // organisation of the source department
	Archive  enclave.Digest // of the module's source; zero if it was not handed in
	Proposer enclave.Caller
	State    State
	Votes    []Vote
	Views    []View // the latest of each person
	Note     string // why it was withdrawn
	Created  time.Time
	Decided  time.Time // zero while it waits
	Revision int64
}

// maxComment is the most bytes of a comment.
const maxComment = 2000

// NotFound is the error for a proposal that is missing or not for this caller.
func NotFound(id string) *enclave.Error {
	return enclave.Fail(enclave.NotFound, "PROPOSAL_NOT_FOUND", "proposal", id)
}

// ReviewedBy reports whether a caller sees what reviewers see: those who may vote, and auditors, but nobody of the organisation that asked.
func (p *Proposal) ReviewedBy(who enclave.Caller) bool {
	return who.MayReview(p.Proposer.Org, p.Source) || who.Role == enclave.Auditor && who.Org != p.Proposer.Org
}

// round is the round that is open, or was last: two votes each.
func (p *Proposal) round() int {
	if p.State == Waiting {
		return len(p.Votes)/enclave.Approvals + 1
	}
	return max(1, len(p.Votes)/enclave.Approvals)
}

// Seen is the proposal as a caller may see it. The votes of an open round are blind: everybody sees but their own. The operator sees the public
// comments of rounds that ended, and not whose they are.
func (p Proposal) Seen(who enclave.Caller) Proposal {
	reviews := p.ReviewedBy(who)
	open := 0
	if p.State == Waiting {
		open = p.round()
	}
	var votes []Vote
	for _, v := range p.Votes {
		switch blind := v.Round == open && !v.Voter.SamePerson(who); {
		case blind, !reviews && (v.Round == open || v.Public == ""):
			continue
		case !reviews:
			v = Vote{Public: v.Public, Round: v.Round}
		}
		votes = append(votes, v)
	}
	p.Votes = votes
	return p
}

// vote is the proposal after a vote. Two that agree decide; two that differ open the next round, of the same two.
func (p Proposal) vote(v Vote) (Proposal, error) {
	v.Round = p.round()
	switch {
	case !v.Voter.MayReview(p.Proposer.Org, p.Source):
		return p, NotFound(p.ID)
	case p.State != Waiting:
		return p, p.wrongState()
	case v.Choice != Approve && v.Choice != Reject:
		return p, enclave.Fail(enclave.Invalid, "PROPOSAL_CHOICE")
	case v.Choice == Reject && strings.TrimSpace(v.Public) == "":
		return p, enclave.Fail(enclave.Invalid, "PROPOSAL_COMMENT_REQUIRED")
	case v.Round > 1 && !slices.ContainsFunc(p.Votes, func(before Vote) bool { return before.Voter.SamePerson(v.Voter) }):
		return p, enclave.Fail(enclave.State, "PROPOSAL_TAKEN", "proposal", p.ID)
	}
	if err := cmp.Or(checkComment(v.Public), checkComment(v.Private)); err != nil {
		return p, err
	}
	agree, others := true, 0
	for _, before := range p.Votes {
		if before.Round != v.Round {
			continue
		}
		if before.Voter.SamePerson(v.Voter) {
			return p, enclave.Fail(enclave.State, "PROPOSAL_VOTED", "proposal", p.ID)
		}
		others++
		agree = agree && before.Choice == v.Choice
	}
	if !slices.ContainsFunc(p.Views, func(seen View) bool { return seen.Round == v.Round && seen.By.SamePerson(v.Voter) }) {
		return p, enclave.Fail(enclave.State, "PROPOSAL_NOT_VIEWED", "proposal", p.ID)
	}
	p.Votes = append(slices.Clone(p.Votes), v)
	if agree && others+1 == enclave.Approvals {
		p.State, p.Decided = Rejected, v.Time
		if v.Choice == Approve {
			p.State = Approved
		}
	}
	return p, nil
}

// viewed is the proposal after somebody was shown it.
func (p Proposal) viewed(v View) Proposal {
	p.Views = slices.DeleteFunc(slices.Clone(p.Views), func(old View) bool { return old.By.SamePerson(v.By) })
	p.Views = append(p.Views, v)
	return p
}

// checkComment refuses what is too long, or would not stay text on somebody's screen.
func checkComment(text string) error {
	switch {
	case len(text) > maxComment:
		return enclave.Fail(enclave.Invalid, "PROPOSAL_COMMENT_LONG", "limit", strconv.Itoa(maxComment))
	case !enclave.Visible(text, "\n\t"):
		return enclave.Fail(enclave.Invalid, "PROPOSAL_COMMENT_HIDDEN")
	}
	return nil
}

// withdraw is the proposal after the authority took an approval back.
func (p Proposal) withdraw(note string, now time.Time) (Proposal, error) {
	switch {
	case p.State != Approved:
		return p, p.wrongState()
	case strings.TrimSpace(note) == "":
		return p, enclave.Fail(enclave.Invalid, "PROPOSAL_COMMENT_REQUIRED")
	}
	if err := checkComment(note); err != nil {
		return p, err
	}
	p.State, p.Note, p.Decided = Withdrawn, note, now
	return p, nil
}

func (p *Proposal) wrongState() error {
	return enclave.Fail(enclave.State, "PROPOSAL_STATE", "proposal", p.ID, "state", string(p.State))
}

// Store keeps proposals. A change and its act MUST be one transaction. It MUST be safe for concurrent use.
type Store interface {
	// Insert fails with PROPOSAL_EXISTS if the organisation proposed the module for the dataset before.
	Insert(ctx context.Context, proposal Proposal, act enclave.Act) error
	// Update writes state, votes, views and note of a proposal that still has proposal.Revision, which grows by one; else PROPOSAL_CHANGED.
	Update(ctx context.Context, proposal Proposal, act enclave.Act) error
	// Get fails with PROPOSAL_NOT_FOUND (see NotFound).
	Get(ctx context.Context, id string) (Proposal, error)
	// Find is Get by what a proposal is of.
	Find(ctx context.Context, operator string, module enclave.Digest, dataset string) (Proposal, error)
	// List sorts newest first; operator "" means all. The string is After of the next page, "" at the end.
	List(ctx context.Context, operator string, page enclave.Page) ([]Proposal, string, error)
	// Of lists all proposals of a module, of every organisation, newest first, at most a hundred.
	Of(ctx context.Context, module enclave.Digest) ([]Proposal, error)
}
