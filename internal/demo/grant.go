package demo

import (
	"context"
	"encoding/json"
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
