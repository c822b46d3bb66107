package review

import (
	"slices"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// File is what is kept of a review. Its methods are the state machine; they know nothing of who may do what with whose run.
type File struct {
	State    State    `json:"-"` // a column of its own
	Round    int      `json:"round"`
	Deciders int      `json:"deciders,omitempty"` // how many vote in a round; two if it does not say
	Question string   `json:"question,omitempty"`
	Answers  []Answer `json:"answers,omitempty"`
	Votes    []Vote   `json:"votes,omitempty"` // that stand: of the round, and of those before it in which the same people differed
	Void     []Vote   `json:"void,omitempty"`
	Views    []View   `json:"views,omitempty"` // the latest of each person
}

// Vote is a vote with the salt of its digest in the ledger.
type Vote struct {
	enclave.Vote
	Salt string `json:"salt"`
}

// View says that somebody was shown the case as it was then.
type View struct {
	By      enclave.Caller `json:"by"`
	Round   int            `json:"round"`
	History int64          `json:"history"`
	Time    time.Time      `json:"time"`
}

// NewFile is the file of an output that was just held, on which so many people decide.
func NewFile(deciders int) File { return File{State: Open, Round: 1, Deciders: deciders} }

// deciders is how many votes a round has.
func (f *File) deciders() int { return max(enclave.Approvals, f.Deciders) }

// final reports whether nothing can happen any more.
func (s State) final() bool { return s == Released || s == Rejected || s == Closed }

// settle voids the votes for release that are bound to an earlier version of the history, and reports whether there were any.
func (f *File) settle(history int64) bool {
	waits := f.State == Open || f.State == Differ || f.State == Agreed
	if !waits || !slices.ContainsFunc(f.current(), func(v Vote) bool { return v.Choice == enclave.ChooseRelease && v.History < history }) {
		return false
	}
	f.unbind()
	return true
}

// unbind voids the round's votes for release: they were for what these people saw. Whoever would not release it stands by that, and those who
// differed stay the ones to decide: else the operator, whose own releases move the history, could wear a reviewer down or choose another.
func (f *File) unbind() {
	var stand []Vote
	f.State = Open
	for _, v := range f.Votes {
		if v.Round == f.Round && v.Choice == enclave.ChooseRelease {
			f.Void = append(f.Void, v)
			continue
		}
		if stand = append(stand, v); v.Round < f.Round {
			f.State = Differ
		}
	}
	f.Votes = stand
}

// void opens the review again, for anybody's votes.
func (f *File) void() {
	f.Void, f.Votes = append(f.Void, f.Votes...), nil
	f.State = Open
}

// view notes that somebody sees the case.
func (f *File) view(v View) {
	f.Views = slices.DeleteFunc(f.Views, func(old View) bool { return old.By.SamePerson(v.By) })
	f.Views = append(f.Views, v)
}

// admits says why somebody's vote cannot be taken, or nil.
func (f *File) admits(voter enclave.Caller, run string, history int64) error {
	mine := func(v Vote) bool { return v.Voter.SamePerson(voter) }
	switch {
	case f.State.final() || f.State == Agreed:
		return enclave.Fail(enclave.State, "REVIEW_ENDED", "run", run, "state", string(f.State))
	case f.State == Returned:
		return enclave.Fail(enclave.State, "REVIEW_RETURNED", "run", run)
	case f.State == Differ && !slices.ContainsFunc(f.Votes, mine):
		return enclave.Fail(enclave.State, "REVIEW_TAKEN", "run", run)
	case slices.ContainsFunc(f.current(), mine):
		return enclave.Fail(enclave.State, "REVIEW_VOTED", "run", run)
	case !slices.ContainsFunc(f.Views, func(v View) bool { return v.By.SamePerson(voter) && v.Round == f.Round && v.History == history }):
		return enclave.Fail(enclave.State, "REVIEW_NOT_VIEWED", "run", run)
	}
	return nil
}

// current is the votes of the round.
func (f *File) current() []Vote {
	var votes []Vote
	for _, v := range f.Votes {
		if v.Round == f.Round {
			votes = append(votes, v)
		}
	}
	return votes
}

// cast takes a vote that was admitted; with the round's last one the review goes on.
func (f *File) cast(vote Vote) {
	f.Votes = append(f.Votes, vote)
	round := f.current()
	if len(round) < f.deciders() {
		return
	}
	count := map[enclave.Choice]int{}
	var questions []string
	for _, v := range round {
		count[v.Choice]++
		if v.Choice == enclave.ChooseReturn {
			questions = append(questions, v.Public)
		}
	}
	switch {
	case count[enclave.ChooseReturn] > 0:
		f.State, f.Question = Returned, strings.Join(questions, "\n\n")
	case count[enclave.ChooseRelease] == len(round):
		f.State = Agreed
	case count[enclave.ChooseReject] == len(round):
		f.State = Rejected
	default:
		f.State = Differ
		f.Round++
	}
}

// reply takes the operator's answer: whoever votes now has it before them.
func (f *File) reply(answer Answer) {
	f.Answers = append(f.Answers, answer)
	f.void()
	f.Round++
}

// Asked is the question that waits for an answer, "" if none does.
func (f *File) Asked() string {
	if f.State == Returned {
		return f.Question
	}
	return ""
}
