// Package guest holds the benchmark's guests: one in C, compiled and committed, and one in Go, which the go tool builds.
//
// After a change of c/guest.c or of sdk/guest/c/darkroom.h, with clang and lld installed, from the root of the repository:
//
//	clang --target=wasm32 -O2 -msimd128 -mbulk-memory -ffreestanding -nostdlib -Wall -Wextra -Isdk/guest/c \
//	  -Wl,--no-entry -Wl,--strip-all -o internal/bench/guest/guest.wasm internal/bench/guest/c/guest.c
package guest

import (
	"context"
	_ "embed" // the guest in C
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// C is the guest in C.
//
//go:embed guest.wasm
var C []byte

// Go builds the guest in Go as a developer would, with the go tool, from anywhere inside the repository.
func Go(ctx context.Context) (code []byte, err error) {
	dir, err := os.MkdirTemp("", "darkroom-bench-guest-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	out := filepath.Join(dir, "guest.wasm")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, //nolint:gosec // fixed flags
		"github.com/darkroom-project/darkroom/internal/bench/guest/go")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the guest in Go: %w: %s", err, said)
	}
	return os.ReadFile(out) //nolint:gosec // made just now
}
