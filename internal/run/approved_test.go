package run_test

import (
	"context"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

// ballot answers as approvals what it holds, and counts who asked.
type ballot struct {
	yes   bool
	err   error
	asked int
}

func (b *ballot) Approved(context.Context, string, enclave.Digest, string) (bool, error) {
	b.asked++
	return b.yes, b.err
}

// taken is a path, and a rehearsal, that only remember the order.
type taken struct {
	run.Path
	order *enclave.Order
}

func (p *taken) Run(_ context.Context, order *enclave.Order, _ func(enclave.Stage)) error {
	p.order = order
	return enclave.Fail(enclave.Refused, "GROUP_BY_IDENTITY", "key", "k", "column", "id")
}

func (p *taken) Snapshot(*enclave.Dataset, enclave.Sample) (enclave.Snapshot, error) {
	return enclave.Snapshot{Dataset: "visits", Digest: enclave.DigestOf([]byte("snapshot"))}, nil
}

func (p *taken) Rehearse(ctx context.Context, order *enclave.Order, progress func(enclave.Stage)) (*enclave.Report, error) {
	return &enclave.Report{}, p.Run(ctx, order, progress)
}

// Whether people approved a module is asked when its run is taken up, whatever was so at its submission; of synthetic rows it is not asked.
func TestApprovedAtTakeUp(t *testing.T) {
	for name, c := range map[string]struct {
		environment enclave.Environment
		answer      ballot
		approved    bool
		outcome     enclave.Outcome
	}{
		"approved":     {enclave.Prod, ballot{yes: true}, true, enclave.Denied},
		"not approved": {enclave.Prod, ballot{}, false, enclave.Denied},
		"no answer":    {enclave.Prod, ballot{yes: true, err: enclave.Internalf("no disk")}, false, enclave.Failed},
		"in dev":       {enclave.Dev, ballot{err: enclave.Internalf("not to be asked")}, true, enclave.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			path, answer := &taken{}, ballot{}
			w := newWorld(t, t.TempDir(), func(w *world) { w.config.Path, w.config.Dev, w.config.Approvals = path, path, &answer })
			w.furnish()
			asked := request(acme, "ok")
			asked.Environment = c.environment
			submitted, err := w.Submit(t.Context(), acme, asked)
			ok(t, err)
			if answer.asked != 0 {
				t.Error("it was asked at the submission")
			}
			answer = c.answer
			ok(t, w.Start(t.Context()))
			if got := w.end(submitted.ID); got.Outcome != c.outcome {
				t.Errorf("it ended %s %+v", got.Outcome, got.Reasons)
			}
			if c.outcome == enclave.Failed {
				if path.order != nil {
					t.Error("it ran without an answer")
				}
			} else if path.order == nil || path.order.Approved != c.approved {
				t.Errorf("the order says %+v", path.order)
			}
		})
	}
}
