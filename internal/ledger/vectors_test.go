package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/sdk/verify"
)

var update = flag.Bool("update", false, "write the golden vectors of sdk/verify anew")

const (
	vectors    = "../../sdk/verify/testdata"
	goldenSize = 260 // a full tile and a partial one
	goldenAct  = `{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaa","time":"2026-01-02T03:04:05.006Z",` +
		`"actor":{"role":"operator","org":"某某数据运营有限公司","name":"li <&>"},"verb":"run.release","object":"runs/bbbbbbbbbbbbbbbbbbbbbbbbbb",` +
		`"detail":{"result":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}}` // SHA-256 of "test"
)

// goldenKey is the same signer every time, which a generated one cannot be.
func goldenKey(t *testing.T, seed string) (private, public string) {
	t.Helper()
	const name, algorithm = "golden.example/darkroom", 1 // Ed25519
	sum := sha256.Sum256([]byte(seed))
	key := ed25519.NewKeyFromSeed(sum[:])
	encoded := append([]byte{algorithm}, key[32:]...)
	id := sha256.Sum256(append([]byte(name+"\n"), encoded...))
	private = fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, binary.BigEndian.Uint32(id[:]),
		base64.StdEncoding.EncodeToString(append([]byte{algorithm}, sum[:]...)))
	public, err := PublicKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

// TestVectors holds the log that tessera writes, and receipts, to the committed vectors that sdk/verify is tested against. With -update it
// writes them.
func TestVectors(t *testing.T) {
	private, public := goldenKey(t, "darkroom golden vectors")
	dir := t.TempDir()
	l := openLog(t, dir, private)
	salt := sha256.Sum256([]byte("salt"))
	const index = 3
	grow(t, l, 0, index)
	if _, err := l.Append(t.Context(), verify.Commit(salt, []byte(goldenAct))); err != nil {
		t.Fatal(err)
	}
	grow(t, l, index+1, 96)
	early, err := l.Receipt(t.Context(), goldenAct, salt, index)
	if err != nil {
		t.Fatal(err)
	}
	grow(t, l, index+97, goldenSize-index-97)
	late, err := l.Receipt(t.Context(), goldenAct, salt, index)
	if err != nil {
		t.Fatal(err)
	}
	consistency, err := l.Consistency(t.Context(), 100, goldenSize)
	if err != nil {
		t.Fatal(err)
	}

	files := map[string][]byte{"key.txt": []byte(public + "\n")}
	for _, file := range []string{"checkpoint", "tile/entries/000", "tile/entries/001.p/4", "tile/0/000", "tile/0/001.p/4", "tile/1/000.p/1"} {
		raw, err := fs.ReadFile(os.DirFS(dir), file)
		if err != nil {
			t.Fatal(err)
		}
		files["log/"+file] = raw
	}
	files["commitments.json"] = encode(t, commitments())
	files["consistency.json"] = encode(t, map[string]any{
		"older": early.Checkpoint, "newer": late.Checkpoint, "proof": consistency,
	})
	for name, receipt := range receipts(t, early, late) {
		files["receipts/"+name+".json"] = receipt
	}
	for name, want := range files {
		file := filepath.Join(vectors, name)
		if *update {
			write(t, file, want)
		}
		got, err := fs.ReadFile(os.DirFS(vectors), name)
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the ledger writes", name)
		}
	}
}

func commitments() []map[string]string {
	var list []map[string]string
	for i, body := range []string{goldenAct, "", "{}", "\x00\n", strings.Repeat("数据", 500)} {
		salt := sha256.Sum256([]byte{byte(i)})
		leaf := sha256.Sum256(append(append([]byte("darkroom/leaf/v1\n"), salt[:]...), body...)) // the definition, spelt out
		list = append(list, map[string]string{
			"salt": verify.Hash(salt).String(), "body": body, "commitment": verify.Hash(leaf).String(),
		})
	}
	return list
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(raw, '\n')
}

// receipts are files by name: HOLDS or the reason why not, and what is special.
func receipts(t *testing.T, early, late *verify.Receipt) map[string][]byte {
	t.Helper()
	good, err := late.Encode()
	if err != nil {
		t.Fatal(err)
	}
	older, err := early.Encode()
	if err != nil {
		t.Fatal(err)
	}
	private, _ := goldenKey(t, "another key")
	forger := openLog(t, t.TempDir(), private)
	grow(t, forger, 0, goldenSize)
	forged, err := forger.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{"HOLDS-older": older, "HOLDS": good}
	text := func(name, from, to string) {
		changed := strings.Replace(string(good), from, to, 1)
		if changed == string(good) {
			t.Fatalf("%s changes nothing", name)
		}
		out[name] = []byte(changed)
	}
	change := func(name string, edit func(*verify.Receipt)) {
		receipt := *late
		receipt.Proof = append([]verify.Hash{}, late.Proof...)
		edit(&receipt)
		raw, err := receipt.Encode()
		if err != nil {
			t.Fatal(err)
		}
		out[name] = raw
	}
	text("HOLDS-spaces", "{\n  ", "\r\n\t{  ")
	text("RECEIPT_MALFORMED-unknown-field", `"index"`, `"extra": 1, "index"`)
	text("RECEIPT_MALFORMED-doubled-field", `"index": 3`, `"index": 3, "index": 3`)
	text("RECEIPT_MALFORMED-case", `"index"`, `"Index"`)
	text("RECEIPT_MALFORMED-escape", `"index"`, `"\u0069ndex"`)
	text("RECEIPT_MALFORMED-version", `receipt/v1`, `receipt/v2`)
	text("RECEIPT_MALFORMED-no-proof", `"proof": [`, `"proof": null, "x": [`)
	text("RECEIPT_MALFORMED-negative", `"index": 3`, `"index": -3`)
	text("RECEIPT_MALFORMED-float", `"index": 3`, `"index": 3.0`)
	text("RECEIPT_MALFORMED-salt", `"salt": "`, `"salt": "AAAA`)
	out["RECEIPT_MALFORMED-trailing"] = append(bytes.Clone(good), "{}"...)
	out["RECEIPT_MALFORMED-truncated"] = good[:len(good)/2]
	out["RECEIPT_MALFORMED-empty"] = nil
	change("RECEIPT_PROOF-salt", func(r *verify.Receipt) { r.Salt[0] ^= 1 })
	change("RECEIPT_PROOF-index", func(r *verify.Receipt) { r.Index++ })
	change("RECEIPT_PROOF-index-beyond", func(r *verify.Receipt) { r.Index = goldenSize })
	change("RECEIPT_PROOF-body", func(r *verify.Receipt) { r.Body = strings.Replace(r.Body, "li", "wu", 1) })
	change("RECEIPT_PROOF-node", func(r *verify.Receipt) { r.Proof[1][31] ^= 128 })
	change("RECEIPT_PROOF-short", func(r *verify.Receipt) { r.Proof = r.Proof[1:] })
	change("RECEIPT_PROOF-long", func(r *verify.Receipt) { r.Proof = append(r.Proof, r.Proof[0]) })
	change("RECEIPT_PROOF-other-checkpoint", func(r *verify.Receipt) { r.Checkpoint = early.Checkpoint })
	change("LEDGER_CHECKPOINT_SIGNATURE-forged", func(r *verify.Receipt) { r.Checkpoint = string(forged) })
	change("LEDGER_CHECKPOINT_SIGNATURE-size", func(r *verify.Receipt) { r.Checkpoint = strings.Replace(r.Checkpoint, "\n260\n", "\n261\n", 1) })
	change("LEDGER_CHECKPOINT_MALFORMED-cut", func(r *verify.Receipt) { r.Checkpoint = r.Checkpoint[:len(r.Checkpoint)-1] })
	change("LEDGER_ORIGIN-other", func(r *verify.Receipt) { r.Origin = "other.example/darkroom" })
	return out
}
