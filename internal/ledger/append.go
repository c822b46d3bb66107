package ledger

import (
	"context"
	"errors"

	"github.com/transparency-dev/tessera"
)

// placed is the index of an appended entry, or why there is none.
type placed struct {
	index uint64
	err   error
}

var errClosed = errors.New("the ledger is closed")

// Append adds an entry and returns its index when it is durable. Equal commitments are not merged. If ctx ends first, or the process
// does, the entry may be in the log all the same. Failures are Unavailable, LEDGER_UNAVAILABLE.
func (l *Log) Append(ctx context.Context, commitment [32]byte) (index uint64, err error) {
	results, err := l.appendAll(ctx, [][32]byte{commitment})
	if err != nil {
		return 0, err
	}
	return results[0].index, results[0].err
}

// appendAll adds entries in order, so that they share the work of being written, and returns when each is durable or has failed. Up to
// batchSize of them are mostly written at once, but may be split: then a later one can succeed where an earlier one failed.
func (l *Log) appendAll(ctx context.Context, commitments [][32]byte) ([]placed, error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, unavailable(errClosed)
	}
	l.appends.Add(1)
	l.mu.Unlock()

	done := make(chan []placed, 1)
	// Futures ignore contexts; Close waits for this goroutine.
	go func() {
		defer l.appends.Done()
		// The entries are written whether or not the caller still waits.
		background := context.WithoutCancel(ctx)
		futures := make([]tessera.IndexFuture, len(commitments))
		for i := range commitments {
			futures[i] = l.add(background, tessera.NewEntry(commitments[i][:]))
		}
		results := make([]placed, len(commitments))
		for i, future := range futures {
			got, err := future()
			if err != nil {
				results[i].err = unavailable(err)
				continue
			}
			results[i].index = got.Index
		}
		done <- results
	}()
	select {
	case results := <-done:
		return results, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.ended:
		return nil, unavailable(errClosed)
	}
}

// Await returns when a signed checkpoint covers the entry at index. It fails when ctx ends or the log closes, and if the checkpoint cannot
// be read. It MUST be an index that Append returned: another one is waited for until ctx ends.
func (l *Log) Await(ctx context.Context, index uint64) error {
	return l.watch.await(ctx, index)
}
