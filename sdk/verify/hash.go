package verify

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"github.com/transparency-dev/merkle/rfc6962"
)

// LeafPrefix begins what a commitment hashes. A record with other fields or of another form gets another prefix.
const LeafPrefix = "darkroom/leaf/v1\n"

// SaltSize is the size of a salt in bytes.
const SaltSize = 32

// Hash is a SHA-256: a node of the tree, or a salt or commitment, which have the same size. Its text is standard base64 with padding.
type Hash [sha256.Size]byte

// String is the hash in base64.
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

// MarshalText writes base64.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads exactly what MarshalText writes.
func (h *Hash) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil {
		return err
	}
	if len(raw) != len(h) {
		return errors.New("a hash is 32 bytes in base64")
	}
	copy(h[:], raw)
	if h.String() != string(text) { // the decoder skips line breaks
		return errors.New("a hash is one line of base64")
	}
	return nil
}

// Commit is the ledger's entry for a record; see the package's documentation.
func Commit(salt [SaltSize]byte, body []byte) [sha256.Size]byte {
	hash := sha256.New()
	_, _ = hash.Write([]byte(LeafPrefix)) // a hash never fails
	_, _ = hash.Write(salt[:])
	_, _ = hash.Write(body)
	return [sha256.Size]byte(hash.Sum(nil))
}

// leafHash is the hash of an entry in the tree.
func leafHash(commitment []byte) []byte { return rfc6962.DefaultHasher.HashLeaf(commitment) }

func slices2D(proof []Hash) [][]byte {
	out := make([][]byte, len(proof))
	for i := range proof {
		out[i] = proof[i][:]
	}
	return out
}
