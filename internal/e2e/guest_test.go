package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/scaffold"
)

// ageGroup is the tests' own guest, which people's ages suffice for, with its manifest.
func ageGroup(t *testing.T) (*enclave.Manifest, []byte) {
	t.Helper()
	built, err := buildAgeGroup()
	ok(t, err)
	manifest, err := scaffold.ReadManifest(filepath.Join("testdata", "agegroup"))
	ok(t, err)
	return manifest, built
}

// buildAgeGroup goes an author's way once: a new folder, other sources in it, build.
var buildAgeGroup = sync.OnceValues(func() (module []byte, err error) {
	scratch, err := os.MkdirTemp("", "darkroom-e2e-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	dir := filepath.Join(scratch, "agegroup")
	if err := scaffold.New(dir, "agegroup", scaffold.Go); err != nil {
		return nil, err
	}
	for from, to := range map[string]string{"main.go.txt": "main.go", "darkroom.yaml": scaffold.ManifestFile} {
		text, err := os.ReadFile(filepath.Join("testdata", "agegroup", from)) //nolint:gosec // fixed names
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, to), text, 0o600); err != nil {
			return nil, err
		}
	}
	var said bytes.Buffer
	path, _, err := scaffold.Build(context.Background(), dir, &said)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, &said)
	}
	return os.ReadFile(path) //nolint:gosec // made just now
})
