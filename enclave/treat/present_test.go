package treat_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/treat"
)

// product has a column of each kind, and an empty value in each.
func product() *enclave.Product {
	declared := &enclave.ManifestOutput{
		About: "About.", Behind: "Behind.", Rows: 10, Model: true,
		Columns: []enclave.ManifestColumn{
			{Name: "district", Type: enclave.KindEnum, About: "residence", Values: []string{"440303", "440304"}},
			{Name: "visits", Type: enclave.KindInt, About: "how many", Min: -5, Max: 1000},
			{Name: "slope", Type: enclave.KindDecimal, About: "yuan a year", Min: -10, Max: 10, Decimals: 3},
			{Name: "whole", Type: enclave.KindDecimal, About: "yuan", Min: -10, Max: 10},
			{Name: "note", Type: enclave.KindText, About: "a remark", Bytes: 80},
		},
	}
	return &enclave.Product{
		Plan: &enclave.Plan{Manifest: &enclave.Manifest{Form: enclave.Program, Output: declared}}, Rows: 3,
		Columns: []enclave.ProductColumn{
			{Numbers: []int64{0, 0, 1}, Valid: []bool{false, true, true}},
			{Numbers: []int64{7, 0, -5}, Valid: []bool{true, false, true}},
			{Numbers: []int64{-10_000, 1, 0}, Valid: []bool{true, true, false}},
			{Numbers: []int64{0, 10, -10}, Valid: []bool{false, true, true}},
			{Texts: []string{"好", "", "two\nlines"}, Valid: []bool{true, false, true}},
		},
		Emitted: []int32{2, 0, 1},
	}
}

func present(t *testing.T, p *enclave.Product) []byte {
	t.Helper()
	out, err := treat.Treater{}.Present(p)
	if err != nil {
		t.Fatal(err)
	}
	if out.Format != enclave.MediaArrow || out.Table != nil || out.Fates != nil {
		t.Errorf("%+v", out)
	}
	return out.Bytes
}

func TestGoldenProduct(t *testing.T) {
	got, file := present(t, product()), filepath.Join("testdata", "product.arrows")
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file) //nolint:gosec // a fixed name
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the product's bytes changed: %v", err)
	}
	read := `district:utf8? visits:int64? slope:decimal(38, 3)? whole:int64? note:utf8?
(null),7,-10,(null),好
440303,(null),0.001,10,(null)
440304,-5,(null),-10,two
lines`
	if got := text(t, want); got != read {
		t.Errorf("got\n%s\nwant\n%s", got, read)
	}
}

// What is not a value, a name of the manifest's columns or the order of rows does not come through: not what stands in place of an empty
// value, not in which order the guest emitted the rows, not what the manifest says beside the columns.
func TestAProductCarriesNothingElse(t *testing.T) {
	want := present(t, product())
	for name, change := range map[string]func(p *enclave.Product){
		"values in empty slots": func(p *enclave.Product) {
			p.Columns[0].Numbers[0], p.Columns[1].Numbers[1], p.Columns[2].Numbers[2] = 1, 999, 9_999
			p.Columns[4].Texts[1] = "secret"
		},
		"values that may not even be": func(p *enclave.Product) {
			p.Columns[0].Numbers[0], p.Columns[1].Numbers[1] = 1<<62, -1<<62
		},
		"the guest's order":       func(p *enclave.Product) { slices.Reverse(p.Emitted) },
		"what the manifest says":  func(p *enclave.Product) { p.Plan.Manifest.Output.About = "x"; p.Plan.Manifest.Name = "other" },
		"what is said of columns": func(p *enclave.Product) { p.Plan.Manifest.Output.Columns[0].About = "y" },
		"wider domains": func(p *enclave.Product) {
			p.Plan.Manifest.Output.Columns[0].Values = append(p.Plan.Manifest.Output.Columns[0].Values, "440305")
			p.Plan.Manifest.Output.Columns[1].Max, p.Plan.Manifest.Output.Columns[4].Bytes = 2000, 100
		},
		"spare capacity": func(p *enclave.Product) {
			p.Columns[1].Numbers = append(p.Columns[1].Numbers, 12_345)[:3]
			p.Columns[1].Valid = append(p.Columns[1].Valid, true)[:3]
		},
	} {
		p := product()
		change(p)
		if got := present(t, p); !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes", name)
		}
	}
}

// Nulls are zero in the buffers, and there is one batch, without dictionaries.
func TestBuffersOfAProduct(t *testing.T) {
	p := product()
	p.Columns[1].Numbers[1], p.Columns[2].Numbers[2], p.Columns[4].Texts[1] = 999, 9_999, "secret"
	r, err := ipc.NewReader(bytes.NewReader(present(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	batches := 0
	for r.Next() {
		batches++
		columns := r.RecordBatch().Columns()
		if v, ok := columns[1].(*array.Int64); !ok || v.Int64Values()[1] != 0 {
			t.Error("an int64 in place of an empty value")
		}
		if v, ok := columns[2].(*array.Decimal128); !ok || v.Values()[2].LowBits() != 0 || v.Values()[2].HighBits() != 0 {
			t.Error("a decimal in place of an empty value")
		}
		if v, ok := columns[4].(*array.String); !ok || bytes.Contains(v.ValueBytes(), []byte("secret")) {
			t.Error("a text in place of an empty value")
		}
	}
	if batches != 1 || r.Err() != nil {
		t.Errorf("%d batches, %v", batches, r.Err())
	}
}

func TestAnEmptyProduct(t *testing.T) {
	p := product()
	p.Rows = 0
	for i := range p.Columns {
		p.Columns[i] = enclave.ProductColumn{}
	}
	if got := text(t, present(t, p)); got != "district:utf8? visits:int64? slope:decimal(38, 3)? whole:int64? note:utf8?" {
		t.Error(got)
	}
}

// A product that is not what its plan declares is a fault of the rooms before: nothing is presented.
func TestProductsThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(p *enclave.Product){
		"a column too few":          func(p *enclave.Product) { p.Columns = p.Columns[:4] },
		"nothing declared":          func(p *enclave.Product) { p.Plan.Manifest.Output = nil },
		"a position outside":        func(p *enclave.Product) { p.Columns[0].Numbers[1] = 2 },
		"a negative position":       func(p *enclave.Product) { p.Columns[0].Numbers[1] = -1 },
		"a number below min":        func(p *enclave.Product) { p.Columns[1].Numbers[0] = -6 },
		"a number above max":        func(p *enclave.Product) { p.Columns[1].Numbers[0] = 1001 },
		"a decimal above max":       func(p *enclave.Product) { p.Columns[2].Numbers[0] = 10_001 },
		"fewer values than flags":   func(p *enclave.Product) { p.Columns[1].Numbers = p.Columns[1].Numbers[:2] },
		"fewer flags than values":   func(p *enclave.Product) { p.Columns[1].Valid = p.Columns[1].Valid[:2] },
		"fewer of both than rows":   func(p *enclave.Product) { p.Rows = 4 },
		"numbers for a text":        func(p *enclave.Product) { p.Columns[4] = p.Columns[1] },
		"texts for an enumeration":  func(p *enclave.Product) { p.Columns[0] = p.Columns[4] },
		"texts for a whole number":  func(p *enclave.Product) { p.Columns[1] = p.Columns[4] },
		"a text that is not UTF-8":  func(p *enclave.Product) { p.Columns[4].Texts[0] = "\xff" },
		"a text longer than stated": func(p *enclave.Product) { p.Columns[4].Texts[0] = string(make([]byte, 81)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("panicked: %v", r)
				}
			}()
			p := product()
			change(p)
			if _, err := (treat.Treater{}).Present(p); enclave.KindOf(err) != enclave.Internal {
				t.Errorf("got %v", err)
			}
		})
	}
}
