package rpc

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/rulebook"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// policies shows the rules, and serves the register of their changes.
type policies struct {
	darkroomv1.UnimplementedPolicyServiceServer
	Config
}

func (p *policies) GetPolicy(_ context.Context, r *darkroomv1.GetPolicyRequest) (*darkroomv1.GetPolicyResponse, error) {
	var revision enclave.Digest
	if r.GetRevision() != "" {
		var err error
		if revision, err = enclave.ParseDigest(r.GetRevision()); err != nil {
			return nil, err
		}
		if revision.IsZero() { // which no bundle has
			return nil, enclave.Fail(enclave.State, "POLICY_REVISION_GONE", "revision", revision.String())
		}
	}
	rules, err := p.Policy.Show(revision)
	if err != nil {
		return nil, err
	}
	seen := &darkroomv1.Policy{Revision: rules.Revision.String()}
	for _, f := range rules.Files {
		seen.Files = append(seen.Files, &darkroomv1.PolicyFile{Path: f.Path, Text: f.Text})
	}
	for _, f := range rules.Profiles {
		seen.Profiles = append(seen.Profiles, &darkroomv1.PolicyProfile{Name: f.Name, NumbersJson: f.Numbers})
	}
	return &darkroomv1.GetPolicyResponse{Policy: seen}, nil
}

func (p *policies) ProposePolicy(ctx context.Context, r *darkroomv1.ProposePolicyRequest) (*darkroomv1.ProposePolicyResponse, error) {
	change, err := p.Rulebook.Propose(ctx, callerOf(ctx), r.GetBundle(), r.GetNote())
	if err != nil {
		return nil, err
	}
	return &darkroomv1.ProposePolicyResponse{Change: seenChange(change)}, nil
}

func (p *policies) DecidePolicyChange(ctx context.Context, r *darkroomv1.DecidePolicyChangeRequest) (*darkroomv1.DecidePolicyChangeResponse, error) {
	decide := p.Rulebook.Reject
	if r.GetAgree() {
		decide = p.Rulebook.Agree
	}
	change, err := decide(ctx, callerOf(ctx), last(r.GetName()))
	if err != nil {
		return nil, err
	}
	return &darkroomv1.DecidePolicyChangeResponse{Change: seenChange(change)}, nil
}

func (p *policies) ListPolicyChanges(ctx context.Context, r *darkroomv1.ListPolicyChangesRequest) (*darkroomv1.ListPolicyChangesResponse, error) {
	list, next, err := gather(r, lightPart,
		func(page enclave.Page) ([]rulebook.Change, string, error) { return p.Rulebook.List(ctx, page) },
		func(c rulebook.Change) (*darkroomv1.PolicyChange, bool, error) { return seenChange(c), true, nil })
	return &darkroomv1.ListPolicyChangesResponse{Changes: list, NextPageToken: next}, err
}

func (p *policies) DryRunPolicy(ctx context.Context, r *darkroomv1.DryRunPolicyRequest) (*darkroomv1.DryRunPolicyResponse, error) {
	report, err := p.DryRun(ctx, callerOf(ctx), r.GetBundle(), int(r.GetLast()), r.GetExact())
	if err != nil {
		return nil, err
	}
	text, err := toJSON(report)
	return &darkroomv1.DryRunPolicyResponse{ReportJson: text}, err
}

func seenChange(c rulebook.Change) *darkroomv1.PolicyChange {
	seen := &darkroomv1.PolicyChange{
		Name: "policyChanges/" + c.ID, Revision: c.Revision.String(), State: changeStates()[c.State], Note: c.Note,
		CreateTime: seenTime(c.Proposed), DecideTime: seenTime(c.Decided),
	}
	if !c.Base.IsZero() {
		seen.BaseRevision = c.Base.String()
	}
	if roleOf(c.Proposer.Role) != 0 {
		seen.Proposer = seenIdentity(c.Proposer)
	}
	if roleOf(c.Decider.Role) != 0 {
		seen.Decider = seenIdentity(c.Decider)
	}
	for _, d := range c.Difference {
		seen.Differences = append(seen.Differences, &darkroomv1.PolicyDifference{Place: d.Place, Before: d.Before, After: d.After})
	}
	return seen
}

func changeStates() map[rulebook.State]darkroomv1.PolicyChangeState {
	return map[rulebook.State]darkroomv1.PolicyChangeState{
		rulebook.Waiting:  darkroomv1.PolicyChangeState_POLICY_CHANGE_STATE_WAITING,
		rulebook.Active:   darkroomv1.PolicyChangeState_POLICY_CHANGE_STATE_ACTIVE,
		rulebook.Replaced: darkroomv1.PolicyChangeState_POLICY_CHANGE_STATE_REPLACED,
		rulebook.Rejected: darkroomv1.PolicyChangeState_POLICY_CHANGE_STATE_REJECTED,
	}
}
