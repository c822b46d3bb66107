package app

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// maxRefusals is how many refusals of one organisation the ledger takes in an hour.
const maxRefusals = 100

// refusals records what an operator was refused. The log is forever and everyone's, so one organisation fills only so much of it; beyond
// that, what is refused stays refused, but is answered with RATE_LIMITED and not recorded. The counts are kept in memory: a restart
// begins anew. It is safe for concurrent use.
type refusals struct {
	acts interface {
		Record(ctx context.Context, act enclave.Act) error
	}
	now func() time.Time

	mu     sync.Mutex // guards what follows
	since  time.Time  // when the hour began
	counts map[string]int
}

// Record appends a refusal to the ledger, or fails with RATE_LIMITED.
func (r *refusals) Record(ctx context.Context, act enclave.Act) error {
	if !r.admits(act.Actor.Org) {
		return enclave.Fail(enclave.Limit, "RATE_LIMITED", "limit", strconv.Itoa(maxRefusals))
	}
	return r.acts.Record(ctx, act)
}

func (r *refusals) admits(org string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); r.counts == nil || now.Sub(r.since) >= time.Hour {
		r.since, r.counts = now, map[string]int{}
	}
	r.counts[org]++
	return r.counts[org] <= maxRefusals
}
