//go:build !wasip1

package guest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSourceIsTheWholePackage(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "embed.go" {
			continue
		}
		want, err := os.ReadFile(name) //nolint:gosec // a file of this package
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Source.ReadFile(name); err != nil || string(got) != string(want) {
			t.Errorf("%s is not in Source: %v", name, err)
		}
	}
}
