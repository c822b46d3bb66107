package run

import (
	"context"
	"sync"

	"github.com/darkroom-project/darkroom/enclave"
)

// live is what is known in memory of runs: the stage of those at work, how to stop them, and who watches. It is safe for concurrent
// use.
type live struct {
	mu     sync.Mutex
	atWork map[string]*working
	topics map[string]*topic
}

type working struct {
	stage enclave.Stage
	stop  context.CancelCauseFunc
}

// topic is closed at the next change of a run; followers counts who waits for it.
type topic struct {
	changed   chan struct{}
	followers int
}

func newLive() *live {
	return &live{atWork: map[string]*working{}, topics: map[string]*topic{}}
}

func (l *live) begin(id string, stop context.CancelCauseFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.atWork[id] = &working{stage: enclave.StageAdmit, stop: stop}
}

func (l *live) enter(id string, stage enclave.Stage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.atWork[id]; w != nil {
		w.stage = stage
	}
	l.tell(id)
}

// end forgets a run's work.
func (l *live) end(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.atWork, id)
	l.tell(id)
}

// stage is the stage of a run at work, or otherwise.
func (l *live) stage(id string, otherwise enclave.Stage) enclave.Stage {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.atWork[id]; w != nil {
		return w.stage
	}
	return otherwise
}

// stop cancels a run at work.
func (l *live) stop(id string, cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.atWork[id]; w != nil {
		w.stop(cause)
	}
}

// changed tells those who watch a run to look again.
func (l *live) changed(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell(id)
}

func (l *live) tell(id string) {
	if t := l.topics[id]; t != nil {
		close(t.changed)
		delete(l.topics, id)
	}
}

// follow returns a channel that closes at the run's next change. Whoever stops waiting before that calls leave.
func (l *live) follow(id string) (changed <-chan struct{}, leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[id]
	if t == nil {
		t = &topic{changed: make(chan struct{})}
		l.topics[id] = t
	}
	t.followers++
	return t.changed, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if t.followers--; t.followers == 0 && l.topics[id] == t {
			delete(l.topics, id)
		}
	}
}
