package leak_test

import (
	"runtime"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/leak"
)

// allocated is how many bytes a function takes from the heap, whether or not it gives them back.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// measure inspects a product that is in order already.
func (w *world) measure(tb testing.TB, p *enclave.Product) *enclave.Inspected {
	tb.Helper()
	rows, err := w.store.Open(tb.Context(), w.dataset, w.snapshot.Digest)
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // only read from
	inspected, err := leak.New(w.store).Inspect(tb.Context(), rows, p, enclave.Profile{Threshold: threshold})
	if err != nil {
		tb.Fatal(err)
	}
	return inspected
}

// made is a product of whole numbers, or of positions in values.
func (w *world) made(rows, columns int, values []string, of func(row, column int) int64) *enclave.Product {
	p := &enclave.Product{Rows: rows, Emitted: make([]int32, rows)}
	output := &enclave.ManifestOutput{Rows: int64(rows)}
	for c := range columns {
		declared := whole("c", 0, 1<<31)
		if values != nil {
			declared = enclave.ManifestColumn{Name: "c", Type: enclave.KindEnum, Values: values}
		}
		output.Columns = append(output.Columns, declared)
		column := enclave.ProductColumn{Numbers: make([]int64, rows), Valid: make([]bool, rows)}
		for row := range rows {
			column.Numbers[row], column.Valid[row] = of(row, c), true
			p.Emitted[row] = int32(row)
		}
		p.Columns = append(p.Columns, column)
	}
	p.Plan = &enclave.Plan{Dataset: w.dataset, Shown: w.positions(), Manifest: &enclave.Manifest{Form: enclave.Program, Output: output}}
	return p
}

// digits is a text of pieces that are all different and could be identifiers.
func digits(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = '0' + byte((i*i*7+i*3+i/10)%10)
	}
	return string(text)
}

// TestOneLabelOfManyRows: a label is looked at once, however many rows have it; and where it holds an identifier, all of them count.
func TestOneLabelOfManyRows(t *testing.T) {
	w := visits(t)
	const rows = 50_000
	if n := allocated(func() { w.measure(t, w.made(rows, 1, []string{digits(200)}, func(int, int) int64 { return 0 })) }); n > 300<<20 {
		t.Errorf("%d MB for %d rows of one label", n>>20, rows)
	}
	got := w.measure(t, w.made(rows, 1, []string{digits(100) + w.ids[0], "none"}, func(row, _ int) int64 { return int64(row % 2) }))
	if got.Facts.Identifiers != rows/2 || len(got.Places) > 1000 {
		t.Errorf("%d identifiers at %d places", got.Facts.Identifiers, len(got.Places))
	}
}

// TestTooManyCandidates: what nobody can be asked about counts as found.
func TestTooManyCandidates(t *testing.T) {
	w := visits(t)
	p := w.made(1<<16, 1, nil, func(row, _ int) int64 { return int64(row) * 1009 })
	if got := w.measure(t, p); got.Facts.Identifiers != got.Facts.Values {
		t.Errorf("%+v", got.Facts)
	}
}
