package ledger

import (
	"context"

	"github.com/transparency-dev/tessera/client"

	"github.com/darkroom-project/darkroom/enclave"
)

// find looks for entries of the outbox that are in the log already, so that none is appended twice: those of a process that was killed before
// it had recorded them, and those of an append that failed after it had taken effect. They are in the outbox's first batch, since no
// entry leaves that before it is recorded. It reads the whole log, 34 bytes for each entry, and only where the outbox is not empty.
func (p *Pump) find(ctx context.Context) error {
	batch, err := p.outbox.Pending(ctx, batchSize)
	if err != nil || len(batch) == 0 {
		return err
	}
	ids := make(map[[32]byte]string, len(batch))
	for _, entry := range batch {
		ids[entry.Commitment] = entry.ID
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.scan(ctx, func(index uint64, commitment [32]byte) {
		if id, ours := ids[commitment]; ours {
			p.added[id] = index
			delete(ids, commitment)
		}
	})
}

// scan reads all entries that are durable, signed or not yet.
func (l *Log) scan(ctx context.Context, visit func(index uint64, commitment [32]byte)) error {
	size, err := l.reader.IntegratedSize(ctx)
	if err != nil {
		return unavailable(err)
	}
	for index := uint64(0); index < size; {
		bundle, err := client.GetEntryBundle(ctx, l.reader.ReadEntryBundle, index/batchSize, size)
		if err != nil {
			return unavailable(err)
		}
		if len(bundle.Entries) == 0 {
			return enclave.Internalf("the ledger has no entry %d of %d", index, size)
		}
		for _, entry := range bundle.Entries { // the last may have grown meanwhile
			if len(entry) != 32 {
				return enclave.Internalf("entry %d of the ledger has %d bytes", index, len(entry))
			}
			visit(index, [32]byte(entry))
			index++
		}
	}
	return nil
}
