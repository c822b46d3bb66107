package enclave_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

var (
	place  = regexp.MustCompile(`\{[^{}]*\}`)
	upper  = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$`)
	simple = regexp.MustCompile(`^\{[a-z][a-z_]*\}$`)
)

// texts are the catalogue as its files have it.
func texts(t *testing.T) map[string]map[enclave.Lang]string {
	t.Helper()
	all := map[string]map[enclave.Lang]string{}
	files, err := fs.Glob(os.DirFS("messages"), "*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no catalogue (%v)", err)
	}
	for _, name := range files {
		raw, err := fs.ReadFile(os.DirFS("messages"), name)
		if err != nil {
			t.Fatal(err)
		}
		var file map[string]map[enclave.Lang]string
		if err := json.Unmarshal(raw, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for code, text := range file {
			if _, twice := all[code]; twice {
				t.Errorf("%s stands in %s and in another file", code, name)
			}
			all[code] = text
		}
	}
	return all
}

// TestCatalogue: every text is there in both languages, and both have the same places to fill in.
func TestCatalogue(t *testing.T) {
	all := texts(t)
	if !slices.Equal(enclave.Codes(), slices.Sorted(maps.Keys(all))) {
		t.Error("the embedded catalogue is not what the files hold")
	}
	for code, text := range all {
		if len(text) != 2 || !enclave.Known(code) {
			t.Errorf("%s: has %d languages", code, len(text))
		}
		if !slices.Equal(places(text[enclave.English]), places(text[enclave.Chinese])) {
			t.Errorf("%s: %v in English, %v in Chinese", code, places(text[enclave.English]), places(text[enclave.Chinese]))
		}
		for _, p := range places(text[enclave.English]) {
			if !simple.MatchString(p) {
				t.Errorf("%s: a place is a lower-case name, not %s", code, p)
			}
		}
	}
}

// places are the {name} places of a text, sorted, each once.
func places(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(place.FindAllString(text, -1))))
}

// use is one place in the source that names a code.
type use struct {
	code string
	args []string // nil if they are not all written there
	at   string
}

// TestEveryCodeHasAText reads the source: a call of Fail anywhere must name a code of the catalogue and give what its text has places
// for; and in the enclave itself, whatever looks like a code must be one.
func TestEveryCodeHasAText(t *testing.T) {
	all := texts(t)
	uses := usesOfCodes(t)
	if len(uses) < 50 {
		t.Fatalf("found %d uses of codes: the search is broken", len(uses))
	}
	for _, u := range uses {
		text, known := all[u.code]
		if !known {
			t.Errorf("%s: %s has no text", u.at, u.code)
			continue
		}
		if u.args == nil {
			continue
		}
		for _, p := range places(text[enclave.English]) {
			if !slices.Contains(u.args, strings.Trim(p, "{}")) {
				t.Errorf("%s: %s is not given %s", u.at, u.code, p)
			}
		}
	}
}

func usesOfCodes(t *testing.T) []use {
	t.Helper()
	var uses []use
	// Codes of calls of Fail, which are met again as literals; and errors that errors.Is only compares with.
	seen := map[ast.Node]bool{}
	files := token.NewFileSet()
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || path != "." && strings.HasPrefix(entry.Name(), ".")) {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		raw, err := fs.ReadFile(os.DirFS(".."), path)
		if err != nil {
			return err
		}
		source, err := parser.ParseFile(files, path, raw, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(source, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if ok && named(call, "Is") && len(call.Args) == 2 {
				seen[call.Args[1]] = true
			}
			if ok && named(call, "Fail") && len(call.Args) >= 2 {
				if code, ok := text(call.Args[1]); ok {
					u := use{code, given(call), files.Position(call.Pos()).String()}
					if seen[call] {
						u.args = nil
					}
					uses, seen[call.Args[1]] = append(uses, u), true
				}
			}
			if code, ok := text(n); ok && strings.HasPrefix(path, "enclave/") && upper.MatchString(code) && !seen[n] {
				uses = append(uses, use{code, nil, files.Position(n.Pos()).String()})
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return uses
}

// named reports a call of a function of that name, in this package or in another.
func named(call *ast.CallExpr, name string) bool {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name == name
	case *ast.SelectorExpr:
		return f.Sel.Name == name
	}
	return false
}

// given are the names of a call's arguments, nil where they come out of a variable.
func given(call *ast.CallExpr) []string {
	if call.Ellipsis.IsValid() {
		return nil
	}
	names := []string{}
	for i := 2; i < len(call.Args); i += 2 {
		name, ok := text(call.Args[i])
		if !ok {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// text is the value of a string literal.
func text(n ast.Node) (string, bool) {
	literal, ok := n.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(literal.Value)
	return value, err == nil
}

func TestMessage(t *testing.T) {
	args := map[string]string{"grant": "{state}", "state": "revoked"}
	if got := enclave.Message(enclave.English, "GRANT_NOT_ACTIVE", args); !strings.Contains(got, "{state} is revoked") {
		t.Errorf("an argument was filled in twice: %s", got)
	}
	if got := enclave.Message(enclave.Chinese, "GRANT_NOT_ACTIVE", args); !strings.Contains(got, "授权") {
		t.Errorf("got %s", got)
	}
	if got := enclave.Message(enclave.Chinese, "FROM_A_NEWER_BUNDLE", map[string]string{"b": "2", "a": "1"}); got != "FROM_A_NEWER_BUNDLE a=1 b=2" {
		t.Errorf("got %s", got)
	}
	if enclave.Known("FROM_A_NEWER_BUNDLE") || !enclave.Known("INTERNAL") {
		t.Error("Known does not know")
	}
}
