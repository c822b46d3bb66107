// Package aggregate computes the table of a plan: it groups the rows of a snapshot by the plan's keys and counts, per group and
// grouping set, what trusted code may know of it. The guest says which group a row belongs to; everything else is done here, with
// whole numbers, so that the table is the same for any number of workers.
package aggregate

import (
	"context"
	"errors"
	"math/bits"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"github.com/darkroom-project/darkroom/enclave"
)

// Executor implements [enclave.Executor] on the cores of this machine. It is safe for concurrent use.
type Executor struct {
	sandbox enclave.Sandbox
	workers int
}

var _ enclave.Executor = (*Executor)(nil)

// New makes an executor that runs each table on at most so many workers, at least one. The sandbox is used only for plans with keys
// that a module computes.
func New(sandbox enclave.Sandbox, workers int) *Executor {
	return &Executor{sandbox: sandbox, workers: max(workers, 1)}
}

// Execute computes the table. First the module is asked about everything that the shown columns could hold (see learned); then each
// worker reads its own range of subjects into its own cells, and the cells are added up at the end. Only the guest of a crafted run
// sees rows. The first failure cancels the other workers, and all of them have ended when Execute returns. Errors are those of the
// sandbox and of the rows, MODULE_CODE_RANGE for a code outside its key's domain, and internal ones.
func (e *Executor) Execute(ctx context.Context, rows enclave.Rows, module *enclave.Module, plan *enclave.Plan) (*enclave.Table, error) {
	layout, err := newLayout(plan)
	if err != nil {
		return nil, err
	}
	if err := checkBounds(plan, rows.Snapshot().Rows); err != nil {
		return nil, err
	}
	ranges, err := rows.Split(e.workers)
	if err != nil {
		return nil, err
	}
	function, err := e.learn(ctx, layout, module)
	if err != nil {
		return nil, err
	}
	workers := make([]*worker, len(ranges))
	group, ctx := errgroup.WithContext(ctx)
	for i, r := range ranges {
		workers[i] = newWorker(layout, function, r.Count)
		group.Go(recovered(func() error { return e.work(ctx, workers[i], rows, r, module) }))
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return merge(layout, workers)
}

// recovered turns a panic into an internal error, so that it ends one run and not the enclave.
func recovered(work func() error) func() error {
	return func() (err error) {
		defer func() {
			if panicked := recover(); panicked != nil {
				err = enclave.Internalf("panic: %v\n%s", panicked, debug.Stack())
			}
		}()
		return work()
	}
}

// work scans one range. A guest is closed even if the run was cancelled meanwhile.
func (e *Executor) work(ctx context.Context, w *worker, rows enclave.Rows, r enclave.Range, module *enclave.Module) (err error) {
	plan := w.layout.plan
	if w.layout.moduleKeys > 0 && w.learned == nil {
		w.guest, err = e.sandbox.Open(ctx, module, plan)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, w.guest.Close(context.WithoutCancel(ctx))) }()
	}
	if err := rows.Scan(ctx, r, w.layout.read, func(b *enclave.Batch) error { return w.batch(ctx, b) }); err != nil {
		return err
	}
	return w.finish()
}

// checkBounds verifies what the plan promises: that no sum over the snapshot can overflow, whatever its values are.
func checkBounds(plan *enclave.Plan, rows int64) error {
	for _, column := range plan.Summed {
		low, high, err := plan.Dataset.Columns[column].Bounds()
		if err != nil {
			return enclave.Internalf("bounds of a summed column: %w", err)
		}
		largest := max(magnitude(low), magnitude(high))
		if over, product := bits.Mul64(largest, uint64(max(rows, 0))); over != 0 || product > 1<<63-1 {
			return enclave.Internalf("a sum of column %d could overflow: the plan should not have been made", column)
		}
	}
	return nil
}

// magnitude is |v|, exact for every int64.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v) //nolint:gosec // two's complement negation is what is meant
	}
	return uint64(v)
}
