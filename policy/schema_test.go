package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/darkroom-project/darkroom/enclave"
)

// The schemas of schema/ are what the rules may count on: they are published for whoever writes rules. They are made from the Go types, so that
// neither can say anything else than the other; -update writes them.
var update = flag.Bool("update", false, "write the schemas and their examples")

// point is a decision point with an input that it takes, and what the built-in rules say of it.
type point struct {
	query   string
	kind    reflect.Type
	title   string
	example any
	want    string
}

func points(t *testing.T) map[string]point {
	t.Helper()
	p := profile(t, must(Default()), visits())
	program := enclave.Facts{
		Version: 1, Form: enclave.Program, Operator: "acme", Scenario: "insurance-pricing", Dataset: "visits", Grade: 3, SubjectKind: enclave.Person,
		Crafted: true, Bytes: 4096, Leak: enclave.LeakFacts{Rows: 36, Values: 108, Verbatim: 20, Bits: 500, Parameters: 50, Subjects: 1000},
	}
	return map[string]point{
		"access": {"data.darkroom.access.allow", reflect.TypeFor[accessDocument](), "A call that somebody wants to make.", accessDocumentOf(AccessInput{
			Caller: enclave.Caller{Role: enclave.SourceOrg, Org: "health", Name: "wang"}, Method: "/darkroom.v1.GrantService/ConfirmGrant",
			Owner: "acme", Parties: []string{"health"},
		}), "true"},
		"admission": {
			"data.darkroom.admission.result.decision", reflect.TypeFor[judged[enclave.AdmissionFacts]](), "What a module asks for.",
			judged[enclave.AdmissionFacts]{enclave.AdmissionFacts{
				Version: 1, Form: enclave.Aggregate, Operator: "acme", Scenario: "insurance-pricing", Dataset: "visits", Grade: 3,
				SubjectKind: enclave.Person, Sharing: enclave.Conditional, Module: enclave.ModuleFacts{Bytes: 1200, Functions: 3, MemoryPages: 1},
				Columns: []enclave.UseFacts{{Column: "district", Class: enclave.Quasi, Shown: true}, {Column: "cost", Class: enclave.Measure, Summed: true}},
				Cells:   44, Subjects: 20000, HasCode: true,
			}, p},
			`"release"`,
		},
		"grant": {"data.darkroom.grant.result.decision", reflect.TypeFor[grantDocument](), "An application for a grant.", grantDocument{
			GrantFacts{
				Version: 1, Operator: "acme", Scenario: "insurance-pricing", Forms: []enclave.Form{enclave.Aggregate}, TermDays: 365,
				Scopes: []ScopeFacts{{
					Dataset: "visits", Grade: 3, SubjectKind: enclave.Person, Sharing: enclave.Conditional,
					Columns: []ColumnFacts{{"district", enclave.Quasi}, {"cost", enclave.Measure}},
				}},
			}, map[string]enclave.Profile{"visits": p},
		}, `"release"`},
		"release": {
			"data.darkroom.release.result.decision", reflect.TypeFor[judged[enclave.Facts]](), "A treated output: a table.",
			judged[enclave.Facts]{honest(p), p},
			`"release"`,
		},
		"program": {
			"data.darkroom.program.result.decision", reflect.TypeFor[judged[enclave.Facts]](), "An output of a program.",
			judged[enclave.Facts]{program, p},
			`"hold"`,
		},
	}
}

const schemaVersion = "v1"

func schemaFile(name string) string { return filepath.Join("schema", name+"."+schemaVersion+".json") }

func TestSchemasAreOfTheTypes(t *testing.T) {
	comments := fieldComments(t)
	for name, p := range points(t) {
		schema := schemaOf(p.kind, comments, name+"."+schemaVersion, p.title)
		if name == "program" { // which is where a table has nothing
			schema.Properties["facts"].Required = append(schema.Properties["facts"].Required, "leak")
		}
		golden(t, schemaFile(name), schema)
		golden(t, filepath.Join("schema", "examples", name+".json"), p.example)
	}
	golden(t, schemaFile("profiles"), profilesSchema(comments))
}

// golden compares a file with what it must be.
func golden(t *testing.T, file string, value any) {
	t.Helper()
	want, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(bytes.ReplaceAll(bytes.ReplaceAll(want, []byte(`\u003c`), []byte("<")), []byte(`\u003e`), []byte(">")), '\n')
	if *update {
		if err := os.WriteFile(file, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file) //nolint:gosec // a fixed name
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the Go types say (%v): go test ./policy -run Schemas -update, and see whether rules need another version", file, err)
	}
}

// matches asks OPA whether a document is as a schema says.
func matches(t *testing.T, schema, document any) bool {
	t.Helper()
	results, err := rego.New(rego.Query(`json.match_schema(input.document, input.schema)[0]`),
		rego.Input(map[string]any{"schema": schema, "document": document})).Eval(context.Background())
	if err != nil || len(results) != 1 {
		t.Fatalf("%v, %v", results, err)
	}
	return results[0].Expressions[0].Value == true
}

func parsed(t *testing.T, raw []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func contents(t *testing.T, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file) //nolint:gosec // a fixed name
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestExamplesOfTheInputs: each is as its schema says and what the Go type says, and the built-in rules decide about it as they should; with a field
// too many, one too few or one of another type it is none.
func TestExamplesOfTheInputs(t *testing.T) {
	e := must(Default())
	compiler := newCompiler()
	compiler.Compile(e.bundle.modules)
	for name, p := range points(t) {
		schema := parsed(t, contents(t, schemaFile(name)))
		raw := contents(t, filepath.Join("schema", "examples", name+".json"))
		example, ok := parsed(t, raw).(map[string]any)
		if !ok || !matches(t, schema, example) {
			t.Errorf("%s: the example is not as the schema says", name)
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(reflect.New(p.kind).Interface()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var input any
		if err := json.Unmarshal(raw, &input); err != nil {
			t.Fatal(err)
		}
		results, err := rego.New(rego.Query(p.query), rego.Compiler(compiler), rego.Input(input), rego.Data(e.bundle.data)).Eval(t.Context())
		if err != nil || len(results) != 1 || string(must(json.Marshal(results[0].Expressions[0].Value))) != p.want {
			t.Errorf("%s: the rules say %v, %v", name, results, err)
		}
		for field, value := range example {
			spoil := func(what string, change func(map[string]any)) {
				spoiled := maps.Clone(example)
				if change(spoiled); matches(t, schema, spoiled) {
					t.Errorf("%s: with %s %s it is as the schema says", name, field, what)
				}
			}
			if name != "access" || field != "caller" { // which is absent without a credential
				spoil("missing", func(m map[string]any) { delete(m, field) })
			}
			spoil("of another type", func(m map[string]any) { m[field] = 1.5 })
			inner, ok := value.(map[string]any)
			if !ok || field == "profiles" {
				continue
			}
			for part := range inner {
				spoil("without "+part, func(m map[string]any) {
					changed := maps.Clone(inner)
					delete(changed, part)
					m[field] = changed
				})
			}
		}
		spoiled := maps.Clone(example)
		spoiled["more"] = 1
		if matches(t, schema, spoiled) {
			t.Errorf("%s: with a field more it is as the schema says", name)
		}
	}
}

// TestProfilesSchema: the built-in profiles are as the schema says, and what it refuses, the engine refuses at that place.
func TestProfilesSchema(t *testing.T) {
	if testing.Short() {
		t.Skip("nothing in it is concurrent")
	}
	schema := parsed(t, contents(t, schemaFile("profiles")))
	files := defaultFiles(t)
	if !matches(t, schema, parsed(t, files["profiles/data.json"].Data)) {
		t.Error("the built-in profiles are not as the schema says")
	}
	for _, n := range numbers() {
		for what, value := range map[string]any{"below": n.min - 1, "above": n.max + 1, "text": "10", "a fraction": float64(n.min) + 0.5, "null": nil} {
			profiles, ok := parsed(t, files["profiles/data.json"].Data).(map[string]any)
			if !ok {
				t.Fatal("no profiles")
			}
			base, _ := within(profiles, []string{"person", "base"})
			base[n.name] = value
			_, err := parseProfiles(must(json.Marshal(profiles)))
			e := enclave.AsError(err)
			if e == nil || e.Args["place"] != "profiles.person.base."+n.name {
				t.Errorf("%s %s: %v", n.name, what, err)
			}
			if matches(t, schema, profiles) {
				t.Errorf("%s %s: as the schema says", n.name, what)
			}
		}
	}
}

// node is a JSON Schema, whose keywords stand in a fixed order.
type node struct {
	Schema      string           `json:"$schema,omitempty"`
	ID          string           `json:"$id,omitempty"`
	Title       string           `json:"title,omitempty"`
	Description string           `json:"description,omitempty"`
	Type        string           `json:"type,omitempty"`
	Enum        []string         `json:"enum,omitempty"`
	Minimum     *int64           `json:"minimum,omitempty"`
	Maximum     *int64           `json:"maximum,omitempty"`
	Items       *node            `json:"items,omitempty"`
	Properties  map[string]*node `json:"properties,omitempty"`
	Patterns    map[string]*node `json:"patternProperties,omitempty"`
	Required    []string         `json:"required,omitempty"`
	More        any              `json:"additionalProperties,omitempty"`
}

const draft = "http://json-schema.org/draft-07/schema#"

func schemaOf(kind reflect.Type, comments map[string]string, id, title string) *node {
	s := nodeOf(kind, comments)
	s.Schema, s.ID, s.Title = draft, "darkroom/policy/"+id, title
	return s
}

func nodeOf(kind reflect.Type, comments map[string]string) *node {
	switch kind {
	case reflect.TypeFor[enclave.Profile]():
		return profileSchema(comments, true, true)
	case reflect.TypeFor[enclave.Form]():
		return &node{Type: "string", Enum: []string{string(enclave.Aggregate), string(enclave.Program)}}
	case reflect.TypeFor[enclave.SubjectKind]():
		return &node{Type: "string", Enum: []string{string(enclave.Person), string(enclave.Organisation)}}
	case reflect.TypeFor[enclave.Role]():
		n := &node{Type: "string"}
		for _, role := range enclave.Roles() {
			n.Enum = append(n.Enum, string(role))
		}
		return n
	}
	switch kind.Kind() { //nolint:exhaustive // what inputs are made of
	case reflect.Pointer:
		return nodeOf(kind.Elem(), comments)
	case reflect.String:
		return &node{Type: "string"}
	case reflect.Bool:
		return &node{Type: "boolean"}
	case reflect.Int, reflect.Int64:
		return &node{Type: "integer"}
	case reflect.Slice:
		return &node{Type: "array", Items: nodeOf(kind.Elem(), comments)}
	case reflect.Map:
		return &node{Type: "object", More: nodeOf(kind.Elem(), comments)}
	case reflect.Struct:
		n := &node{Type: "object", Properties: map[string]*node{}, More: false}
		for f := range kind.Fields() {
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			n.Properties[name] = nodeOf(f.Type, comments)
			if about := comments[kind.Name()+"."+f.Name]; n.Properties[name].Description == "" {
				n.Properties[name].Description = about
			}
			if options == "" {
				n.Required = append(n.Required, name)
			}
		}
		return n
	}
	panic(fmt.Sprintf("no schema for %v", kind))
}

// profileSchema is the numbers of a profile within their floors and ceilings; whole says that all must be stated.
func profileSchema(comments map[string]string, whole, named bool) *node {
	n := &node{Type: "object", Properties: map[string]*node{}, More: false}
	fields := map[string]string{}
	for f := range reflect.TypeFor[enclave.Profile]().Fields() {
		fields[f.Tag.Get("json")] = comments["Profile."+f.Name]
	}
	if named {
		n.Properties["name"] = &node{Type: "string", Description: "Kind of subject, then what makes it stricter."}
		n.Required = append(n.Required, "name")
	}
	for _, number := range numbers() {
		n.Properties[number.name] = &node{
			Type: "integer", Minimum: &number.min, Maximum: &number.max,
			Description: strings.TrimSpace(fields[number.name] + " Stricter: " + map[direction]string{larger: "larger", smaller: "smaller"}[number.stricter] + "."),
		}
		if whole {
			n.Required = append(n.Required, number.name)
		}
	}
	n.Properties["forms"] = &node{Type: "array", Items: nodeOf(reflect.TypeFor[enclave.Form](), comments), Description: "Forms of modules; where several are stated, those that all of them allow."}
	if whole {
		n.Required = append(n.Required, "forms")
	}
	return n
}

func profilesSchema(comments map[string]string) *node {
	stricter := profileSchema(comments, false, false)
	kind := &node{
		Type: "object", More: false, Required: []string{"base", "grades", "scenarios"},
		Properties: map[string]*node{
			"base":      profileSchema(comments, true, false),
			"grades":    {Type: "object", Description: "By the grade (分级) of the dataset; no number may be looser than the base's.", Patterns: map[string]*node{"^[1-4]$": stricter}, More: false},
			"scenarios": {Type: "object", Description: "By the scenario (场景) of the grant; likewise.", Patterns: map[string]*node{"^[a-z][a-z0-9-]{0,62}$": stricter}, More: false},
		},
	}
	return &node{
		Schema: draft, ID: "darkroom/policy/profiles." + schemaVersion, Title: "profiles/data.json: the numbers of the rules, by kind of subject. The strictest applies, field by field.",
		Type: "object", More: false, Required: []string{"organisation", "person"}, Properties: map[string]*node{"organisation": kind, "person": kind},
	}
}

// fieldComments are what the Go source says of the fields of structs, by type and field.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	comments := map[string]string{}
	for _, dir := range []string{"../enclave", "."} {
		files := must(filepath.Glob(filepath.Join(dir, "*.go")))
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				if kind, ok := spec.Type.(*ast.StructType); ok {
					for _, f := range kind.Fields.List {
						about := strings.Join(strings.Fields(f.Doc.Text()+" "+f.Comment.Text()), " ")
						for _, field := range f.Names {
							comments[spec.Name.Name+"."+field.Name] = about
						}
					}
				}
				return true
			})
		}
	}
	return comments
}
