package rpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/approval"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// approvals serves the register of what people let run.
type approvals struct {
	darkroomv1.UnimplementedApprovalServiceServer
	Config
	gate    *gate
	fetches *transfers
}

// proposalTarget is the operator's, and concerns the source department whose data it is.
func proposalTarget(p approval.Proposal) target {
	return target{owner: p.Proposer.Org, parties: []string{p.Source}}
}

// find looks a proposal up for a caller.
func (a *approvals) find(ctx context.Context, resource string) (approval.Proposal, error) {
	id := last(resource)
	found, err := a.Approvals.Get(ctx, id)
	return reach(ctx, a.gate, found, err, proposalTarget, approval.NotFound(id))
}

func (a *approvals) ProposeModule(ctx context.Context, r *darkroomv1.ProposeModuleRequest) (*darkroomv1.ProposeModuleResponse, error) {
	module, err := enclave.ParseDigest(last(r.GetModule()))
	if err != nil {
		return nil, err
	}
	p, err := a.Approvals.Propose(ctx, callerOf(ctx), module, last(r.GetDataset()), r.GetSource())
	if err != nil {
		return nil, err
	}
	return &darkroomv1.ProposeModuleResponse{Proposal: seenProposal(ctx, p)}, nil
}

func (a *approvals) GetProposal(ctx context.Context, r *darkroomv1.GetProposalRequest) (*darkroomv1.GetProposalResponse, error) {
	p, err := a.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	response := &darkroomv1.GetProposalResponse{Proposal: seenProposal(ctx, p)}
	if !p.ReviewedBy(callerOf(ctx)) {
		return response, nil
	}
	material, err := a.Approvals.Review(ctx, callerOf(ctx), p)
	if err != nil {
		return nil, err
	}
	response.Material, err = seenMaterial(ctx, material)
	return response, err
}

func (a *approvals) ListProposals(ctx context.Context, r *darkroomv1.ListProposalsRequest) (*darkroomv1.ListProposalsResponse, error) {
	visible := a.gate.viewer(ctx, darkroomv1.ApprovalService_GetProposal_FullMethodName)
	list, next, err := gather(r, lightPart,
		func(page enclave.Page) ([]approval.Proposal, string, error) {
			return a.Approvals.List(ctx, scope(callerOf(ctx)), page)
		},
		func(p approval.Proposal) (*darkroomv1.Proposal, bool, error) {
			ok, err := visible(proposalTarget(p))
			return seenProposal(ctx, p), ok, err
		})
	return &darkroomv1.ListProposalsResponse{Proposals: list, NextPageToken: next}, err
}

func (a *approvals) FetchProposal(r *darkroomv1.FetchProposalRequest, stream grpc.ServerStreamingServer[darkroomv1.FetchProposalResponse]) error {
	ctx := stream.Context()
	p, err := a.find(ctx, r.GetName())
	if err != nil {
		return err
	}
	leave, err := a.fetches.enter(callerOf(ctx).Org)
	if err != nil {
		return err
	}
	defer leave()
	content, err := a.Approvals.File(ctx, callerOf(ctx), p, r.GetFile() == darkroomv1.ProposalFile_PROPOSAL_FILE_SOURCE)
	if err != nil {
		return err
	}
	for len(content) > 0 {
		n := min(len(content), resultChunk)
		if err := stream.Send(&darkroomv1.FetchProposalResponse{Chunk: content[:n]}); err != nil {
			return receiving(err)
		}
		content = content[n:]
	}
	return nil
}

func (a *approvals) VoteProposal(ctx context.Context, r *darkroomv1.VoteProposalRequest) (*darkroomv1.VoteProposalResponse, error) {
	p, err := a.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	choice := approval.Reject
	if r.GetChoice() == darkroomv1.ProposalChoice_PROPOSAL_CHOICE_APPROVE {
		choice = approval.Approve
	}
	p, err = a.Approvals.Vote(ctx, callerOf(ctx), p.ID, choice, r.GetPublicComment(), r.GetPrivateComment())
	if err != nil {
		return nil, err
	}
	return &darkroomv1.VoteProposalResponse{Proposal: seenProposal(ctx, p)}, nil
}

func (a *approvals) WithdrawApproval(ctx context.Context, r *darkroomv1.WithdrawApprovalRequest) (*darkroomv1.WithdrawApprovalResponse, error) {
	p, err := a.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	if p, err = a.Approvals.Withdraw(ctx, callerOf(ctx), p.ID, r.GetNote()); err != nil {
		return nil, err
	}
	return &darkroomv1.WithdrawApprovalResponse{Proposal: seenProposal(ctx, p)}, nil
}
