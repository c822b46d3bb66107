package e2e_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAttackIndex: every test that ATTACKS.md names is there.
func TestAttackIndex(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile("ATTACKS.md")
	ok(t, err)
	there := map[string]bool{}
	ok(t, fs.WalkDir(os.DirFS("../.."), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(path)))
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)`).FindAllSubmatch(code, -1) {
			there[string(found[1])] = true
		}
		return err
	}))
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(index), -1)
	if len(named) < 40 {
		t.Fatalf("found %d tests in the list: the search is broken", len(named))
	}
	for _, name := range named {
		if !there[name[1]] {
			t.Errorf("there is no %s", name[1])
		}
	}
}
