package run_test

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

var zhao = enclave.Caller{Role: enclave.Auditor, Org: "audit", Name: "zhao"}

// again replays on the fakes' path. Change, if set, makes the replay another one; lie makes the ledger another one.
type again struct {
	w      *world
	change func(*run.Repeated)
	stop   func(ctx context.Context) error // in the stage treat
	lie    func(*enclave.Act)
}

func (a *again) Replay(ctx context.Context, order *enclave.Order, version int64, workers int, progress func(enclave.Stage)) (run.Repeated, error) {
	if order.Grant.State != enclave.GrantActive || !order.Approved || workers != 3 {
		return run.Repeated{}, enclave.Internalf("an order of %+v on %d workers", order.Grant, workers)
	}
	d := &dry{version: version}
	err := a.w.path(d).Run(ctx, order, func(s enclave.Stage) { progress(s) })
	if a.stop != nil {
		progress(enclave.StageTreat)
		return run.Repeated{}, a.stop(ctx)
	}
	repeated := run.Repeated{Decided: d.decided}
	if d.decided.Footprint != nil {
		repeated.Print, _ = a.w.rooms.Keep(d.decided.Footprint)
	}
	if a.change != nil {
		a.change(&repeated)
	}
	return repeated, err
}

func (a *again) Act(ctx context.Context, id string) (act enclave.Act, err error) {
	entry, err := a.w.store.Acts().Entry(ctx, id)
	if err == nil {
		err = json.Unmarshal([]byte(entry.Body), &act)
	}
	if a.lie != nil {
		act.Detail = maps.Clone(act.Detail)
		a.lie(&act)
	}
	return act, err
}

// dry is a recorder that records nothing.
type dry struct {
	version int64
	decided enclave.Decided
}

func (d *dry) History(context.Context, string) (int64, error) { return d.version, nil }

func (d *dry) Record(_ context.Context, verdict *enclave.Verdict) (err error) {
	d.decided, err = verdict.Redeem()
	return err
}

func (d *dry) Release(context.Context, string) error { return nil }

// laterPolicies are of a service that has only its own.
type laterPolicies struct{ policies }

func (laterPolicies) Revision(revision enclave.Digest) (enclave.Policy, error) {
	return nil, enclave.Fail(enclave.State, "POLICY_REVISION_GONE", "revision", revision.String())
}

// replaying is a world whose runs can be replayed.
func replaying(t *testing.T) (*world, *again) {
	t.Helper()
	a := &again{}
	w := started(t, func(w *world) {
		a.w = w
		w.config.Replays = run.Replays{Path: a, Proof: a, Acts: w.store.Acts()}
	})
	return w, a
}

// TestReplaysAreCompared: everything is the same of each decision; and each part that is not is noticed, named, and written down.
func TestReplaysAreCompared(t *testing.T) {
	t.Parallel()
	w, a := replaying(t)
	all := run.Replayed{Output: true, Decision: true, Facts: true, Record: true}
	var last enclave.Run
	for _, do := range []string{"ok", "hold", "deny"} {
		last = w.submit(acme, do)
		w.end(last.ID)
		if got, err := w.Replay(t.Context(), zhao, last.ID, 3); err != nil || got != all {
			t.Errorf("%s: %+v, %v", do, got, err)
		}
	}
	_, err := w.grants.Revoke(t.Context(), bureau, "grant-acme", "over")
	ok(t, err)
	released := w.submit(globex, "ok")
	w.end(released.ID)
	for name, c := range map[string]struct {
		run    string
		change func(*run.Repeated)
		lie    func(*enclave.Act)
		differ func(*run.Replayed)
		stage  enclave.Stage
	}{
		"nothing":       {run: last.ID, differ: func(*run.Replayed) {}},
		"the bytes":     {change: func(r *run.Repeated) { r.Digest[0]++ }, differ: func(r *run.Replayed) { r.Output = false }, stage: enclave.StageTreat},
		"the footprint": {change: func(r *run.Repeated) { r.Print[0]++ }, differ: func(r *run.Replayed) { r.Output = false }, stage: enclave.StageTreat},
		"rows elsewhere": {change: func(r *run.Repeated) {
			r.Print[0]++
			r.Footprint = &enclave.Footprint{Places: enclave.PlacesOf([]int32{1})}
		}, differ: func(r *run.Replayed) { r.Output = false }, stage: enclave.StageExecute},
		"a fact":              {change: func(r *run.Repeated) { r.Facts.Derivable++ }, differ: func(r *run.Replayed) { r.Facts = false }, stage: enclave.StageJudge},
		"a place":             {change: func(r *run.Repeated) { r.Places = []enclave.Place{{}} }, differ: func(r *run.Replayed) { r.Facts = false }, stage: enclave.StageJudge},
		"the decision":        {change: func(r *run.Repeated) { r.Decided.Decision = enclave.Hold }, differ: func(r *run.Replayed) { r.Decision = false }, stage: enclave.StageJudge},
		"a reason":            {change: func(r *run.Repeated) { r.Reasons = []enclave.Reason{{Code: "X"}} }, differ: func(r *run.Replayed) { r.Decision = false }, stage: enclave.StageJudge},
		"the revision":        {change: func(r *run.Repeated) { r.Policy[0]++ }, differ: func(r *run.Replayed) { r.Decision = false }, stage: enclave.StageJudge},
		"the numbers":         {change: func(r *run.Repeated) { r.Profile.Threshold++ }, differ: func(r *run.Replayed) { r.Decision = false }, stage: enclave.StageJudge},
		"the ledger's result": {lie: func(act *enclave.Act) { act.Detail["result"] = strings.Repeat("0", 64) }, differ: func(r *run.Replayed) { r.Record = false }, stage: enclave.StageRecord},
		"the ledger's facts":  {lie: func(act *enclave.Act) { act.Detail["facts"] = "x" }, differ: func(r *run.Replayed) { r.Record = false }, stage: enclave.StageRecord},
		"the ledger's verb":   {lie: func(act *enclave.Act) { act.Verb = "run.hold" }, differ: func(r *run.Replayed) { r.Record = false }, stage: enclave.StageRecord},
		"the ledger's time":   {lie: func(act *enclave.Act) { act.Time = act.Time.Add(1) }, differ: func(r *run.Replayed) { r.Record = false }, stage: enclave.StageRecord},
	} {
		id := released.ID
		if c.run != "" {
			id = c.run
		}
		a.change, a.lie = c.change, c.lie
		want := all
		c.differ(&want)
		want.Stage = c.stage
		got, err := w.Replay(t.Context(), zhao, id, 3)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		acts := w.acts("runs/" + id)
		act := acts[len(acts)-1]
		if act.Verb != "run.replay" || act.Actor != zhao || act.Detail["replayed"] != map[bool]string{true: "same", false: "differs"}[got.Same()] ||
			act.Detail["stage"] != string(c.stage) || act.Detail["workers"] != "3" || act.Detail["parts"] != parts(want) {
			t.Errorf("%s: the act says %+v", name, act)
		}
	}
}

// parts names what differs, as the ledger does.
func parts(r run.Replayed) string {
	var all []string
	for _, part := range []struct {
		same bool
		name string
	}{{r.Decision, "decision"}, {r.Facts, "facts"}, {r.Output, "output"}, {r.Record, "record"}} {
		if !part.same {
			all = append(all, part.name)
		}
	}
	return strings.Join(all, ",")
}

// TestReplaysThatEndEarly: one that a stage fails is told with the stage, one at a time, and one that nobody waits for is not recorded.
func TestReplaysThatEndEarly(t *testing.T) {
	t.Parallel()
	w, a := replaying(t)
	of := w.submit(acme, "ok")
	w.end(of.ID)
	a.stop = func(context.Context) error { return enclave.Internalf("the disk is on fire") }
	got, err := w.Replay(t.Context(), zhao, of.ID, 3)
	if err != nil || got.Same() || !got.Record || got.Output || got.Stage != enclave.StageTreat || got.Stopped == nil || got.Stopped.Code != "INTERNAL" {
		t.Errorf("%+v, %v", got, err)
	}
	acts := w.acts("runs/" + of.ID)
	if act := acts[len(acts)-1]; act.Detail["replayed"] != "stopped" || act.Detail["parts"] != "" || act.Detail["reason"] != "INTERNAL" || act.Detail["stage"] != "treat" {
		t.Errorf("the act says %+v", act)
	}

	ctx, cancel := context.WithCancel(t.Context())
	a.stop = func(ctx context.Context) error {
		_, err := w.Replay(ctx, zhao, of.ID, 3)
		wants(t, err, enclave.Unavailable, "REPLAY_BUSY")
		cancel()
		return context.Cause(ctx)
	}
	_, err = w.Replay(ctx, zhao, of.ID, 3)
	wants(t, err, enclave.Canceled, "REPLAY_CANCELED")
	if after := w.acts("runs/" + of.ID); len(after) != len(acts) {
		t.Errorf("a replay that nobody waited for is recorded: %+v", after[len(acts):])
	}
	a.stop = nil
	if got, err := w.Replay(t.Context(), zhao, of.ID, 3); err != nil || !got.Same() {
		t.Errorf("the next: %+v, %v", got, err)
	}
	for do, reason := range map[string]string{"trap": "REPLAY_NOT_DECIDED", "forbidden": "REPLAY_NOT_DECIDED", "hang": "RUN_NOT_ENDED"} {
		r := w.submit(acme, do)
		if do == "hang" {
			<-w.rooms.hung
		} else {
			w.end(r.ID)
		}
		_, err := w.Replay(t.Context(), zhao, r.ID, 3)
		wants(t, err, enclave.State, reason)
	}
	other := w.config
	other.Policies = laterPolicies{}
	_, err = run.New(other).Replay(t.Context(), zhao, of.ID, 3)
	wants(t, err, enclave.State, "REPLAY_POLICY_GONE")
	_, err = w.Replay(t.Context(), zhao, "nobody", 3)
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
}
