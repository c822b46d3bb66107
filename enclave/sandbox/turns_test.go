package sandbox_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// What a guest waits for its turn is not its time: it goes on when the turn comes, however late.
func TestWaitingForATurnTakesNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		processor := enclave.NewTurns(1, time.Second)
		s := open(t, sandbox.Config{Processor: processor, CallTimeout: time.Second})
		other := processor.For("globex")
		if err := other.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := assign(t, s, guests.Named("moves").Wasm, planOf(0), batchOf(planOf(0), 100, year))
			ended <- err
		}()
		<-time.After(time.Hour) // of the bubble's clock: it moves once both wait
		select {
		case err := <-ended:
			t.Fatalf("a guest ran when it was another's turn: %v", err)
		default:
		}
		other.Give()
		if err := <-ended; err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

// A guest that does not end gives way to another operator's work in the middle of it, and is cancelled while it waits to go on.
func TestAGuestGivesWay(t *testing.T) {
	processor := enclave.NewTurns(1, time.Second)
	s, err := sandbox.NewRehearsal(t.Context(), sandbox.Config{Processor: processor, CallTimeout: time.Hour}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	plan := frugal(planOf(0), enclave.MaxFuel)
	plan.Operator = "acme"
	ctx, cancel := context.WithCancel(t.Context())
	g, err := s.Open(ctx, moduleOf(guests.Named("endless-write").Wasm), plan)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- g.Assign(ctx, batchOf(plan, 10, year), [][]int32{make([]int32, 10)}) }()
	for s.Said() == "" { // until it writes
		runtime.Gosched()
	}
	other := processor.For("globex")
	if err := other.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, enclave.Fail(enclave.Canceled, "RUN_CANCELED")) {
		t.Errorf("cancelled: %v", err)
	}
	other.Give()
	if err := g.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
