// Package aggregate computes the table of a plan: it groups the rows of a snapshot by the plan's keys and counts, per group and
// grouping set, what trusted code may know of it. The guest says which group a row belongs to; everything else is done here, with
// whole numbers, so that the table is the same for any number of workers.
package aggregate

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/darkroom-project/darkroom/enclave"
)

// Executor implements [enclave.Executor] on the cores of this machine. It is safe for concurrent use.
type Executor struct {
	sandbox enclave.Sandbox
	workers int
	turns   *enclave.Turns
	kept    *kept
}

var _ enclave.Executor = (*Executor)(nil)

// New makes an executor that runs each table on at most so many workers, at least one. The sandbox is used only for plans with keys
// that a module computes. What a module was asked is kept until the executor is gone: a new one asks anew, which replays rely on.
func New(sandbox enclave.Sandbox, workers int) *Executor {
	return &Executor{sandbox: sandbox, workers: max(workers, 1), kept: newKept(keptBytes)}
}

// Sharing has the executor count only while it is the turn of a run's operator, as everything else does that takes long. It returns the executor.
func (e *Executor) Sharing(processor *enclave.Turns) *Executor {
	e.turns = processor
	return e
}

// Execute computes the table. First the module is asked about everything that the shown columns could hold (see learned), unless a run
// before asked the same; then each worker reads its own ranges of subjects into its own cells, and the cells are added up at the end. Only
// the guest of a crafted run sees rows. The first failure cancels the other workers, and all of them have ended when Execute returns. Errors are those of the
// sandbox and of the rows, MODULE_CODE_RANGE for a code outside its key's domain, and internal ones.
func (e *Executor) Execute(ctx context.Context, rows enclave.Rows, module *enclave.Module, plan *enclave.Plan) (*enclave.Table, error) {
	layout, err := newLayout(plan)
	if err != nil {
		return nil, err
	}
	snapshot := rows.Snapshot()
	if err := layout.bound(snapshot.Rows); err != nil {
		return nil, err
	}
	ranges, err := rows.Split(e.pieces(snapshot.Rows))
	if err != nil {
		return nil, err
	}
	function, err := e.learn(ctx, layout, module)
	if err != nil {
		return nil, err
	}
	at, err := newLocator(layout, function)
	if err != nil {
		return nil, err
	}
	places := enclave.NewPlaces(snapshot.Rows, int64(layout.cells))
	workers := make([]*worker, min(e.workers, len(ranges)))
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64 // range that no worker has taken yet
	for i := range workers {
		group.Go(recovered(func() error {
			workers[i] = newWorker(at, places, e.turns.For(plan.Operator))
			return e.work(ctx, workers[i], rows, module, func() (enclave.Range, bool) {
				if at := next.Add(1) - 1; at < int64(len(ranges)) {
					return ranges[at], true
				}
				return enclave.Range{}, false
			})
		}))
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return merge(at, workers, snapshot, places)
}

// pieces is how many ranges a snapshot is cut into: one for each worker, and more of a large one, so that none waits long for the last. Of a
// small one there are fewer than workers: a worker's memory takes longer to make than so few rows to count.
func (e *Executor) pieces(rows int64) int {
	const few, many = 1 << 10, 8 * enclave.BatchRows
	return int(max(min(rows/few, int64(e.workers)), min(rows/many, int64(16*e.workers)), 1))
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

// work scans ranges until none is left, when it is the operator's turn. A guest is closed even if the run was cancelled meanwhile.
func (e *Executor) work(
	ctx context.Context, w *worker, rows enclave.Rows, module *enclave.Module, take func() (enclave.Range, bool),
) (err error) {
	if w.layout.moduleKeys > 0 && w.layout.plan.Crafted {
		guest, err := e.sandbox.Open(ctx, module, w.layout.plan)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, guest.Close(context.WithoutCancel(ctx))) }()
		w.employ(guest)
	}
	if err := w.turn.Take(ctx); err != nil {
		return err
	}
	defer w.turn.Give()
	for r, more := take(); more; r, more = take() {
		row := r.First
		err := rows.Scan(ctx, r, w.layout.read, func(b *enclave.PackedBatch) error {
			first := row
			row += int64(b.Rows)
			if err := w.batch(ctx, b, first); err != nil {
				return err
			}
			return w.turn.Pause(ctx)
		})
		if err != nil {
			return err
		}
	}
	return w.finish()
}
