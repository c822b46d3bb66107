package leak_test

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/leak"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/internal/synth"
)

// shown is what programs of these tests are shown of the visits: everything but identifiers.
var shown = []string{"district", "sex", "birth_year", "icd10", "visit_date", "cost"}

// Positions in a row.
const (
	district = iota
	sex
	birthYear
	icd10
	visitDate
	cost
)

const (
	worldRows = 30_000
	threshold = 10
)

// world is a snapshot of the visits with its rows as a guest sees them.
type world struct {
	store    *load.Store
	dataset  *enclave.Dataset
	snapshot enclave.Snapshot
	rows     [][]int64 // in the order of the snapshot, columns as shown
	subjects []uint32
	ids      []string // some citizen numbers of the file
}

// scratch is the folder of the world that tests share.
var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "darkroom-leak-")
	if err != nil {
		panic(err)
	}
	scratch = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code) //nolint:forbidigo // what a TestMain is for
}

var shared = sync.OnceValues(func() (*world, error) { return newWorld(scratch, worldRows) })

// visits is the world that tests share; nobody changes it.
func visits(tb testing.TB) *world {
	tb.Helper()
	w, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

func newWorld(dir string, rows int64) (*world, error) {
	w := &world{dataset: synth.Dataset()}
	var err error
	if w.store, err = load.Open(dir, [32]byte{7}, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	var csv bytes.Buffer
	if err := synth.WriteCSV(&csv, 1, rows); err != nil {
		return nil, err
	}
	for row := range synth.Rows(1, 20) {
		w.ids = append(w.ids, row[0])
	}
	source := bytes.NewReader(csv.Bytes())
	if w.snapshot, err = w.store.Ingest(context.Background(), w.dataset, load.CSV, source, nil); err != nil {
		return nil, err
	}
	return w, w.read()
}

func (w *world) read() error {
	opened, err := w.store.Open(context.Background(), w.dataset, w.snapshot.Digest)
	if err != nil {
		return err
	}
	defer opened.Close() //nolint:errcheck // only read from
	ranges, err := opened.Split(1)
	if err != nil {
		return err
	}
	return enclave.Scan(context.Background(), opened, ranges[0], w.positions(), func(b *enclave.Batch) error {
		for row := range b.Rows {
			values := make([]int64, len(b.Columns))
			for c, v := range b.Columns {
				if v.Wide != nil {
					values[c] = v.Wide[row]
				} else {
					values[c] = int64(v.Narrow[row])
				}
			}
			w.rows, w.subjects = append(w.rows, values), append(w.subjects, b.Subjects[row])
		}
		return nil
	})
}

func (w *world) positions() []int {
	var at []int
	for _, name := range shown {
		at = append(at, w.dataset.Column(name))
	}
	return at
}

// text is a value as it is written in files.
func (w *world) text(column int, value int64) string {
	return w.dataset.Columns[w.positions()[column]].Format(value)
}

// output is a table that a program could have returned, in the order in which it emitted it: numbers in stored units, texts, or nil.
type output struct {
	columns []enclave.ManifestColumn
	rows    [][]any
	model   bool
}

func whole(name string, low, high int64) enclave.ManifestColumn {
	return enclave.ManifestColumn{Name: name, Type: enclave.KindInt, Min: low, Max: high}
}

func decimal(name string, places int) enclave.ManifestColumn {
	return enclave.ManifestColumn{Name: name, Type: enclave.KindDecimal, Max: 100_000, Decimals: places}
}

func written(name string) enclave.ManifestColumn {
	return enclave.ManifestColumn{Name: name, Type: enclave.KindText, Bytes: 200}
}

// product sorts an output as the enclave does.
func (w *world) product(o *output) *enclave.Product {
	manifest := &enclave.Manifest{
		Form: enclave.Program, Output: &enclave.ManifestOutput{Rows: int64(len(o.rows)), Columns: o.columns, Model: o.model},
	}
	p := &enclave.Product{
		Plan: &enclave.Plan{Dataset: w.dataset, Manifest: manifest, Shown: w.positions(), Crafted: true}, Rows: len(o.rows),
		Columns: make([]enclave.ProductColumn, len(o.columns)),
	}
	order := make([]int32, len(o.rows))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		for c := range o.columns {
			if d := compare(o.rows[a][c], o.rows[b][c]); d != 0 {
				return d
			}
		}
		return 0
	})
	p.Emitted = order
	for _, at := range order {
		for c := range o.columns {
			column := &p.Columns[c]
			value := o.rows[at][c]
			column.Valid = append(column.Valid, value != nil)
			text, _ := value.(string)
			number, _ := value.(int64)
			if o.columns[c].Type == enclave.KindText {
				column.Texts = append(column.Texts, text)
			} else {
				column.Numbers = append(column.Numbers, number)
			}
		}
	}
	return p
}

func compare(a, b any) int {
	if a == nil || b == nil {
		return btoi(a != nil) - btoi(b != nil)
	}
	text, _ := a.(string)
	otherText, _ := b.(string)
	number, _ := a.(int64)
	otherNumber, _ := b.(int64)
	return cmp.Or(cmp.Compare(text, otherText), cmp.Compare(number, otherNumber))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// inspect measures an output against the world.
func (w *world) inspect(tb testing.TB, o *output) *enclave.Inspected {
	tb.Helper()
	inspected, err := w.try(tb, o)
	if err != nil {
		tb.Fatal(err)
	}
	return inspected
}

func (w *world) try(tb testing.TB, o *output) (*enclave.Inspected, error) {
	tb.Helper()
	rows, err := w.store.Open(tb.Context(), w.dataset, w.snapshot.Digest)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := rows.Close(); err != nil {
			tb.Error(err)
		}
	}()
	return leak.New(w.store).Inspect(tb.Context(), rows, w.product(o), enclave.Profile{Threshold: threshold})
}

// tripped lists the facts that policy would deny for.
func tripped(f *enclave.LeakFacts) []string {
	var all []string
	for _, fact := range []struct {
		name  string
		value int64
	}{
		{"records", f.Records},
		{"identifiers", f.Identifiers},
		{"packed", f.Packed},
		{"injective", f.Injective},
		{"verbatim", max(0, f.Verbatim-20)},
	} {
		if fact.value > 0 {
			all = append(all, fact.name+" "+strconv.FormatInt(fact.value, 10))
		}
	}
	return all
}
