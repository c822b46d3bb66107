package scaffold_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/source"
)

// TestTheSameSourceIsTheSameModule: built in two folders, and once more from the archive by whoever checks, a module has one digest. What
// was changed is told.
func TestTheSameSourceIsTheSameModule(t *testing.T) {
	closed(t)
	first, second := filepath.Join(t.TempDir(), "age-band"), filepath.Join(t.TempDir(), "somewhere", "else")
	for _, dir := range []string{first, second} {
		ok(t, scaffold.New(dir, "age-band", scaffold.Go))
	}
	path, one, err := scaffold.Build(t.Context(), first, os.Stderr)
	ok(t, err)
	t.Setenv("GOFLAGS", "-tags=other") // an environment of their own
	_, two, err := scaffold.Build(t.Context(), second, os.Stderr)
	ok(t, err)
	if one != two {
		t.Fatalf("built in another folder: %s, %s", one, two)
	}
	module, err := os.ReadFile(path) //nolint:gosec // made just now
	ok(t, err)
	handed, err := scaffold.Source(t.Context(), first)
	ok(t, err)
	raw, err := handed.Encode()
	ok(t, err)
	archive, err := source.Parse(raw)
	ok(t, err)
	if !strings.HasPrefix(archive.Go, "go1.") {
		t.Errorf("version %q", archive.Go)
	}
	rebuilt, err := scaffold.Rebuild(t.Context(), archive, module, os.Stderr)
	if err != nil || rebuilt.Digest != one || len(rebuilt.Differences) != 0 || rebuilt.Go != archive.Go {
		t.Fatalf("%+v, %v", rebuilt, err)
	}

	// Somebody hands in other source than was built.
	for i := range archive.Files {
		if f := &archive.Files[i]; f.Path == "main.go" {
			f.Content = bytes.Replace(f.Content, []byte("65"), []byte("66"), 1)
		}
	}
	rebuilt, err = scaffold.Rebuild(t.Context(), archive, module, os.Stderr)
	if err != nil || rebuilt.Digest == one || len(rebuilt.Differences) == 0 || rebuilt.Differences[0].Want == 0 {
		t.Errorf("other source: %+v, %v", rebuilt, err)
	}
	archive.Go = "go1.9"
	_, err = scaffold.Rebuild(t.Context(), archive, module, os.Stderr)
	refused(t, err, "REBUILD_GO_VERSION")
	archive.Files = archive.Files[:1]
	_, err = scaffold.Rebuild(t.Context(), archive, module, os.Stderr)
	refused(t, err, "REBUILD_ONLY_GO")
}

func TestAManifestAloneIsRebuilt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ask")
	ok(t, scaffold.New(dir, "ask", scaffold.None))
	t.Setenv("PATH", "") // no go command is needed
	path, digest, err := scaffold.Build(t.Context(), dir, os.Stderr)
	ok(t, err)
	module, err := os.ReadFile(path) //nolint:gosec // made just now
	ok(t, err)
	archive, err := scaffold.Source(t.Context(), dir)
	ok(t, err)
	rebuilt, err := scaffold.Rebuild(t.Context(), archive, module, os.Stderr)
	if err != nil || rebuilt.Digest != digest || len(rebuilt.Differences) != 0 || rebuilt.Go != "" {
		t.Errorf("%+v, %v", rebuilt, err)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, err error, reason string) {
	t.Helper()
	if e := enclave.AsError(err); e == nil || e.Reason != reason || !enclave.Known(reason) {
		t.Errorf("%v, want %s", err, reason)
	}
}
