package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
)

// Replays is what a register replays runs with.
type Replays struct {
	Path  Replayer
	Proof Prover
	Acts  Recorder
}

// Replayer walks the path of a recorded run once more. Nothing that it does MUST last.
type Replayer interface {
	// Replay walks the path of an order on so many workers, 0 for as many as runs have, beside the release history as it was at a version.
	// Errors are those of the path.
	Replay(ctx context.Context, order *enclave.Order, version int64, workers int, progress func(enclave.Stage)) (Repeated, error)
}

// Repeated is what a replay decided, with the digest of its footprint; zero if it has none.
type Repeated struct {
	enclave.Decided
	Print enclave.Digest
}

// Prover reads the record of an act, and proves that the ledger has it.
type Prover interface {
	Act(ctx context.Context, id string) (enclave.Act, error)
}

// Replayed says whether a replay of a run ended as its record says. It holds nothing of the output.
type Replayed struct {
	Output   bool // the bytes, and which row is in which of their cells
	Decision bool // what policy decided, with its reasons, revision and profile
	Facts    bool // what it was decided from, and where that was found
	// Record is whether everything that is kept of the run is what was decided: the acts in the ledger, the output, its footprint.
	Record bool
	// Stage is the first that shows a difference, or that the replay did not come through; "" if everything is the same.
	Stage enclave.Stage
	// Stopped is why the replay came to no decision; then only Record was compared.
	Stopped *enclave.Reason
}

// Same reports whether nothing differs.
func (r *Replayed) Same() bool { return r.Output && r.Decision && r.Facts && r.Record }

// Replay walks the path of a run that the gate decided once more, on so many workers, 0 for as many as runs have. It compares with what the
// path decided: that people released the output later, or that its operator withdrew it, changes nothing. The run stays as it is, and what
// came of the replay is recorded. Reasons of errors: RUN_NOT_FOUND; RUN_NOT_ENDED; REPLAY_IN_DEV; REPLAY_NOT_DECIDED of a run that ended
// before there was an output to judge, its guest's failures included; REPLAY_POLICY_GONE; REPLAY_BUSY; REPLAY_CANCELED when ctx is done.
//
// Neither a grant that has ended meanwhile nor a withdrawn approval of the module matters: the run asked for both when it was recorded, and
// the answer is no part of its output.
func (r *Register) Replay(ctx context.Context, caller enclave.Caller, id string, workers int) (Replayed, error) {
	state, decision, err := r.replayable(ctx, id)
	if err != nil {
		return Replayed{}, err
	}
	if !r.replaying.TryLock() { // one at a time, so that runs keep the rest of the machine
		return Replayed{}, enclave.Fail(enclave.Unavailable, "REPLAY_BUSY")
	}
	defer r.replaying.Unlock()
	replayed := r.replay(ctx, state.Run, &decision, workers)
	if replayed.Record = r.whole(ctx, &state, &decision); !replayed.Record && replayed.Stage == "" {
		replayed.Stage = enclave.StageRecord
	}
	if ctx.Err() != nil {
		return Replayed{}, enclave.Fail(enclave.Canceled, "REPLAY_CANCELED").Because(context.Cause(ctx))
	}
	act := enclave.NewAct(r.config.Now(), caller, "run.replay", "runs/"+id, replayed.detail(workers)...)
	return replayed, r.config.Replays.Acts.Record(ctx, act)
}

// replayable finds a run with what the path decided of it.
func (r *Register) replayable(ctx context.Context, id string) (state State, decision Decision, err error) {
	if state, err = r.config.Store.Get(ctx, id); err != nil {
		return state, decision, err
	}
	switch {
	case state.Outcome == "":
		return state, decision, enclave.Fail(enclave.State, "RUN_NOT_ENDED", "run", id)
	case state.Environment != enclave.Prod:
		return state, decision, enclave.Fail(enclave.State, "REPLAY_IN_DEV", "run", id)
	}
	if decision, err = r.config.Store.Judged(ctx, id); errors.Is(err, NotFound(id)) {
		return state, decision, enclave.Fail(enclave.State, "REPLAY_NOT_DECIDED", "run", id)
	}
	if _, gone := r.config.Policies.Revision(state.Policy); err == nil && gone != nil {
		err = enclave.Fail(enclave.State, "REPLAY_POLICY_GONE", "run", id, "revision", state.Policy.String()).Because(gone)
	}
	return state, decision, err
}

// replay walks the path and compares.
func (r *Register) replay(ctx context.Context, run enclave.Run, decision *Decision, workers int) (replayed Replayed) {
	at := enclave.StageAdmit
	again, err := r.again(ctx, run, decision.History, workers, func(stage enclave.Stage) { at = stage })
	if err != nil {
		r.notable(ctx, run.ID, err)
		return Replayed{Stage: at, Stopped: &enclave.AsError(err).Reasons()[0]}
	}
	var recorded Evidence
	if err := json.Unmarshal([]byte(decision.Evidence), &recorded); err != nil {
		r.notable(ctx, run.ID, err)
	}
	replayed.Output = again.Digest == decision.Result && again.Print == decision.Footprint
	replayed.Facts = alike(again.Facts, recorded.Facts) && alike(again.Places, recorded.Places)
	replayed.Decision = again.Decision == decision.Decision && again.Policy == decision.Policy && alike(again.Reasons, decision.Reasons) &&
		alike(again.Profile, decision.Profile)
	switch {
	case !replayed.Output:
		replayed.Stage = r.parted(&again, decision)
	case !replayed.Facts && again.Facts.Form == enclave.Program:
		replayed.Stage = enclave.StageMeasure
	case !replayed.Facts, !replayed.Decision:
		replayed.Stage = enclave.StageJudge
	}
	return replayed
}

// again walks the path of a run that is taken up as it was when it ran.
func (r *Register) again(ctx context.Context, run enclave.Run, version int64, workers int, progress func(enclave.Stage)) (Repeated, error) {
	order, err := r.order(ctx, run)
	if err != nil {
		return Repeated{}, err
	}
	order.Grant.State, order.Approved = enclave.GrantActive, true
	return r.config.Replays.Path.Replay(ctx, order, version, workers, progress)
}

// alike reports whether two values are written alike.
func alike(a, b any) bool {
	one, err := json.Marshal(a)
	other, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(one, other)
}

// parted is the stage in which another output came about: the execution if rows fell into other cells, or if a program made another table.
func (r *Register) parted(again *Repeated, decision *Decision) enclave.Stage {
	if again.Facts.Form == enclave.Program {
		return enclave.StageExecute
	}
	if again.Footprint != nil && !decision.Footprint.IsZero() {
		recorded, err := r.config.Prints.Load(decision.Footprint)
		if err == nil && !slices.Equal(recorded.Places.All(), again.Footprint.Places.All()) {
			return enclave.StageExecute
		}
	}
	return enclave.StageTreat
}

// whole reports whether everything that is kept of a run is what was decided. What the ledger has of a decision is an act that names all of
// it by digest, so that whoever changes the store alone is found out.
func (r *Register) whole(ctx context.Context, state *State, decision *Decision) bool {
	latest, err := r.config.Store.Decision(ctx, state.ID)
	if err == nil {
		err = r.attested(ctx, state, decision)
	}
	if err == nil && latest.Act != decision.Act { // people released it
		err = r.attested(ctx, state, &latest)
	}
	// What was denied, rejected or withdrawn nothing keeps.
	if kept := state.Outcome == enclave.Released || state.Outcome == enclave.Held; err == nil && kept {
		_, err = r.config.Results.Get(decision.Result)
		if err == nil && !decision.Footprint.IsZero() {
			_, err = r.config.Prints.Load(decision.Footprint)
		}
	}
	if err != nil {
		r.notable(ctx, state.ID, err)
	}
	return err == nil
}

// attested compares a decision with the act that the ledger has of it.
func (r *Register) attested(ctx context.Context, state *State, d *Decision) error {
	act, err := r.config.Replays.Proof.Act(ctx, d.Act)
	if err != nil {
		return err
	}
	evidence, err := d.evidence()
	if err != nil {
		return err
	}
	want, err := actOf(d.Time, &enclave.Decided{
		Run: state.Run, Decision: d.Decision, Reasons: d.Reasons, Policy: d.Policy, Profile: d.Profile, Digest: d.Result, History: d.History,
		Votes: evidence.Votes,
	}, &evidence, []byte(d.Evidence))
	if err == nil && (act.Verb != want.Verb || act.Object != want.Object || !act.Time.Equal(want.Time) || !maps.Equal(act.Detail, want.Detail)) {
		err = enclave.Internalf("the store says %v of a decision, the ledger %v", want.Detail, act.Detail)
	}
	return err
}

// notable logs why something differs, unless the caller went away.
func (r *Register) notable(ctx context.Context, id string, err error) {
	if ctx.Err() == nil {
		r.config.Log.WarnContext(ctx, "a replay differs", slog.String("run", id), slog.Any("error", err))
	}
}

// detail is what the ledger says of a replay.
func (r *Replayed) detail(workers int) []string {
	detail := []string{"workers", strconv.Itoa(workers)}
	if r.Same() {
		return append(detail, "replayed", "same")
	}
	detail = append(detail, "stage", string(r.Stage))
	if r.Stopped != nil {
		detail = append(detail, "replayed", "stopped", "reason", r.Stopped.Code)
	} else {
		detail = append(detail, "replayed", "differs")
	}
	var parts []string
	for name, differs := range map[string]bool{
		"output": r.Stopped == nil && !r.Output, "decision": r.Stopped == nil && !r.Decision, "facts": r.Stopped == nil && !r.Facts, "record": !r.Record,
	} {
		if differs {
			parts = append(parts, name)
		}
	}
	if len(parts) == 0 {
		return detail
	}
	slices.Sort(parts)
	return append(detail, "parts", strings.Join(parts, ","))
}
