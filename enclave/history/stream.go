package history

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
)

// Seed is the secret that an audit's random choices are made from. The same seed, history and table give the same result, so that a
// run can be replayed. It MUST come from crypto/rand and stay inside: who knows it could craft tables that the audit misjudges.
type Seed [32]byte

// stream is AES-256 in counter mode under a key that belongs to one purpose of one version of the history.
type stream struct {
	cipher cipher.Stream
	block  [4096]byte
	next   int
}

func (s Seed) stream(version uint64) *stream {
	label := append([]byte("darkroom release-history audit 1"), s[:]...)
	return newStream(sha256.Sum256(binary.BigEndian.AppendUint64(label, version)))
}

func newStream(key [32]byte) *stream {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only for keys of a wrong length
	}
	r := &stream{cipher: cipher.NewCTR(block, make([]byte, aes.BlockSize))} //nolint:gosec // a key is used for one stream only
	r.next = len(r.block)
	return r
}

// fork is another stream, whose key is drawn from this one.
func (r *stream) fork() *stream {
	var key [32]byte
	for i := range 4 {
		binary.LittleEndian.PutUint64(key[8*i:], r.uint64())
	}
	return newStream(key)
}

func (r *stream) uint64() uint64 {
	if r.next == len(r.block) {
		clear(r.block[:])
		r.cipher.XORKeyStream(r.block[:], r.block[:])
		r.next = 0
	}
	r.next += 8
	return binary.LittleEndian.Uint64(r.block[r.next-8:])
}
