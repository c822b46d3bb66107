// Package replay walks the path of a recorded run once more: the same stages over the same module, rows and policy, beside the releases that
// there were when the run was judged. Nothing that it does lasts, and nothing of the output leaves it but digests and facts.
//
// The audit's account of the releases is built afresh, so that the register's own is neither disturbed nor believed.
package replay

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/enclave/program"
	"github.com/darkroom-project/darkroom/internal/releases"
	"github.com/darkroom-project/darkroom/internal/run"
)

// Guests runs guests of both forms.
type Guests interface {
	enclave.Sandbox
	program.Sandbox
}

// Stage is where runs are replayed. It is safe for concurrent use.
type Stage struct {
	// Path is the one that runs take. A replay takes it with an executor, a performer, a historian and a recorder of its own.
	Path    enclave.Enclave
	Guests  Guests // the same as of runs, so that replays and runs wait for the same places
	Workers int    // on one table, unless the caller says how many
	Store   releases.Store
	Files   releases.Files
	Seed    history.Seed // that of the register of releases
}

var _ run.Replayer = (*Stage)(nil)

// Replay walks the path of an order on so many workers, 0 for [Stage.Workers], with the release history as it was at a version.
//
// That people approved the module, and that the grant is active, is the caller's to say in the order: both were asked when the run was
// recorded, and neither is part of the output.
func (s *Stage) Replay(ctx context.Context, order *enclave.Order, version int64, workers int, progress func(enclave.Stage)) (run.Repeated, error) {
	prints, err := s.Store.Footprints(ctx, order.Run.Dataset)
	if err != nil {
		return run.Repeated{}, err
	}
	if version < 0 || version > int64(len(prints)) {
		return run.Repeated{}, enclave.Internalf("%d releases are recorded, and the run was judged beside %d", len(prints), version)
	}
	if workers == 0 {
		workers = s.Workers
	}
	book := releases.New(past(prints[:version]), unwritten{s.Files}, s.Path.Loader, s.Seed)
	own, diary := ownPlaces{s.Guests}, &diary{version: version}
	again := s.Path // a copy
	// An executor of its own asks the module anew; that of runs may have kept what the module said, which is what is to be verified.
	again.Executor, again.Performer = ownTurns{aggregate.New(own, workers).Sharing(s.Path.Processor)}, program.New(own)
	again.Historian, again.Recorder = book, diary
	again.Processor = nil // or what is measured again would count as the operator's
	if err := again.Run(ctx, order, progress); err != nil {
		return run.Repeated{}, err
	}
	repeated := run.Repeated{Decided: diary.decided}
	if repeated.Footprint != nil {
		repeated.Print, err = book.Keep(repeated.Footprint)
	}
	return repeated, err
}

// diary is the path's recorder: what was decided is written down here and nowhere else.
type diary struct {
	version int64
	decided enclave.Decided
}

var _ enclave.Recorder = (*diary)(nil)

// History is the version that the run was judged beside, whatever was released since.
func (d *diary) History(context.Context, string) (int64, error) { return d.version, nil }

// Record keeps what was decided.
func (d *diary) Record(_ context.Context, verdict *enclave.Verdict) (err error) {
	d.decided, err = verdict.Redeem()
	return err
}

// Release makes nothing fetchable.
func (d *diary) Release(context.Context, string) error { return nil }

// past is the first of a dataset's releases.
type past []enclave.Digest

func (p past) Footprints(context.Context, string) ([]enclave.Digest, error) { return p, nil }

// unwritten are files to read, to which nothing is added.
type unwritten struct{ releases.Files }

func (unwritten) Put(content []byte) (enclave.Digest, error) { return enclave.DigestOf(content), nil }

// ownTurns counts when it is the enclave's own turn, so that a replay takes none of an operator's.
type ownTurns struct{ enclave.Executor }

func (o ownTurns) Execute(ctx context.Context, rows enclave.Rows, module *enclave.Module, plan *enclave.Plan) (*enclave.Table, error) {
	return o.Executor.Execute(ctx, rows, module, own(plan))
}

// ownPlaces lets guests wait for places of the sandbox, and for turns, as the enclave's own.
type ownPlaces struct{ Guests }

func (o ownPlaces) Open(ctx context.Context, module *enclave.Module, plan *enclave.Plan) (enclave.Guest, error) {
	return o.Guests.Open(ctx, module, own(plan))
}

func (o ownPlaces) Start(ctx context.Context, module *enclave.Module, plan *enclave.Plan) (enclave.Instance, error) {
	return o.Guests.Start(ctx, module, own(plan))
}

func own(plan *enclave.Plan) *enclave.Plan {
	mine := *plan
	mine.Operator = enclave.SelfOrg
	return &mine
}
