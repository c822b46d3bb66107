package app

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

type recorded struct {
	mu   sync.Mutex
	acts []enclave.Act
}

func (r *recorded) Record(_ context.Context, act enclave.Act) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acts = append(r.acts, act)
	return nil
}

func TestRefusalsFillOnlySoMuchOfTheLedger(t *testing.T) {
	now, log := time.Now(), &recorded{}
	r := &refusals{acts: log, now: func() time.Time { return now }}
	refuse := func(org string) error {
		return r.Record(t.Context(), enclave.NewAct(now, enclave.Caller{Role: enclave.Operator, Org: org}, "module.refuse", "modules/x"))
	}
	limited := enclave.Fail(enclave.Limit, "RATE_LIMITED")
	var group sync.WaitGroup
	for range maxRefusals {
		group.Go(func() {
			if err := refuse("acme"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if err := refuse("acme"); !errors.Is(err, limited) || len(log.acts) != maxRefusals {
		t.Errorf("one more: %v, %d acts", err, len(log.acts))
	}
	if err := refuse("globex"); err != nil {
		t.Errorf("another's: %v", err)
	}
	now = now.Add(time.Hour - time.Nanosecond)
	if err := refuse("acme"); !errors.Is(err, limited) {
		t.Errorf("within the hour: %v", err)
	}
	now = now.Add(time.Nanosecond)
	if err := refuse("acme"); err != nil || len(log.acts) != maxRefusals+2 {
		t.Errorf("in the next hour: %v, %d acts", err, len(log.acts))
	}
}
