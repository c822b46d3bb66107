package verify

import (
	"encoding/base64"
	"errors"
	"fmt"

	flog "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

// MaxCheckpoint is the largest checkpoint that is read, in bytes. One signature takes some 200; the rest is room for witnesses.
const MaxCheckpoint = 16 << 10

const maxKey = 1 << 10

// Checkpoint is the head of a ledger at one size, as its domain has signed it.
type Checkpoint struct {
	Origin string
	Size   uint64 // entries
	Root   Hash   // of the Merkle tree over them
}

// OpenCheckpoint reads a signed checkpoint and checks its signature and origin. Signatures of others beside the domain's are let by, unread.
func OpenCheckpoint(key string, signed []byte) (Checkpoint, error) {
	verifier, err := openKey(key)
	if err != nil {
		return Checkpoint{}, err
	}
	return openCheckpoint(verifier, signed)
}

func openKey(key string) (note.Verifier, error) {
	if len(key) > maxKey {
		return nil, fail(ReasonKey, fmt.Errorf("%d bytes", len(key)))
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil, fail(ReasonKey, err)
	}
	return verifier, nil
}

func openCheckpoint(verifier note.Verifier, signed []byte) (Checkpoint, error) {
	if len(signed) > MaxCheckpoint {
		return Checkpoint{}, fail(ReasonCheckpoint, fmt.Errorf("larger than %d bytes", MaxCheckpoint))
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		if _, unsigned := errors.AsType[*note.UnverifiedNoteError](err); unsigned {
			return Checkpoint{}, fail(ReasonSignature, err)
		}
		if _, invalid := errors.AsType[*note.InvalidSignatureError](err); invalid {
			return Checkpoint{}, fail(ReasonSignature, err)
		}
		return Checkpoint{}, fail(ReasonCheckpoint, err)
	}
	for _, signature := range opened.Sigs {
		// note is lenient about the unused bits of the last digit; a file with them changed is not the file that was signed.
		if _, err := base64.StdEncoding.Strict().DecodeString(signature.Base64); err != nil {
			return Checkpoint{}, fail(ReasonCheckpoint, err)
		}
	}
	var head flog.Checkpoint
	rest, err := head.Unmarshal([]byte(opened.Text))
	switch {
	case err != nil:
		return Checkpoint{}, fail(ReasonCheckpoint, err)
	case len(rest) != 0:
		return Checkpoint{}, fail(ReasonCheckpoint, errors.New("lines after the root"))
	case string(head.Marshal()) != opened.Text:
		return Checkpoint{}, fail(ReasonCheckpoint, errors.New("not in canonical form"))
	case len(head.Hash) != len(Hash{}):
		return Checkpoint{}, fail(ReasonCheckpoint, errors.New("the root is not a SHA-256"))
	case head.Origin != verifier.Name():
		return Checkpoint{}, fail(ReasonOrigin, fmt.Errorf("%q, not %q", head.Origin, verifier.Name()))
	}
	return Checkpoint{Origin: head.Origin, Size: head.Size, Root: Hash(head.Hash)}, nil
}

// Consistency checks that the log of the newer checkpoint begins with the whole log of the older one: nothing was changed, dropped or
// reordered between them. The proof is as in RFC 6962, section 2.1.2; it is empty if either size is 0 or the sizes are equal.
func Consistency(key string, older, newer []byte, consistency []Hash) error {
	verifier, err := openKey(key)
	if err != nil {
		return err
	}
	from, err := openCheckpoint(verifier, older)
	if err != nil {
		return err
	}
	to, err := openCheckpoint(verifier, newer)
	if err != nil {
		return err
	}
	if from.Size > to.Size {
		return fail(ReasonConsistency, fmt.Errorf("from size %d to the smaller %d", from.Size, to.Size))
	}
	if from.Size == to.Size && from.Root != to.Root {
		return fail(ReasonForked, fmt.Errorf("two roots at size %d", to.Size))
	}
	empty := Hash(rfc6962.DefaultHasher.EmptyRoot())
	if (from.Size == 0 && from.Root != empty) || (to.Size == 0 && to.Root != empty) {
		return fail(ReasonForked, errors.New("the empty log has another root"))
	}
	if from.Size == 0 {
		if len(consistency) != 0 {
			return fail(ReasonConsistency, errors.New("a proof from the empty log is empty"))
		}
		return nil
	}
	err = proof.VerifyConsistency(rfc6962.DefaultHasher, from.Size, to.Size, slices2D(consistency), from.Root[:], to.Root[:])
	if err != nil {
		return fail(ReasonConsistency, err)
	}
	return nil
}
