package store

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/grant"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// Grants is the store of the register of grants.
type Grants struct{ store *Store }

var _ grant.Store = (*Grants)(nil)

// Grants returns the store's grants.
func (s *Store) Grants() *Grants { return &Grants{s} }

// Insert adds a grant, whose revision is 1.
func (g *Grants) Insert(ctx context.Context, grant enclave.Grant, act enclave.Act) error {
	parts, err := encodeAll(grant.Scopes, grant.Forms, grant.Confirmations, grant.Waiting)
	if err != nil {
		return err
	}
	return g.store.act(ctx, act, func(q *sqlc.Queries, position int64) error {
		return q.InsertPermit(ctx, sqlc.InsertPermitParams{
			ID: grant.ID, Operator: grant.Operator, Scenario: grant.Scenario, Purpose: grant.Purpose,
			Scopes: parts[0], Forms: parts[1], Confirmations: parts[2], Waiting: parts[3],
			NotBefore: millis(grant.NotBefore), NotAfter: millis(grant.NotAfter),
			State: string(grant.State), Note: grant.Note, Revision: grant.Revision, Position: position,
		})
	})
}

// Update writes what an act changed of a grant, if it still has the grant's revision, and lets the revision grow by one; otherwise
// GRANT_CHANGED.
func (g *Grants) Update(ctx context.Context, grant enclave.Grant, act enclave.Act) error {
	parts, err := encodeAll(grant.Confirmations, grant.Waiting)
	if err != nil {
		return err
	}
	return g.store.act(ctx, act, func(q *sqlc.Queries, position int64) error {
		before, err := q.GetPermit(ctx, grant.ID)
		if err != nil {
			return err
		}
		if before.State == string(enclave.GrantSuspended) && grant.State == enclave.GrantActive { // its denials up to now no longer count
			if err := q.ResumePermit(ctx, sqlc.ResumePermitParams{ID: grant.ID, Resumed: position}); err != nil {
				return err
			}
		}
		n, err := q.UpdatePermit(ctx, sqlc.UpdatePermitParams{
			ID: grant.ID, Revision: grant.Revision, State: string(grant.State), Note: grant.Note,
			NotBefore: millis(grant.NotBefore), NotAfter: millis(grant.NotAfter), Confirmations: parts[0], Waiting: parts[1],
		})
		if err == nil && n != 1 {
			return enclave.Fail(enclave.State, "GRANT_CHANGED", "grant", grant.ID)
		}
		return err
	})
}

// Get finds a grant, or fails with GRANT_NOT_FOUND.
func (g *Grants) Get(ctx context.Context, id string) (enclave.Grant, error) {
	row, err := g.store.read().GetPermit(ctx, id)
	if err != nil {
		return enclave.Grant{}, missing("get a grant", err, grant.NotFound(id))
	}
	return grantOf(row)
}

// List lists an operator's grants, or all for "", newest first.
func (g *Grants) List(ctx context.Context, operator string, page enclave.Page) ([]enclave.Grant, string, error) {
	from, err := before(page.After)
	if err != nil {
		return nil, "", err
	}
	var rows []sqlc.Permit
	if operator == "" {
		rows, err = g.store.read().ListPermits(ctx, sqlc.ListPermitsParams{Position: from, Limit: limit(page)})
	} else {
		rows, err = g.store.read().ListPermitsOf(ctx, sqlc.ListPermitsOfParams{Operator: operator, Position: from, Limit: limit(page)})
	}
	if err != nil {
		return nil, "", fault("list grants", err)
	}
	return pageOf(rows, page, grantOf, func(row sqlc.Permit) string { return positionToken(row.Position) })
}

func grantOf(row sqlc.Permit) (enclave.Grant, error) {
	g := enclave.Grant{
		ID: row.ID, Operator: row.Operator, Scenario: row.Scenario, Purpose: row.Purpose,
		NotBefore: fromMillis(row.NotBefore), NotAfter: fromMillis(row.NotAfter),
		State: enclave.GrantState(row.State), Note: row.Note, Revision: row.Revision,
	}
	return g, decode(part{row.Scopes, &g.Scopes}, part{row.Forms, &g.Forms},
		part{row.Confirmations, &g.Confirmations}, part{row.Waiting, &g.Waiting})
}
