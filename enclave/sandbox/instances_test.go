package sandbox_test

import (
	"context"
	"errors"
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
		leave, err := s.Occupy(t.Context())
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
	})
}
