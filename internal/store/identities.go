package store

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/identity"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// Identities remembers for whom credentials were issued. An organisation is on the side of its first credential for ever: credentials are
// not revoked, so what it could once do it may still do.
type Identities struct{ store *Store }

// Identities returns the store's identities.
func (s *Store) Identities() *Identities { return &Identities{s} }

// Issue writes the act that issues a credential, and takes the side of its holder's organisation. Of an organisation on the other side
// ORG_ROLE_CONFLICT; then nothing is written.
func (i *Identities) Issue(ctx context.Context, who enclave.Caller, act enclave.Act) error {
	return i.store.act(ctx, act, func(q *sqlc.Queries, _ int64) error { return takeSide(ctx, q, who) })
}

// Remember is Issue for a credential that the enclave itself was made with.
func (i *Identities) Remember(ctx context.Context, who enclave.Caller) error {
	return i.store.write(ctx, func(q *sqlc.Queries) error { return takeSide(ctx, q, who) })
}

func takeSide(ctx context.Context, q *sqlc.Queries, who enclave.Caller) error {
	asks := flag(who.Role.Asks())
	if err := q.TakeSide(ctx, sqlc.TakeSideParams{Org: who.Org, Asks: asks}); err != nil {
		return err
	}
	side, err := q.SideOf(ctx, who.Org)
	if err == nil && side != asks {
		return identity.Conflict(who)
	}
	return err
}
