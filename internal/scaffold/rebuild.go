package scaffold

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/source"
)

// Source reads a module's folder as the archive in which it is handed in to reviewers, with the version of Go that builds it here.
func Source(ctx context.Context, dir string) (*source.Archive, error) {
	archive, err := source.Pack(dir, "")
	if err != nil || !isGo(archive) {
		return archive, err
	}
	archive.Go, err = goVersion(ctx, dir)
	return archive, err
}

// isGo reports whether there is Go code to build: in the folder itself, as for [Build].
func isGo(a *source.Archive) bool {
	return slices.ContainsFunc(a.Files, func(f source.File) bool { return path.Dir(f.Path) == "." && path.Ext(f.Path) == ".go" })
}

// Rebuilt is what building a module once more from its source gave.
type Rebuilt struct {
	Go          string // version of Go; "" of a module without code
	Digest      enclave.Digest
	Differences []admit.Difference // from the module that it was to be; none if it is the same byte for byte
}

// Rebuild builds a module from its source exactly as [Build] does, but trusting the source with nothing: no network, no settings of the
// machine, nothing that lies on it but the standard library (REBUILD_OUTSIDE), the version of Go that the archive names, and no other
// (REBUILD_GO_VERSION): what reviewers read is all there is. What the build says goes to out. Only Go is checked: code whose archive has no Go
// code in it is REBUILD_ONLY_GO. Building runs nothing of the source.
func Rebuild(ctx context.Context, archive *source.Archive, module []byte, out io.Writer) (_ *Rebuilt, err error) {
	want, err := admit.Check(module)
	if err != nil {
		return nil, err
	}
	if want.HasCode && !isGo(archive) {
		return nil, enclave.Fail(enclave.Invalid, "REBUILD_ONLY_GO")
	}
	scratch, err := os.MkdirTemp("", "darkroom-source-")
	if err != nil {
		return nil, enclave.Internalf("make a scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	dir := filepath.Join(scratch, "module")
	if err := archive.Unpack(dir); err != nil {
		return nil, err
	}
	rebuilt, env := &Rebuilt{}, alone(filepath.Join(scratch, "downloads"))
	if isGo(archive) {
		if err := keepsInside(archive); err != nil {
			return nil, err
		}
		if rebuilt.Go, err = goVersion(ctx, dir, env...); err != nil {
			return nil, err
		}
		if rebuilt.Go != archive.Go {
			return nil, enclave.Fail(enclave.State, "REBUILD_GO_VERSION", "made", archive.Go, "here", rebuilt.Go)
		}
	}
	again, err := build(ctx, dir, out, env...)
	if err != nil {
		return nil, err
	}
	rebuilt.Digest = again.Digest
	rebuilt.Differences, err = admit.Compare(module, again.Bytes)
	return rebuilt, err
}

// alone is the environment of a build that neither asks a network nor heeds the settings of whoever checks, with an empty folder for
// downloads: GOPROXY=off alone would still ask the hosts of modules that GOPRIVATE names, and use what was once downloaded. A toolchain is
// chosen by the person, who puts it first in PATH, never by the source.
func alone(downloads string) []string {
	return []string{
		"GOENV=off", "GO111MODULE=on", "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local", "GOMODCACHE=" + downloads,
		"GOPROXY=off", "GOPRIVATE=", "GONOPROXY=none", "GONOSUMDB=none", "GOSUMDB=off", "GOINSECURE=", "GOVCS=*:off", "GOAUTH=off",
	}
}

// keepsInside refuses a source whose build would read code from beside its folder: by a replacement in its go.mod, or by the go.mod of a
// folder above for want of its own.
func keepsInside(archive *source.Archive) error {
	outside := func(problem string) error {
		return enclave.Fail(enclave.Invalid, "REBUILD_OUTSIDE", "problem", problem)
	}
	at := slices.IndexFunc(archive.Files, func(f source.File) bool { return f.Path == "go.mod" })
	if at < 0 {
		return outside("no go.mod")
	}
	mod, err := modfile.Parse("go.mod", archive.Files[at].Content, nil)
	if err != nil {
		return outside(err.Error())
	}
	for _, r := range mod.Replace {
		if r.New.Version == "" && (!filepath.IsLocal(r.New.Path) || strings.ContainsAny(r.New.Path, `\:`)) {
			return outside("replace " + r.Old.Path + " => " + r.New.Path)
		}
	}
	return nil
}

// goVersion is the version of the Go that builds a folder.
func goVersion(ctx context.Context, dir string, env ...string) (string, error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return "", enclave.Fail(enclave.State, "BUILD_NO_GO").Because(err)
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, tool, "env", "GOVERSION") //nolint:gosec // go, with fixed arguments
	cmd.Dir, cmd.Stderr, cmd.Env = dir, &said, append(os.Environ(), env...)
	version, err := cmd.Output()
	if err != nil {
		return "", enclave.Fail(enclave.State, "REBUILD_NO_VERSION", "problem", strings.TrimSpace(said.String())).Because(err)
	}
	return strings.TrimSpace(string(version)), nil
}
