package run_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

// TestHeldOutputs are what was recorded, with the bytes as long as something keeps them.
func TestHeldOutputs(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), started(t)
	r := w.submit(acme, "hold")
	w.end(r.ID)
	held, reasons, err := w.Held(ctx, r.ID)
	if err != nil || string(held.Bytes) != "result of hold" || held.Footprint == nil || held.Dataset.Name != "visits" || held.Run.Outcome != enclave.Held ||
		held.Facts.MinSubjects != 1 || held.Profile.Threshold != 10 || held.Policy != (rules{}).Revision() || reasons[0].Code != "OUTPUT_CRAFTED" {
		t.Errorf("held %+v, %v, %v", held, reasons, err)
	}
	_, err = w.Cancel(ctx, globex, r.ID)
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	canceled, err := w.Cancel(ctx, acme, r.ID)
	if err != nil || canceled.Outcome != enclave.Stopped || canceled.Reasons[0].Code != "RUN_CANCELED" || canceled.Finished.IsZero() {
		t.Errorf("withdrawn %+v, %v", canceled, err)
	}
	_, err = w.Cancel(ctx, acme, r.ID)
	wants(t, err, enclave.State, "RUN_ENDED")
	if held, _, err := w.Held(ctx, r.ID); err != nil || held.Bytes != nil || held.Footprint != nil {
		t.Errorf("after it was withdrawn %+v, %v", held, err)
	}
	if acts := w.acts("runs/" + r.ID); len(acts) != 3 || acts[2].Verb != "run.cancel" {
		t.Errorf("acts %+v", acts)
	}
	_, _, err = w.Held(ctx, w.submit(acme, "trap").ID)
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
}

// TestOnlyVotesReleaseWhatIsHeld asks the gate with none, with one, and after the run was withdrawn.
func TestOnlyVotesReleaseWhatIsHeld(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), started(t)
	r := w.submit(acme, "hold")
	w.end(r.ID)
	vote := func(name string) enclave.Vote {
		return enclave.Vote{
			Voter:  enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: name},
			Choice: enclave.ChooseRelease, Output: enclave.DigestOf([]byte("result of hold")), Round: 1,
		}
	}
	for _, votes := range [][]enclave.Vote{nil, {vote("chen")}, {vote("chen"), vote("chen")}} {
		wants(t, w.ReleaseHeld(ctx, r.ID, votes), enclave.State, "VOTES_NOT_ENOUGH")
	}
	both := []enclave.Vote{vote("chen"), vote("zhou")}
	wants(t, w.ReleaseHeld(ctx, r.ID, both), enclave.State, "RUN_ENDED") // the review knows of no agreement
	state, err := w.store.Runs().Get(ctx, r.ID)
	if err != nil || state.Outcome != enclave.Held || state.Progress != run.Ended {
		t.Errorf("the run is %+v, %v", state, err)
	}
	_, err = w.Cancel(ctx, acme, r.ID)
	ok(t, err)
	wants(t, w.ReleaseHeld(ctx, r.ID, both), enclave.State, "VOTES_NOT_ENOUGH")
}

// TestHeldOutputsExpire: what nobody decides is withdrawn on the last of its days, that is recorded, and what it was is destroyed.
func TestHeldOutputsExpire(t *testing.T) {
	t.Parallel()
	ctx, folder := t.Context(), t.TempDir()
	w := newWorld(t, folder)
	w.furnish()
	ok(t, w.Start(ctx))
	r, other := w.submit(acme, "hold"), w.submit(acme, "ok")
	w.end(r.ID)
	w.end(other.ID)
	began, written := w.now(), time.Now().Add(-2*time.Hour)
	for _, of := range []string{"hold", "ok"} {
		ok(t, os.Chtimes(filepath.Join(folder, "results", enclave.DigestOf([]byte("result of "+of)).String()), written, written))
	}
	for _, c := range []struct {
		after time.Duration
		want  enclave.Outcome
	}{{89 * 24 * time.Hour, enclave.Held}, {90*24*time.Hour + time.Minute, enclave.Stopped}, {91 * 24 * time.Hour, enclave.Stopped}} {
		w.now = func() time.Time { return began.Add(c.after) }
		ok(t, w.Tidy(ctx))
		if got, err := w.Get(ctx, r.ID); err != nil || got.Outcome != c.want {
			t.Fatalf("after %s: %+v, %v", c.after, got, err)
		}
	}
	got, err := w.Get(ctx, r.ID)
	if err != nil || len(got.Reasons) != 1 || got.Reasons[0].Code != "RUN_EXPIRED" || got.Reasons[0].Args["days"] != "90" {
		t.Errorf("withdrawn as %+v, %v", got, err)
	}
	acts := w.acts("runs/" + r.ID)
	if len(acts) != 3 || acts[2].Verb != "run.expire" || acts[2].Actor.Role != enclave.SelfOrg || acts[2].Detail["days"] != "90" {
		t.Errorf("acts %+v", acts)
	}
	_, err = w.results.Get(enclave.DigestOf([]byte("result of hold")))
	wants(t, err, enclave.NotFound, "FILE_NOT_FOUND")
	_, err = w.results.Get(enclave.DigestOf([]byte("result of ok")))
	ok(t, err)
	if got, err := w.Get(ctx, other.ID); err != nil || got.Outcome != enclave.Released {
		t.Errorf("what was released is %+v, %v", got, err)
	}
}
