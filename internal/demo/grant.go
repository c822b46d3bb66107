package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

// Grant takes a dataset from its description to an active grant of some of its columns, each step by whose it is: catalogued by the
// authority, loaded by its source, applied for by the operator, assessed and confirmed. It returns the grant's id. For examples,
// tests and measurements, which begin where this ends.
func (d *Domain) Grant(ctx context.Context, dataset *enclave.Dataset, format sdk.Format, file io.Reader, columns ...string) (string, error) {
	description, err := json.Marshal(dataset)
	if err != nil {
		return "", err
	}
	authority, source, operator := d.Clients[sdk.Authority], d.Clients[sdk.Source], d.Clients[sdk.Operator]
	if _, err := authority.CreateDataset(ctx, description); err != nil {
		return "", err
	}
	if _, err := source.Load(ctx, dataset.Name, format, file, nil); err != nil {
		return "", err
	}
	grant, err := operator.ApplyGrant(ctx, sdk.Application{
		Scenario: scenario, Purpose: "To see what an answer looks like.", TermDays: 30,
		Scopes: []sdk.Scope{{Dataset: dataset.Name, Columns: columns}},
	})
	if err != nil {
		return "", err
	}
	if _, err := authority.AssessGrant(ctx, grant.ID, true, ""); err != nil {
		return "", err
	}
	_, err = source.ConfirmGrant(ctx, grant.ID, true, "")
	return grant.ID, err
}

// Approve has two people let the operator's module run on a dataset, as every module needs that sees rows.
func (d *Domain) Approve(ctx context.Context, module, dataset string) error {
	proposal, err := d.Clients[sdk.Operator].ProposeModule(ctx, module, dataset, nil)
	if err != nil {
		return err
	}
	for _, role := range []sdk.Role{sdk.Reviewer, sdk.Source} {
		if _, _, err := d.Clients[role].GetProposal(ctx, proposal.ID); err != nil {
			return err
		}
		if proposal, err = d.Clients[role].VoteProposal(ctx, proposal.ID, sdk.ApproveModule, "", ""); err != nil {
			return err
		}
	}
	if proposal.State != sdk.ProposalApproved {
		return fmt.Errorf("the module is %s", proposal.State)
	}
	return nil
}
