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

func TestHostileGuestsEndWithTheirReason(t *testing.T) {
	s := open(t, quick())
	unhurried := open(t, sandbox.Config{CallTimeout: time.Minute})
	plan := planOf(0)
	batch := batchOf(plan, 100, func(_, row int) int64 { return int64(1950 + row%60) })
	for _, g := range guests.Hostile() {
		t.Run(g.Name, func(t *testing.T) {
			in := unhurried // so that no other end can be taken for the deadline
			if g.Reason == "MODULE_STOPPED" {
				in = s
			}
			_, err := assign(t, in, g.Wasm, plan, batch)
			if g.Reason == "" {
				if err != nil {
					t.Fatalf("a guest that %s: %v", g.Tries, err)
				}
				return
			}
			if got := enclave.AsError(err); got == nil || got.Reason != g.Reason {
				t.Fatalf("a guest that tries %s: got %v, want %s", g.Tries, err, g.Reason)
			}
		})
	}
}

func TestOneGuestRunsWhileAnotherIsStopped(t *testing.T) {
	s := open(t, sandbox.Config{CallTimeout: time.Minute})
	plan := planOf(0)
	batch := batchOf(plan, 100, func(_, _ int) int64 { return 1950 })
	endless, stop := context.WithCancelCause(t.Context())
	ended := make(chan error)
	go func() {
		g, err := s.Open(endless, moduleOf(guests.Named("endless-batch").Wasm), plan)
		if err != nil {
			ended <- err
			return
		}
		err = g.Assign(endless, batch, [][]int32{make([]int32, 100)})
		ended <- errors.Join(err, g.Close(context.WithoutCancel(endless)))
	}()
	for range 5 {
		codes, err := assign(t, s, guests.Named("moves").Wasm, plan, batch)
		if err != nil || codes[0] != 1 {
			t.Fatalf("beside an endless guest: code %d, %v", codes[0], err)
		}
	}
	stop(errors.New("the authority stopped it"))
	err := <-ended
	if enclave.KindOf(err) != enclave.Canceled || !errors.Is(err, enclave.Fail(enclave.Canceled, "RUN_CANCELED")) {
		t.Fatalf("a cancelled run ended with %v", err)
	}
}

func TestNothingIsKeptBetweenBatches(t *testing.T) {
	s := open(t, sandbox.Config{})
	plan := planOf(0)
	g, err := s.Open(t.Context(), moduleOf(guests.Named("keeps-state").Wasm), plan)
	if err != nil {
		t.Fatal(err)
	}
	batch := batchOf(plan, 10, func(_, _ int) int64 { return 1 })
	for range 3 {
		codes := [][]int32{make([]int32, 10)}
		if err := g.Assign(t.Context(), batch, codes); err != nil {
			t.Fatal(err)
		}
		if codes[0][0] != 11 {
			t.Fatalf("the guest counted %d; 11 is one call in its globals and one in its memory", codes[0][0])
		}
	}
	if err := g.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The scanner finds a marker in a shown column, and in nothing else: neither what an unshown column holds nor what the batch before
// left behind.
func TestOnlyShownColumnsReachAGuest(t *testing.T) {
	s := open(t, sandbox.Config{CallTimeout: time.Minute})
	shownToIt, hidden := planOf(0, 2), planOf(0) // column 2 holds the marker
	value := func(plan *enclave.Plan) func(column, row int) int64 {
		return func(column, row int) int64 {
			if plan.Shown[column] == 2 && row == 77 {
				return guests.Marker
			}
			return 1950
		}
	}
	wasm := guests.Named("scanner").Wasm
	if codes, err := assign(t, s, wasm, shownToIt, batchOf(shownToIt, 100, value(shownToIt))); err != nil || codes[0] != 1 {
		t.Fatalf("control: the marker is shown and the scanner says %d, %v", codes[0], err)
	}
	if codes, err := assign(t, s, wasm, hidden, batchOf(hidden, 100, value(hidden))); err != nil || codes[0] != 0 {
		t.Fatalf("the marker is not shown and the scanner says %d, %v", codes[0], err)
	}
	g, err := s.Open(t.Context(), moduleOf(wasm), shownToIt)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int32{1, 0, 1} {
		batch := batchOf(shownToIt, 100, value(shownToIt))
		if want == 0 {
			batch.Columns[1].Wide[77] = 0
		}
		codes := [][]int32{make([]int32, 100)}
		if err := g.Assign(t.Context(), batch, codes); err != nil || codes[0][0] != want {
			t.Fatalf("batch after batch: the scanner says %d, %v; want %d", codes[0][0], err, want)
		}
	}
	if err := g.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
