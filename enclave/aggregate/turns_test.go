package aggregate_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
)

// Workers count when it is their operator's turn, and not while a guest has its own: one place does for all of them, and the table is the same.
func TestWorkersTakeTurns(t *testing.T) {
	for _, crafted := range []bool{false, true} {
		p := plan()
		p.Crafted, p.Operator = crafted, "acme"
		m := random(5, 5000)
		want, err := aggregate.New(sandbox{assign: bands}, 3).Execute(t.Context(), m, &enclave.Module{}, p)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) { // where waiting for each other would be noticed
			processor := enclave.NewTurns(1, time.Second)
			slow := func(b *enclave.Batch, codes [][]int32) error {
				turn := processor.For("acme")
				if err := turn.Take(t.Context()); err != nil {
					return err
				}
				defer turn.Give()
				time.Sleep(10 * time.Millisecond)
				return bands(b, codes)
			}
			got, err := aggregate.New(sandbox{assign: slow}, 3).Sharing(processor).Execute(t.Context(), m, &enclave.Module{}, p)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Cells, want.Cells) {
				t.Errorf("crafted %v: another table", crafted)
			}
			if err := processor.For("globex").Take(t.Context()); err != nil { // nothing is kept
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() {
				_, err := aggregate.New(nil, 3).Sharing(processor).Execute(ctx, m, nil, counted())
				ended <- err
			}()
			synctest.Wait()
			cancel()
			if err := <-ended; !errors.Is(err, enclave.Fail(enclave.Canceled, "RUN_CANCELED")) {
				t.Errorf("cancelled while it waited: %v", err)
			}
		})
	}
}

// counted is the plan without a key of the module.
func counted() *enclave.Plan {
	p := plan()
	p.Operator = "acme"
	p.Keys, p.Sets = []enclave.Key{p.Keys[0], p.Keys[2]}, []enclave.Set{{0, 1}, {}}
	return p
}
