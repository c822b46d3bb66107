package run

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Gate keeps the release history and records verdicts: the path's [enclave.Recorder]. It is safe for concurrent use.
type Gate struct {
	store   Store
	results Results
	prints  Footprints
	ledger  Ledger
	now     func() time.Time
}

var _ enclave.Recorder = (*Gate)(nil)

// NewGate makes the recorder of runs.
func NewGate(store Store, results Results, prints Footprints, ledger Ledger, now func() time.Time) *Gate {
	return &Gate{store: store, results: results, prints: prints, ledger: ledger, now: now}
}

// History is the version of a dataset's release history.
func (g *Gate) History(ctx context.Context, dataset string) (int64, error) {
	return g.store.History(ctx, dataset)
}

// Record redeems a verdict and writes it: the output's bytes first, unless it is denied, then one transaction for the decision, the
// history, the run and the act.
func (g *Gate) Record(ctx context.Context, verdict *enclave.Verdict) error {
	d, err := verdict.Redeem()
	if err != nil {
		return err
	}
	if d.Run.Environment != enclave.Prod {
		return enclave.Internalf("run %s: what was made from synthetic rows is not recorded", d.Run.ID)
	}
	evidence := Evidence{Salt: enclave.NewID(), Facts: d.Facts, Before: d.Before, Passed: d.Passed, Places: d.Places, Votes: d.Votes}
	encoded, err := json.Marshal(evidence)
	if err != nil {
		return enclave.Internalf("encode facts: %w", err)
	}
	act, err := actOf(enclave.Coarse(g.now()), &d, &evidence, encoded)
	if err != nil {
		return err
	}
	if d.Decision != enclave.Deny {
		stored, err := g.results.Put(d.Bytes)
		if err != nil {
			return err
		}
		if stored != d.Digest {
			return enclave.Internalf("run %s: the stored output is not the one that was judged", d.Run.ID)
		}
	}
	var footprint enclave.Digest
	if d.Footprint != nil {
		if footprint, err = g.prints.Keep(d.Footprint); err != nil {
			return err
		}
	}
	return g.store.Decide(ctx, Decision{
		Run: d.Run.ID, Grant: d.Run.Grant, Dataset: d.Run.Dataset, Act: act.ID, Time: act.Time,
		Decision: d.Decision, Reasons: d.Reasons, Policy: d.Policy, Profile: d.Profile, Evidence: string(encoded),
		Result: d.Digest, Format: d.Format, History: d.History, Footprint: footprint,
		ByPeople: d.Votes != nil, Approval: d.Approval,
	}, act)
}

// actOf is the record of a decision. Only a release names a result, since that is what a receipt proves. A denied output is not named:
// it may have so few possible values that its digest would tell it. Nor are the people who voted: the operator holds the receipt.
func actOf(at time.Time, d *enclave.Decided, evidence *Evidence, encoded []byte) (enclave.Act, error) {
	params, err := enclave.DigestJSON(d.Run.Params)
	if err != nil {
		return enclave.Act{}, err
	}
	profile, err := enclave.DigestJSON(d.Profile)
	if err != nil {
		return enclave.Act{}, err
	}
	detail := append(pinned(&d.Run, params),
		"policy", d.Policy.String(), "profile", d.Profile.Name, "profile_digest", profile.String(),
		"facts", enclave.DigestOf(encoded).String(), "history", strconv.FormatInt(d.History, 10),
		"operator", d.Run.Submitter.Org)
	switch d.Decision {
	case enclave.Release:
		detail = append(detail, "result", d.Digest.String())
		if len(d.Votes) > 0 {
			votes, err := evidence.votesDigest()
			if err != nil {
				return enclave.Act{}, err
			}
			detail = append(detail, "voters", strconv.Itoa(len(d.Votes)), "votes", votes.String())
		}
	case enclave.Hold:
		detail = append(detail, "held", d.Digest.String())
	case enclave.Deny:
	}
	if len(d.Reasons) > 0 {
		detail = append(detail, "reason", d.Reasons[0].Code)
	}
	return enclave.NewAct(at, itself(), "run."+string(d.Decision), "runs/"+d.Run.ID, detail...), nil
}

// Release waits for the ledger's signed checkpoint over a recorded release and makes the result fetchable. A run that was held or
// denied has nothing to release.
func (g *Gate) Release(ctx context.Context, id string) error {
	state, err := g.store.Get(ctx, id)
	if err != nil {
		return err
	}
	switch state.Progress {
	case Ended:
		return nil
	case Recorded:
	case Queued, Running:
		return enclave.Internalf("run %s: release before record", id)
	}
	decision, err := g.store.Decision(ctx, id)
	if err != nil {
		return err
	}
	if err := g.ledger.AwaitSigned(ctx, decision.Act); err != nil {
		return err
	}
	return g.store.Release(ctx, id, enclave.Coarse(g.now()))
}

// pinned is what a run was pinned to, as an act's detail.
func pinned(r *enclave.Run, params enclave.Digest) []string {
	return []string{
		"grant", r.Grant, "scenario", r.Scenario, "module", r.Module.String(), "dataset", r.Dataset,
		"snapshot", r.Snapshot.String(), "params", params.String(),
	}
}

// itself is the actor of what the enclave does on its own.
func itself() enclave.Caller {
	return enclave.Caller{Role: enclave.SelfOrg, Org: enclave.SelfOrg, Name: enclave.SelfOrg}
}
