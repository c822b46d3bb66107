package sandbox_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// rowsOf is the program rows-c in one of its acts, shown birth years as cost, and the plan of a run of it.
func rowsOf(tb testing.TB, act string) (*enclave.Module, *enclave.Plan) {
	tb.Helper()
	guest := guests.NamedProgram(act)
	wasm, err := guest.Code(tb.Context(), tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	names := make([]string, len(guest.Manifest.Output.Columns))
	for i, c := range guest.Manifest.Output.Columns {
		names[i] = `"` + c.Name + `"`
	}
	return moduleOf(wasm), &enclave.Plan{
		Dataset: dataset(), Shown: []int{0}, Manifest: guest.Manifest, Operator: "acme",
		Params: []byte(`{"params":{"above":0,"act":"` + act + `","rows":100000},"columns":["cost"],"keys":[],"output":[` + strings.Join(names, ",") + `]}`),
	}
}

// One instance sees every batch, knows how many rows each has, and returns what it kept of all.
func TestAProgramSeesEveryRowOnce(t *testing.T) {
	s := open(t, sandbox.Config{})
	module, plan := rowsOf(t, "injective")
	in, err := s.Start(t.Context(), module, plan)
	if err != nil {
		t.Fatal(err)
	}
	var want []int64
	for _, rows := range []int{enclave.BatchRows, 0, 3, 1000} {
		batch := batchOf(plan, rows, func(_, row int) int64 { return int64(row*31%1000 + rows) })
		for row := range rows {
			want = append(want, 7919*int64(row*31%1000+rows)+104729)
		}
		if err := in.Show(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	got, err := in.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows != len(want) || !slices.Equal(got.Columns[0].Ints, want) {
		t.Errorf("%d rows, want %d", got.Rows, len(want))
	}
	if err := in.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wrong := batchOf(plan, 1, year)
	wrong.Columns = nil
	if in, err = s.Start(t.Context(), module, plan); err != nil {
		t.Fatal(err)
	}
	if err := in.Show(t.Context(), wrong); enclave.KindOf(err) != enclave.Internal {
		t.Errorf("a batch of no columns: %v", err)
	}
	if err := in.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A run of a program has nothing of the run before: neither its memory nor its globals.
func TestAProgramStartsFresh(t *testing.T) {
	s := open(t, sandbox.Config{Instances: 1}) // the same memory every time
	module, plan := rowsOf(t, "injective")
	for _, rows := range []int{1000, 10} {
		in, err := s.Start(t.Context(), module, plan)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.Show(t.Context(), batchOf(plan, rows, year)); err != nil {
			t.Fatal(err)
		}
		got, err := in.Finish(t.Context())
		if err != nil || got.Rows != rows {
			t.Fatalf("%+v, %v", got, err)
		}
		if err := in.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever goes wrong at the start, the place is given back.
func TestStartsThatFail(t *testing.T) {
	s := open(t, sandbox.Config{MemoryPages: 256, CallTimeout: time.Hour})
	_, plan := rowsOf(t, "dump")
	for _, name := range []string{"endless-initialize", "endless-init", "allocates-initialize", "wrong-version", "fails-init", "window-null", "alloc-beyond"} {
		guest := guests.Named(name)
		if _, err := s.Start(t.Context(), moduleOf(guest.Wasm), plan); enclave.AsError(err) == nil || enclave.AsError(err).Reason != guest.Reason {
			t.Errorf("%s: %v, want %s", name, err, guest.Reason)
		}
	}
	in, err := s.Start(t.Context(), moduleOf(guests.Named("traps").Wasm), plan) // which has no darkroom_finish
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Finish(t.Context()); !errors.Is(err, enclave.Fail(enclave.Invalid, "MODULE_CONTRACT")) {
		t.Error(err)
	}
	if err := in.Show(t.Context(), batchOf(plan, 1, year)); !errors.Is(err, enclave.Fail(enclave.Invalid, "MODULE_TRAP")) {
		t.Error(err)
	}
	if err := in.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	aggregate := *plan
	aggregate.Manifest = &enclave.Manifest{Form: enclave.Aggregate}
	if _, err := s.Start(t.Context(), moduleOf(guests.Named("moves").Wasm), &aggregate); enclave.KindOf(err) != enclave.Internal {
		t.Errorf("an aggregate: %v", err)
	}
	if waiting, free := s.Waiting(); waiting != 0 || free < 2 {
		t.Errorf("%d wait for %d places", waiting, free)
	}
}

// Programs of several operators never have every place: a batch finds one.
func TestProgramsLeaveRoomForBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, sandbox.Config{Instances: 3})
		module, plan := rowsOf(t, "dump")
		started, end := make(chan enclave.Instance, 3), make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		for _, operator := range []string{"acme", "globex", "initech"} {
			mine := *plan
			mine.Operator = operator
			go func() {
				in, err := s.Start(ctx, module, &mine)
				if err == nil {
					started <- in
				}
				end <- struct{}{}
			}()
			<-time.After(time.Minute) // of the bubble's clock: it moves once all of them wait
		}
		if waiting, free := s.Waiting(); waiting != 1 || free != 1 {
			t.Fatalf("%d programs wait for %d places", waiting, free)
		}
		leave, err := s.Occupy(t.Context(), "acme") // a batch, although a program is first in line
		if err != nil {
			t.Fatal(err)
		}
		leave()
		cancel() // the one that waits
		for range 3 {
			<-end
		}
		close(started)
		for in := range started {
			if err := in.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if waiting, free := s.Waiting(); waiting != 0 || free != 3 {
			t.Errorf("%d wait for %d places", waiting, free)
		}
	})
}

// A sandbox of one place gives it to a program too.
func TestTheOnlyPlace(t *testing.T) {
	s := open(t, sandbox.Config{Instances: 1})
	leave, err := s.OccupyProgram(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	leave()
	if waiting, free := s.Waiting(); waiting != 0 || free != 1 {
		t.Errorf("%d wait for %d places", waiting, free)
	}
}
