package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// MaxReceipt is the largest receipt that is read, in bytes.
const MaxReceipt = 256 << 10

// ReceiptVersion is the only version of a receipt so far.
const ReceiptVersion = "receipt/v1"

// A tree of 2⁶⁴ entries has inclusion proofs of this many hashes.
const maxProof = 64

// Receipt is a record of an act with all that proves its place in the ledger. It is a JSON file; [ParseReceipt] reads and
// [Receipt.Encode] writes it. Nothing in it is to be believed before [Receipt.Verify] has said so.
type Receipt struct {
	Version    string `json:"darkroom"`
	Origin     string `json:"origin"`
	Index      uint64 `json:"index"`      // of the entry, from 0
	Salt       Hash   `json:"salt"`       // see Commit
	Body       string `json:"body"`       // the record's exact text
	Proof      []Hash `json:"proof"`      // inclusion, from the leaf's sibling up (RFC 6962, section 2.1.1)
	Checkpoint string `json:"checkpoint"` // signed note
}

// ParseReceipt reads a receipt. It accepts exactly what Encode writes, with any white space between its tokens: unknown, missing,
// doubled and misspelt fields are refused, so that two readers never see two receipts in one file.
func ParseReceipt(raw []byte) (*Receipt, error) {
	if len(raw) > MaxReceipt {
		return nil, fail(ReasonReceiptLarge, fmt.Errorf("%d bytes", len(raw)))
	}
	var receipt Receipt
	if err := decode(raw, &receipt); err != nil {
		return nil, fail(ReasonReceipt, err)
	}
	if err := receipt.check(); err != nil {
		return nil, err
	}
	canonical, err := receipt.Encode()
	if err != nil {
		return nil, err
	}
	var got, want bytes.Buffer
	if err := errors.Join(json.Compact(&got, raw), json.Compact(&want, canonical)); err != nil {
		return nil, fail(ReasonReceipt, err)
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		return nil, fail(ReasonReceipt, errors.New("not in canonical form"))
	}
	return &receipt, nil
}

// Encode writes the receipt as a file for ParseReceipt.
func (r *Receipt) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return nil, fail(ReasonReceipt, err)
	}
	if out.Len() > MaxReceipt {
		return nil, fail(ReasonReceiptLarge, fmt.Errorf("%d bytes", out.Len()))
	}
	return out.Bytes(), nil
}

func (r *Receipt) check() error {
	switch {
	case r.Version != ReceiptVersion:
		return fail(ReasonReceipt, fmt.Errorf("version %q, not %q", r.Version, ReceiptVersion))
	case r.Body == "" || len(r.Body) > MaxBody || !utf8.ValidString(r.Body):
		return fail(ReasonReceipt, fmt.Errorf("the body is not UTF-8 of 1 to %d bytes", MaxBody))
	case r.Proof == nil || len(r.Proof) > maxProof:
		return fail(ReasonReceipt, fmt.Errorf("the proof is not a list of at most %d hashes", maxProof))
	case r.Checkpoint == "" || len(r.Checkpoint) > MaxCheckpoint || !utf8.ValidString(r.Checkpoint):
		return fail(ReasonReceipt, fmt.Errorf("the checkpoint is not UTF-8 of 1 to %d bytes", MaxCheckpoint))
	case r.Origin == "" || !utf8.ValidString(r.Origin):
		return fail(ReasonReceipt, errors.New("the origin is not UTF-8"))
	}
	return nil
}

// Verify checks everything that can be checked offline: that the checkpoint is signed with the key, that it is of the receipt's origin,
// that the salted commitment to the body stands in the log at the index, and that the body is the record of an act.
func (r *Receipt) Verify(key string) (Statement, error) {
	if err := r.check(); err != nil {
		return Statement{}, err
	}
	head, err := OpenCheckpoint(key, []byte(r.Checkpoint))
	if err != nil {
		return Statement{}, err
	}
	if head.Origin != r.Origin {
		return Statement{}, fail(ReasonOrigin, fmt.Errorf("%q, not %q", head.Origin, r.Origin))
	}
	commitment := Commit(r.Salt, []byte(r.Body))
	err = proof.VerifyInclusion(rfc6962.DefaultHasher, r.Index, head.Size, leafHash(commitment[:]), slices2D(r.Proof), head.Root[:])
	if err != nil {
		return Statement{}, fail(ReasonProof, err)
	}
	act, err := parseAct(r.Body)
	if err != nil {
		return Statement{}, err
	}
	return Statement{Act: act, Origin: head.Origin, Index: r.Index, Size: head.Size}, nil
}
