package enclave

import (
	"context"
	"errors"
	"time"
)

// Planner is the admission of a run: it resolves a module's manifest against the dataset it names.
type Planner interface {
	// Facts measures what the module asks for. Errors say which part of the manifest does not fit the dataset.
	Facts(order *Order) (AdmissionFacts, error)
	// Plan resolves the manifest. It MUST refuse whatever could never be exact or safe, whatever policy said.
	Plan(order *Order) (*Plan, error)
}

// Executor computes the table of a plan over a snapshot, running the module where it has keys to compute.
type Executor interface {
	Execute(ctx context.Context, rows Rows, module *Module, plan *Plan) (*Table, error)
}

// Performer runs modules of the form program. All batches of a run go to one instance, in the order of the rows.
type Performer interface {
	// Perform shows the guest every row of the shown columns and reads the table that it returns. Whatever goes wrong with the guest is
	// MODULE_FAILED: finer, it would tell of the rows.
	Perform(ctx context.Context, rows Rows, module *Module, plan *Plan) (*Product, error)
}

// Inspector measures what a product gives away of the rows that it was made from. It is deterministic.
type Inspector interface {
	Inspect(ctx context.Context, rows Rows, product *Product, profile Profile) (*Inspected, error)
}

// Measurer computes disclosure facts. It is pure and deterministic. Errors are the context's own, and those of kind Limit for a table
// that is too intricate to judge.
type Measurer interface {
	// Measure flags the primary risks of every cell.
	Measure(table *Table, profile Profile) *Measured
	// Facts measures a treated output afresh, trusting nothing that treatment concluded. It fills in what depends on the output; the
	// caller knows the rest.
	Facts(ctx context.Context, treated *Treated, profile Profile) (Facts, error)
}

// Treater makes the output that would leave: suppression until nothing unsafe is published or, as far as cells tell, derivable; then
// rounding. How many subjects is behind what follows, the [Historian] tells. It is pure and deterministic, and builds every byte of the
// output itself. Errors are the context's own, those of kind Limit for a table that is too intricate to treat, and internal ones.
type Treater interface {
	Treat(ctx context.Context, measured *Measured, profile Profile) (*Treated, error)
	// Present builds the bytes of a product. Nothing of it is suppressed: people see the whole, or nobody.
	Present(product *Product) (*Treated, error)
}

// Recorder keeps the release history and the ledger.
type Recorder interface {
	// History is the version of the release history of a dataset.
	History(ctx context.Context, dataset string) (int64, error)
	// Record writes the verdict durably, in one transaction with the history's next version if it releases. It MUST fail with
	// HISTORY_MOVED if the history is no longer at the verdict's version, and with GRANT_NOT_ACTIVE if the grant was suspended,
	// revoked or has expired meanwhile; then nothing is written. It redeems the verdict.
	Record(ctx context.Context, verdict *Verdict) error
	// Release waits until a signed checkpoint of the ledger covers the record, and only then makes the result fetchable. It is
	// idempotent: a restarted enclave calls it again. Its context does not end when the run is canceled, since the outcome stands; it
	// MUST end by itself when the ledger closes.
	Release(ctx context.Context, run string) error
}

// Enclave is the path of a run over the rooms that do the work. It has no state of its own and is safe for concurrent use. Processor is what
// runs share with guests; nil if they need not.
type Enclave struct {
	Planner   Planner
	Loader    Loader
	Executor  Executor
	Performer Performer
	Inspector Inspector
	Measurer  Measurer
	Treater   Treater
	Historian Historian
	Recorder  Recorder
	Processor *Turns
}

// maxMeasurements is how often a run is measured again because another release moved the history first.
const maxMeasurements = 100

// Run takes an order from admission to its recorded outcome. It returns nil when an outcome was recorded: released, held or denied.
// Any other end is an error, which the caller records. Progress hears of each stage as it begins.
func (e *Enclave) Run(ctx context.Context, order *Order, progress func(Stage)) (err error) {
	p := path{ctx, progress}
	admitted, err := then(p, StageAdmit, order, nil, e.admit)
	loaded, err := then(p, StageLoad, admitted, err, e.load)
	defer func() { err = loaded.close(err) }()
	executed, err := then(p, StageExecute, loaded, err, e.execute)
	defer executed.leave()
	for range maxMeasurements {
		measured, err := then(p, StageMeasure, executed, err, e.measure)
		treated, err := then(p, StageTreat, measured, err, e.treat)
		judged, err := then(p, StageJudge, treated, err, e.judge)
		recorded, err := then(p, StageRecord, judged, err, e.record)
		_, err = then(p.sealed(), StageRelease, recorded, err, e.release)
		if !isHistoryMoved(err) {
			return err
		}
	}
	return Fail(Unavailable, "HISTORY_MOVED")
}

// Each stage takes the type that only the stage before it returns, so none can be skipped.
type (
	admitted struct {
		*Order
		profile Profile
		plan    *Plan
	}
	loaded struct {
		*admitted
		rows Rows
	}
	// Of a table and a product, one is there: the table of an aggregate, the product of a program.
	executed struct {
		*loaded
		table   *Table
		product *Product
		turn    *Turn // to measure the table and record it; nil of a product, whose record no release forestalls
	}
	measured struct {
		*executed
		history   int64
		had       time.Duration // of the turn, before
		risks     *Measured
		inspected *Inspected
	}
	treated struct {
		*measured
		output    *Treated
		footprint *Footprint
		audited   Audited
	}
	judged struct {
		*executed
		verdict *Verdict
	}
	recorded struct{ run string }
	released struct{}
)

type path struct {
	ctx      context.Context //nolint:containedctx // lives for one call of Run
	progress func(Stage)
}

// sealed is the path once the outcome is recorded: it stands, so canceling the run no longer stops it.
func (p path) sealed() path { return path{context.WithoutCancel(p.ctx), p.progress} }

// then runs one stage on what the stage before returned, or passes its error on.
func then[In, Out any](p path, stage Stage, in In, err error, run func(context.Context, In) (Out, error)) (Out, error) {
	var none Out
	if err != nil {
		return none, err
	}
	if err := context.Cause(p.ctx); err != nil {
		return none, Fail(Canceled, "RUN_CANCELED").Because(err)
	}
	p.progress(stage)
	out, err := run(p.ctx, in)
	// Rooms return the context's own error when it ends their work; whoever ended it, the run was canceled.
	if cause := context.Cause(p.ctx); cause != nil && (errors.Is(err, cause) || errors.Is(err, p.ctx.Err())) {
		return none, Fail(Canceled, "RUN_CANCELED").Because(err)
	}
	return out, err
}

// leave lets others measure and record.
func (x *executed) leave() {
	if x != nil {
		x.turn.Give()
	}
}

// close gives the rows back, whether they were executed or not, and keeps the first error. A run that loaded nothing has none.
func (l *loaded) close(err error) error {
	if l == nil {
		return err
	}
	return errors.Join(err, l.rows.Close())
}
