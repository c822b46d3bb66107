package store

import (
	"context"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// denied suspends a run's grant where this denial is one too many (A23, R14): each may tell a bit that a module chose. It is an act of the
// enclave's own, after the one at position; the authority reads it in the ledger and in the grant. A limit of 0 is none.
func (s *Store) denied(ctx context.Context, q *sqlc.Queries, id string, limit int64, at time.Time, position int64) error {
	if limit <= 0 {
		return nil
	}
	of, err := q.GetRun(ctx, id)
	if err != nil {
		return err
	}
	count, err := q.CountDenials(ctx, sqlc.CountDenialsParams{Permit: of.Permit, Dataset: of.Dataset})
	if err != nil || count < limit {
		return err
	}
	reason := enclave.Reason{Code: "GRANT_DENIALS", Args: map[string]string{"dataset": of.Dataset}}
	n, err := q.SuspendPermit(ctx, sqlc.SuspendPermitParams{ID: of.Permit, Note: reason.In(enclave.English) + " " + reason.In(enclave.Chinese)})
	if err != nil || n == 0 { // not active any more
		return err
	}
	itself := enclave.Caller{Role: enclave.SelfOrg, Org: enclave.SelfOrg, Name: enclave.SelfOrg}
	return s.also(ctx, q, position, enclave.NewAct(at, itself, "grant.suspend", "grants/"+of.Permit,
		"operator", of.Operator, "dataset", of.Dataset, "run", id, "reason", reason.Code, "denials", strconv.FormatInt(count, 10)))
}

// also writes the entry of a further act in a transaction, right after the act at position.
func (s *Store) also(ctx context.Context, q *sqlc.Queries, position int64, act enclave.Act) error {
	sealed, err := s.seal(act)
	if err != nil {
		return err
	}
	return insertEntry(ctx, q, position+1, &sealed)
}

func insertEntry(ctx context.Context, q *sqlc.Queries, position int64, sealed *Sealed) error {
	return q.InsertEntry(ctx, sqlc.InsertEntryParams{
		Position: position, ID: sealed.ID, Body: sealed.Body,
		Salt: enclave.Digest(sealed.Salt).String(), Commitment: enclave.Digest(sealed.Commitment).String(),
	})
}
