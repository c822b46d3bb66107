package run

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
)

// Held is an output that policy held, as it was recorded, with policy's reasons: for reviewers, never for operators. It is there also when the
// run has another outcome since; without bytes if nothing keeps them. RUN_NOT_FOUND if the gate decided nothing.
func (r *Register) Held(ctx context.Context, id string) (*enclave.HeldOutput, []enclave.Reason, error) {
	state, err := r.config.Store.Get(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	decision, err := r.config.Store.Decision(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	evidence, err := decision.evidence()
	if err != nil {
		return nil, nil, err
	}
	held := &enclave.HeldOutput{
		Run: state.Run, Facts: evidence.Facts, Places: evidence.Places, Profile: decision.Profile, Policy: decision.Policy, Format: decision.Format,
	}
	if held.Dataset, err = r.config.Datasets.Dataset(ctx, state.Dataset); err != nil {
		return nil, nil, err
	}
	if state.Outcome != enclave.Held && state.Outcome != enclave.Released && state.Progress != Recorded {
		return held, decision.Reasons, nil
	}
	if held.Bytes, err = r.config.Results.Get(decision.Result); err != nil {
		return nil, nil, enclave.Internalf("result of run %s: %w", id, err)
	}
	if !decision.Footprint.IsZero() {
		held.Footprint, err = r.config.Prints.Load(decision.Footprint)
	}
	return held, decision.Reasons, err
}

// ReleaseHeld takes a held output out through the gate on people's votes. It returns nil once the release is recorded, also if the ledger
// then fails: a worker goes on asking it.
func (r *Register) ReleaseHeld(ctx context.Context, id string, votes []enclave.Vote) error {
	held, _, err := r.Held(ctx, id)
	if err != nil {
		return err
	}
	held.Rules = r.config.Policies.Active()
	if held.Approved, err = r.config.Approvals.Approved(ctx, held.Run.Submitter.Org, held.Run.Module, held.Run.Dataset); err != nil {
		return err
	}
	failure := r.config.Path.ReleaseHeld(ctx, held, votes)
	defer r.live.changed(id)
	if failure == nil {
		return nil
	}
	state, err := r.config.Store.Get(ctx, id)
	if err != nil || state.Progress != Recorded {
		return failure
	}
	r.queue.put(job{state.Submitter.Org, id})
	return nil
}

// Changed tells those who watch a run to look again.
func (r *Register) Changed(id string) { r.live.changed(id) }
