package leak_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
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
	inspected, err := w.attempt(tb.Context(), tb, p)
	if err != nil {
		tb.Fatal(err)
	}
	return inspected
}

func (w *world) attempt(ctx context.Context, tb testing.TB, p *enclave.Product) (*enclave.Inspected, error) {
	tb.Helper()
	rows, err := w.store.Open(context.WithoutCancel(ctx), w.dataset, w.snapshot.Digest)
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // only read from
	return leak.New(w.store).Inspect(ctx, rows, p, enclave.Profile{Threshold: threshold})
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

// wordy is columns of texts of 32 words that are numbers.
func wordy(columns int) *output {
	o := &output{}
	for c := range columns {
		o.columns = append(o.columns, written(fmt.Sprint("c", c)))
	}
	for r := range 20 {
		row := make([]any, columns)
		for c := range row {
			row[c] = strings.TrimSpace(strings.Repeat(fmt.Sprintf("%d ", 100+r), 32))
		}
		o.rows = append(o.rows, row)
	}
	return o
}

// repeated is texts of the same words, no two texts alike.
func repeated(texts int, words string) *output {
	o := &output{columns: []enclave.ManifestColumn{{Name: "t", Type: enclave.KindText, Bytes: 10_000}}}
	for at := range texts {
		o.rows = append(o.rows, []any{strings.Repeat(words, 8000/len(words)) + fmt.Sprint(at)})
	}
	return o
}

// TestMoreThanIsLookedAt: what there is too much of counts as found, and ends.
func TestMoreThanIsLookedAt(t *testing.T) {
	w := visits(t)
	everywhere := "F M 1970 "
	for i := range min(10, len(w.dataset.Columns[w.positions()[district]].Codes)) {
		everywhere += w.text(district, int64(i)) + " " + w.text(icd10, int64(i)) + " "
	}
	packed := func(f *enclave.LeakFacts) int64 { return f.Packed }
	for name, c := range map[string]struct {
		product *enclave.Product
		fact    func(f *enclave.LeakFacts) int64
		least   int64
	}{
		"columns of words": {w.product(wordy(64)), func(f *enclave.LeakFacts) int64 { return f.Records }, 20},
		"windows":          {w.product(repeated(125, "F ")), packed, 1},
		"common values":    {w.product(repeated(60, everywhere)), packed, 60},
		"integers": {
			w.made(1<<16, 16, nil, func(row, column int) int64 { return int64(row) * 1009 * int64(column+1) % (1 << 30) }),
			func(f *enclave.LeakFacts) int64 { return f.Identifiers }, 16 << 16,
		},
	} {
		if testing.Short() && name != "columns of words" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var got *enclave.Inspected
			if n := allocated(func() { got = w.measure(t, c.product) }); n > 3<<30 {
				t.Errorf("%d MB came and went", n>>20)
			} else {
				t.Logf("%d MB came and went", n>>20)
			}
			if c.fact(&got.Facts) < c.least {
				t.Errorf("%+v", got.Facts)
			}
		})
	}
}

// patience is a context that ends when it was asked so many times.
type patience struct {
	context.Context //nolint:containedctx // it is one
	left            atomic.Int64
}

func (p *patience) Err() error {
	if p.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestCanceled: an inspection ends wherever it is canceled, and asks often enough.
func TestCanceled(t *testing.T) {
	w := visits(t)
	for name, p := range map[string]*enclave.Product{
		"words": w.product(wordy(2)), "texts": w.product(repeated(3, "F M 440305 440306 1960 1970 ")), "label": w.made(1000, 1, []string{digits(200)}, func(int, int) int64 { return 0 }),
		"integers": w.made(1000, 4, nil, func(row, column int) int64 { return int64(row) * 1009 * int64(column+1) }),
	} {
		if testing.Short() && name != "texts" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			const plenty = 1 << 40
			whole := &patience{Context: t.Context()}
			whole.left.Store(plenty)
			if _, err := w.attempt(whole, t, p); err != nil {
				t.Fatal(err)
			}
			asked := plenty - whole.left.Load()
			if asked < 2*int64(len(w.rows))/100 {
				t.Errorf("asked %d times", asked)
			}
			for part := range int64(8) {
				some := &patience{Context: t.Context()}
				some.left.Store(asked * part / 8)
				if _, err := w.attempt(some, t, p); !errors.Is(err, context.Canceled) || some.left.Load() < -3 {
					t.Errorf("canceled after %d of %d: %v, asked %d times more", asked*part/8, asked, err, -some.left.Load())
				}
			}
		})
	}
}
