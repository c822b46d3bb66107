package store

import (
	"context"
	"math"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// Acts is the outbox of the ledger and the register of what its commitments stand for.
type Acts struct{ store *Store }

// Acts returns the store's acts.
func (s *Store) Acts() *Acts { return &Acts{s} }

// Pending is an entry that the ledger has not taken up yet.
type Pending struct {
	ID         string
	Commitment [32]byte
}

// Record writes an act that changes nothing else, such as a refusal.
func (a *Acts) Record(ctx context.Context, act enclave.Act) error {
	return a.store.act(ctx, act, func(*sqlc.Queries, int64) error { return nil })
}

// Pending lists at most limit entries that the ledger has not taken up, in the order of their transactions.
func (a *Acts) Pending(ctx context.Context, limit int) ([]Pending, error) {
	rows, err := a.store.read().PendingEntries(ctx, int32(min(max(limit, 0), math.MaxInt32)))
	if err != nil {
		return nil, fault("list pending entries", err)
	}
	list := make([]Pending, len(rows))
	for i, row := range rows {
		commitment, err := digests(row.Commitment)
		if err != nil {
			return nil, err
		}
		list[i] = Pending{ID: row.ID, Commitment: commitment[0]}
	}
	return list, nil
}

// Appended is an entry that the ledger took up, and where.
type Appended struct {
	ID    string
	Index uint64
}

// Appended says at which indexes the ledger took entries up, in one transaction. Saying it twice is harmless; another index is a fault.
func (a *Acts) Appended(ctx context.Context, entries []Appended) error {
	return a.store.write(ctx, func(q *sqlc.Queries) error {
		for _, entry := range entries {
			at, err := logIndex(entry.Index)
			if err != nil {
				return err
			}
			n, err := q.MarkAppended(ctx, sqlc.MarkAppendedParams{ID: entry.ID, LogIndex: at})
			if err == nil && n != 1 {
				err = enclave.Internalf("entry %s is unknown, or at another index of the ledger than %d", entry.ID, entry.Index)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
