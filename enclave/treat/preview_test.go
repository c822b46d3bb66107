package treat_test

import (
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/treat"
)

// TestPreview reads back what this package writes, of every type, and refuses everything else.
func TestPreview(t *testing.T) {
	manifest := &enclave.Manifest{Output: &enclave.ManifestOutput{Columns: []enclave.ManifestColumn{
		{Name: "whole", Type: enclave.KindInt, Min: -9, Max: 9},
		{Name: "part", Type: enclave.KindDecimal, Min: -9, Max: 9, Decimals: 2},
		{Name: "kind", Type: enclave.KindEnum, Values: []string{"x", "y"}},
		{Name: "text", Type: enclave.KindText, Bytes: 10},
	}}}
	product := &enclave.Product{Plan: &enclave.Plan{Manifest: manifest}, Rows: 3, Columns: []enclave.ProductColumn{
		{Numbers: []int64{-9, 0, 7}, Valid: []bool{true, false, true}},
		{Numbers: []int64{-5, 0, 700}, Valid: []bool{true, false, true}},
		{Numbers: []int64{1, 0, 0}, Valid: []bool{true, false, true}},
		{Texts: []string{"", "", "\x1b[0m"}, Valid: []bool{true, false, true}},
	}}
	out, err := treat.Treater{}.Present(product)
	if err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int][]string{0: nil, 2: {"-9", "-0.05", "y", "", "-", "-", "-", "-"}, 50: {"-9", "-0.05", "y", "", "-", "-", "-", "-", "7", "7.00", "x", "\x1b[0m"}} {
		columns, rows, total, err := treat.Preview(out.Bytes, limit)
		if err != nil || total != 3 || !slices.Equal(columns, []string{"whole", "part", "kind", "text"}) {
			t.Fatalf("%v, %d rows, %v", columns, total, err)
		}
		var got []string
		for _, row := range rows {
			for _, value := range row {
				if value == nil {
					got = append(got, "-")
				} else {
					got = append(got, *value)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("at most %d rows are %q, not %q", limit, got, want)
		}
	}
	for name, w := range outputs() {
		if columns, _, total, err := treat.Preview(treated(t, w.table(), rounded).Bytes, 5); err != nil || len(columns) == 0 || total == 0 != (name == "none") {
			t.Errorf("%s: %v, %d rows, %v", name, columns, total, err)
		}
	}
	for _, broken := range [][]byte{nil, []byte("not an output"), out.Bytes[:40]} {
		if _, _, _, err := treat.Preview(broken, 5); enclave.KindOf(err) != enclave.Internal {
			t.Errorf("%q: %v", broken, err)
		}
	}
}
