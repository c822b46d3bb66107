package enclave_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Time is that of a bubble: it stands still while anybody works, and so every figure below is exact but for who came first at one moment.

// crowd is operators that work in turns.
type crowd struct {
	turns  *enclave.Turns
	places int
	ctx    context.Context //nolint:containedctx // that of a test's bubble
	leave  context.CancelFunc
	all    sync.WaitGroup

	mu   sync.Mutex
	held int
	most int                      // that were held at once
	had  map[string]time.Duration // by operator
	wait time.Duration            // the longest for a turn
}

func newCrowd(t *testing.T, places int) *crowd {
	t.Helper()
	c := &crowd{turns: enclave.NewTurns(places, time.Second), places: places, had: map[string]time.Duration{}}
	c.ctx, c.leave = context.WithCancel(t.Context())
	return c
}

// works has a turn taken for so many steps, with a pause after each. It reports whether it came to its end.
func (c *crowd) works(operator string, step time.Duration, steps int) bool {
	turn := c.turns.For(operator)
	asked := time.Now()
	err := turn.Take(c.ctx)
	for i := 0; i < steps && err == nil; i++ {
		c.count(time.Since(asked), 1)
		time.Sleep(step)
		c.count(0, -1)
		asked = time.Now()
		err = turn.Pause(c.ctx)
	}
	turn.Give()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.had[operator] += turn.Had()
	return err == nil
}

func (c *crowd) count(waited time.Duration, more int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wait = max(c.wait, waited)
	c.held += more
	c.most = max(c.most, c.held)
}

// now is how many are at work.
func (c *crowd) now() int {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// presses has somebody work without end, so many at a time.
func (c *crowd) presses(operator string, many int, step time.Duration) {
	for range many {
		c.all.Go(func() {
			for c.works(operator, step, 100) {
			}
		})
	}
}

// after ends everybody's work when so much time has passed.
func (c *crowd) after(length time.Duration) {
	time.Sleep(length)
	c.leave()
	c.all.Wait()
}

func TestAnOperatorAloneHasEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 3)
		c.presses("acme", 5, time.Millisecond)
		c.after(time.Minute)
		if c.most != 3 || c.had["acme"].Round(time.Second) != 3*time.Minute {
			t.Errorf("%d places at most, %s in a minute", c.most, c.had["acme"])
		}
	})
}

// However many of an operator's runs press, and however long their steps are, another has as much as it can use, up to an equal share.
func TestSharesAreEqualByOperator(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(4, 2)) //nolint:gosec // a test's
	for range 20 {
		places, operators := 1+random.IntN(4), 2+random.IntN(4)
		many := make([]int, operators)
		steps := make([]time.Duration, operators)
		for o := range many {
			many[o], steps[o] = places+random.IntN(6), time.Duration(500+random.IntN(20_000))*time.Microsecond
		}
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, places)
			for o := range many {
				c.presses(fmt.Sprint(o), many[o], steps[o])
			}
			const length = 30 * time.Second
			c.after(length)
			var all time.Duration
			for o := range many {
				had := c.had[fmt.Sprint(o)]
				all += had
				if fair := time.Duration(places) * length / time.Duration(operators); (had - fair).Abs() > time.Second {
					t.Errorf("%d places, %v at a time with steps of %v: operator %d had %s of %s", places, many, steps, o, had, fair)
				}
			}
			if c.most > places || all.Round(time.Second) != time.Duration(places)*length {
				t.Errorf("%d turns at once on %d places, and %s in all", c.most, places, all)
			}
			if c.wait > time.Duration(operators)*3*time.Second {
				t.Errorf("somebody waited for %s", c.wait)
			}
		})
	}
}

// Who had less, goes first, and whoever takes turns in between is served within a step: a rest counts, up to a second.
func TestWhoRestedGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 2)
		c.presses("mallory", 4, time.Millisecond)
		time.Sleep(time.Minute)
		for range 20 { // less in all than half of what there is
			asked := time.Now()
			turns := []*enclave.Turn{c.turns.For("acme"), c.turns.For("acme")}
			for _, turn := range turns {
				if err := turn.Take(c.ctx); err != nil {
					t.Fatal(err)
				}
			}
			if waited := time.Since(asked); waited > 2*time.Millisecond {
				t.Errorf("who had rested waited for %s", waited)
			}
			for range 20 {
				time.Sleep(time.Millisecond)
				for _, turn := range turns {
					if err := turn.Pause(c.ctx); err != nil {
						t.Fatal(err)
					}
				}
			}
			if took := time.Since(asked); took > 23*time.Millisecond {
				t.Errorf("20 ms took %s", took)
			}
			for _, turn := range turns {
				turn.Give()
			}
			time.Sleep(50 * time.Millisecond)
		}
		c.after(0)
	})
}

// While another is around, at work or a moment ago, who had more leaves a place free.
func TestAPlaceIsLeftToWhoIsAround(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 2)
		c.presses("mallory", 3, time.Millisecond)
		time.Sleep(time.Minute)
		turn := c.turns.For("acme")
		if err := turn.Take(c.ctx); err != nil {
			t.Fatal(err)
		}
		turn.Give()
		time.Sleep(10 * time.Millisecond)
		for range 20 {
			time.Sleep(time.Millisecond)
			if c.now() > 1 {
				t.Fatal("no place is left")
			}
		}
		time.Sleep(time.Second)
		if c.now() != 2 {
			t.Error("a place is left to nobody")
		}
		c.after(0)
	})
}

// What cannot pause waits for nobody. What can pause makes room for it while its operator is ahead, but for one place.
func TestRoomIsMadeForWorkThatCannotPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 2)
		c.presses("mallory", 4, time.Millisecond)
		time.Sleep(time.Second)
		var entered []*enclave.Turn
		for i := range 3 {
			turn := c.turns.For("acme")
			turn.Enter()
			entered = append(entered, turn)
			time.Sleep(3 * time.Millisecond)
			if i > 0 && c.now() != 1 {
				t.Errorf("%d others beside %d that cannot pause", c.now(), i+1)
			}
		}
		time.Sleep(time.Second) // by then the others have had less
		if c.now() != 2 {
			t.Errorf("%d others", c.now())
		}
		for _, turn := range entered {
			if err := turn.Pause(c.ctx); err != nil {
				t.Error(err)
			}
			turn.Give()
		}
		if had := entered[2].Had(); had.Round(10*time.Millisecond) != time.Second {
			t.Errorf("%s had", had)
		}
		c.after(time.Second)
	})
}

// A wait ends when its run does, nothing is lost, and a turn that is not had costs nothing.
func TestWaitsForTurnsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1)
		holder := c.turns.For("acme")
		if err := holder.Take(c.ctx); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(c.ctx)
		why := errors.New("enough")
		ended := make(chan error)
		waiter := c.turns.For("globex")
		go func() { ended <- waiter.Take(ctx) }()
		synctest.Wait()
		cancel(why)
		if err := <-ended; !errors.Is(err, enclave.Fail(enclave.Canceled, "RUN_CANCELED")) || !errors.Is(err, why) {
			t.Errorf("cancelled while it waited: %v", err)
		}
		waiter.Give()
		if err := holder.Pause(ctx); !errors.Is(err, why) {
			t.Errorf("cancelled while it had its turn: %v", err)
		}
		go func() { ended <- waiter.Take(c.ctx) }()
		time.Sleep(time.Second)
		holder.Give()
		holder.Give()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if holder.Had() != time.Second || waiter.Had() != time.Second {
			t.Errorf("%s and %s had", holder.Had(), waiter.Had())
		}
		waiter.Give()
		c.after(0)
	})
}

// Cancelling and giving at the same moment loses no place; for the race detector too.
func TestTurnsAreNotLost(t *testing.T) {
	t.Parallel()
	turns := enclave.NewTurns(2, time.Second)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%2 == 0 {
				all.Go(cancel)
			}
			turn := turns.For(fmt.Sprint(i % 3))
			if i%5 == 0 {
				turn.Enter()
			}
			for err := turn.Take(ctx); err == nil && ctx.Err() == nil && turn.Had() < 100*time.Microsecond; {
				err = turn.Pause(ctx)
			}
			turn.Give()
		})
	}
	all.Wait()
	for range 2 { // who comes to both places at once has both
		if err := turns.For("acme").Take(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOfNoTurnsEverybodyHasOne(t *testing.T) {
	t.Parallel()
	turn := (*enclave.Turns)(nil).For("acme")
	turn.Enter()
	ctx, cancel := context.WithCancel(t.Context())
	if err := errors.Join(turn.Take(ctx), turn.Pause(ctx)); err != nil || turn.Had() != 0 {
		t.Errorf("%v, %s had", err, turn.Had())
	}
	cancel()
	if err := turn.Pause(ctx); enclave.KindOf(err) != enclave.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	turn.Give()
}
