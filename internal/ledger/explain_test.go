package ledger

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// TestReasonsHaveTexts reads the codes from the sources, so that none is forgotten.
func TestReasonsHaveTexts(t *testing.T) {
	code := regexp.MustCompile(`"((?:LEDGER|RECEIPT)_[A-Z_]+)"`)
	found := 0
	for _, dir := range []string{".", "../../sdk/verify"} {
		names, err := fs.Glob(os.DirFS(dir), "*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			raw, err := fs.ReadFile(os.DirFS(dir), name)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range code.FindAllStringSubmatch(string(raw), -1) {
				found++
				if !enclave.Known(match[1]) {
					t.Errorf("%s has no text", match[1])
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d codes found", found)
	}
}

func TestExplain(t *testing.T) {
	if Explain(nil) != nil {
		t.Error("nil is no error")
	}
	private, public := newKey(t)
	l := openLog(t, t.TempDir(), private)
	copied := fstest.MapFS{"checkpoint": &fstest.MapFile{Data: mustCheckpoint(t, l)}}
	if _, err := verify.Log(copied, public); err != nil {
		t.Errorf("the empty log: %v", err)
	}
	grow(t, l, 0, 1)
	copied["checkpoint"].Data = mustCheckpoint(t, l)
	_, err := verify.Log(copied, public)
	explained := Explain(err)
	wantReason(t, explained, verify.ReasonFileMissing)
	for _, lang := range []enclave.Lang{enclave.English, enclave.Chinese} {
		if text := explained.In(lang); !strings.Contains(text, "tile/entries/000.p/1") || strings.Contains(text, "{") {
			t.Errorf("text %q", text)
		}
	}
	if other := Explain(errors.New("another")); other.Kind != enclave.Internal {
		t.Errorf("kind %s", other.Kind)
	}
}
