package sandbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

func frugal(plan *enclave.Plan, fuel int64) *enclave.Plan {
	mine := *plan
	mine.Manifest = &enclave.Manifest{Fuel: fuel}
	return &mine
}

// The same module burns the same on the same rows, batch after batch, in any sandbox; far below what it may; and within the golden bounds that
// the numbers of package enclave were chosen by.
func TestHonestGuestsBurnLittleAndTheSame(t *testing.T) {
	plan := planOf(0)
	batch := batchOf(plan, enclave.BatchRows, year)
	for lang, wasm := range honest(t) {
		var first int64
		for _, s := range []*sandbox.Rehearsal{rehearse(t, sandbox.Config{CacheDir: compiled}), rehearse(t, sandbox.Config{CacheDir: compiled, MemoryPages: 512})} {
			g, err := s.Open(t.Context(), moduleOf(wasm), plan)
			if err != nil {
				t.Fatal(err)
			}
			for i := range int64(2) {
				if err := g.Assign(t.Context(), batch, [][]int32{make([]int32, enclave.BatchRows)}); err != nil {
					t.Fatal(err)
				}
				if first == 0 {
					first = s.Burnt().Total
				}
				if got := s.Burnt(); got.Total != (i+1)*first || got.Row != (first-got.Start+enclave.BatchRows-1)/enclave.BatchRows || got.Needed != 1 {
					t.Errorf("%s: %+v after %d batches, the first took %d", lang, got, i+1, first)
				}
			}
			if err := g.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		empty := rehearse(t, sandbox.Config{CacheDir: compiled})
		if _, err := assign(t, empty, wasm, plan, batchOf(plan, 0, year)); err != nil {
			t.Fatal(err)
		}
		start := empty.Burnt().Start
		t.Logf("%s: %d, or %d for each row; %d to start, %d over empty values", lang, first, first/enclave.BatchRows, start, empty.Burnt().Total)
		if 5*start > enclave.BaseFuel || 10*first > enclave.BatchRows*enclave.DefaultFuel {
			t.Errorf("%s: %d to start and %d for a batch are not far below what there is", lang, start, first)
		}
	}
}

// What a manifest asks for is what there is: enough, or not.
func TestFuelIsTheManifests(t *testing.T) {
	s := open(t, sandbox.Config{CallTimeout: time.Hour})
	plan := planOf(0)
	for fuel, name := range map[int64]string{1: "MODULE_FUEL", 10_000: ""} {
		wasm := guests.Spins(60_000_000).Wasm // about 420,000,000 units: more than the base, less than a batch at 10,000
		_, err := assign(t, s, wasm, frugal(plan, fuel), batchOf(plan, 10, year))
		got := ""
		if err != nil {
			got = enclave.AsError(err).Reason
		}
		if got != name {
			t.Errorf("with %d for each row: %v, want %q", fuel, err, name)
		}
	}
}

// What a rehearsal says is needed is enough, and one unit less is not: of an aggregate, whose every batch has a budget, and of a program, which
// has one that grows.
func TestWhatIsNeededIsEnough(t *testing.T) {
	wasm := guests.Spins(60_000_000).Wasm
	module, plan := rowsOf(t, "dump")
	for name, run := range map[string]func(s *sandbox.Rehearsal, fuel int64) error{
		"aggregate": func(s *sandbox.Rehearsal, fuel int64) error {
			_, err := assign(t, s, wasm, frugal(planOf(0), fuel), batchOf(planOf(0), 10, year))
			return err
		},
		"program": func(s *sandbox.Rehearsal, fuel int64) (err error) {
			mine, manifest := *plan, *plan.Manifest
			manifest.Fuel, mine.Manifest = fuel, &manifest
			in, err := s.Start(t.Context(), module, &mine)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, in.Close(t.Context())) }()
			batch := batchOf(&mine, enclave.BatchRows, year)
			for range 60 {
				if err := in.Show(t.Context(), batch); err != nil {
					return err
				}
			}
			_, err = in.Finish(t.Context())
			return err
		},
	} {
		s := rehearse(t, sandbox.Config{CallTimeout: time.Hour})
		if err := run(s, enclave.MaxFuel); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		burnt := s.Burnt()
		if burnt.Needed < 2 || burnt.Needed >= burnt.Row || burnt.Start == 0 {
			t.Errorf("%s: %+v", name, burnt)
		}
		if err := run(s, burnt.Needed); err != nil {
			t.Errorf("%s: %d were not enough: %v", name, burnt.Needed, err)
		}
		if s.Burnt().Needed != burnt.Needed || s.Burnt().Total != 2*burnt.Total {
			t.Errorf("%s: once more: %+v, before %+v", name, s.Burnt(), burnt)
		}
		if err := run(s, burnt.Needed-1); !errors.Is(err, enclave.Fail(enclave.Limit, "MODULE_FUEL")) {
			t.Errorf("%s: with %d: %v", name, burnt.Needed-1, err)
		}
	}
}

// What the host does for a guest is looked at call by call, though the guest itself comes to no loop and no function.
func TestTheHostDoesNotWorkOnCredit(t *testing.T) {
	s := rehearse(t, sandbox.Config{CallTimeout: time.Hour})
	plan := frugal(planOf(0), 1)
	g, err := s.Open(t.Context(), moduleOf(guests.Pleads(5000).Wasm), plan)
	if err != nil {
		t.Fatal(err)
	}
	err = g.Assign(t.Context(), batchOf(plan, 10, year), [][]int32{make([]int32, 10)})
	if !errors.Is(err, enclave.Fail(enclave.Limit, "MODULE_FUEL")) {
		t.Errorf("5,000 calls ended with %v", err)
	}
	if burnt, budget := s.Burnt().Total, int64(enclave.BaseFuel+enclave.BatchRows); burnt > budget {
		t.Errorf("%d were burnt of %d", burnt, budget)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Assign(ctx, batchOf(plan, 10, year), [][]int32{make([]int32, 10)}); enclave.KindOf(err) != enclave.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	if err := g.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A program's budget is one: what its batches leave is there for its end, and nothing grows without rows.
func TestAProgramHasOneBudget(t *testing.T) {
	s := rehearse(t, sandbox.Config{CallTimeout: time.Hour})
	module, plan := rowsOf(t, "dump")
	in, err := s.Start(t.Context(), module, plan)
	if err != nil {
		t.Fatal(err)
	}
	var last int64
	for range 3 {
		if err := in.Show(t.Context(), batchOf(plan, 1000, year)); err != nil {
			t.Fatal(err)
		}
		burnt := s.Burnt().Total
		if burnt <= last {
			t.Errorf("%d after %d", burnt, last)
		}
		last = burnt
	}
	if _, err := in.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if burnt := s.Burnt().Total; burnt <= last || burnt > enclave.BaseFuel+3000*enclave.DefaultFuel {
		t.Errorf("%d in all, %d before the end", burnt, last)
	}
	if err := in.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The clock ends a guest that has fuel left, and a cancelled run one that has neither end nor clock.
func TestStoppedAndCancelled(t *testing.T) {
	plan := frugal(planOf(0), enclave.MaxFuel)
	batch := batchOf(plan, 10, year)
	_, err := assign(t, open(t, sandbox.Config{CallTimeout: time.Millisecond}), guests.Named("endless-batch").Wasm, plan, batch)
	if !errors.Is(err, enclave.Fail(enclave.Limit, "MODULE_STOPPED")) {
		t.Errorf("by the clock: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	g, err := open(t, sandbox.Config{CallTimeout: time.Hour}).Open(ctx, moduleOf(guests.Named("endless-batch").Wasm), plan)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- g.Assign(ctx, batch, [][]int32{make([]int32, 10)}) }()
	cancel()
	if err := <-ended; !errors.Is(err, enclave.Fail(enclave.Canceled, "RUN_CANCELED")) {
		t.Errorf("cancelled: %v", err)
	}
	if err := g.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
