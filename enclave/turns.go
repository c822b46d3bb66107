package enclave

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Turns shares something of which there are a few places, such as the processor's cores, among operators. Whose turn it is goes by the time
// that each operator has had, all of its work together: who had less goes first, and of one operator who came first. So an operator with much
// to do takes what others leave, and cannot slow them beyond an equal share, however many runs it has. This is fair queueing (Demers, Keshav
// and Shenker 1989), with time that is measured afterwards, as Linux's CFS does it.
//
// What decides is who else has work, and for how long it had a place; never what the work is about. Nothing here runs by itself: whoever has a
// turn asks now and then, in [Turn.Pause], whether it is another's, so that every wait ends. It is safe for concurrent use. Of a nil Turns
// everybody has a turn at once.
type Turns struct {
	places int
	debt   time.Duration

	mu       sync.Mutex
	accounts map[string]*account // of operators that are around, or were a while ago
	level    time.Duration       // what everybody who has work has had; it never falls
	held     int                 // turns
	pausing  int                 // of those: held by work that can pause
	waiting  []*waiter           // in the order in which they came
}

const (
	// quantum is how long a turn lasts at least, unless another operator is as far behind: shorter ones cost caches more than they give.
	quantum = 5 * time.Millisecond
	// rest is the most by which who had no work comes back as one who had less than others: for a run's next turn it goes first, and no more.
	rest = 250 * time.Millisecond
	// linger is how long an operator that has had a turn is taken to be around. One that had more leaves a place free meanwhile: for the little
	// that runs do between their turns, and for the next one.
	linger = 200 * time.Millisecond
	// forgotten is how long an account is kept that nobody uses.
	forgotten = time.Minute
)

// account is what is known of an operator.
type account struct {
	used    time.Duration // on all places together, as if it had come when the others did
	settled time.Time     // up to when that is counted
	held    int           // turns
	pausing int           // of those: of work that can pause
	waiting int
	last    time.Time // that it had a turn
}

// Turn is the part of one goroutine in what is shared. It is not safe for concurrent use. A nil Turn is had at once.
type Turn struct {
	turns    *Turns
	operator string
	account  *account // while it is had, or waited for
	pausing  bool
	since    time.Time     // that it is had
	had      time.Duration // before that
}

// waiter hears of its turn on ready, which has room for it.
type waiter struct {
	turn  *Turn
	ready chan struct{}
}

// NewTurns shares so many places, at least one. Debt is how much more an operator may have had than another who has work, so that it waits no
// longer than the other takes to have as much. What it had beyond is forgiven: it should be longer than any turn without a pause.
func NewTurns(places int, debt time.Duration) *Turns {
	return &Turns{places: max(1, places), debt: debt, accounts: map[string]*account{}}
}

// NewProcessor shares the cores that this process may use.
func NewProcessor() *Turns { return NewTurns(runtime.GOMAXPROCS(0), time.Second) }

// For prepares a turn of an operator.
func (s *Turns) For(operator string) *Turn {
	if s == nil {
		return nil
	}
	return &Turn{turns: s, operator: operator}
}

// Take waits for the turn, or fails with RUN_CANCELED when ctx is done. Whoever has it should call [Turn.Pause] now and then, of the processor
// every few milliseconds: others wait as long. It MUST NOT wait for anything that another gives only when it has had a turn itself.
func (t *Turn) Take(ctx context.Context) error {
	if t == nil || t.account != nil {
		return nil
	}
	s := t.turns
	s.mu.Lock()
	now := s.settle()
	t.account = s.accountOf(t.operator, now)
	wait := s.line(t)
	s.serve(now)
	s.mu.Unlock()
	return s.await(ctx, wait)
}

// Enter takes the turn without waiting: for work that cannot pause, and ends by itself. It counts, and while it lasts, less is left to those
// who can: one place at least.
func (t *Turn) Enter() {
	if t == nil || t.account != nil {
		return
	}
	s := t.turns
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.settle()
	t.account, t.since = s.accountOf(t.operator, now), now
	s.begin(t, false)
}

// Pause lets others go first whose turn it is, and returns when it is this one's again. It fails with RUN_CANCELED when ctx is done, with the
// turn or without it. Nothing is left to others by a turn that was entered.
func (t *Turn) Pause(ctx context.Context) error {
	if t == nil || !t.pausing {
		return canceledBy(ctx)
	}
	s := t.turns
	s.mu.Lock()
	now := s.settle()
	s.end(t, now)
	if s.keeps(t, now) {
		s.begin(t, true)
		s.serve(now)
		s.mu.Unlock()
		return canceledBy(ctx)
	}
	t.had += now.Sub(t.since)
	wait := s.line(t)
	s.serve(now)
	s.mu.Unlock()
	return s.await(ctx, wait)
}

// Give ends the turn. It does nothing to one that is not had.
func (t *Turn) Give() {
	if t == nil || t.account == nil {
		return
	}
	t.turns.mu.Lock()
	defer t.turns.mu.Unlock()
	t.turns.give(t)
}

// Had is how long the turn was had in all, without the time for which it was waited.
func (t *Turn) Had() time.Duration {
	switch {
	case t == nil:
		return 0
	case t.account == nil:
		return t.had
	}
	return t.had + time.Since(t.since)
}

func canceledBy(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return Fail(Canceled, "RUN_CANCELED").Because(context.Cause(ctx))
}

// await waits for a turn that is in line.
func (s *Turns) await(ctx context.Context, mine *waiter) error {
	select {
	case <-mine.ready:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := slices.Index(s.waiting, mine); at >= 0 {
		s.waiting = slices.Delete(s.waiting, at, at+1)
		mine.turn.account.waiting--
		mine.turn.account = nil
	} else { // it came at the same moment
		s.give(mine.turn)
	}
	return canceledBy(ctx)
}

// What follows MUST be called with the lock held.

// settle counts what was had up to now.
func (s *Turns) settle() (now time.Time) {
	now = time.Now()
	least, busy := time.Duration(0), false
	for operator, a := range s.accounts {
		a.used += time.Duration(a.held) * now.Sub(a.settled)
		a.settled = now
		switch {
		case a.held+a.waiting == 0:
			if now.Sub(a.last) > forgotten {
				delete(s.accounts, operator)
			}
		case !busy || a.used < least:
			least, busy = a.used, true
		}
	}
	if busy {
		s.level = max(s.level, least)
	}
	for _, a := range s.accounts {
		a.used = min(a.used, s.level+s.debt)
	}
	return now
}

// accountOf is the account of an operator that comes with work; of one that is not known, as rested as can be.
func (s *Turns) accountOf(operator string, now time.Time) *account {
	a := s.accounts[operator]
	if a == nil {
		a = &account{settled: now}
		s.accounts[operator] = a
	}
	if a.held+a.waiting == 0 {
		a.used = max(a.used, s.level-rest)
	}
	return a
}

func (s *Turns) begin(t *Turn, pausing bool) {
	t.pausing = pausing
	s.held++
	t.account.held++
	if pausing {
		s.pausing++
		t.account.pausing++
	}
}

func (s *Turns) end(t *Turn, now time.Time) {
	s.held--
	t.account.held--
	if t.pausing {
		s.pausing--
		t.account.pausing--
	}
	t.pausing, t.account.last = false, now
}

// give ends a turn for good.
func (s *Turns) give(t *Turn) {
	now := s.settle()
	s.end(t, now)
	t.had += now.Sub(t.since)
	t.account = nil
	s.serve(now)
}

// keeps reports whether a turn that was just ended is to go on: nobody who waits has had less and could have its place. Before a quantum is
// over, somebody has to be as far behind.
func (s *Turns) keeps(t *Turn, now time.Time) bool {
	if !s.admits(t.account, now) {
		return false
	}
	next := s.next(now)
	if next == nil {
		return true
	}
	mine, other := t.account, next.turn.account
	if now.Sub(t.since) < quantum {
		return other == mine || other.used+quantum > mine.used
	}
	return other.used > mine.used
}

func (s *Turns) line(t *Turn) *waiter {
	w := &waiter{t, make(chan struct{}, 1)}
	t.account.waiting++
	s.waiting = append(s.waiting, w)
	return w
}

// serve gives turns to those who wait and may have one.
func (s *Turns) serve(now time.Time) {
	for w := s.next(now); w != nil; w = s.next(now) {
		s.waiting = slices.DeleteFunc(s.waiting, func(other *waiter) bool { return other == w })
		w.turn.account.waiting--
		w.turn.since = now
		s.begin(w.turn, true)
		w.ready <- struct{}{}
	}
}

// next is who has had least of those who wait and may have a turn, nil if nobody may.
func (s *Turns) next(now time.Time) *waiter {
	var next *waiter
	for _, w := range s.waiting {
		if s.admits(w.turn.account, now) && (next == nil || w.turn.account.used < next.turn.account.used) {
			next = w
		}
	}
	return next
}

// admits reports whether an operator may have another turn: in any case if nobody has one who can pause, so that there is always somebody who
// sees that others wait. Who is ahead of another leaves a place free, and makes room for what cannot pause.
func (s *Turns) admits(a *account, now time.Time) bool {
	switch {
	case s.pausing == 0:
		return true
	case s.ahead(a, now):
		return s.held < s.places && a.pausing < max(1, s.places-1)
	}
	return s.pausing < s.places
}

// ahead reports whether an operator has had more than another that is around.
func (s *Turns) ahead(a *account, now time.Time) bool {
	for _, other := range s.accounts {
		if other.used < a.used && (other.held+other.waiting > 0 || now.Sub(other.last) < linger) {
			return true
		}
	}
	return false
}
