package main

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/darkroom-project/darkroom/sdk"
)

// taken is a run whose submission was acknowledged.
type taken struct {
	id, operator string
	question     *question
	canceled     bool // its operator asked to stop it
	life         int  // how often the server had been down when it was acknowledged
	endLife      int  // and when its outcome was seen
	end          sdk.Run
	result       []byte // what was released, with its receipt; nil before it was fetched
	receipt      []byte
}

// journal is what the server has said: it must stand by all of it. It is safe for concurrent use.
type journal struct {
	faulty bool // writes of the server fail: it may say so, and fail the run that it was at

	mu         sync.Mutex
	runs       map[string]*taken
	heads      map[uint64]sdk.Checkpoint // by size
	unanswered int                       // submissions that the server was killed over
	votes      int                       // of people, on what was held
	refetched  int                       // results that were fetched again, and were the same
	compared   int                       // checkpoints that were proved to be continued by a later one
	violations []string
}

func newJournal() *journal {
	return &journal{runs: map[string]*taken{}, heads: map[uint64]sdk.Checkpoint{}}
}

// violated notes something that must not be.
func (j *journal) violated(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.violations = append(j.violations, fmt.Sprintf(format, args...))
}

// tooMany is how many violations end the whole: by then it is clear enough.
const tooMany = 50

func (j *journal) broken() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.violations) >= tooMany
}

// outcome is how a run was seen to end, "" if it was not.
func (j *journal) outcome(t *taken) sdk.Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	return t.end.Outcome
}

// count changes a number of the journal's.
func (j *journal) count(number *int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	*number++
}

func (j *journal) take(t *taken) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.runs[t.id] = t
}

// all are the runs, in a fixed order.
func (j *journal) all() []*taken {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.SortedFunc(maps.Values(j.runs), func(a, b *taken) int { return slices.Compare([]byte(a.id), []byte(b.id)) })
}

// ended are the runs with an outcome that was seen.
func (j *journal) ended() []*taken {
	return slices.DeleteFunc(j.all(), func(t *taken) bool { return j.outcome(t) == "" })
}

// cancels notes that a run's operator asks to stop it.
func (j *journal) cancels(t *taken) {
	j.mu.Lock()
	defer j.mu.Unlock()
	t.canceled = true
}

// saw notes a run as it is now. An outcome that was seen before must be the same for ever, and one that the question can have.
func (j *journal) saw(t *taken, run sdk.Run, life int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	said := fmt.Sprintf("run %s (%s) is %s %v", t.id, t.question.name, run.Outcome, codes(run))
	switch {
	case t.end.Outcome == sdk.RunHeld && run.Outcome == "" && run.Stage == "release":
		// people decided to release it, and the ledger does not have it yet: how it ends is for the next look
	case t.end.Outcome == sdk.RunHeld && run.Outcome != sdk.RunHeld:
		if t.end, t.endLife = run, life; !t.may(run, j.faulty) { // people came to a decision
			j.violations = append(j.violations, said+", and was held")
		}
	case t.end.Outcome != "" && (t.end.Outcome != run.Outcome || t.end.Result != run.Result || !slices.Equal(codes(t.end), codes(run))):
		j.violations = append(j.violations, fmt.Sprintf("%s, and was %s %v", said, t.end.Outcome, codes(t.end)))
	case t.end.Outcome == "" && run.Outcome != "":
		t.end, t.endLife = run, life
		if !t.may(run, j.faulty) {
			j.violations = append(j.violations, said)
		}
	}
}

// may reports whether a run can end so. What was released before may forbid a table that would be released else. A run that was under way
// at three kills is taken for the cause of them.
func (t *taken) may(run sdk.Run, faulty bool) bool {
	reason := append(codes(run), "")[0]
	return run.Outcome == t.question.outcome && (t.question.reason == "" || reason == t.question.reason) ||
		run.Outcome == sdk.RunDenied && t.question.outcome == sdk.RunReleased ||
		(run.Outcome == sdk.RunReleased || run.Outcome == sdk.RunDenied) && t.question.outcome == sdk.RunHeld || // people decided
		run.Outcome == sdk.RunCanceled && t.canceled ||
		run.Outcome == sdk.RunFailed && (reason == interrupted || faulty && reason == "INTERNAL")
}

const interrupted = "RUN_INTERRUPTED"

func codes(run sdk.Run) []string {
	list := make([]string, len(run.Reasons))
	for i, reason := range run.Reasons {
		list[i] = reason.Code
	}
	return list
}

// fetched notes a run's result and receipt, or compares the result with what it was.
func (j *journal) fetched(t *taken, result, receipt []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if t.result == nil {
		t.result, t.receipt = result, receipt
		return
	}
	if !slices.Equal(t.result, result) {
		j.violations = append(j.violations, fmt.Sprintf("run %s has another result than before", t.id))
	}
	j.refetched++
}

// head notes a checkpoint. Two of one size must be of one log.
func (j *journal) head(c sdk.Checkpoint) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if before, known := j.heads[c.Head.Size]; known && before.Head != c.Head {
		j.violations = append(j.violations, fmt.Sprintf("two checkpoints of size %d", c.Head.Size))
	}
	j.heads[c.Head.Size] = c
}

// seen are the checkpoints, the smallest first.
func (j *journal) seen() []sdk.Checkpoint {
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []sdk.Checkpoint
	for _, size := range slices.Sorted(maps.Keys(j.heads)) {
		list = append(list, j.heads[size])
	}
	return list
}
