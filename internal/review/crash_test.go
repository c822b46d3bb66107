package review_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/run"
)

var errInjected = errors.New("injected")

// fault lets the chosen write of the two stores fail, before or after it took effect; where it kills, every one after it as well.
type fault struct {
	mu    sync.Mutex
	left  int // 0: none fails
	after bool
	kills bool
	dead  bool
}

func (f *fault) write(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errInjected
	}
	if f.left--; f.left != 0 {
		return do()
	}
	f.dead = f.kills
	if f.after {
		return errors.Join(do(), errInjected)
	}
	return errInjected
}

type faultyReviews struct {
	review.Store
	*fault
}

func (f faultyReviews) Update(ctx context.Context, r review.Record, ending *run.Ending, acts ...enclave.Act) error {
	return f.write(func() error { return f.Store.Update(ctx, r, ending, acts...) })
}

type faultyRuns struct {
	run.Store
	*fault
}

func (f faultyRuns) Decide(ctx context.Context, d run.Decision, act enclave.Act) error {
	return f.write(func() error { return f.Store.Decide(ctx, d, act) })
}

func (f faultyRuns) Release(ctx context.Context, id string, at time.Time) error {
	return f.write(func() error { return f.Store.Release(ctx, id, at) })
}

// TestEveryWriteMayFail lets each write on the way from the first look to the outcome fail, as a fault of the disk or as the end of the process,
// and lets people go on afterwards: the outcome comes, once, and every account of it agrees.
func TestEveryWriteMayFail(t *testing.T) {
	t.Parallel()
	for name, play := range map[string]struct {
		choices []enclave.Choice // chen's, then wang's
		outcome enclave.Outcome
	}{
		"release": {[]enclave.Choice{enclave.ChooseRelease, enclave.ChooseRelease}, enclave.Released},
		"reject":  {[]enclave.Choice{enclave.ChooseReject, enclave.ChooseReject}, enclave.Denied},
	} {
		for _, after := range []bool{false, true} {
			for _, kills := range []bool{false, true} {
				if testing.Short() && (after != kills || kills != (name == "release")) {
					continue // one fault of the disk, one end of the process
				}
				t.Run(fmt.Sprintf("%s, after %v, kills %v", name, after, kills), func(t *testing.T) {
					t.Parallel()
					for at := 1; ; at++ {
						f := &fault{after: after, kills: kills}
						folder := t.TempDir()
						w := newWorld(t, folder, func(w *world) {
							w.config.Store = faultyReviews{w.store.Reviews(), f}
							w.runConf.Store = faultyRuns{w.store.Runs(), f}
						})
						id := w.held()
						f.mu.Lock()
						f.left = at
						f.mu.Unlock()
						w.decide(id, play.choices)
						if kills {
							f.mu.Lock()
							f.dead = true
							f.mu.Unlock()
							w = newWorld(t, folder, nil)
							w.Resume(t.Context())
						}
						w.decide(id, play.choices)
						w.ends(id, play.outcome)
						player{world: w, id: id}.consistent(play.outcome)
						if last, err := w.Get(t.Context(), chen, id); err != nil || last.Voted != 2 || len(last.Votes) != 2 {
							t.Errorf("fault at write %d: %+v, %v", at, last, err)
						}
						f.mu.Lock()
						spared := f.left > 0
						f.mu.Unlock()
						if spared {
							if at < 5 {
								t.Errorf("only %d writes were made to fail", at-1)
							}
							return
						}
					}
				})
			}
		}
	}
}

// decide lets two people look and vote, each again after a fault.
func (w *world) decide(id string, choices []enclave.Choice) {
	for range 3 {
		for i, who := range []enclave.Caller{chen, wang} {
			c, err := w.Show(w.t.Context(), who, id)
			if err == nil {
				_, err = w.Vote(w.t.Context(), who, id, ballot(c, choices[i]))
			}
			if reason := enclave.AsError(err); err != nil && !slices.Contains([]string{"INTERNAL", "REVIEW_VOTED", "REVIEW_ENDED"}, reason.Reason) {
				w.t.Errorf("%s cannot go on: %v", who.Name, err)
			}
		}
	}
}

// stubborn is a register of runs behind which something happens before the gate.
type stubborn struct {
	review.Runs
	before func() error
}

func (s stubborn) ReleaseHeld(ctx context.Context, id string, votes []enclave.Vote) error {
	if err := s.before(); err != nil {
		return err
	}
	return s.Runs.ReleaseHeld(ctx, id, votes)
}

// TestTheEnclaveStopsBeforeTheGate finds two votes and no release at the next start.
func TestTheEnclaveStopsBeforeTheGate(t *testing.T) {
	t.Parallel()
	ctx, folder := t.Context(), t.TempDir()
	crashed := newWorld(t, folder, nil)
	crashed.config.Runs = stubborn{crashed.runs, func() error { return errInjected }}
	crashed.Register = review.New(crashed.config)
	id := crashed.held()
	crashed.voted(chen, id, enclave.ChooseRelease, review.Open)
	if _, err := crashed.vote(wang, id, enclave.ChooseRelease); enclave.KindOf(err) != enclave.Internal {
		t.Fatalf("the vote ended with %v", err)
	}
	if r, err := crashed.Get(ctx, chen, id); err != nil || r.State != review.Agreed {
		t.Fatalf("the review is %+v, %v", r, err)
	}
	if _, err := crashed.Show(ctx, zhao, id); enclave.KindOf(err) != enclave.Internal {
		t.Errorf("who looks is told %v", err)
	}
	w := newWorld(t, folder, nil)
	w.Resume(ctx)
	w.ends(id, enclave.Released)
	w.Resume(ctx)
	player{world: w, id: id}.consistent(enclave.Released)
}

// TestAnotherReleaseBeforeTheNextStart finds two votes that a release made void while nobody could finish them. That is nobody's fault: nothing is
// released, and people look again.
func TestAnotherReleaseBeforeTheNextStart(t *testing.T) {
	t.Parallel()
	w := fresh(t)
	var log bytes.Buffer
	w.config.Log = slog.New(slog.NewTextHandler(&log, nil))
	failure := errInjected
	w.config.Runs = stubborn{w.runs, func() error { return failure }}
	w.Register = review.New(w.config)
	id := w.held()
	w.voted(chen, id, enclave.ChooseRelease, review.Open)
	if _, err := w.vote(wang, id, enclave.ChooseRelease); enclave.KindOf(err) != enclave.Internal {
		t.Fatalf("the vote ended with %v", err)
	}
	w.ran(globex, table(40, false), enclave.Released)
	failure = nil
	w.Resume(t.Context())
	if log.Len() > 0 {
		t.Errorf("it is told as a fault: %s", &log)
	}
	if verbs := w.verbs(id); verbs[len(verbs)-1] != "review.void" {
		t.Errorf("the ledger has %v", verbs)
	}
	w.voted(wang, id, enclave.ChooseRelease, review.Open)
	w.voted(chen, id, enclave.ChooseRelease, review.Released)
	player{world: w, id: id}.consistent(enclave.Released)
}

// TestAFaultInOneReviewEndsNothing lets the gate panic over one of two reviews at the start: it stays agreed, and the other is finished.
func TestAFaultInOneReviewEndsNothing(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), fresh(t)
	failure, faulty := errInjected, false
	w.config.Runs = stubborn{w.runs, func() error {
		if faulty {
			faulty = false
			panic("a fault")
		}
		return failure
	}}
	w.Register = review.New(w.config)
	ids := []string{w.held(), w.ran(globex, program(), enclave.Held)}
	for _, id := range ids {
		w.voted(chen, id, enclave.ChooseRelease, review.Open)
		if _, err := w.vote(wang, id, enclave.ChooseRelease); enclave.KindOf(err) != enclave.Internal {
			t.Fatalf("the vote ended with %v", err)
		}
	}
	failure, faulty = nil, true
	w.Resume(ctx)
	if agreed, err := w.store.Reviews().In(ctx, review.Agreed); err != nil || !slices.Equal(agreed, ids[:1]) {
		t.Errorf("agreed are %v of %v, %v", agreed, ids, err)
	}
	w.ends(ids[1], enclave.Released)
}

// TestBetweenTheVotesAndTheGate: what the votes are bound to may change in the moment between the second vote and the gate. Then nothing is
// released, the votes are void, and the voter is told.
func TestBetweenTheVotesAndTheGate(t *testing.T) {
	t.Parallel()
	for reason, before := range map[string]func(*world, string) error{
		"REVIEW_MOVED": func(w *world, _ string) error {
			w.ran(globex, table(40, false), enclave.Released)
			return nil
		},
		"GRANT_NOT_ACTIVE": func(w *world, _ string) error {
			_, err := w.grants.Suspend(w.t.Context(), chen, "grant-acme", "")
			return err
		},
	} {
		w := fresh(t)
		id := w.held()
		once := sync.OnceValue(func() error { return before(w, id) })
		w.config.Runs = stubborn{w.runs, once}
		w.Register = review.New(w.config)
		w.voted(chen, id, enclave.ChooseRelease, review.Open)
		_, err := w.vote(wang, id, enclave.ChooseRelease)
		wants(t, err, enclave.State, reason)
		if r, err := w.Get(t.Context(), chen, id); err != nil || r.State != review.Open || len(r.Votes) != 0 {
			t.Errorf("%s: the review is %+v, %v", reason, r, err)
		}
		if verbs := w.verbs(id); verbs[len(verbs)-1] != "review.void" {
			t.Errorf("%s: the ledger has %v", reason, verbs)
		}
		if reason == "GRANT_NOT_ACTIVE" {
			_, err := w.grants.Resume(t.Context(), chen, "grant-acme", "")
			ok(t, err)
		}
		w.voted(wang, id, enclave.ChooseRelease, review.Open)
		w.voted(chen, id, enclave.ChooseRelease, review.Released)
		player{world: w, id: id}.consistent(enclave.Released)
	}
	// Withdrawn in that moment, it stays inside.
	w := fresh(t)
	id := w.held()
	w.config.Runs = stubborn{w.runs, func() error {
		_, err := w.runs.Cancel(t.Context(), acme, id)
		return err
	}}
	w.Register = review.New(w.config)
	w.voted(chen, id, enclave.ChooseRelease, review.Open)
	w.voted(wang, id, enclave.ChooseRelease, review.Closed)
	player{world: w, id: id}.consistent(enclave.Stopped)
}

// TestVotesAtOnce lets five people vote at the same moment: two votes count.
func TestVotesAtOnce(t *testing.T) {
	t.Parallel()
	voters := []enclave.Caller{chen, wang, zhao, {Role: enclave.Reviewer, Org: "institute", Name: "qian"}, {Role: enclave.Authority, Org: "bureau", Name: "zhou"}}
	for i := range rounds(6) {
		w := fresh(t)
		id := w.held()
		var group sync.WaitGroup
		errs := make([]error, len(voters))
		for v, who := range voters {
			c := w.show(who, id)
			group.Go(func() { _, errs[v] = w.Vote(t.Context(), who, id, ballot(c, choicesOf(i)[v])) })
		}
		group.Wait()
		counted := 0
		for _, err := range errs {
			if e := enclave.AsError(err); e == nil {
				counted++
			} else if !slices.Contains([]string{"REVIEW_ENDED", "REVIEW_TAKEN", "REVIEW_RETURNED"}, e.Reason) {
				t.Error(err)
			}
		}
		r, err := w.Get(t.Context(), chen, id)
		if err != nil || counted != enclave.Approvals || r.State == review.Open || r.State == review.Agreed {
			t.Errorf("%d votes count, the review is %s, %v", counted, r.State, err)
		}
		player{world: w, id: id}.consistent(r.Outcome)
	}
}

// rounds is how often to try what depends on who comes first; twice where time is short.
func rounds(n int) int {
	if testing.Short() {
		return 2
	}
	return n
}

// choicesOf are the choices of five people.
func choicesOf(i int) []enclave.Choice {
	all := []enclave.Choice{enclave.ChooseRelease, enclave.ChooseRelease, enclave.ChooseReject, enclave.ChooseRelease, enclave.ChooseReturn}
	return slices.Concat(all[i%len(all):], all[:i%len(all)])
}

// TestAVoteBesideAnotherRelease lets the second vote and another release of the same data come at once, in whatever order: the votes count for the
// history that both people saw, or not at all.
func TestAVoteBesideAnotherRelease(t *testing.T) {
	t.Parallel()
	for range rounds(8) {
		w := fresh(t)
		id := w.held()
		w.voted(chen, id, enclave.ChooseRelease, review.Open)
		c := w.show(wang, id)
		other, err := w.runs.Submit(t.Context(), globex, request(globex, table(40, false)))
		ok(t, err)
		_, err = w.Vote(t.Context(), wang, id, ballot(c, enclave.ChooseRelease))
		w.ends(other.ID, enclave.Released)
		if err != nil {
			wants(t, err, enclave.State, "REVIEW_MOVED")
			if r, err := w.Get(t.Context(), chen, id); err != nil || r.State != review.Open || len(r.Votes) != 0 {
				t.Errorf("the review is %+v, %v", r, err)
			}
			w.decide(id, []enclave.Choice{enclave.ChooseRelease, enclave.ChooseRelease})
		}
		w.ends(id, enclave.Released)
		player{world: w, id: id}.consistent(enclave.Released)
		if w.version() != 2 {
			t.Errorf("the history is at %d", w.version())
		}
	}
}

// TestNothingIsShownBeforeTheLedgerHasIt lets the ledger fail.
func TestNothingIsShownBeforeTheLedgerHasIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir(), func(w *world) {
		w.config.Await = func(context.Context, string) error { return enclave.Fail(enclave.Unavailable, "LEDGER_UNAVAILABLE") }
	})
	c, err := w.Show(t.Context(), chen, w.held())
	wants(t, err, enclave.Unavailable, "LEDGER_UNAVAILABLE")
	if c.Manifest != nil || c.Preview.Rows != nil {
		t.Errorf("shown %+v", c)
	}
}
