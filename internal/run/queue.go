package run

import (
	"slices"
	"sync"
)

// job is a run that waits for a worker, or that one works on.
type job struct{ operator, id string }

// queue hands runs to workers, fairly between operators: each in its turn gives its oldest run, and none may have more than share runs
// at work, so that one operator's endless modules leave workers to the others. A run that does nothing but wait for the ledger is not at work,
// as long as there are few of them. It is safe for concurrent use.
type queue struct {
	share int
	limit int // of runs that wait, for each operator
	few   int // of runs that wait for the ledger

	mu      sync.Mutex
	changed *sync.Cond
	waiting map[string][]string // operator → runs, oldest first
	turns   []string            // operators with waiting runs, the next one first
	atWork  map[string]int
	left    int             // runs that wait for the ledger
	inside  map[string]bool // runs that wait or are at work
	closed  bool
}

func newQueue(share, limit, few int) *queue {
	q := &queue{share: share, limit: limit, few: few, waiting: map[string][]string{}, atWork: map[string]int{}, inside: map[string]bool{}}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// full reports whether an operator has as many runs waiting as it may.
func (q *queue) full(operator string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting[operator]) >= q.limit
}

// put adds a run, once.
func (q *queue) put(j job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.inside[j.id] {
		return
	}
	q.inside[j.id] = true
	if len(q.waiting[j.operator]) == 0 {
		q.turns = append(q.turns, j.operator)
	}
	q.waiting[j.operator] = append(q.waiting[j.operator], j.id)
	q.changed.Signal()
}

// take waits for a run that may start; false when the queue is closed.
func (q *queue) take() (job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed {
		turn := slices.IndexFunc(q.turns, func(operator string) bool { return q.atWork[operator] < q.share })
		if turn >= 0 {
			return q.start(turn), true
		}
		q.changed.Wait()
	}
	return job{}, false
}

func (q *queue) start(turn int) job {
	operator := q.turns[turn]
	q.turns = slices.Delete(q.turns, turn, turn+1)
	runs := q.waiting[operator]
	if len(runs) > 1 {
		q.waiting[operator] = runs[1:]
		q.turns = append(q.turns, operator)
	} else {
		delete(q.waiting, operator)
	}
	q.atWork[operator]++
	return job{operator, runs[0]}
}

// leave says that a taken run does nothing but wait for the ledger from now on, so that another may be taken in its place; false if too many do.
func (q *queue) leave(j job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.left >= q.few {
		return false
	}
	q.left++
	q.rest(j)
	return true
}

// done says that a taken run needs no worker any more, which it may have left before.
func (q *queue) done(j job, left bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.inside, j.id)
	if left {
		q.left--
		return
	}
	q.rest(j)
}

// rest gives an operator's share back. The caller holds the lock.
func (q *queue) rest(j job) {
	if q.atWork[j.operator]--; q.atWork[j.operator] == 0 {
		delete(q.atWork, j.operator)
	}
	q.changed.Signal()
}

// remove takes a waiting run out.
func (q *queue) remove(j job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.Index(q.waiting[j.operator], j.id)
	if at < 0 {
		return
	}
	delete(q.inside, j.id)
	q.waiting[j.operator] = slices.Delete(slices.Clone(q.waiting[j.operator]), at, at+1)
	if len(q.waiting[j.operator]) == 0 {
		delete(q.waiting, j.operator)
		q.turns = slices.DeleteFunc(q.turns, func(operator string) bool { return operator == j.operator })
	}
}

// close ends take; what waits stays where the store has it.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
}
