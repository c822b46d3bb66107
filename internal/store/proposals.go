package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/approval"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// Proposals is the store of the register of proposals.
type Proposals struct{ store *Store }

var _ approval.Store = (*Proposals)(nil)

// Proposals returns the store's proposals.
func (s *Store) Proposals() *Proposals { return &Proposals{s} }

// Insert adds a proposal. PROPOSAL_EXISTS if the organisation made it already; then nothing is written.
func (p *Proposals) Insert(ctx context.Context, proposal approval.Proposal, act enclave.Act) error {
	votes, views, err := people(&proposal)
	if err != nil {
		return err
	}
	return p.store.act(ctx, act, func(q *sqlc.Queries, position int64) error {
		there, err := q.FindProposal(ctx, sqlc.FindProposalParams{
			Operator: proposal.Proposer.Org, Module: proposal.Module.String(), Dataset: proposal.Dataset,
		})
		if err == nil {
			return enclave.Fail(enclave.State, "PROPOSAL_EXISTS", "proposal", there.ID)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return q.InsertProposal(ctx, sqlc.InsertProposalParams{
			ID: proposal.ID, Operator: proposal.Proposer.Org, Proposer: proposal.Proposer.Name, Role: string(proposal.Proposer.Role),
			Module: proposal.Module.String(), Name: proposal.Name, Version: proposal.Version,
			Dataset: proposal.Dataset, Source: proposal.Source, Archive: hex(proposal.Archive),
			State: string(proposal.State), Votes: votes, Views: views, Note: proposal.Note,
			Created: millis(proposal.Created), Decided: millis(proposal.Decided), Revision: proposal.Revision, Position: position,
		})
	})
}

// Update writes what an act changed of a proposal, if it still has the proposal's revision, and lets the revision grow by one; otherwise
// PROPOSAL_CHANGED.
func (p *Proposals) Update(ctx context.Context, proposal approval.Proposal, act enclave.Act) error {
	votes, views, err := people(&proposal)
	if err != nil {
		return err
	}
	return p.store.act(ctx, act, func(q *sqlc.Queries, _ int64) error {
		n, err := q.UpdateProposal(ctx, sqlc.UpdateProposalParams{
			ID: proposal.ID, Revision: proposal.Revision, State: string(proposal.State), Votes: votes, Views: views, Note: proposal.Note,
			Decided: millis(proposal.Decided),
		})
		if err == nil && n != 1 {
			return enclave.Fail(enclave.State, "PROPOSAL_CHANGED", "proposal", proposal.ID)
		}
		return err
	})
}

// Get finds a proposal, or fails with PROPOSAL_NOT_FOUND.
func (p *Proposals) Get(ctx context.Context, id string) (approval.Proposal, error) {
	row, err := p.store.read().GetProposal(ctx, id)
	if err != nil {
		return approval.Proposal{}, missing("get a proposal", err, approval.NotFound(id))
	}
	return proposalOf(row)
}

// Find finds an organisation's proposal of a module for a dataset, or fails with PROPOSAL_NOT_FOUND.
func (p *Proposals) Find(ctx context.Context, operator string, module enclave.Digest, dataset string) (approval.Proposal, error) {
	row, err := p.store.read().FindProposal(ctx, sqlc.FindProposalParams{Operator: operator, Module: module.String(), Dataset: dataset})
	if err != nil {
		return approval.Proposal{}, missing("find a proposal", err, approval.NotFound(""))
	}
	return proposalOf(row)
}

// List lists an organisation's proposals, or all for "", newest first.
func (p *Proposals) List(ctx context.Context, operator string, page enclave.Page) ([]approval.Proposal, string, error) {
	from, err := before(page.After)
	if err != nil {
		return nil, "", err
	}
	var rows []sqlc.Proposal
	if operator == "" {
		rows, err = p.store.read().ListProposals(ctx, sqlc.ListProposalsParams{Position: from, Limit: limit(page)})
	} else {
		rows, err = p.store.read().ListProposalsOf(ctx, sqlc.ListProposalsOfParams{Operator: operator, Position: from, Limit: limit(page)})
	}
	if err != nil {
		return nil, "", fault("list proposals", err)
	}
	return pageOf(rows, page, proposalOf, func(row sqlc.Proposal) string { return positionToken(row.Position) })
}

// Of lists all proposals of a module, newest first, at most a hundred.
func (p *Proposals) Of(ctx context.Context, module enclave.Digest) ([]approval.Proposal, error) {
	rows, err := p.store.read().ProposalsOfModule(ctx, module.String())
	if err != nil {
		return nil, fault("list proposals of a module", err)
	}
	list := make([]approval.Proposal, len(rows))
	for i, row := range rows {
		if list[i], err = proposalOf(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// people is what people said of a proposal, and who saw it.
func people(p *approval.Proposal) (votes, views string, err error) {
	if votes, err = encode(p.Votes); err == nil {
		views, err = encode(p.Views)
	}
	return votes, views, err
}

func proposalOf(row sqlc.Proposal) (approval.Proposal, error) {
	d, err := digests(row.Module, row.Archive)
	if err != nil {
		return approval.Proposal{}, err
	}
	p := approval.Proposal{
		ID: row.ID, Module: d[0], Name: row.Name, Version: row.Version, Dataset: row.Dataset, Source: row.Source, Archive: d[1],
		Proposer: enclave.Caller{Role: enclave.Role(row.Role), Org: row.Operator, Name: row.Proposer}, State: approval.State(row.State),
		Note: row.Note, Created: fromMillis(row.Created), Decided: fromMillis(row.Decided), Revision: row.Revision,
	}
	return p, decode(part{row.Votes, &p.Votes}, part{row.Views, &p.Views})
}
