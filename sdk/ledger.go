package sdk

import (
	"context"
	"encoding/json"
	"math"
	"strconv"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// Checkpoint is a signed head of the domain's ledger.
type Checkpoint struct {
	Signed []byte            // as a signed note: keep it, to compare a later one with
	Head   verify.Checkpoint // what it says, its signature checked against the credential's ledger key
}

// Entry is one recorded act, with the salt that makes its commitment.
type Entry struct {
	Index uint64
	Body  json.RawMessage
	Salt  []byte
}

// Checkpoint returns the newest checkpoint. Its signature is checked with the ledger key of the credential, not one that the enclave
// sends; the errors of that check are of type *verify.Error.
func (c *Client) Checkpoint(ctx context.Context) (Checkpoint, error) {
	r, err := c.ledger.GetCheckpoint(ctx, &darkroomv1.GetCheckpointRequest{})
	if err != nil {
		return Checkpoint{}, received(err)
	}
	signed := []byte(r.GetCheckpoint())
	head, err := verify.OpenCheckpoint(c.credential.LedgerKey, signed)
	return Checkpoint{Signed: signed, Head: head}, err
}

// Entry returns one recorded act, to those with a right to it.
func (c *Client) Entry(ctx context.Context, index uint64) (Entry, error) {
	r, err := c.ledger.GetEntry(ctx, &darkroomv1.GetEntryRequest{Name: "entries/" + strconv.FormatUint(index, 10)})
	if err != nil {
		return Entry{}, received(err)
	}
	return Entry{Index: index, Body: json.RawMessage(r.GetBodyJson()), Salt: r.GetSalt()}, nil
}

// Inclusion proves that an entry is in the log of a size: an RFC 6962 audit path.
func (c *Client) Inclusion(ctx context.Context, index, size uint64) ([][]byte, error) {
	r, err := c.ledger.GetInclusionProof(ctx, &darkroomv1.GetInclusionProofRequest{Index: signed(index), TreeSize: signed(size)})
	return r.GetHashes(), received(err)
}

// Consistency proves that the log of one size is the beginning of the log of another (RFC 6962).
func (c *Client) Consistency(ctx context.Context, from, to uint64) ([][]byte, error) {
	r, err := c.ledger.GetConsistencyProof(ctx, &darkroomv1.GetConsistencyProofRequest{FromSize: signed(from), ToSize: signed(to)})
	return r.GetHashes(), received(err)
}

// signed is n as the API carries it; a number beyond it becomes one that the enclave refuses.
func signed(n uint64) int64 {
	if n > math.MaxInt64 {
		return -1
	}
	return int64(n)
}
