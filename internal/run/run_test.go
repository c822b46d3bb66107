package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

func TestARunIsReleased(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), started(t)
	submitted := w.submit(acme, "ok")
	if submitted.Stage != enclave.StageQueued || submitted.Outcome != "" || submitted.Dataset != "visits" || submitted.Snapshot != enclave.DigestOf([]byte("snapshot")) ||
		submitted.Policy != (rules{}).Revision() || submitted.Scenario != "planning" {
		t.Errorf("submitted %+v", submitted)
	}
	ended := w.end(submitted.ID)
	if ended.Outcome != enclave.Released || ended.Stage != enclave.StageRelease || ended.Finished.IsZero() || len(ended.Reasons) != 0 ||
		ended.Result != enclave.DigestOf([]byte("result of ok")) {
		t.Errorf("ended %+v", ended)
	}
	result, err := w.Result(ctx, submitted.ID)
	if err != nil || string(result) != "result of ok" {
		t.Errorf("result %q, %v", result, err)
	}
	acts := w.acts("runs/" + submitted.ID)
	if len(acts) != 2 || acts[0].Verb != "run.submit" || acts[0].Actor != acme || acts[0].Detail["fuel"] != "0" || acts[1].Verb != "run.release" {
		t.Fatalf("acts %+v", acts)
	}
	decision, err := w.store.Runs().Decision(ctx, submitted.ID)
	ok(t, err)
	params, err := enclave.DigestJSON(submitted.Params)
	ok(t, err)
	profile, err := enclave.DigestJSON(decision.Profile)
	ok(t, err)
	want := map[string]string{
		"grant": "grant-acme", "scenario": "planning", "operator": "acme", "dataset": "visits", "history": "0", "profile": "strict",
		"module": submitted.Module.String(), "snapshot": submitted.Snapshot.String(), "params": params.String(),
		"policy": submitted.Policy.String(), "profile_digest": profile.String(),
		"facts": enclave.DigestOf([]byte(decision.Evidence)).String(), "result": ended.Result.String(),
	}
	if !maps.Equal(acts[1].Detail, want) {
		t.Errorf("the act says %v, want %v", acts[1].Detail, want)
	}
	var evidence run.Evidence
	ok(t, json.Unmarshal([]byte(decision.Evidence), &evidence))
	if evidence.Facts.Cells.Published != 1 || evidence.Facts.Operator != "acme" || len(evidence.Salt) != 26 {
		t.Errorf("evidence %+v", evidence)
	}
	receipt, err := w.Receipt(ctx, submitted.ID)
	if err != nil || string(receipt) != `{"act":"`+acts[1].ID+`"}` {
		t.Errorf("receipt %s, %v", receipt, err)
	}
	if list, _, err := w.List(ctx, "acme", enclave.Page{Size: 5}); err != nil || len(list) != 1 || list[0].Result != ended.Result {
		t.Errorf("list %+v, %v", list, err)
	}
}

func TestNothingIsFetchableBeforeTheCheckpoint(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), started(t)
	hold := make(chan struct{})
	w.ledger.hold = hold
	r := w.submit(acme, "ok")
	waiting := w.reach(r.ID, enclave.StageRelease)
	if waiting.Outcome != "" || !waiting.Result.IsZero() {
		t.Errorf("waiting: %+v", waiting)
	}
	_, err := w.Result(ctx, r.ID)
	wants(t, err, enclave.State, "RESULT_NOT_RELEASED")
	_, err = w.Receipt(ctx, r.ID)
	wants(t, err, enclave.State, "RESULT_NOT_RELEASED")
	_, err = w.Cancel(ctx, acme, r.ID)
	wants(t, err, enclave.State, "RUN_ENDED")
	close(hold)
	if got := w.end(r.ID); got.Outcome != enclave.Released {
		t.Errorf("after the checkpoint: %+v", got)
	}
}

// Runs that wait for the ledger keep no worker from others; but only so many do, or a ledger that is out of order would have the enclave's
// memory filled with them.
func TestWhatWaitsForTheLedgerLeavesItsWorker(t *testing.T) {
	t.Parallel()
	w := started(t, func(w *world) { w.config.Workers = 1 })
	hold := make(chan struct{})
	w.ledger.hold = hold
	var all []enclave.Run
	for range 5 {
		r := w.submit(acme, "ok")
		w.reach(r.ID, enclave.StageRelease)
		all = append(all, r)
	}
	last := w.submit(globex, "ok")
	if r, err := w.Get(t.Context(), last.ID); err != nil || r.Stage != enclave.StageQueued {
		t.Errorf("the only worker waits, and the next is %+v, %v", r, err)
	}
	close(hold)
	for _, r := range append(all, last) {
		if got := w.end(r.ID); got.Outcome != enclave.Released {
			t.Errorf("got %+v", got)
		}
	}
}

func TestTheLedgerIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := started(t)
	w.ledger.fails = 3
	if got := w.end(w.submit(acme, "ok").ID); got.Outcome != enclave.Released {
		t.Errorf("got %+v", got)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), started(t)
	for do, want := range map[string]struct {
		outcome      enclave.Outcome
		reason, verb string
		stage        enclave.Stage
	}{
		"trap":      {enclave.Failed, "MODULE_TRAP", "run.fail", enclave.StageExecute},
		"panic":     {enclave.Failed, "INTERNAL", "run.fail", enclave.StageExecute},
		"fault":     {enclave.Failed, "INTERNAL", "run.fail", enclave.StageExecute},
		"forbidden": {enclave.Denied, "GROUP_BY_IDENTITY", "run.deny", enclave.StageAdmit},
		"hold":      {enclave.Held, "OUTPUT_CRAFTED", "run.hold", enclave.StageRecord},
		"deny":      {enclave.Denied, "OUTPUT_UNSAFE", "run.deny", enclave.StageRecord},
	} {
		r := w.submit(acme, do)
		got := w.end(r.ID)
		if got.Outcome != want.outcome || len(got.Reasons) != 1 || got.Reasons[0].Code != want.reason || got.Reasons[0].Args != nil ||
			got.Stage != want.stage || got.Finished.IsZero() || !got.Result.IsZero() {
			t.Errorf("%s: %+v", do, got)
		}
		acts := w.acts("runs/" + r.ID)
		last := acts[len(acts)-1]
		if do == "deny" {
			want.reason = "DOMINANCE" // the ledger tells auditors
		}
		if len(acts) != 2 || last.Verb != want.verb || last.Detail["reason"] != want.reason || last.Detail["result"] != "" {
			t.Errorf("%s: acts %+v", do, acts)
		}
		if held := last.Detail["held"] != ""; held != (do == "hold") {
			t.Errorf("%s names its output: %v", do, last.Detail)
		}
		_, err := w.Result(ctx, r.ID)
		wants(t, err, enclave.State, "RESULT_NOT_RELEASED")
	}
	if n := filesIn(t, filepath.Join(w.folder, "results")); n != 2 {
		t.Errorf("%d files are kept, want the module and the held output", n)
	}
	if version, err := w.gate.History(ctx, "visits"); err != nil || version != 0 {
		t.Errorf("history %d, %v", version, err)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), started(t, func(w *world) { w.config.Workers = 1 })
	working, waiting := w.submit(acme, "hang"), w.submit(acme, "ok")
	<-w.rooms.hung
	_, err := w.Cancel(ctx, globex, working.ID)
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	_, err = w.Cancel(ctx, acme, "nobody")
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	// The one that waits first: once the other has stopped, the worker takes it up.
	for _, c := range []struct {
		run    string
		caller enclave.Caller
	}{{waiting.ID, acme}, {working.ID, bureau}} {
		r, caller := c.run, c.caller
		got, err := w.Cancel(ctx, caller, r)
		if err != nil || got.Outcome != enclave.Stopped || got.Reasons[0].Code != "RUN_CANCELED" {
			t.Errorf("canceled %+v, %v", got, err)
		}
		acts := w.acts("runs/" + r)
		if last := acts[len(acts)-1]; last.Verb != "run.cancel" || last.Actor != caller || len(acts) != 2 {
			t.Errorf("acts %+v", acts)
		}
		_, err = w.Cancel(ctx, caller, r)
		wants(t, err, enclave.State, "RUN_ENDED")
	}
	// The only worker is free again, and does not take up what was canceled.
	if got := w.end(w.submit(acme, "ok").ID); got.Outcome != enclave.Released {
		t.Errorf("the next run: %+v", got)
	}
}

func TestARunThatTakesTooLong(t *testing.T) {
	t.Parallel()
	w := started(t, func(w *world) { w.config.Limit, w.config.Workers = time.Millisecond, 1 })
	for range 2 { // the only worker is free again
		r := w.submit(acme, "hang")
		got := w.end(r.ID)
		if got.Outcome != enclave.Failed || len(got.Reasons) != 1 || got.Reasons[0].Code != "RUN_TOO_LONG" || got.Reasons[0].Args["limit"] != "1ms" {
			t.Errorf("ended %+v", got)
		}
		if acts := w.acts("runs/" + r.ID); len(acts) != 2 || acts[1].Verb != "run.fail" || acts[1].Detail["reason"] != "RUN_TOO_LONG" {
			t.Errorf("acts %+v", acts)
		}
	}
}

// TestTimesAreCoarse has every way in which a run ends: the run, the act and the gate's decision all say the next whole step, and nothing
// finer.
func TestTimesAreCoarse(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(enclave.TimeStep).Add(time.Millisecond)
	want := now.Truncate(enclave.TimeStep).Add(enclave.TimeStep)
	w := started(t, func(w *world) { w.now = func() time.Time { return now } })
	for _, do := range []string{"ok", "hold", "deny", "trap", "forbidden", "hang"} {
		r := w.submit(acme, do)
		if do == "hang" {
			<-w.rooms.hung
			_, err := w.Cancel(t.Context(), acme, r.ID)
			ok(t, err)
		}
		ended, acts := w.end(r.ID), w.acts("runs/"+r.ID)
		if !ended.Finished.Equal(want) || len(acts) != 2 || !acts[1].Time.Equal(want) {
			t.Errorf("%s: finished %v, acts %+v; want %v", do, ended.Finished, acts, want)
		}
		if d, err := w.Decision(t.Context(), r.ID); err == nil && !d.Time.Equal(want) {
			t.Errorf("%s: decided %v, want %v", do, d.Time, want)
		}
	}
}

func TestOnlyTheNewestSnapshotIsRead(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), newWorld(t, t.TempDir())
	w.furnish()
	pinned := func(snapshot string) (enclave.Run, error) {
		asked := request(acme, "ok")
		asked.Snapshot = &run.SnapshotRef{Dataset: "visits", Digest: enclave.DigestOf([]byte(snapshot))}
		return w.Submit(ctx, acme, asked)
	}
	if r, err := pinned("snapshot"); err != nil || r.Snapshot != enclave.DigestOf([]byte("snapshot")) {
		t.Errorf("the only snapshot: %+v, %v", r, err)
	}
	description, err := w.visits().Digest()
	ok(t, err)
	corrected := enclave.Snapshot{Dataset: "visits", Digest: enclave.DigestOf([]byte("corrected")), Description: description, Loaded: time.Now()}
	ok(t, w.store.Catalog().AddSnapshot(ctx, corrected, enclave.NewAct(time.Now(), bureau, "furnish", "x")))
	_, err = pinned("snapshot")
	wants(t, err, enclave.State, "SNAPSHOT_NOT_NEWEST")
	if r, err := pinned("corrected"); err != nil || r.Snapshot != corrected.Digest {
		t.Errorf("the newest: %+v, %v", r, err)
	}
}

func TestAGrantThatEndsMeanwhile(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), started(t)
	r := w.submit(acme, "hang")
	<-w.rooms.hung
	_, err := w.grants.Suspend(ctx, bureau, "grant-acme", "look")
	ok(t, err)
	close(w.rooms.let)
	got := w.end(r.ID)
	if got.Outcome != enclave.Failed || got.Reasons[0].Code != "GRANT_NOT_ACTIVE" {
		t.Errorf("got %+v", got)
	}
	_, err = w.Submit(ctx, acme, request(acme, "ok"))
	wants(t, err, enclave.State, "GRANT_NOT_ACTIVE")
	_, err = w.store.Runs().Decision(ctx, r.ID)
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
}

func TestSubmissionsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), newWorld(t, t.TempDir(), func(w *world) { w.config.Waiting = 2 })
	w.furnish()
	elsewhere := &run.SnapshotRef{Dataset: "incomes", Digest: enclave.DigestOf([]byte("snapshot"))}
	unknown := &run.SnapshotRef{Dataset: "visits", Digest: enclave.DigestOf([]byte("nothing"))}
	for name, test := range map[string]struct {
		caller enclave.Caller
		spoil  func(*run.Request)
		kind   enclave.Kind
		reason string
	}{
		"another's grant":   {acme, func(r *run.Request) { r.Grant = "grant-globex" }, enclave.NotFound, "GRANT_NOT_FOUND"},
		"no grant":          {acme, func(r *run.Request) { r.Grant = "nothing" }, enclave.NotFound, "GRANT_NOT_FOUND"},
		"unknown module":    {acme, func(r *run.Request) { r.Module = enclave.Digest{} }, enclave.NotFound, "MODULE_NOT_FOUND"},
		"other snapshot":    {acme, func(r *run.Request) { r.Snapshot = elsewhere }, enclave.Invalid, "RUN_SNAPSHOT_DATASET"},
		"unknown snapshot":  {acme, func(r *run.Request) { r.Snapshot = unknown }, enclave.NotFound, "SNAPSHOT_NOT_FOUND"},
		"unknown parameter": {acme, func(r *run.Request) { r.Params["x"] = "1" }, enclave.Invalid, "PARAM_UNKNOWN"},
		"out of its domain": {acme, func(r *run.Request) { r.Params["do"] = "harm" }, enclave.Invalid, "PARAM_OUT_OF_DOMAIN"},
	} {
		asked := request(test.caller, "ok")
		test.spoil(&asked)
		if _, err := w.Submit(ctx, test.caller, asked); err == nil || enclave.AsError(err).Kind != test.kind || enclave.AsError(err).Reason != test.reason {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, _, err := w.List(ctx, "", enclave.Page{Size: 5}); err != nil || len(list) != 0 {
		t.Errorf("queued: %v, %v", list, err)
	}
	first := w.submit(acme, "ok")
	w.submit(acme, "ok")
	_, err := w.Submit(ctx, acme, request(acme, "ok"))
	wants(t, err, enclave.Limit, "RUN_QUEUE_FULL")
	_, err = w.Cancel(ctx, acme, first.ID)
	ok(t, err)
	w.submit(acme, "ok")
	w.submit(globex, "ok")
}

// verdicts collects verdicts instead of recording them.
type verdicts struct {
	enclave.Recorder
	kept chan *enclave.Verdict
}

func (v verdicts) Record(_ context.Context, verdict *enclave.Verdict) error {
	v.kept <- verdict
	return nil
}

func (verdicts) Release(context.Context, string) error { return nil }

// TestTwoVerdictsOverOneHistory records two outputs that were measured against the same history: one wins. A verdict opens the record
// once.
func TestTwoVerdictsOverOneHistory(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), newWorld(t, t.TempDir())
	w.furnish()
	kept := make(chan *enclave.Verdict, 2)
	path := w.path(verdicts{w.gate, kept})
	for _, do := range []string{"b1", "b2"} {
		r := w.submit(acme, do)
		ok(t, w.store.Runs().Begin(ctx, r.ID))
		snapshot, err := w.store.Catalog().Snapshot(ctx, "visits", r.Snapshot)
		ok(t, err)
		order := &enclave.Order{
			Run: r, Module: &enclave.Module{Digest: r.Module, Bytes: wasm, Manifest: manifest()},
			Dataset: w.visits(), Snapshot: snapshot, Policy: rules{},
		}
		order.Grant, err = w.grants.Get(ctx, r.Grant)
		ok(t, err)
		ok(t, path.Run(ctx, order, func(enclave.Stage) {}))
	}
	both := []*enclave.Verdict{<-kept, <-kept}
	errs := make([]error, 2)
	var group sync.WaitGroup
	for i, verdict := range both {
		group.Go(func() { errs[i] = w.gate.Record(ctx, verdict) })
	}
	group.Wait()
	if errs[0] != nil {
		errs[0], errs[1] = errs[1], errs[0]
	}
	ok(t, errs[0])
	wants(t, errs[1], enclave.State, "HISTORY_MOVED")
	if version, err := w.gate.History(ctx, "visits"); err != nil || version != 1 {
		t.Errorf("history %d, %v", version, err)
	}
	for _, verdict := range both {
		wants(t, w.gate.Record(ctx, verdict), enclave.Internal, "INTERNAL")
	}
}

// TestReleasesOfOneDatasetAllCome lets runs overtake each other between measurement and record: the path measures again, none is lost.
func TestReleasesOfOneDatasetAllCome(t *testing.T) {
	t.Parallel()
	gathered := make(chan struct{})
	var count sync.Mutex
	arrived := 0
	w := started(t, func(w *world) {
		w.config.Workers = 4
		w.rooms.between = func() {
			count.Lock()
			if arrived++; arrived == 3 {
				close(gathered)
			}
			count.Unlock()
			<-gathered
		}
	})
	var ids []string
	for _, do := range []string{"b1", "b2", "b3"} {
		ids = append(ids, w.submit(acme, do).ID)
	}
	for _, id := range ids {
		if got := w.end(id); got.Outcome != enclave.Released {
			t.Errorf("got %+v", got)
		}
	}
	if version, err := w.gate.History(t.Context(), "visits"); err != nil || version != 3 {
		t.Errorf("history %d, %v", version, err)
	}
	if arrived < 4 {
		t.Errorf("measured %d times: nobody was overtaken", arrived)
	}
}

func TestEndlessModulesLeaveRoom(t *testing.T) {
	t.Parallel()
	w := started(t)
	for range 5 {
		w.submit(acme, "hang")
	}
	<-w.rooms.hung
	<-w.rooms.hung
	if got := w.end(w.submit(globex, "ok").ID); got.Outcome != enclave.Released {
		t.Errorf("another operator's run: %+v", got)
	}
	select {
	case <-w.rooms.hung:
		t.Error("one operator took every worker")
	default:
	}
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	w := started(t)
	r := w.submit(acme, "hang")
	<-w.rooms.hung
	ctx, cancel := context.WithCancel(t.Context())
	err := w.Watch(ctx, r.ID, func(enclave.Run) error {
		cancel()
		return nil
	})
	wants(t, err, enclave.Canceled, "RUN_WATCH_ENDED")
	if err := w.Watch(t.Context(), r.ID, func(enclave.Run) error { return errSeen }); !errors.Is(err, errSeen) {
		t.Errorf("got %v", err)
	}
	wants(t, w.Watch(t.Context(), "nobody", nil), enclave.NotFound, "RUN_NOT_FOUND")

	var stages []enclave.Stage
	finished := make(chan error)
	sent := make(chan struct{}, 100)
	go func() {
		finished <- w.Watch(t.Context(), r.ID, func(r enclave.Run) error {
			stages = append(stages, r.Stage)
			sent <- struct{}{}
			return nil
		})
	}()
	<-sent
	close(w.rooms.let)
	ok(t, <-finished)
	if first, last := stages[0], stages[len(stages)-1]; first != enclave.StageExecute || last != enclave.StageRelease || !slices.IsSortedFunc(stages, func(a, b enclave.Stage) int {
		return slices.Index(enclave.Stages(), a) - slices.Index(enclave.Stages(), b)
	}) {
		t.Errorf("stages %v", stages)
	}
}

// TestManyAtOnce is for the race detector: operators submit, watch and cancel beside each other, and every run ends once.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := started(t)
	var group sync.WaitGroup
	ids := make([]string, 24)
	for i := range ids {
		group.Go(func() {
			caller := []enclave.Caller{acme, globex}[i%2]
			r, err := w.Submit(t.Context(), caller, request(caller, []string{"ok", "hold", "trap", "hang"}[i%4]))
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = r.ID
			if i%3 == 0 || i%4 == 3 {
				if _, err := w.Cancel(t.Context(), caller, r.ID); err != nil && enclave.AsError(err).Reason != "RUN_ENDED" {
					t.Error(err)
				}
			}
			if err := w.Watch(t.Context(), r.ID, func(enclave.Run) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, id := range ids {
		r, err := w.Get(t.Context(), id)
		var verbs []string
		for _, act := range w.acts("runs/" + id) {
			verbs = append(verbs, act.Verb)
		}
		if err != nil || r.Outcome == "" || len(verbs) != 2 || !strings.HasPrefix(verbs[1], "run.") {
			t.Errorf("run %s: %s, acts %v, %v", id, r.Outcome, verbs, err)
		}
	}
}
