package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// MaxBody is the largest record of an act, in bytes.
const MaxBody = 64 << 10

// DetailResult names the detail of an act that is the SHA-256 of released bytes, as 64 lower-case hexadecimal digits.
const DetailResult = "result"

// Act is the record of one act: who did what to which object.
type Act struct {
	ID     string            `json:"id"`
	Time   time.Time         `json:"time"` // UTC, whole milliseconds
	Actor  Actor             `json:"actor"`
	Verb   string            `json:"verb"`
	Object string            `json:"object"`
	Detail map[string]string `json:"detail,omitempty"`
}

// Actor is who acted.
type Actor struct {
	Role string `json:"role"`
	Org  string `json:"org"`
	Name string `json:"name"`
}

// Statement is what a receipt proves: the domain has recorded this act, at this place of its ledger.
type Statement struct {
	Act    Act
	Origin string
	Index  uint64 // of the entry, from 0
	Size   uint64 // of the ledger at the receipt's checkpoint, in entries
}

// parseAct reads a record. Unknown fields are refused: a statement that the reader cannot see in full is not one to trust.
func parseAct(body string) (Act, error) {
	var act Act
	if err := decode([]byte(body), &act); err != nil {
		return Act{}, fail(ReasonAct, err)
	}
	if act.ID == "" || act.Verb == "" || act.Time.IsZero() {
		return Act{}, fail(ReasonAct, errors.New("id, time or verb is missing"))
	}
	return act, nil
}

// VerifyResult checks that released bytes are those that the act names in its detail.
func (s *Statement) VerifyResult(released []byte) error {
	want, named := s.Act.Detail[DetailResult]
	if !named {
		return fail(ReasonNoResult, nil)
	}
	digest := sha256.Sum256(released)
	if got := hex.EncodeToString(digest[:]); got != want {
		return fail(ReasonResult, fmt.Errorf("it has the SHA-256 %s, the act names %q", got, want))
	}
	return nil
}

// decode reads one JSON value strictly: no unknown fields, nothing after it.
func decode(raw []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text after the end")
	}
	return nil
}
