package policy

import (
	"encoding/json"
	"math"
	"math/rand"
	"path/filepath"
	"reflect"
	"testing"
	"testing/quick"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/darkroom-project/darkroom/enclave"
)

// sameDocument compares what the rules would see with what OPA makes of the input's JSON.
func sameDocument(t *testing.T, input any) {
	t.Helper()
	got, err := documentOf(input)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ast.InterfaceToValue(input)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() || got.Compare(want) != 0 || got.Hash() != want.Hash() || !got.IsGround() {
		t.Errorf("the rules would see\n%v, the JSON is\n%v", got, want)
	}
}

func TestDocumentIsTheJSON(t *testing.T) {
	values := 500
	if testing.Short() {
		values = 20
	}
	random := rand.New(rand.NewSource(1)) //nolint:gosec // any values
	for name, p := range points(t) {
		sameDocument(t, p.example)
		sameDocument(t, reflect.Zero(p.kind).Interface())
		var example any
		if err := json.Unmarshal(contents(t, filepath.Join("schema", "examples", name+".json")), &example); err != nil {
			t.Fatal(err)
		}
		if got, want := must(documentOf(p.example)), ast.MustInterfaceToValue(example); got.Compare(want) != 0 {
			t.Errorf("%s: the rules would see\n%v, the published example is\n%v", name, got, want)
		}
		for range values {
			input, ok := quick.Value(p.kind, random)
			if !ok {
				t.Fatalf("no values of %v", p.kind)
			}
			sameDocument(t, input.Interface())
		}
	}
	for _, n := range []int64{math.MinInt64, -1, 0, 9, 10, 512, 513, math.MaxInt64} {
		sameDocument(t, judged[enclave.Facts]{Facts: enclave.Facts{MinSubjects: n}})
	}
}

// FuzzDocument judges inputs of all kinds, with a text that may be no UTF-8.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"method": "/darkroom.v1.RunService/GetRun", "caller": {"role": "operator"}, "parties": ["a", "b"]}`), "\xff<&>\xed\xa0\x80\u2028")
	f.Add([]byte(`{"facts": {"version": 1, "forms": [], "scopes": [{"columns": null}], "leak": {"rows": 3}}, "profiles": {"": {"forms": null}}}`), "")
	f.Fuzz(func(t *testing.T, raw []byte, text string) {
		var access accessDocument
		var admission judged[enclave.AdmissionFacts]
		var grant grantDocument
		var release judged[enclave.Facts]
		for _, input := range []any{&access, &admission, &grant, &release} {
			_ = json.Unmarshal(raw, input) // what it understood of it
		}
		access.Owner, access.Parties = text, append(access.Parties, text)
		admission.Facts.Columns = append(admission.Facts.Columns, enclave.UseFacts{Column: text})
		if grant.Profiles != nil {
			grant.Profiles[text] = enclave.Profile{Name: text}
		}
		release.Facts.Form = enclave.Form(text)
		for _, input := range []any{access, &access, admission, grant, release} {
			sameDocument(t, input)
		}
	})
}

// never says itself when it is absent.
type never struct{}

func (never) IsZero() bool { return true }

// TestDocumentOfUnknownTypes: what JSON would say of these is not known here, so no decision is made about them.
func TestDocumentOfUnknownTypes(t *testing.T) {
	for _, input := range []any{
		nil, 1.5,
		[]byte{1},
		[]any{1},
		any(map[int]string{}),
		enclave.Digest{},
		&enclave.Digest{},
		struct {
			Never never `json:"never,omitzero"`
		}{},
		struct{ Unnamed int }{},
		struct {
			Lost int `json:"-"`
		}{},
		struct {
			Empty []int `json:"empty,omitempty"`
		}{},
		struct {
			Text int `json:"text,string"`
		}{},
		struct {
			enclave.CellCounts `json:"cells"`
		}{},
		struct {
			hidden int
		}{1},
		struct {
			Deep [][]float64 `json:"deep"`
		}{},
	} {
		if got, err := documentOf(input); err == nil || got != nil {
			t.Errorf("%T: %v, %v", input, got, err)
		}
	}
}
