package load

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/darkroom-project/darkroom/enclave"
)

// pseudonym is a keyed hash of an identifier: HMAC-SHA-256, truncated to 128 bits, so that among 2^32 subjects a collision has a
// chance of 2^-65.
type pseudonym [16]byte

// derive gives the key of one purpose for one kind of subject (HKDF-SHA-256, RFC 5869).
func derive(key [32]byte, purpose string, kind enclave.SubjectKind) ([]byte, error) {
	derived, err := hkdf.Key(sha256.New, key[:], nil, "darkroom/load/1/"+purpose+"/"+string(kind), 32)
	if err != nil {
		return nil, enclave.Internalf("derive the %s key: %w", purpose, err)
	}
	return derived, nil
}

// hasher makes pseudonyms. It is not safe for concurrent use.
type hasher struct {
	mac hash.Hash
	sum [sha256.Size]byte
}

func newHasher(key []byte) *hasher { return &hasher{mac: hmac.New(sha256.New, key)} }

// of is the pseudonym of a normalised identifier.
func (h *hasher) of(identifier []byte) pseudonym {
	h.mac.Reset()
	h.mac.Write(identifier)
	return pseudonym(h.mac.Sum(h.sum[:0])[:len(pseudonym{})])
}

// shuffler orders subjects secretly: AES-256 of the number is a permutation of blocks, so no two subjects have the same place.
type shuffler struct{ block cipher.Block }

func newShuffler(key []byte) (*shuffler, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, enclave.Internalf("order of subjects: %w", err)
	}
	return &shuffler{block: block}, nil
}

// place is where a subject comes: by high, then by low.
func (s *shuffler) place(subject uint32) (high, low uint64) {
	var b [aes.BlockSize]byte
	binary.LittleEndian.PutUint32(b[:], subject)
	s.block.Encrypt(b[:], b[:])
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}
