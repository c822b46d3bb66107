package enclave_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// TestPhrases reads the source: whatever a description or a manifest is said to be expected to hold has a phrase in Chinese, and there are no others.
func TestPhrases(t *testing.T) {
	raw, err := os.ReadFile("phrases.json")
	if err != nil {
		t.Fatal(err)
	}
	var phrases map[string]string
	if err := json.Unmarshal(raw, &phrases); err != nil {
		t.Fatal(err)
	}
	found := expectations(t)
	if len(found) < 50 {
		t.Fatalf("found %d phrases: the search is broken", len(found))
	}
	number := regexp.MustCompile(`\d+`)
	used := map[string]bool{}
	for _, english := range found {
		key := english
		if phrases[key] == "" {
			key = number.ReplaceAllString(english, "#")
		}
		if phrases[key] == "" {
			t.Errorf("%q has no Chinese", english)
		}
		used[key] = true
		args := map[string]string{"place": "keys", "expected": strings.ReplaceAll(english, "#", "7")}
		said := enclave.Message(enclave.Chinese, "MANIFEST_INVALID", args)
		if strings.Contains(said, "#") || strings.Contains(said, "应为 "+args["expected"]+"。") {
			t.Errorf("%q reads %q", english, said)
		}
		if said := enclave.Message(enclave.English, "MANIFEST_INVALID", args); !strings.Contains(said, args["expected"]) {
			t.Errorf("%q reads %q", english, said)
		}
	}
	for english, chinese := range phrases {
		if !used[english] {
			t.Errorf("%q is said nowhere", english)
		}
		if strings.Count(english, "#") != strings.Count(chinese, "#") {
			t.Errorf("%q has not as many numbers as %q", chinese, english)
		}
	}
}

// expectations are the second results of what returns (place, expected string), what is assigned to such results, and what is given to a function
// with these arguments; # for a number that is filled in.
func expectations(t *testing.T) (found []string) {
	t.Helper()
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]string{}
	var sources []*ast.File
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, source)
		ast.Inspect(source, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
				if value, ok := text(spec.Values[0]); ok {
					constants[spec.Names[0].Name] = value
				}
			}
			return true
		})
	}
	add := func(e ast.Expr) {
		if call, ok := e.(*ast.CallExpr); ok && named(call, "Sprintf") {
			e = call.Args[0]
		}
		said, ok := text(e)
		if name, is := e.(*ast.Ident); is {
			said, ok = constants[name.Name], constants[name.Name] != ""
			if name.Name == "expected" {
				return // handed on
			}
		}
		if !ok {
			t.Errorf("cannot read what is expected: %#v", e)
		}
		if said != "" {
			found = append(found, strings.ReplaceAll(said, "%d", "#"))
		}
	}
	for _, source := range sources {
		for _, d := range source.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ReturnStmt:
					if expects(f.Type.Results) && len(n.Results) == 2 {
						add(n.Results[1])
					}
				case *ast.AssignStmt:
					if to, ok := n.Lhs[len(n.Lhs)-1].(*ast.Ident); ok && expects(f.Type.Results) && to.Name == "expected" && n.Tok == token.ASSIGN {
						add(n.Rhs[len(n.Rhs)-1])
					}
				case *ast.CallExpr:
					if named(n, "bad") && len(n.Args) == 2 {
						add(n.Args[1])
					}
				}
				return true
			})
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// expects is whether these results are a place and what is expected there.
func expects(results *ast.FieldList) bool {
	return results != nil && len(results.List) == 1 && len(results.List[0].Names) == 2 && results.List[0].Names[1].Name == "expected"
}
