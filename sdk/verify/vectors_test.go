package verify

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

//go:embed testdata
var testdata embed.FS

func file(tb testing.TB, name string) []byte {
	tb.Helper()
	raw, err := testdata.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func goldenKey(tb testing.TB) string {
	tb.Helper()
	return strings.TrimSpace(string(file(tb, "key.txt")))
}

// goldenLog is a fresh copy of the golden log in memory.
func goldenLog(tb testing.TB) fstest.MapFS {
	tb.Helper()
	root, err := fs.Sub(testdata, "testdata/log")
	if err != nil {
		tb.Fatal(err)
	}
	found := fstest.MapFS{}
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(root, name)
		found[name] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil || len(found) == 0 {
		tb.Fatal("no golden log", err)
	}
	return found
}

func reasonOf(err error) string {
	if err == nil {
		return "HOLDS"
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return "not one of ours: " + err.Error()
}

func wantReason(t *testing.T, err error, reason string) {
	t.Helper()
	if got := reasonOf(err); got != reason {
		t.Errorf("got %v, want %s", err, reason)
	}
}

func TestCommitVectors(t *testing.T) {
	var list []struct {
		Salt, Commitment Hash
		Body             string
	}
	if err := json.Unmarshal(file(t, "commitments.json"), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no vectors")
	}
	for i, vector := range list {
		if Commit(vector.Salt, []byte(vector.Body)) != vector.Commitment {
			t.Errorf("vector %d", i)
		}
	}
}

func TestReceiptVectors(t *testing.T) {
	names, err := fs.Glob(testdata, "testdata/receipts/*.json")
	if err != nil || len(names) == 0 {
		t.Fatal("no vectors", err)
	}
	for _, name := range names {
		base := strings.TrimSuffix(path.Base(name), ".json")
		want, _, _ := strings.Cut(base, "-")
		t.Run(base, func(t *testing.T) {
			receipt, err := ParseReceipt(file(t, "receipts/"+base+".json"))
			if err != nil {
				wantReason(t, err, want)
				return
			}
			statement, _, err := Contains(goldenLog(t), goldenKey(t), receipt)
			wantReason(t, err, want)
			if err != nil {
				return
			}
			if statement.Act.Object != "runs/bbbbbbbbbbbbbbbbbbbbbbbbbb" || statement.Act.Actor.Name != "li <&>" || statement.Index != 3 {
				t.Errorf("%+v", statement)
			}
			wantReason(t, statement.VerifyResult([]byte("test")), "HOLDS")
			wantReason(t, statement.VerifyResult([]byte("tesT")), ReasonResult)
			delete(statement.Act.Detail, DetailResult)
			wantReason(t, statement.VerifyResult([]byte("test")), ReasonNoResult)
		})
	}
}

func TestConsistencyVector(t *testing.T) {
	var vector struct {
		Older, Newer string
		Proof        []Hash
	}
	if err := json.Unmarshal(file(t, "consistency.json"), &vector); err != nil {
		t.Fatal(err)
	}
	key, older, newer := goldenKey(t), []byte(vector.Older), []byte(vector.Newer)
	wantReason(t, Consistency(key, older, newer, vector.Proof), "HOLDS")
	wantReason(t, Consistency(key, newer, newer, nil), "HOLDS")
	wantReason(t, Consistency(key, newer, older, vector.Proof), ReasonConsistency)
	wantReason(t, Consistency(key, older, newer, nil), ReasonConsistency)
	wantReason(t, Consistency(key, older, newer, append(vector.Proof, Hash{})), ReasonConsistency)
	wantReason(t, Consistency(key, older[:20], newer, vector.Proof), ReasonCheckpoint)
	wantReason(t, Consistency("nonsense", older, newer, vector.Proof), ReasonKey)
}
