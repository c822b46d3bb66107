package scaffold

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
)

// Build makes the module of a folder: it compiles its Go code, if there is any, with the go tool, whose output goes to out, attaches the manifest,
// checks the result as admission will, and writes it into the folder as <name>.wasm. The same sources and Go version give the same
// bytes and so the same digest.
func Build(ctx context.Context, dir string, out io.Writer) (path string, digest enclave.Digest, err error) {
	module, err := build(ctx, dir, out)
	if err != nil {
		return "", digest, err
	}
	return keep(dir, module)
}

// Join makes the module of a folder whose code was compiled elsewhere, from another language, into a file without a manifest.
func Join(dir, code string) (path string, digest enclave.Digest, err error) {
	manifest, err := ReadManifest(dir)
	if err != nil {
		return "", digest, err
	}
	bytes, err := readFile(code, admit.MaxModuleBytes)
	if err != nil {
		return "", digest, err
	}
	module, err := join(bytes, manifest)
	if err != nil {
		return "", digest, err
	}
	return keep(dir, module)
}

func keep(dir string, module *enclave.Module) (path string, digest enclave.Digest, err error) {
	path = filepath.Join(dir, module.Manifest.Name+".wasm")
	return path, module.Digest, replace(path, module.Bytes)
}

// build makes the module of a folder, with more in the go tool's environment than it has by itself.
func build(ctx context.Context, dir string, out io.Writer, env ...string) (*enclave.Module, error) {
	manifest, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	code, err := compile(ctx, dir, out, env...)
	if err != nil {
		return nil, err
	}
	return join(code, manifest)
}

func join(code []byte, manifest *enclave.Manifest) (*enclave.Module, error) {
	whole, err := admit.Attach(code, manifest)
	if err != nil {
		return nil, err
	}
	return admit.Check(whole)
}

// compile builds a folder's Go code; nil if it has none.
func compile(ctx context.Context, dir string, out io.Writer, env ...string) (code []byte, err error) {
	sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(sources) == 0 {
		return nil, err // only a malformed pattern gives an error
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		return nil, enclave.Fail(enclave.State, "BUILD_NO_GO").Because(err)
	}
	scratch, err := os.MkdirTemp("", "darkroom-build-")
	if err != nil {
		return nil, enclave.Internalf("make a scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	result := filepath.Join(scratch, "module.wasm")
	cmd := exec.CommandContext(ctx, tool, "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", result, ".") //nolint:gosec // go, with fixed flags
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	// What the author's own environment says about other builds must not change this one's bytes.
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOWASM=", "GOEXPERIMENT=")
	cmd.Env = append(cmd.Env, env...)
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, enclave.Fail(enclave.Canceled, "BUILD_CANCELED").Because(context.Cause(ctx))
		}
		return nil, enclave.Fail(enclave.Invalid, "BUILD_FAILED", "dir", dir).Because(err)
	}
	code, err = os.ReadFile(result) //nolint:gosec // made just now
	if err != nil {
		return nil, enclave.Internalf("read the compiled module: %w", err)
	}
	return code, nil
}

// replace writes a file in one step, so that a build that is interrupted leaves the old one.
func replace(path string, content []byte) error {
	problem := func(err error) error {
		return enclave.Fail(enclave.State, "SCAFFOLD_WRITE", "file", path).Because(err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".module-*")
	if err != nil {
		return problem(err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return problem(errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
