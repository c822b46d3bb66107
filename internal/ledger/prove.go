package ledger

import (
	"context"
	"strconv"

	"github.com/transparency-dev/tessera/client"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// Inclusion proves that the entry at index is in the log of a size (RFC 6962, section 2.1.1). Sizes beyond the newest checkpoint and
// indexes beyond the size are NotFound, LEDGER_NO_ENTRY.
func (l *Log) Inclusion(ctx context.Context, index, size uint64) ([]verify.Hash, error) {
	if err := l.signed(ctx, size); err != nil {
		return nil, err
	}
	if index >= size {
		return nil, noEntry(index)
	}
	return l.inclusion(ctx, index, size)
}

func (l *Log) inclusion(ctx context.Context, index, size uint64) ([]verify.Hash, error) {
	builder, err := client.NewProofBuilder(ctx, size, l.reader.ReadTile)
	if err != nil {
		return nil, unavailable(err)
	}
	nodes, err := builder.InclusionProof(ctx, index)
	return hashes(nodes, err)
}

// Consistency proves that the log of size to begins with the log of size from (RFC 6962, section 2.1.2).
func (l *Log) Consistency(ctx context.Context, from, to uint64) ([]verify.Hash, error) {
	if err := l.signed(ctx, to); err != nil {
		return nil, err
	}
	if from > to {
		return nil, noEntry(from)
	}
	builder, err := client.NewProofBuilder(ctx, to, l.reader.ReadTile)
	if err != nil {
		return nil, unavailable(err)
	}
	nodes, err := builder.ConsistencyProof(ctx, from, to)
	return hashes(nodes, err)
}

// Receipt makes the receipt of a record whose entry is at index, against the newest checkpoint. It is checked with the code that auditors
// run before it is handed out: a body, salt or index that do not belong together are Internal. An entry that no checkpoint
// covers yet is LEDGER_NO_ENTRY; see Await.
func (l *Log) Receipt(ctx context.Context, body string, salt [verify.SaltSize]byte, index uint64) (*verify.Receipt, error) {
	head, signed, err := l.head(ctx)
	if err != nil {
		return nil, err
	}
	if index >= head.Size {
		return nil, noEntry(index)
	}
	proof, err := l.inclusion(ctx, index, head.Size)
	if err != nil {
		return nil, err
	}
	receipt := &verify.Receipt{
		Version: verify.ReceiptVersion, Origin: head.Origin, Index: index, Salt: salt, Body: body,
		Proof: proof, Checkpoint: string(signed),
	}
	if _, err := receipt.Verify(l.key); err != nil {
		return nil, enclave.Internalf("the receipt of entry %d does not verify: %w", index, err)
	}
	return receipt, nil
}

// signed checks that a checkpoint covers a size, so that proofs are about what everyone may know.
func (l *Log) signed(ctx context.Context, size uint64) error {
	head, _, err := l.head(ctx)
	if err != nil {
		return err
	}
	if size > head.Size {
		return noEntry(size)
	}
	return nil
}

func noEntry(number uint64) error {
	return enclave.Fail(enclave.NotFound, "LEDGER_NO_ENTRY", "number", strconv.FormatUint(number, 10))
}

// hashes types the nodes of a proof. The result is never nil: an empty proof is a proof.
func hashes(nodes [][]byte, err error) ([]verify.Hash, error) {
	if err != nil {
		return nil, unavailable(err)
	}
	out := make([]verify.Hash, len(nodes))
	for i, node := range nodes {
		if len(node) != len(out[i]) {
			return nil, enclave.Internalf("a node of the ledger has %d bytes", len(node))
		}
		out[i] = verify.Hash(node)
	}
	return out, nil
}
