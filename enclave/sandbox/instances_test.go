package sandbox_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// With every place taken, a batch waits: for a place, for longer than a module may take, or until its run is cancelled. A batch that
// failed has given its place back.
func TestBatchesWaitForAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, sandbox.Config{Instances: 1, CallTimeout: time.Second})
		plan := planOf(0)
		batch := batchOf(plan, 100, func(_, _ int) int64 { return 1950 })
		leave, err := s.Occupy(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		begin := func(ctx context.Context, wasm []byte) chan error {
			ended := make(chan error, 1)
			go func() {
				g, err := s.Open(ctx, moduleOf(wasm), plan)
				if err == nil {
					err = errors.Join(g.Assign(ctx, batch, [][]int32{make([]int32, 100)}), g.Close(context.WithoutCancel(ctx)))
				}
				ended <- err
			}()
			return ended
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped, trapped, honest := begin(ctx, guests.Named("moves").Wasm), begin(t.Context(), guests.Named("traps").Wasm), begin(t.Context(), guests.Named("moves").Wasm)
		<-time.After(time.Minute) // of the bubble's clock: it moves once all of them wait
		for _, ended := range []chan error{stopped, trapped, honest} {
			select {
			case err := <-ended:
				t.Fatalf("a batch ran beside the only instance: %v", err)
			default:
			}
		}
		cancel()
		if err := <-stopped; !errors.Is(err, enclave.Fail(enclave.Canceled, "RUN_CANCELED")) {
			t.Errorf("cancelled while it waited: %v", err)
		}
		leave()
		if err := <-trapped; err == nil {
			t.Error("a guest that traps succeeded")
		}
		if err := <-honest; err != nil {
			t.Errorf("after the wait: %v", err)
		}
		if waiting, free := s.Waiting(); waiting != 0 || free != 1 {
			t.Errorf("%d wait for %d places", waiting, free)
		}
	})
}

// However many batches of one operator wait, another's is next.
func TestOneOperatorNeverHasEveryPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, sandbox.Config{Instances: 3})
		took := make(chan string, 10)
		leaves := make(chan func(), 10)
		ask := func(ctx context.Context, operator string) {
			go func() {
				if leave, err := s.Occupy(ctx, operator); err == nil {
					took <- operator
					leaves <- leave
				}
			}()
			synctest.Wait()
		}
		for range 4 {
			ask(t.Context(), "acme")
		}
		ctx, cancel := context.WithCancel(t.Context())
		ask(ctx, "acme")
		ask(t.Context(), "globex")
		ask(t.Context(), "globex")
		for i, want := range []string{"acme", "acme", "globex"} {
			if got := <-took; got != want {
				t.Errorf("place %d went to %s, want %s", i, got, want)
			}
		}
		cancel()
		for i, want := range []string{"acme", "acme", "globex"} {
			(<-leaves)()
			synctest.Wait()
			if got := <-took; got != want {
				t.Errorf("place %d of those given back went to %s, want %s", i, got, want)
			}
		}
		for range 3 {
			(<-leaves)()
		}
		if waiting, free := s.Waiting(); waiting != 0 || free != 3 {
			t.Errorf("%d wait for %d places", waiting, free)
		}
	})
}

// Cancelling and giving at the same moment loses no place; for the race detector too.
func TestPlacesAreNotLost(t *testing.T) {
	s := open(t, sandbox.Config{Instances: 2})
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%2 == 0 {
				group.Go(cancel)
			}
			if leave, err := s.Occupy(ctx, []string{"acme", "globex"}[i%3%2]); err == nil {
				leave()
			}
		})
	}
	group.Wait()
	if waiting, free := s.Waiting(); waiting != 0 || free != 2 {
		t.Errorf("%d wait for %d places", waiting, free)
	}
}
