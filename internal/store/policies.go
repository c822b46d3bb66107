package store

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/rulebook"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// Policies is the store of the register of the rules.
type Policies struct{ store *Store }

var _ rulebook.Store = (*Policies)(nil)

// Policies returns the store's changes of the rules.
func (s *Store) Policies() *Policies { return &Policies{s} }

// Insert adds a change; an active one takes the place of the active one with the revision change.Base, or POLICY_CHANGE_STALE.
func (p *Policies) Insert(ctx context.Context, change rulebook.Change, act enclave.Act) error {
	parts, err := encodeAll(change.Proposer, change.Decider, change.Difference)
	if err != nil {
		return err
	}
	return p.store.act(ctx, act, func(q *sqlc.Queries, position int64) error {
		if change.State == rulebook.Active {
			if err := replace(ctx, q, &change); err != nil {
				return err
			}
		}
		return q.InsertPolicyChange(ctx, sqlc.InsertPolicyChangeParams{
			ID: change.ID, Revision: hex(change.Revision), Base: hex(change.Base), Archive: hex(change.Archive), State: string(change.State),
			Proposer: parts[0], Decider: parts[1], Note: change.Note, Difference: parts[2],
			Proposed: millis(change.Proposed), Decided: millis(change.Decided), Position: position,
		})
	})
}

// Decide writes what became of a change that waits, or POLICY_CHANGE_DECIDED; see Insert.
func (p *Policies) Decide(ctx context.Context, change rulebook.Change, act enclave.Act) error {
	decider, err := encode(change.Decider)
	if err != nil {
		return err
	}
	return p.store.act(ctx, act, func(q *sqlc.Queries, _ int64) error {
		if change.State == rulebook.Active {
			if err := replace(ctx, q, &change); err != nil {
				return err
			}
		}
		n, err := q.DecidePolicyChange(ctx, sqlc.DecidePolicyChangeParams{
			ID: change.ID, State: string(change.State), Decider: decider, Decided: millis(change.Decided),
		})
		if err == nil && n != 1 {
			return enclave.Fail(enclave.State, "POLICY_CHANGE_DECIDED", "change", change.ID, "state", "")
		}
		return err
	})
}

// replace makes way for a change that becomes active.
func replace(ctx context.Context, q *sqlc.Queries, change *rulebook.Change) error {
	if change.Base.IsZero() {
		return nil // the first; the index allows no second
	}
	n, err := q.ReplaceActivePolicy(ctx, hex(change.Base))
	if err == nil && n != 1 {
		return enclave.Fail(enclave.State, "POLICY_CHANGE_STALE", "change", change.ID)
	}
	return err
}

// Get finds a change, or fails with POLICY_CHANGE_NOT_FOUND.
func (p *Policies) Get(ctx context.Context, id string) (rulebook.Change, error) {
	row, err := p.store.read().GetPolicyChange(ctx, id)
	return policyChange(row, id, err)
}

// Active finds the change in force, or fails with POLICY_CHANGE_NOT_FOUND.
func (p *Policies) Active(ctx context.Context) (rulebook.Change, error) {
	row, err := p.store.read().GetActivePolicyChange(ctx)
	return policyChange(row, "", err)
}

// List lists all changes, newest first.
func (p *Policies) List(ctx context.Context, page enclave.Page) ([]rulebook.Change, string, error) {
	from, err := before(page.After)
	if err != nil {
		return nil, "", err
	}
	rows, err := p.store.read().ListPolicyChanges(ctx, sqlc.ListPolicyChangesParams{Position: from, Limit: limit(page)})
	if err != nil {
		return nil, "", fault("list policy changes", err)
	}
	change := func(row sqlc.PolicyChange) (rulebook.Change, error) { return policyChange(row, row.ID, nil) }
	return pageOf(rows, page, change, func(row sqlc.PolicyChange) string { return positionToken(row.Position) })
}

func policyChange(row sqlc.PolicyChange, id string, err error) (rulebook.Change, error) {
	if err != nil {
		return rulebook.Change{}, missing("get a policy change", err, rulebook.NotFound(id))
	}
	d, err := digests(row.Revision, row.Base, row.Archive)
	if err != nil {
		return rulebook.Change{}, err
	}
	c := rulebook.Change{
		ID: row.ID, Revision: d[0], Base: d[1], Archive: d[2], State: rulebook.State(row.State), Note: row.Note,
		Proposed: fromMillis(row.Proposed), Decided: fromMillis(row.Decided),
	}
	return c, decode(part{row.Proposer, &c.Proposer}, part{row.Decider, &c.Decider}, part{row.Difference, &c.Difference})
}
