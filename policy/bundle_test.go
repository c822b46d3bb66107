package policy

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/open-policy-agent/opa/v1/ast"
	opabundle "github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/darkroom-project/darkroom/enclave"
)

// defaultFiles is the built-in bundle as files that a test may change.
func defaultFiles(t *testing.T) fstest.MapFS {
	t.Helper()
	sub, err := fs.Sub(embedded, "bundle")
	if err != nil {
		t.Fatal(err)
	}
	all, err := ReadFiles(sub)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, f := range all {
		files[f.Path] = &fstest.MapFile{Data: []byte(f.Text)}
	}
	return files
}

func readDefault(t *testing.T) *bundle {
	t.Helper()
	b, err := readBundle(defaultFiles(t))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// runRegoTests runs the tests of a bundle with OPA's own runner and returns how many there are and which fail.
func runRegoTests(t *testing.T, b *bundle, coverage *cover.Cover) (ran int, failed []string) {
	t.Helper()
	ctx := context.Background()
	store := inmem.NewFromObject(b.data)
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Abort(ctx, txn)
	modules := map[string]*ast.Module{}
	for name, m := range b.modules {
		modules[name] = m.Copy()
	}
	runner := tester.NewRunner().SetCompiler(newCompiler()).SetStore(store).SetModules(modules).
		SetDefaultRegoVersion(ast.RegoV1).RaiseBuiltinErrors(true)
	if coverage != nil {
		runner.SetCoverageQueryTracer(coverage)
	}
	results, err := runner.RunTests(ctx, txn)
	if err != nil {
		t.Fatal(err)
	}
	for r := range results {
		ran++
		if !r.Pass() {
			failed = append(failed, r.Package+"."+r.Name)
		}
	}
	return ran, failed
}

func TestRegoTestsPass(t *testing.T) {
	if testing.Short() {
		t.Skip("one test after the other, and TestActivate runs them too")
	}
	b := readDefault(t)
	coverage := cover.New()
	ran, failed := runRegoTests(t, b, coverage)
	if ran < 60 || len(failed) != 0 {
		t.Fatalf("%d tests ran, failed: %q", ran, failed)
	}
	for name, file := range coverage.Report(b.modules).Files {
		if len(file.NotCovered) > 0 && !strings.HasSuffix(name, "_test.rego") {
			t.Errorf("%s: no test reaches %v", name, file.NotCovered)
		}
	}
}

func TestRegoIsFormatted(t *testing.T) {
	for _, f := range readDefault(t).files {
		if filepath.Ext(f.Path) != ".rego" {
			continue
		}
		want, err := format.SourceWithOpts(f.Path, []byte(f.Text), format.Opts{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != f.Text {
			t.Errorf("%s is not formatted: run opa fmt", f.Path)
		}
	}
}

// TestOPAReadsTheBundle: officials check and test the same files with OPA's own command.
func TestOPAReadsTheBundle(t *testing.T) {
	loader, err := opabundle.NewFSLoader(defaultFiles(t))
	if err != nil {
		t.Fatal(err)
	}
	read, err := opabundle.NewCustomReader(loader).WithRegoVersion(ast.RegoV1).Read()
	if err != nil {
		t.Fatal(err)
	}
	ours := readDefault(t)
	if len(read.Modules) != len(ours.modules) || !reflect.DeepEqual(read.Data, ours.data) {
		t.Errorf("OPA reads %d modules and %v", len(read.Modules), read.Data)
	}
}

// TestStrictModeIsOn shows that what `opa check --strict` refuses does not load.
func TestStrictModeIsOn(t *testing.T) {
	for name, rule := range map[string]string{
		"unused variable": "p if { x := 1 }",
		"unused import":   "import data.grants\n\np := 1",
		"shadowed input":  "p if { input := 1; input == 1 }",
		"deprecated":      "p if any([true])",
		"Rego v0":         "p { true }",
	} {
		files := defaultFiles(t)
		files["darkroom/more.rego"] = &fstest.MapFile{Data: []byte("package darkroom.more\n\n" + rule + "\n")}
		if _, err := Load(files); enclave.AsError(err) == nil || enclave.AsError(err).Reason != "POLICY_BUNDLE_INVALID" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryReasonHasTexts finds the reasons that rules can give by reading the rules, and checks that each is a constant with texts in both
// languages, whose places its arguments fill.
func TestEveryReasonHasTexts(t *testing.T) {
	placePattern := regexp.MustCompile(`\{(\w+)\}`)
	codes := map[string]bool{}
	for name, module := range readDefault(t).modules {
		if strings.HasSuffix(name, "_test.rego") {
			continue
		}
		ast.WalkTerms(module, func(term *ast.Term) bool {
			object, ok := term.Value.(ast.Object)
			if !ok || object.Get(ast.StringTerm("code")) == nil {
				return false
			}
			code, ok := object.Get(ast.StringTerm("code")).Value.(ast.String)
			args, isObject := object.Get(ast.StringTerm("args")).Value.(ast.Object)
			if !ok || !isObject || !enclave.Known(string(code)) {
				t.Errorf("%s: %v has no texts, or is not constant", name, object)
				return false
			}
			codes[string(code)] = true
			var given []string
			for _, key := range args.Keys() {
				if name, ok := key.Value.(ast.String); ok {
					given = append(given, string(name))
				}
			}
			for _, lang := range []enclave.Lang{enclave.English, enclave.Chinese} {
				for _, place := range placePattern.FindAllStringSubmatch(enclave.Message(lang, string(code), nil), -1) {
					if !slices.Contains(given, place[1]) {
						t.Errorf("%s: the %s text of %s has a place {%s} that the rule does not fill", name, lang, code, place[1])
					}
				}
			}
			return false
		})
	}
	if len(codes) < 20 {
		t.Errorf("only %d codes found: %q", len(codes), slices.Sorted(maps.Keys(codes)))
	}
	for _, code := range []string{"POLICY_FAULT", "POLICY_BUNDLE_INVALID", "POLICY_BUNDLE_CANARY", "POLICY_CANCELED"} {
		if !enclave.Known(code) {
			t.Errorf("%s has no texts", code)
		}
	}
}

// TestRulesKnowTheAPI compares the calls that the rules name with those that the API has: a call that no rule names could never be
// made, a rule that names none is a slip of the pen.
func TestRulesKnowTheAPI(t *testing.T) {
	definitions := os.DirFS("../proto/darkroom/v1")
	sources, err := fs.Glob(definitions, "*.proto")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no API beside the policy: %v", err)
	}
	var api []string
	declared := regexp.MustCompile(`(?m)^service (\w+)|^\s+rpc (\w+)`)
	for _, source := range sources {
		raw, err := fs.ReadFile(definitions, source)
		if err != nil {
			t.Fatal(err)
		}
		service := ""
		for _, m := range declared.FindAllStringSubmatch(string(raw), -1) {
			if m[1] != "" {
				service = m[1]
				continue
			}
			api = append(api, "/darkroom.v1."+service+"/"+m[2])
		}
	}
	slices.Sort(api)
	named := map[string]bool{}
	ast.WalkTerms(readDefault(t).modules["darkroom/access.rego"], func(term *ast.Term) bool {
		if s, ok := term.Value.(ast.String); ok && strings.HasPrefix(string(s), "/darkroom.v1.") {
			named[string(s)] = true
		}
		return false
	})
	if rules := slices.Sorted(maps.Keys(named)); !slices.Equal(rules, api) {
		t.Errorf("the rules name\n%q\nthe API has\n%q", rules, api)
	}
}

// TestRevision holds the format of the digest still: receipts name it for years.
func TestRevision(t *testing.T) {
	files := []File{{".manifest", "{}"}, {"a/x.rego", "package a\n"}, {"b/data.json", ""}}
	const golden = "38872526b23dd9d3965795d5fe63484eda77312d43320daf9308b66e7ce58552"
	if got := revision(files).String(); got != golden {
		t.Errorf("revision %s, want %s", got, golden)
	}
	e, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	changed := defaultFiles(t)
	changed["grants/data.json"] = &fstest.MapFile{Data: []byte(`{"max_term_days": 365}`)}
	other, err := Load(changed)
	if err != nil {
		t.Fatal(err)
	}
	if other.Revision() == e.Revision() || e.Revision().IsZero() {
		t.Error("a changed number must change the revision")
	}
}

func TestCapabilitiesArePure(t *testing.T) {
	for _, b := range capabilities().Builtins {
		if b.IsNondeterministic() {
			t.Errorf("%s is not deterministic", b.Name)
		}
	}
	if n := len(capabilities().Builtins); n < 60 {
		t.Errorf("only %d built-ins: a name in the list is unknown to OPA", n)
	}
}

func TestBadBundles(t *testing.T) {
	for name, c := range map[string]struct {
		path, text string
		place      string
	}{
		"no manifest":           {".manifest", "", ".manifest"},
		"manifest is no JSON":   {".manifest", "{", ".manifest"},
		"manifest and more":     {".manifest", `{"rego_version":1,"roots":["darkroom","profiles","grants"]} {}`, ".manifest"},
		"data and more":         {"grants/data.json", `{"max_term_days": 1096} {}`, "grants/data.json"},
		"manifest says more":    {".manifest", `{"rego_version":1,"roots":["darkroom","profiles","grants"],"wasm":[]}`, ".manifest"},
		"manifest of version 0": {".manifest", `{"rego_version":0,"roots":["darkroom","profiles","grants"]}`, ".manifest"},
		"rules outside roots":   {".manifest", `{"rego_version":1,"roots":["profiles","grants"]}`, "its package"},
		"data outside roots":    {".manifest", `{"rego_version":1,"roots":["darkroom","profiles"]}`, "grants/data.json"},
		"unknown file":          {"README.md", "hello", "README.md"},
		"other data":            {"more/data.json", "{}", "more"},
		"data at the root":      {"data.json", `{"x": 1}`, "data.json"},
		"data twice":            {"profiles/person/data.json", `{"base": {}}`, "profiles/person/data.json"},
		"rules that are empty":  {"darkroom/more.rego", "", "darkroom/more.rego"},
		"rules do not parse":    {"darkroom/more.rego", "package darkroom.more\n\np if {", "darkroom/more.rego"},
		"rules do not compile":  {"darkroom/more.rego", "package darkroom.more\n\np if q\n", "darkroom/more.rego"},
		"number named twice":    {"grants/data.json", `{"max_term_days": 1096, "max_term_days": 1}`, "max_term_days"},
		"no term":               {"grants/data.json", `{}`, "grants.max_term_days"},
		"term too long":         {"grants/data.json", `{"max_term_days": 4000}`, "grants.max_term_days"},
		"too large":             {"darkroom/more.rego", strings.Repeat("#", maxBundleBytes), "8 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			files := defaultFiles(t)
			files[c.path] = &fstest.MapFile{Data: []byte(c.text)}
			if c.path == manifestName && c.text == "" {
				delete(files, manifestName)
			}
			_, err := Load(files)
			e := enclave.AsError(err)
			if e == nil || !isBad(e.Reason) || e.Kind != enclave.Invalid {
				t.Fatalf("loaded, or the wrong error: %v", err)
			}
			if !strings.Contains(e.In(enclave.English), c.place) {
				t.Errorf("%q does not name %q", e.In(enclave.English), c.place)
			}
		})
	}
	for _, path := range []string{
		"darkroom/access.rego", "darkroom/admission.rego", "darkroom/grant.rego", "darkroom/release.rego",
	} {
		files := defaultFiles(t)
		for name := range files {
			if strings.HasSuffix(name, "_test.rego") {
				delete(files, name)
			}
		}
		delete(files, path)
		if _, err := Load(files); err == nil {
			t.Errorf("loaded without %s", path)
		}
	}
}
