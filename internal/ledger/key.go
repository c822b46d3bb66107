package ledger

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/darkroom-project/darkroom/enclave"
)

// MaxOrigin is the longest origin, in bytes.
const MaxOrigin = 200

// GenerateKey makes an Ed25519 key pair for a new ledger, as text of golang.org/x/mod/sumdb/note: private is a signer key, to be kept
// secret and for ever; public is the verifier key that the domain publishes. The origin names the ledger in every checkpoint; by
// convention it begins with the domain's DNS name.
func GenerateKey(origin string) (private, public string, err error) {
	if origin == "" || len(origin) > MaxOrigin || !utf8.ValidString(origin) || strings.ContainsFunc(origin, unfitOrigin) {
		return "", "", enclave.Fail(enclave.Invalid, "LEDGER_ORIGIN_INVALID", "limit", strconv.Itoa(MaxOrigin))
	}
	private, public, err = note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return "", "", enclave.Internalf("generate the ledger's key: %w", err)
	}
	return private, public, nil
}

func unfitOrigin(r rune) bool { return r == '+' || unicode.IsSpace(r) || !unicode.IsPrint(r) }

// PublicKey is the verifier key that belongs to a signer key.
func PublicKey(private string) (string, error) {
	signer, err := note.NewSigner(private)
	if err != nil {
		return "", badKey(err)
	}
	// PRIVATE+KEY+name+hash+key: only the last part may hold more plus signs.
	parts := strings.SplitN(private, "+", 5)
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil {
		return "", badKey(err)
	}
	if len(raw) != 1+ed25519.SeedSize {
		return "", badKey(nil)
	}
	seed := ed25519.NewKeyFromSeed(raw[1:])
	public, ok := seed.Public().(ed25519.PublicKey)
	if !ok {
		return "", badKey(nil)
	}
	text, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return "", badKey(err)
	}
	return text, nil
}

// badKey never carries the key: note's errors do not either.
func badKey(cause error) error {
	return enclave.Fail(enclave.State, "LEDGER_SIGNING_KEY").Because(cause)
}
