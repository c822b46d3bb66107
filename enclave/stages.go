package enclave

import (
	"context"
	"errors"
	"slices"
	"time"
)

// admit checks the run against its grant, lets policy judge what the module asks for, and resolves its manifest.
func (e *Enclave) admit(ctx context.Context, order *Order) (*admitted, error) {
	if err := order.pinned(); err != nil {
		return nil, err
	}
	profile, err := order.Policy.Profile(order.Dataset, order.Grant.Scenario)
	if err != nil {
		return nil, err
	}
	facts, err := e.Planner.Facts(order)
	if err != nil {
		return nil, err
	}
	judgement, err := order.Policy.Admission(ctx, facts, profile)
	if err != nil {
		return nil, err
	}
	if judgement.Decision != Release {
		return nil, Refusal(judgement).Because(&AdmissionError{facts, profile, judgement.Passed})
	}
	plan, err := e.Planner.Plan(order)
	if err != nil {
		return nil, err
	}
	plan.Operator, plan.ReplayPercent = order.Grant.Operator, profile.ReplayPercent
	return &admitted{Order: order, profile: profile, plan: plan}, nil
}

// pinned verifies that an order holds exactly what its run names (A30: time of check, time of use).
func (o *Order) pinned() error {
	description, err := o.Dataset.Digest()
	if err != nil {
		return err
	}
	switch {
	case DigestOf(o.Module.Bytes) != o.Module.Digest || o.Module.Digest != o.Run.Module:
		return Internalf("run %s: the module is not the one that was submitted", o.Run.ID)
	case o.Snapshot.Digest != o.Run.Snapshot || o.Snapshot.Dataset != o.Run.Dataset || o.Dataset.Name != o.Run.Dataset:
		return Internalf("run %s: the snapshot is not the one that was pinned", o.Run.ID)
	case description != o.Snapshot.Description:
		return Fail(State, "SNAPSHOT_OUTDATED", "dataset", o.Run.Dataset)
	case o.Policy.Revision() != o.Run.Policy:
		return Internalf("run %s: the policy is not the one that was pinned", o.Run.ID)
	case o.Grant.ID != o.Run.Grant:
		return Internalf("run %s: the grant is not the one that was pinned", o.Run.ID)
	}
	return nil
}

func (e *Enclave) load(ctx context.Context, in *admitted) (*loaded, error) {
	rows, err := e.Loader.Open(ctx, in.Dataset, in.Snapshot.Digest)
	if err != nil {
		return nil, err
	}
	return &loaded{admitted: in, rows: rows}, nil
}

func (e *Enclave) execute(ctx context.Context, in *loaded) (*executed, error) {
	out := &executed{loaded: in}
	var err error
	if in.Module.Manifest.Form == Program {
		out.product, err = e.Performer.Perform(ctx, in.rows, in.Module, in.plan)
	} else {
		out.table, err = e.Executor.Execute(ctx, in.rows, in.Module, in.plan)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// measure waits until no other run measures and records over the same dataset, and pins the version of the release history: a release that
// comes after it, as one by people may, makes record refuse.
func (e *Enclave) measure(ctx context.Context, in *executed) (*measured, error) {
	if in.table != nil && in.turn == nil {
		in.turn = e.Historian.Turns(in.Dataset.Name).For(in.plan.Operator)
	}
	if err := in.turn.Take(ctx); err != nil {
		return nil, err
	}
	history, err := e.Recorder.History(ctx, in.Dataset.Name)
	if err != nil {
		return nil, err
	}
	defer e.busy(in)()
	out := &measured{executed: in, history: history, had: in.turn.Had()}
	if in.product != nil {
		out.inspected, err = e.Inspector.Inspect(ctx, in.rows, in.product, in.profile)
		return out, err
	}
	out.risks = e.Measurer.Measure(in.table, in.profile)
	return out, nil
}

// treat suppresses and rounds until neither the table by itself nor the table with all releases before it gives anything away. Each
// turn suppresses a cell more, so the turns end.
func (e *Enclave) treat(ctx context.Context, in *measured) (*treated, error) {
	defer e.busy(in.executed)()
	if in.product != nil {
		output, err := e.Treater.Present(in.product)
		return &treated{measured: in, output: output}, err
	}
	risks := *in.risks
	risks.Risks = slices.Clone(in.risks.Risks)
	for audits := 1; ; audits++ {
		output, err := e.Treater.Treat(ctx, &risks, in.profile)
		if err != nil {
			return nil, err
		}
		out, err := e.audit(ctx, in, output)
		if err != nil {
			return nil, err
		}
		if len(out.audited.Suppress) == 0 {
			return e.relent(ctx, out, &risks, audits)
		}
		for _, cell := range out.audited.Suppress {
			risks.Risks[cell] |= RiskHistory
		}
	}
}

// audit asks what the table would tell together with all releases before it, if it were published as it was treated.
func (e *Enclave) audit(ctx context.Context, in *measured, output *Treated) (*treated, error) {
	if in.turn.Had()-in.had > patience {
		in.turn.Give()
	}
	footprint := in.table.Footprint(in.Snapshot.Digest, output.Fates)
	audited, err := e.Historian.Audit(ctx, in.Dataset, in.history, in.profile, footprint)
	return &treated{measured: in, output: output, footprint: footprint, audited: audited}, err
}

// patience is for how long others wait for a run that measures over the same dataset, to the end of the audit at hand, each time that it does. It is longer
// than what all but the largest tables take. After it they go ahead, and if one is released first, this one is measured again.
const patience = 30 * time.Second

// busy makes it the turn of a run's operator until done is called: what the enclave does for him counts like what his modules do.
func (e *Enclave) busy(in *executed) (done func()) {
	turn := e.Processor.For(in.plan.Operator)
	turn.Enter()
	return turn.Give
}

// judge measures the treated output afresh and lets policy see those facts, never what the module or treatment claim.
func (e *Enclave) judge(ctx context.Context, in *treated) (*judged, error) {
	facts, err := e.facts(ctx, in)
	if err != nil {
		return nil, err
	}
	facts.Form, facts.Operator, facts.Scenario = in.Module.Manifest.Form, in.Grant.Operator, in.Grant.Scenario
	facts.Dataset, facts.Grade, facts.SubjectKind = in.Dataset.Name, in.Dataset.Grade, in.Dataset.Subject.Kind
	facts.Crafted, facts.History = in.plan.Crafted, in.audited.Facts
	judgement, err := in.Policy.Release(ctx, facts, in.profile)
	if err != nil {
		return nil, err
	}
	return &judged{executed: in.executed, verdict: mint(in, facts, judgement)}, nil
}

// facts measures a table as it was treated. A product is what it was when it was inspected: presenting it changes no value.
func (e *Enclave) facts(ctx context.Context, in *treated) (Facts, error) {
	if in.product != nil {
		return Facts{Version: 1, Leak: in.inspected.Facts, Bytes: int64(len(in.output.Bytes))}, nil
	}
	return e.Measurer.Facts(ctx, in.output, in.profile)
}

func (e *Enclave) record(ctx context.Context, in *judged) (*recorded, error) {
	if err := e.Recorder.Record(ctx, in.verdict); err != nil {
		return nil, err
	}
	in.leave()
	in.table, in.product = nil, nil // they are large, and the ledger may take its time
	return &recorded{run: in.Run.ID}, nil
}

func (e *Enclave) release(ctx context.Context, in *recorded) (*released, error) {
	return &released{}, e.Recorder.Release(ctx, in.run)
}

func isHistoryMoved(err error) bool { return errors.Is(err, Fail(State, "HISTORY_MOVED")) }
