package rpc

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/approval"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// seenProposal leaves out what is not for the caller (see [approval.Proposal.Seen]).
func seenProposal(ctx context.Context, p approval.Proposal) *darkroomv1.Proposal {
	p = p.Seen(callerOf(ctx))
	seen := &darkroomv1.Proposal{
		Name: "proposals/" + p.ID, Operator: p.Proposer.Org, Module: moduleName(p.Module), ModuleName: p.Name, ModuleVersion: p.Version,
		Dataset: datasetName(p.Dataset), State: proposalStates()[p.State], Note: p.Note,
		CreateTime: seenTime(p.Created), DecideTime: seenTime(p.Decided),
	}
	if !p.Archive.IsZero() {
		seen.SourceDigest = p.Archive.String()
	}
	for _, v := range p.Votes {
		vote := &darkroomv1.ProposalVote{
			Choice: proposalChoices()[v.Choice], PublicComment: v.Public, PrivateComment: v.Private, Round: int32(v.Round), //nolint:gosec // a few
			CreateTime: seenTime(v.Time),
		}
		if v.Voter != (enclave.Caller{}) {
			vote.Voter = seenIdentity(v.Voter)
		}
		seen.Votes = append(seen.Votes, vote)
	}
	return seen
}

func proposalStates() map[approval.State]darkroomv1.ProposalState {
	return map[approval.State]darkroomv1.ProposalState{
		approval.Waiting:   darkroomv1.ProposalState_PROPOSAL_STATE_WAITING,
		approval.Approved:  darkroomv1.ProposalState_PROPOSAL_STATE_APPROVED,
		approval.Rejected:  darkroomv1.ProposalState_PROPOSAL_STATE_REJECTED,
		approval.Withdrawn: darkroomv1.ProposalState_PROPOSAL_STATE_WITHDRAWN,
	}
}

func proposalChoices() map[approval.Choice]darkroomv1.ProposalChoice {
	return map[approval.Choice]darkroomv1.ProposalChoice{
		approval.Approve: darkroomv1.ProposalChoice_PROPOSAL_CHOICE_APPROVE,
		approval.Reject:  darkroomv1.ProposalChoice_PROPOSAL_CHOICE_REJECT,
	}
}

func seenMaterial(ctx context.Context, m *approval.Material) (*darkroomv1.ProposalMaterial, error) {
	manifest, err := toJSON(m.Manifest)
	if err != nil {
		return nil, err
	}
	facts, err := toJSON(m.Facts)
	if err != nil {
		return nil, err
	}
	seen := &darkroomv1.ProposalMaterial{ManifestJson: manifest, FactsJson: facts}
	for _, reason := range m.Missing {
		seen.Missing = append(seen.Missing, seenReason(reason))
	}
	if m.Archive != nil {
		seen.GoVersion = m.Archive.Go
		for _, f := range m.Archive.Files {
			seen.SourceFiles = append(seen.SourceFiles, &darkroomv1.SourceFile{Path: f.Path, Size: int64(len(f.Content))})
		}
	}
	for _, p := range m.Similar {
		seen.Similar = append(seen.Similar, seenProposal(ctx, p))
	}
	return seen, nil
}
