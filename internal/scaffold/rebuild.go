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
// machine, the version of Go that the archive names, and no other (REBUILD_GO_VERSION). What the build says goes to out. Only Go is checked:
// code whose archive has no Go code in it is REBUILD_ONLY_GO. Building runs nothing of the source.
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
	rebuilt := &Rebuilt{}
	if isGo(archive) {
		if rebuilt.Go, err = goVersion(ctx, dir, alone()...); err != nil {
			return nil, err
		}
		if rebuilt.Go != archive.Go {
			return nil, enclave.Fail(enclave.State, "REBUILD_GO_VERSION", "made", archive.Go, "here", rebuilt.Go)
		}
	}
	again, err := build(ctx, dir, out, alone()...)
	if err != nil {
		return nil, err
	}
	rebuilt.Digest = again.Digest
	rebuilt.Differences, err = admit.Compare(module, again.Bytes)
	return rebuilt, err
}

// alone is the environment of a build that neither asks a network nor heeds the settings of whoever checks. A toolchain is chosen by the
// person, never by the source.
func alone() []string {
	env := []string{"GOENV=off", "GOPROXY=off"}
	if os.Getenv("GOTOOLCHAIN") == "" {
		env = append(env, "GOTOOLCHAIN=local")
	}
	return env
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
