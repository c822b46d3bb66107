package guests

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BuildGo compiles the honest Go guest, ageband-go, with the go tool, from anywhere inside the repository. It needs no network: the guest
// uses sdk/guest, which uses the standard library alone. Dir holds the result for a moment.
func BuildGo(ctx context.Context, dir string) ([]byte, error) {
	out := filepath.Join(dir, "ageband-go.wasm")
	cmd := exec.CommandContext(ctx, "go", "build", //nolint:gosec // fixed flags
		"-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out,
		"github.com/darkroom-project/darkroom/testdata/guests/ageband-go")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w: %s", err, said)
	}
	return os.ReadFile(out) //nolint:gosec // made just now
}
