package verify

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// domain signs whatever a test asks it to, as a domain that lies could.
type domain struct {
	key    string
	signer note.Signer
}

func newDomain(t *testing.T) *domain {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, "liar.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return &domain{key: public, signer: signer}
}

func (d *domain) sign(t *testing.T, text string) []byte {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, d.signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (d *domain) head(t *testing.T, size uint64, root Hash) []byte {
	t.Helper()
	return d.sign(t, fmt.Sprintf("liar.example\n%d\n%s\n", size, root))
}

// TestSignedNonsense: a right signature does not make a right checkpoint.
func TestSignedNonsense(t *testing.T) {
	d := newDomain(t)
	root := Hash{1}.String()
	for text, reason := range map[string]string{
		"liar.example\n1\n" + root + "\n":                    "HOLDS",
		"other.example\n1\n" + root + "\n":                   ReasonOrigin,
		"liar.example\n01\n" + root + "\n":                   ReasonCheckpoint,
		"liar.example\n-1\n" + root + "\n":                   ReasonCheckpoint,
		"liar.example\n18446744073709551616\n" + root + "\n": ReasonCheckpoint,
		"liar.example\n1\n" + root + "\nmore\n":              ReasonCheckpoint,
		"liar.example\n1\n" + root[:43] + "B\n":              ReasonCheckpoint,
		"liar.example\n1\nAAAA\n":                            ReasonCheckpoint,
		"liar.example\n1\n":                                  ReasonCheckpoint,
		"liar.example\n":                                     ReasonCheckpoint,
	} {
		_, err := OpenCheckpoint(d.key, d.sign(t, text))
		if reasonOf(err) != reason {
			t.Errorf("%q: got %v, want %s", text, err, reason)
		}
	}
	witnessed := append(d.head(t, 1, Hash{1}), "— witness.example AAAAAAAA\n"...)
	_, err := OpenCheckpoint(d.key, witnessed)
	wantReason(t, err, "HOLDS")
	_, err = OpenCheckpoint(strings.Repeat("x", maxKey+1), witnessed)
	wantReason(t, err, ReasonKey)
	_, err = OpenCheckpoint(d.key, make([]byte, MaxCheckpoint+1))
	wantReason(t, err, ReasonCheckpoint)
}

// TestSignedFork is two roots of one size, and an empty log that is not empty.
func TestSignedFork(t *testing.T) {
	d := newDomain(t)
	one, two := d.head(t, 5, Hash{1}), d.head(t, 5, Hash{2})
	wantReason(t, Consistency(d.key, one, one, nil), "HOLDS")
	wantReason(t, Consistency(d.key, one, two, nil), ReasonForked)
	wantReason(t, Consistency(d.key, d.head(t, 0, Hash{1}), one, nil), ReasonForked)
}

// TestSignedBodies: what stands in the log is an act, in full, or it is refused.
func TestSignedBodies(t *testing.T) {
	d := newDomain(t)
	const whole = `{"id":"a","time":"2026-01-02T03:04:05Z","actor":{"role":"r","org":"o","name":"n"},"verb":"v","object":"o"}`
	for body, reason := range map[string]string{
		whole:                                     "HOLDS",
		strings.Replace(whole, `"id"`, `"x"`, 1):  ReasonAct, // unknown
		strings.Replace(whole, `"a"`, `""`, 1):    ReasonAct,
		strings.Replace(whole, `"r"`, `7`, 1):     ReasonAct,
		strings.Replace(whole, `{`, `{"x":1,`, 1): ReasonAct,
		whole + whole:                             ReasonAct,
		"not JSON":                                ReasonAct,
	} {
		commitment := Commit(Hash{}, []byte(body))
		receipt := &Receipt{
			Version: ReceiptVersion, Origin: "liar.example", Body: body, Proof: []Hash{},
			Checkpoint: string(d.head(t, 1, Hash(leafHash(commitment[:])))),
		}
		_, err := receipt.Verify(d.key)
		if reasonOf(err) != reason {
			t.Errorf("%s: got %v, want %s", body, err, reason)
		}
	}
}

func TestReceiptLimits(t *testing.T) {
	_, err := ParseReceipt(make([]byte, MaxReceipt+1))
	wantReason(t, err, ReasonReceiptLarge)
	good := Receipt{Version: ReceiptVersion, Origin: "o", Body: "b", Proof: []Hash{}, Checkpoint: "c"}
	for name, spoil := range map[string]func(*Receipt){
		"body":          func(r *Receipt) { r.Body = strings.Repeat("x", MaxBody+1) },
		"no body":       func(r *Receipt) { r.Body = "" },
		"body bytes":    func(r *Receipt) { r.Body = "\xff" },
		"proof":         func(r *Receipt) { r.Proof = make([]Hash, maxProof+1) },
		"checkpoint":    func(r *Receipt) { r.Checkpoint = strings.Repeat("x", MaxCheckpoint+1) },
		"no origin":     func(r *Receipt) { r.Origin = "" },
		"other version": func(r *Receipt) { r.Version = "receipt/v0" },
	} {
		spoilt := good
		spoil(&spoilt)
		_, err := spoilt.Encode()
		if reasonOf(err) != ReasonReceipt {
			t.Errorf("%s: %v", name, err)
		}
		_, err = spoilt.Verify(goldenKey(t))
		if reasonOf(err) != ReasonReceipt {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHashText(t *testing.T) {
	text := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for bad, why := range map[string]string{
		text[:20] + "\n" + text[20:]:  "line break",
		text[:42] + "B=":              "unused bits",
		text + text:                   "too long",
		text[:40]:                     "too short",
		strings.Repeat("-", 43) + "=": "another alphabet",
	} {
		var h Hash
		if err := h.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%s was read", why)
		}
	}
	raw, err := json.Marshal(Hash{})
	if err != nil || string(raw) != `"`+text+`"` {
		t.Errorf("%s %v", raw, err)
	}
}
