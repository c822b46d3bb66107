package ledger

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// Sealed is an act made ready for the ledger. Body and Salt open the commitment; both stay in the store and are shown to those with a
// right to the record. Destroying them forgets the act and harms no proof.
type Sealed struct {
	ID         string // the act's
	Body       string // canonical JSON: fields in order, map keys sorted, no HTML escapes
	Salt       [verify.SaltSize]byte
	Commitment [32]byte
}

// Seal writes an act's record and commits to it with a fresh salt, so that two seals of equal acts have nothing in common.
func Seal(act enclave.Act) (Sealed, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(act); err != nil {
		return Sealed{}, enclave.Internalf("encode act %s: %w", act.ID, err)
	}
	body.Truncate(body.Len() - 1) // the encoder's newline
	if body.Len() > verify.MaxBody {
		return Sealed{}, enclave.Fail(enclave.Limit, "LEDGER_RECORD_TOO_LARGE", "limit", strconv.Itoa(verify.MaxBody))
	}
	sealed := Sealed{ID: act.ID, Body: body.String()}
	if _, err := rand.Read(sealed.Salt[:]); err != nil {
		return Sealed{}, enclave.Internalf("salt: %w", err)
	}
	sealed.Commitment = verify.Commit(sealed.Salt, body.Bytes())
	return sealed, nil
}
