package run_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

// halting is the path of a run, on which the first run to come there stops before a stage, until it is let go or stopped.
type halting struct {
	run.Path
	stage enclave.Stage
	once  chan struct{} // holds one token: the right to stop
	there chan struct{} // closed when the run is there
	let   chan struct{}
}

func (h *halting) Run(ctx context.Context, order *enclave.Order, progress func(enclave.Stage)) error {
	return h.Path.Run(ctx, order, func(stage enclave.Stage) {
		progress(stage)
		if stage != h.stage {
			return
		}
		select {
		case <-h.once:
		default:
			return
		}
		close(h.there)
		select {
		case <-h.let:
		case <-ctx.Done():
		}
	})
}

// halted is a world with a run that stopped before a stage and one that waits.
func halted(t *testing.T, folder string, stage enclave.Stage) (w *world, at *halting, there, waiting enclave.Run) {
	t.Helper()
	at = &halting{stage: stage, once: make(chan struct{}, 1), there: make(chan struct{}), let: make(chan struct{})}
	at.once <- struct{}{}
	w = newWorld(t, folder, func(w *world) {
		w.config.Workers = 1
		at.Path = w.path(w.gate)
		w.config.Path = at
	})
	w.furnish()
	ok(t, w.Start(t.Context()))
	there = w.submit(acme, "ok")
	<-at.there
	return w, at, there, w.submit(globex, "ok")
}

// eachStage plays at every stage of the path.
func eachStage(t *testing.T, play func(t *testing.T, stage enclave.Stage)) {
	t.Helper()
	for _, stage := range enclave.Stages() {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			play(t, stage)
		})
	}
}

// released checks that a run was released, once.
func (w *world) released(id string) {
	w.t.Helper()
	got, acts := w.end(id), w.acts("runs/"+id)
	if got.Outcome != enclave.Released || len(acts) != 2 || acts[1].Verb != "run.release" {
		w.t.Errorf("got %+v, acts %+v", got, acts)
	}
}

// TestCancelAtEveryStage: a run stops wherever it is, until it is recorded. It leaves nothing, and its worker is free.
func TestCancelAtEveryStage(t *testing.T) {
	t.Parallel()
	eachStage(t, func(t *testing.T, stage enclave.Stage) {
		t.Helper()
		folder := t.TempDir()
		w, at, there, waiting := halted(t, folder, stage)
		got, err := w.Cancel(t.Context(), acme, there.ID)
		if stage == enclave.StageRelease {
			wants(t, err, enclave.State, "RUN_ENDED")
			close(at.let)
			w.released(there.ID)
			w.released(waiting.ID)
			return
		}
		if err != nil || got.Outcome != enclave.Stopped || got.Stage != stage || got.Reasons[0].Code != "RUN_CANCELED" {
			t.Errorf("got %+v, %v", got, err)
		}
		w.released(waiting.ID)
		if acts := w.acts("runs/" + there.ID); len(acts) != 2 || acts[1].Verb != "run.cancel" {
			t.Errorf("acts %+v", acts)
		}
		if version, err := w.gate.History(t.Context(), "visits"); err != nil || version != 1 {
			t.Errorf("history %d, %v", version, err)
		}
		_, err = w.store.Runs().Decision(t.Context(), there.ID)
		wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	})
}

// TestCloseLetsRunsFinish: whatever stage a run is at, it comes to its end before the register is closed; one that waits is left to the next start.
func TestCloseLetsRunsFinish(t *testing.T) {
	t.Parallel()
	eachStage(t, func(t *testing.T, stage enclave.Stage) {
		t.Helper()
		folder := t.TempDir()
		w, at, there, waiting := halted(t, folder, stage)
		closed := make(chan error, 1)
		go func() { closed <- w.Close(t.Context()) }()
		watched := w.Watch(t.Context(), waiting.ID, func(enclave.Run) error { return nil })
		close(at.let)
		ok(t, <-closed)
		w.released(there.ID)
		left, err := w.store.Runs().Get(t.Context(), waiting.ID)
		// What is recorded has left its worker, and the one that waited may have come to its end too.
		finished := stage == enclave.StageRelease && left.Outcome == enclave.Released
		if !finished || watched != nil {
			wants(t, watched, enclave.Unavailable, "RUN_SERVICE_CLOSING")
		}
		if err != nil || !finished && (left.Progress != run.Queued || left.Attempts != 0) {
			t.Errorf("the one that waited: %+v, %v", left, err)
		}
		next := newWorld(t, folder)
		ok(t, next.Start(t.Context()))
		next.released(waiting.ID)
	})
}

// TestCloseThatCannotWait: a run is given back wherever it is, as if it had never begun, unless it is recorded; then it is released.
func TestCloseThatCannotWait(t *testing.T) {
	t.Parallel()
	eachStage(t, func(t *testing.T, stage enclave.Stage) {
		t.Helper()
		folder := t.TempDir()
		w, _, there, waiting := halted(t, folder, stage)
		ok(t, w.Close(ended()))
		state, err := w.store.Runs().Get(t.Context(), there.ID)
		if stage == enclave.StageRelease {
			if err != nil || state.Outcome != enclave.Released {
				t.Errorf("got %+v, %v", state, err)
			}
		} else if err != nil || state.Progress != run.Queued || state.Attempts != 0 || state.Outcome != "" || len(w.acts("runs/"+there.ID)) != 1 {
			t.Errorf("got %+v, %v", state, err)
		}
		next := newWorld(t, folder)
		ok(t, next.Start(t.Context()))
		next.released(there.ID)
		next.released(waiting.ID)
		if n := filesIn(t, filepath.Join(folder, "results")); n != 2 {
			t.Errorf("%d files are kept, want the module and the output that both have", n)
		}
	})
}
