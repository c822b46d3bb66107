package scaffold_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
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

// All code that a rebuild compiles is in the archive: what is not, is neither found on the machine nor asked for.
func TestARebuildReadsTheArchiveAlone(t *testing.T) {
	outside := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(outside, "go.mod"), []byte("module example.com/hidden\n\ngo 1.24\n"), 0o600))
	ok(t, os.WriteFile(filepath.Join(outside, "h.go"), []byte("package hidden\n"), 0o600))
	dir := filepath.Join(t.TempDir(), "age-band")
	ok(t, scaffold.New(dir, "age-band", scaffold.Go))
	path, _, err := scaffold.Build(t.Context(), dir, os.Stderr)
	ok(t, err)
	module, err := os.ReadFile(path) //nolint:gosec // made just now
	ok(t, err)
	archive, err := scaffold.Source(t.Context(), dir)
	ok(t, err)
	file := func(name string) *source.File {
		for i := range archive.Files {
			if archive.Files[i].Path == name {
				return &archive.Files[i]
			}
		}
		t.Fatalf("no %s", name)
		return nil
	}
	own := file("go.mod").Content
	main := file("main.go")
	main.Content = bytes.Replace(main.Content, []byte("import "), []byte("import _ \"example.com/hidden\"\nimport "), 1)
	// Settings by which the go tool would ask a host, follow the source's choice of a toolchain, or compile other code.
	for name, value := range map[string]string{
		"GOPRIVATE": "*", "GONOPROXY": "*", "GOVCS": "*:all", "GOINSECURE": "*", "GOTOOLCHAIN": "auto", "GO111MODULE": "auto", "GOFLAGS": "-mod=mod",
		"GOPROXY": "file://" + outside,
	} {
		t.Setenv(name, value)
	}
	up := strings.Repeat("../", 20)
	for what, c := range map[string]struct{ mod, reason string }{
		"an absolute path":          {"require example.com/hidden v0.0.0\nreplace example.com/hidden => " + outside, "REBUILD_OUTSIDE"},
		"a folder above":            {"require example.com/hidden v0.0.0\nreplace example.com/hidden => ../hidden", "REBUILD_OUTSIDE"},
		"a way up through a folder": {"require example.com/hidden v0.0.0\nreplace (\n\texample.com/hidden v0.0.0 => ./guest/" + up + outside + "\n)", "REBUILD_OUTSIDE"},
		"another slash":             {`replace example.com/hidden => "./..\\hidden"`, "REBUILD_OUTSIDE"},
		"not a go.mod":              {"replace everything", "REBUILD_OUTSIDE"},
		"another module":            {"require example.com/hidden v0.0.0\nreplace example.com/hidden => evil.corp.invalid/x v1.0.0", "BUILD_FAILED"},
		"a module of the network":   {"require example.com/hidden v1.0.0", "BUILD_FAILED"},
		"a toolchain":               {"toolchain go1.99.0", "BUILD_FAILED"},
	} {
		file("go.mod").Content = append(bytes.Clone(own), []byte("\n"+c.mod+"\n")...)
		var said bytes.Buffer
		_, err := scaffold.Rebuild(t.Context(), archive, module, &said)
		refused(t, err, c.reason)
		if text := said.String(); strings.Contains(text, "dial ") || strings.Contains(text, "lookup evil") || strings.Contains(text, "no such host") {
			t.Errorf("%s: asked a network: %s", what, text)
		}
	}
	file("go.mod").Content = append(bytes.Clone(own), []byte("\nrequire example.com/hidden v0.0.0\nreplace example.com/hidden => ./hidden\n")...)
	archive.Files = append(archive.Files,
		source.File{Path: "hidden/go.mod", Content: []byte("module example.com/hidden\n\ngo 1.24\n")},
		source.File{Path: "hidden/h.go", Content: []byte("package hidden\n")})
	slices.SortFunc(archive.Files, func(x, y source.File) int { return strings.Compare(x.Path, y.Path) })
	if _, err := scaffold.Rebuild(t.Context(), archive, module, os.Stderr); err != nil {
		t.Errorf("a folder within: %v", err)
	}
	archive.Files = slices.DeleteFunc(archive.Files, func(f source.File) bool { return f.Path == "go.mod" })
	_, err = scaffold.Rebuild(t.Context(), archive, module, os.Stderr)
	refused(t, err, "REBUILD_OUTSIDE")
}
