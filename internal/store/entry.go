package store

import (
	"context"
	"database/sql"
	"math"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// Entry is the record of an act with what opens its commitment.
type Entry struct {
	Sealed
	Index    uint64 // in the ledger; only if Appended
	Appended bool
}

// Entry finds an entry by its act's id, or fails with ENTRY_NOT_FOUND.
func (a *Acts) Entry(ctx context.Context, id string) (Entry, error) {
	return entryOf(a.store.read().GetEntry(ctx, id))
}

// EntryByIndex finds the entry at an index of the ledger, or fails with ENTRY_NOT_FOUND.
func (a *Acts) EntryByIndex(ctx context.Context, index uint64) (Entry, error) {
	at, err := logIndex(index)
	if err != nil {
		return Entry{}, err
	}
	return entryOf(a.store.read().GetEntryByIndex(ctx, at))
}

func entryOf(row sqlc.Entry, err error) (Entry, error) {
	if err != nil {
		return Entry{}, missing("get an entry", err, enclave.Fail(enclave.NotFound, "ENTRY_NOT_FOUND"))
	}
	both, err := digests(row.Salt, row.Commitment)
	if err != nil {
		return Entry{}, err
	}
	return Entry{
		Sealed:   Sealed{ID: row.ID, Body: row.Body, Salt: both[0], Commitment: both[1]},
		Index:    uint64(row.LogIndex.Int64), //nolint:gosec // written by Appended, never negative
		Appended: row.LogIndex.Valid,
	}, nil
}

func logIndex(index uint64) (sql.NullInt64, error) {
	if index > math.MaxInt64 {
		return sql.NullInt64{}, enclave.Fail(enclave.NotFound, "ENTRY_NOT_FOUND")
	}
	return sql.NullInt64{Int64: int64(index), Valid: true}, nil
}
