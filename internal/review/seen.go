package review

import (
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// This file is the one place that decides what somebody sees of a review.

// seen is a record as a reviewer may see it.
func seen(r *Record, who enclave.Caller) Review {
	f := &r.File
	review := Review{
		Run: r.Run.ID, Operator: r.Run.Submitter.Org, Grant: r.Run.Grant, Scenario: r.Run.Scenario, Dataset: r.Run.Dataset, Source: r.Source,
		Module: r.Run.Module, State: f.State, Outcome: r.Run.Outcome, Round: f.Round, Output: r.Run.Result, History: r.History, Held: r.Held,
		Question: f.Question, Answers: f.Answers,
	}
	review.Votes = f.seenBy(who)
	for _, v := range review.Votes {
		if v.Round == f.Round {
			review.Voted++
		}
	}
	return review
}

// seenBy is the votes that a reviewer may see: always the own. Others' not before the round is over; then, as long as the review goes on,
// only who voted beside them sees them whole, since anybody else may be asked to vote yet, unbiased, when the votes are void.
func (f *File) seenBy(who enclave.Caller) []enclave.Vote {
	party := false
	for _, v := range f.Votes {
		party = party || v.Voter.SamePerson(who)
	}
	var votes []enclave.Vote
	for _, v := range f.Votes {
		shown := v.Vote
		switch {
		case v.Voter.SamePerson(who), f.State.final(), f.State == Agreed:
		case f.State == Differ && party && v.Round < f.Round, f.State == Returned && party:
		case f.State == Returned:
			shown.Private = ""
		default: // blind
			continue
		}
		votes = append(votes, shown)
	}
	return votes
}

// seenByOperator is a record as the organisation that submitted the run may see it: whether it waits for people or for an answer, what
// they asked, and how it ended. Neither the output's digest nor the history's version is for it: both tell of data.
func seenByOperator(r *Record) Review {
	f := &r.File
	review := Review{
		Run: r.Run.ID, Operator: r.Run.Submitter.Org, Grant: r.Run.Grant, Scenario: r.Run.Scenario, Dataset: r.Run.Dataset, Source: r.Source,
		Module: r.Run.Module, State: f.State, Outcome: r.Run.Outcome, Round: len(f.Answers) + 1, Held: r.Held,
		Question: f.Question, Answers: slices.Clone(f.Answers),
	}
	for i := range review.Answers {
		review.Answers[i].Round = i + 1 // how often reviewers differed in between is theirs
	}
	switch f.State {
	case Differ, Agreed: // that is between the reviewers
		review.State = Open
	case Returned, Released, Rejected:
		for _, v := range f.current() {
			if v.Public != "" {
				review.Votes = append(review.Votes, enclave.Vote{
					Voter: enclave.Caller{Role: v.Voter.Role, Org: v.Voter.Org}, Choice: v.Choice, Public: v.Public, Round: review.Round, Time: v.Time,
				})
			}
		}
	case Open, Closed:
	}
	return review
}
