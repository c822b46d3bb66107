package guests

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BuildGo compiles a guest in Go, ageband-go or histogram-go, with the go tool, from anywhere inside the repository. It needs no network:
// guests use sdk/guest, which uses the standard library alone. Dir holds the result for a moment.
func BuildGo(ctx context.Context, dir, name string) ([]byte, error) {
	out := filepath.Join(dir, name+".wasm")
	cmd := exec.CommandContext(ctx, "go", "build", //nolint:gosec // fixed flags
		"-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out,
		"github.com/darkroom-project/darkroom/testdata/guests/"+name)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w: %s", err, said)
	}
	return os.ReadFile(out) //nolint:gosec // made just now
}

// Compiled is a committed guest in C, by the name of its file in internal/scaffold/guests; from anywhere inside the repository.
func Compiled(name string) ([]byte, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		code, err := os.ReadFile(filepath.Join(dir, "internal", "scaffold", "guests", name+".wasm")) //nolint:gosec // a file of the repository
		if err == nil || filepath.Dir(dir) == dir {
			return code, err
		}
		dir = filepath.Dir(dir)
	}
}
