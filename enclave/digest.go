package enclave

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Digest is a SHA-256, written as 64 hexadecimal digits.
type Digest [sha256.Size]byte

// DigestOf is the digest of some bytes.
func DigestOf(b []byte) Digest { return sha256.Sum256(b) }

// DigestJSON is the digest of a value's JSON: structs in field order, maps by sorted key. It is canonical for our own types only.
func DigestJSON(v any) (Digest, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return Digest{}, Internalf("encode for digest: %w", err)
	}
	return DigestOf(raw), nil
}

// ParseDigest reads 64 hexadecimal digits.
func ParseDigest(text string) (Digest, error) {
	var d Digest
	if len(text) != hex.EncodedLen(len(d)) {
		return Digest{}, Fail(Invalid, "DIGEST_MALFORMED")
	}
	if _, err := hex.Decode(d[:], []byte(text)); err != nil {
		return Digest{}, Fail(Invalid, "DIGEST_MALFORMED")
	}
	return d, nil
}

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether d was never set.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText writes the hexadecimal form.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the hexadecimal form.
func (d *Digest) UnmarshalText(text []byte) error {
	parsed, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
