package sandbox

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// places are for instances, shared by all runs: whoever has one may have an instance in its memory. They are given in the order in which
// they were asked for, but one operator never has all of them, so that its slow modules leave room for the others'; nor do programs,
// which keep theirs for a whole run, so that there is always one that comes free within the time of a call. Whoever has a place waits for
// no other, so every wait ends. It is safe for concurrent use.
type places struct {
	share int // of one operator, and of all programs

	mu       sync.Mutex
	free     []*memory
	held     map[string]int // by operator
	programs int            // how many of those held are
	waiting  []*waiter      // in the order in which they came
}

// claim is who asks for a place, and for how long.
type claim struct {
	operator string
	program  bool // for a whole run, not for one batch
}

// waiter hears of its place on ready, which has room for it. Whoever gives the place takes the waiter out of the list.
type waiter struct {
	claim
	ready chan *memory
}

func newPlaces(count int, limit uint64) *places {
	p := &places{share: max(1, count-1), held: map[string]int{}}
	for range count {
		p.free = append(p.free, &memory{limit: limit})
	}
	return p
}

// take waits for a place, until ctx is done.
func (p *places) take(ctx context.Context, by claim) (*memory, error) {
	mine := &waiter{claim: by, ready: make(chan *memory, 1)}
	p.mu.Lock()
	p.waiting = append(p.waiting, mine)
	p.serve()
	p.mu.Unlock()
	select {
	case place := <-mine.ready:
		return place, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	if at := slices.Index(p.waiting, mine); at >= 0 {
		p.waiting = slices.Delete(p.waiting, at, at+1)
		mine = nil
	}
	p.mu.Unlock()
	if mine != nil { // it came at the same moment
		p.give(<-mine.ready, by)
	}
	return nil, canceled(ctx)
}

// give returns a place once its instance is gone.
func (p *places) give(place *memory, by claim) {
	if place.committed > keptBytes {
		_ = place.release() // it fails only for what is not mapped
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, place)
	if p.held[by.operator]--; p.held[by.operator] == 0 {
		delete(p.held, by.operator)
	}
	if by.program {
		p.programs--
	}
	p.serve()
}

// close gives the memory of every place back. All MUST be free.
func (p *places) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for _, place := range p.free {
		err = errors.Join(err, place.release())
	}
	return err
}

// serve gives free places to those who wait and may have one. The caller holds the lock.
func (p *places) serve() {
	p.waiting = slices.DeleteFunc(p.waiting, func(w *waiter) bool {
		if len(p.free) == 0 || p.held[w.operator] >= p.share || w.program && p.programs >= p.share {
			return false
		}
		last := len(p.free) - 1
		w.ready <- p.free[last]
		p.free = p.free[:last]
		p.held[w.operator]++
		if w.program {
			p.programs++
		}
		return true
	})
}

// keptBytes is the largest memory that stays for the next instance: more than guests of ordinary size need.
const keptBytes = 64 << 20
