package rpc

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// ledger serves the record's proofs, and the acts to those with a right to them.
type ledger struct {
	darkroomv1.UnimplementedLedgerServiceServer
	Config
	gate *gate
}

func (l *ledger) GetCheckpoint(ctx context.Context, _ *darkroomv1.GetCheckpointRequest) (*darkroomv1.GetCheckpointResponse, error) {
	checkpoint, err := l.Ledger.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	return &darkroomv1.GetCheckpointResponse{Checkpoint: string(checkpoint), PublicKey: l.Ledger.PublicKey()}, nil
}

// record is an act as the ledger keeps it.
type record struct {
	act  enclave.Act
	body string
	salt []byte
}

func (l *ledger) GetEntry(ctx context.Context, r *darkroomv1.GetEntryRequest) (*darkroomv1.GetEntryResponse, error) {
	missing := enclave.Fail(enclave.NotFound, "RECORD_NOT_FOUND", "entry", last(r.GetName()))
	index, err := strconv.ParseUint(last(r.GetName()), 10, 64)
	if err != nil {
		return nil, missing
	}
	found, err := l.record(ctx, index)
	if err == nil && blind(&found.act, callerOf(ctx)) {
		return nil, missing
	}
	found, err = reach(ctx, l.gate, found, err, func(r record) target { return target{owner: r.act.Actor.Org} }, missing)
	if err != nil {
		return nil, err
	}
	return &darkroomv1.GetEntryResponse{Name: r.GetName(), BodyJson: found.body, Salt: found.salt}, nil
}

// blind reports whether an act has to look missing to somebody whom the policy would let see it: that somebody else has voted, not even
// what, a reviewer of an output or a module may not know before the vote is counted. Auditors see it, and what it came to stands in other acts.
func blind(act *enclave.Act, who enclave.Caller) bool {
	return (act.Verb == "review.vote" || act.Verb == "approval.vote") && who.Role != enclave.Auditor && (who.Org != act.Actor.Org || who.Name != act.Actor.Name)
}

func (l *ledger) record(ctx context.Context, index uint64) (record, error) {
	body, salt, err := l.Ledger.Entry(ctx, index)
	if err != nil {
		return record{}, err
	}
	found := record{body: body, salt: salt}
	if err := json.Unmarshal([]byte(body), &found.act); err != nil {
		return record{}, enclave.Internalf("entry %d is not an act: %w", index, err)
	}
	return found, nil
}

func (l *ledger) GetInclusionProof(ctx context.Context, r *darkroomv1.GetInclusionProofRequest) (*darkroomv1.GetInclusionProofResponse, error) {
	if r.GetIndex() >= r.GetTreeSize() {
		return nil, badField("index", "int64.lt", "less than tree_size")
	}
	hashes, err := l.Ledger.Inclusion(ctx, uint64(r.GetIndex()), uint64(r.GetTreeSize())) //nolint:gosec // validated: neither is negative
	return &darkroomv1.GetInclusionProofResponse{Hashes: hashes}, err
}

func (l *ledger) GetConsistencyProof(ctx context.Context, r *darkroomv1.GetConsistencyProofRequest) (*darkroomv1.GetConsistencyProofResponse, error) {
	if r.GetFromSize() > r.GetToSize() {
		return nil, badField("from_size", "int64.lte", "at most to_size")
	}
	hashes, err := l.Ledger.Consistency(ctx, uint64(r.GetFromSize()), uint64(r.GetToSize())) //nolint:gosec // validated: neither is negative
	return &darkroomv1.GetConsistencyProofResponse{Hashes: hashes}, err
}
