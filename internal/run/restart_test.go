package run_test

import (
	"path/filepath"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

// TestACrashWhileRunsAreAtWork abandons a world as a killed process does; the next one takes up every run.
func TestACrashWhileRunsAreAtWork(t *testing.T) {
	t.Parallel()
	ctx, folder := t.Context(), t.TempDir()
	crashed := newWorld(t, folder, func(w *world) { w.config.Workers = 1 })
	crashed.furnish()
	ok(t, crashed.Start(ctx))
	atWork, queued := crashed.submit(acme, "hang"), crashed.submit(globex, "ok")
	<-crashed.rooms.hung

	w := newWorld(t, folder)
	close(w.rooms.let)
	ok(t, w.Start(ctx))
	for _, id := range []string{atWork.ID, queued.ID} {
		if got := w.end(id); got.Outcome != enclave.Released {
			t.Errorf("got %+v", got)
		}
		if acts := w.acts("runs/" + id); len(acts) != 2 {
			t.Errorf("acts %+v", acts)
		}
	}
	if state, err := w.store.Runs().Get(ctx, atWork.ID); err != nil || state.Attempts != 2 {
		t.Errorf("%d attempts, %v", state.Attempts, err)
	}
}

// TestACrashBetweenRecordAndRelease finds the release recorded: it is released as it is, and not executed again.
func TestACrashBetweenRecordAndRelease(t *testing.T) {
	t.Parallel()
	ctx, folder := t.Context(), t.TempDir()
	crashed := newWorld(t, folder)
	crashed.furnish()
	hold := make(chan struct{})
	crashed.ledger.hold = hold
	ok(t, crashed.Start(ctx))
	r := crashed.submit(acme, "ok")
	crashed.reach(r.ID, enclave.StageRelease)
	for state := (run.State{}); state.Progress != run.Recorded; {
		var err error
		state, err = crashed.store.Runs().Get(ctx, r.ID)
		ok(t, err)
	}

	w := newWorld(t, folder, func(w *world) { w.config.Path = &enclave.Enclave{} }) // would panic
	ok(t, w.Start(ctx))
	if got := w.end(r.ID); got.Outcome != enclave.Released {
		t.Errorf("got %+v", got)
	}
	if result, err := w.Result(ctx, r.ID); err != nil || string(result) != "result of ok" {
		t.Errorf("result %q, %v", result, err)
	}
	close(hold)
}

// TestARunThatTakesTheEnclaveDown is tried a few times, then fails.
func TestARunThatTakesTheEnclaveDown(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), newWorld(t, t.TempDir())
	w.furnish()
	r := w.submit(acme, "ok")
	for range 3 {
		ok(t, w.store.Runs().Begin(ctx, r.ID))
	}
	ok(t, w.Start(ctx))
	if got := w.end(r.ID); got.Outcome != enclave.Failed || got.Reasons[0].Code != "RUN_INTERRUPTED" {
		t.Errorf("got %+v", got)
	}
}

// TestCloseGivesRunsBack stops an endless run without an outcome, and without counting the attempt.
func TestCloseGivesRunsBack(t *testing.T) {
	t.Parallel()
	ctx, folder := t.Context(), t.TempDir()
	w := newWorld(t, folder)
	w.furnish()
	ok(t, w.Start(ctx))
	r := w.submit(acme, "hang")
	<-w.rooms.hung
	watching, left := make(chan struct{}), make(chan error)
	go func() {
		first := true
		left <- w.Watch(ctx, r.ID, func(enclave.Run) error {
			if first {
				close(watching)
				first = false
			}
			return nil
		})
	}()
	<-watching
	ok(t, w.Close(ended()))
	wants(t, <-left, enclave.Unavailable, "RUN_SERVICE_CLOSING")
	state, err := w.store.Runs().Get(ctx, r.ID)
	if err != nil || state.Progress != run.Queued || state.Attempts != 0 || state.Outcome != "" {
		t.Errorf("got %+v, %v", state, err)
	}
	if acts := w.acts("runs/" + r.ID); len(acts) != 1 {
		t.Errorf("acts %+v", acts)
	}
	next := newWorld(t, folder)
	close(next.rooms.let)
	ok(t, next.Start(ctx))
	if got := next.end(r.ID); got.Outcome != enclave.Released {
		t.Errorf("got %+v", got)
	}
}

// TestStartSweepsWhatACrashLeft removes outputs that no decision names, and keeps the others.
func TestStartSweepsWhatACrashLeft(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	w := newWorld(t, folder)
	w.furnish()
	ok(t, w.Start(t.Context()))
	held := w.submit(acme, "hold")
	w.end(held.ID)
	_, err := w.results.Put([]byte("judged, never recorded"))
	ok(t, err)
	next := newWorld(t, folder)
	ok(t, next.Start(t.Context()))
	if n := filesIn(t, filepath.Join(folder, "results")); n != 2 {
		t.Errorf("%d files", n)
	}
	for _, named := range [][]byte{wasm, []byte("result of hold")} {
		if _, err := next.results.Get(enclave.DigestOf(named)); err != nil {
			t.Errorf("%s: %v", named, err)
		}
	}
}
