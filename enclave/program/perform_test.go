package program_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/enclave/program"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/enclave/treat"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// room is a performer over a real sandbox, and the seeded table in a real snapshot.
type room struct {
	program.Performer
	rows enclave.Rows
}

// visits are enough rows for several batches.
func visits() int64 {
	if testing.Short() {
		return 70_000
	}
	return 150_000
}

// Patient waits longer than any guest takes that ends by itself or by its fuel.
var (
	patient = sandbox.Config{CallTimeout: time.Hour}
)

func newRoom(tb testing.TB, config sandbox.Config, seed uint64, rows int64) *room {
	tb.Helper()
	store, err := load.Open(tb.TempDir(), [32]byte{7}, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	var csv bytes.Buffer
	if err := synth.WriteCSV(&csv, seed, rows); err != nil {
		tb.Fatal(err)
	}
	snapshot, err := store.Ingest(tb.Context(), synth.Dataset(), load.CSV, bytes.NewReader(csv.Bytes()), func(int64) {})
	if err != nil {
		tb.Fatal(err)
	}
	opened, err := store.Open(tb.Context(), synth.Dataset(), snapshot.Digest)
	if err != nil {
		tb.Fatal(err)
	}
	box, err := sandbox.New(tb.Context(), config, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(opened.Close(), box.Close(context.Background())); err != nil {
			tb.Error(err)
		}
	})
	return &room{Performer: program.New(box), rows: opened}
}

// orderOf is a run of a guest, as admission gets it.
func orderOf(tb testing.TB, guest guests.Program, params map[string]enclave.Scalar) (*enclave.Module, *enclave.Plan) {
	tb.Helper()
	code, err := guest.Code(tb.Context(), tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	whole, err := admit.Attach(code, guest.Manifest)
	if err != nil {
		tb.Fatal(err)
	}
	module, err := admit.Check(whole)
	if err != nil {
		tb.Fatalf("%s: %v", guest.Name, err)
	}
	var now time.Time
	plan, err := admit.Planner{}.Plan(&enclave.Order{
		Run: enclave.Run{Params: params, Submitted: now},
		Grant: enclave.Grant{
			State: enclave.GrantActive, Forms: []enclave.Form{enclave.Program}, NotAfter: now.Add(time.Hour),
			Scopes: []enclave.Scope{{Dataset: "visits", Columns: guest.Manifest.Inputs[0].Columns}},
		},
		Module: module, Dataset: synth.Dataset(),
	})
	if err != nil {
		tb.Fatalf("%s: %v", guest.Name, err)
	}
	return module, plan
}

// perform runs a guest and presents what it returned.
func (r *room) perform(tb testing.TB, guest guests.Program, params map[string]enclave.Scalar) (*enclave.Product, []byte, error) {
	tb.Helper()
	module, plan := orderOf(tb, guest, params)
	return r.present(tb, module, plan)
}

func (r *room) present(tb testing.TB, module *enclave.Module, plan *enclave.Plan) (*enclave.Product, []byte, error) {
	tb.Helper()
	product, err := r.Perform(tb.Context(), r.rows, module, plan)
	if err != nil {
		return nil, nil, err
	}
	output, err := treat.Treater{}.Present(product)
	if err != nil {
		tb.Fatal(err)
	}
	return product, output.Bytes, nil
}

// TestRegression compares the guest with the test's own sums over the generator's rows.
func TestRegression(t *testing.T) {
	r := newRoom(t, patient, 3, visits())
	product, _, err := r.perform(t, guests.NamedProgram("regression"), map[string]enclave.Scalar{"as_of": "2025"})
	if err != nil {
		t.Fatal(err)
	}
	type sums struct{ n, x, y, xx, xy float64 }
	of := map[string]*sums{}
	for v := range synth.Visits(3, visits()) {
		s := of[v.District]
		if s == nil {
			s = &sums{}
			of[v.District] = s
		}
		x, y := float64(2025-v.BirthYear), float64(v.Cost)/100
		s.n, s.x, s.y, s.xx, s.xy = s.n+1, s.x+x, s.y+y, s.xx+x*x, s.xy+x*y
	}
	if product.Rows < 8 || product.Rows > len(of) {
		t.Fatalf("%d districts of %d", product.Rows, len(of))
	}
	for row := range product.Rows {
		s := of[product.Plan.Manifest.Output.Columns[0].Values[product.Columns[0].Numbers[row]]]
		slope := (s.n*s.xy - s.x*s.y) / (s.n*s.xx - s.x*s.x)
		base := (s.y - slope*s.x) / s.n
		n, gotBase, gotSlope := product.Columns[1].Numbers[row], float64(product.Columns[2].Numbers[row])/1e2, float64(product.Columns[3].Numbers[row])/1e4
		if n != int64(s.n) || math.Abs(gotBase-base) > 0.0051 || math.Abs(gotSlope-slope) > 0.000051 {
			t.Errorf("district %d: %d visits, %v + %v a year; want %v, %v, %v", row, n, gotBase, gotSlope, s.n, base, slope)
		}
	}
}

func TestHistogramInGo(t *testing.T) {
	if testing.Short() {
		t.Skip("of it, most is compiling a guest of Go's; the smaller ones take the same way")
	}
	r := newRoom(t, patient, 3, visits())
	module, plan := orderOf(t, guests.NamedProgram("histogram"), nil)
	product, output, err := r.present(t, module, plan)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for row := range product.Rows {
		sum += product.Columns[2].Numbers[row]
		if row%10 > 0 && product.Columns[3].Numbers[row] < product.Columns[3].Numbers[row-1] {
			t.Errorf("row %d: mean costs fall", row)
		}
	}
	if product.Rows != 20 || sum != visits() {
		t.Fatalf("%d rows of %d visits", product.Rows, sum)
	}
	again, same, err := r.present(t, module, plan)
	if err != nil || !bytes.Equal(output, same) || !slices.Equal(product.Emitted, again.Emitted) {
		t.Errorf("the same module over the same rows gave another table: %v", err)
	}
}

// Each hostile program ends as it says: with the one reason, or with a table, the same each time.
func TestHostilePrograms(t *testing.T) {
	r := newRoom(t, patient, 1, 2000)
	for _, guest := range guests.Programs() {
		if guest.Honest {
			continue // these have tests of their own
		}
		t.Run(guest.Name, func(t *testing.T) {
			module, plan := orderOf(t, guest, nil)
			product, output, err := r.present(t, module, plan)
			if guest.Fails != "" {
				e := enclave.AsError(err)
				if e == nil || e.Reason != "MODULE_FAILED" || e.Kind != enclave.Invalid || len(e.Args)+len(e.Also) != 0 {
					t.Fatalf("to %s: %v", guest.Tries, err)
				}
				if inside := enclave.AsError(e.Unwrap()); inside == nil || inside.Reason != guest.Fails {
					t.Errorf("to %s: %v, want %s inside", guest.Tries, err, guest.Fails)
				}
				return
			}
			if err != nil {
				t.Fatalf("to %s: %v", guest.Tries, err)
			}
			again, same, err := r.present(t, module, plan)
			if err != nil || !bytes.Equal(output, same) || !slices.Equal(product.Emitted, again.Emitted) {
				t.Errorf("another table: %v", err)
			}
			if guest.Leaks && product.Rows != 1000 {
				t.Errorf("%d rows leaked", product.Rows)
			}
		})
	}
}

// What is hidden where nothing may be said does not come through: other rows, the same bytes.
func TestNothingIsHidden(t *testing.T) {
	one, other := newRoom(t, patient, 1, 2000), newRoom(t, patient, 2, 2000)
	for _, name := range []string{"null-slots", "minus-zero", "row-order", "print"} {
		product, first, err := one.perform(t, guests.NamedProgram(name), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, second, err := other.perform(t, guests.NamedProgram(name), nil); err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s: other rows, another output: %v", name, err)
		}
		if product.Rows != 4 {
			t.Errorf("%s: %d rows", name, product.Rows)
		}
	}
}

// Whether a guest that watches for a row fails says whether the row is there, and nothing else: not how it failed.
func TestWatchingForARow(t *testing.T) {
	r := newRoom(t, patient, 1, 2000)
	for _, name := range []string{"trap-on-row", "exit-on-row", "fail-on-row", "loop-on-row", "grow-on-row"} {
		if _, _, err := r.perform(t, guests.NamedProgram(name), map[string]enclave.Scalar{"above": "10000000"}); err != nil {
			t.Errorf("%s, no such row: %v", name, err)
		}
	}
}

func TestACanceledRunIsNotTheGuestsFault(t *testing.T) {
	r := newRoom(t, patient, 1, 20_000)
	guest := guests.NamedProgram("loop-on-row")
	guest.Manifest.Fuel = enclave.MaxFuel // for a second and more, on any machine there is
	module, plan := orderOf(t, guest, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := r.Perform(ctx, r.rows, module, plan); !errors.Is(err, enclave.Fail(enclave.Canceled, "RUN_CANCELED")) {
		t.Fatal(err)
	}
}
