// Package rehearse walks the path of a run on synthetic rows: the same stages and the same policy, with a sandbox, a release history and
// a record of its own, all of which end with the rehearsal. So it needs no server, reads no snapshot, and changes nothing.
//
// What it hears of the stages goes into a report for whoever wrote the module. Everything in the report comes from the catalogue, the
// module and the policy.
package rehearse

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/enclave/leak"
	"github.com/darkroom-project/darkroom/enclave/measure"
	"github.com/darkroom-project/darkroom/enclave/program"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/enclave/treat"
	"github.com/darkroom-project/darkroom/internal/releases"
	"github.com/darkroom-project/darkroom/internal/synth"
)

// Stage is where runs are rehearsed. It is safe for concurrent use.
type Stage struct {
	Guests  sandbox.Config // the limits of guests; of each rehearsal its own, so Instances is not used; Processor is shared by all
	Workers int            // on one table, at least one
	Log     *slog.Logger
	Now     func() time.Time
}

// Snapshot is what the rows of a sample are called. They depend on the description and the sample alone.
func (s *Stage) Snapshot(dataset *enclave.Dataset, sample enclave.Sample) (enclave.Snapshot, error) {
	return synth.Snapshot(dataset, sample)
}

// Rehearse walks the path. The order is one of environment Dev, pinned to [Stage.Snapshot]; that people approve its module is taken for
// granted, since this comes before. The report is never nil: beside an error it holds what was learned up to it.
func (s *Stage) Rehearse(ctx context.Context, order *enclave.Order, progress func(enclave.Stage)) (_ *enclave.Report, err error) {
	diary := &diary{now: s.Now, progress: progress}
	if order.Run.Environment != enclave.Dev {
		return diary.report(order.Run.Sample), enclave.Internalf("run %s is not to be rehearsed", order.Run.ID)
	}
	limits := s.Guests
	limits.Instances = 1
	guests, err := sandbox.NewRehearsal(ctx, limits, s.Log)
	if err != nil {
		return diary.report(order.Run.Sample), err
	}
	defer func() { err = errors.Join(err, guests.Close(context.WithoutCancel(ctx))) }()
	table, err := synth.NewTable(order.Dataset, order.Run.Sample)
	if err != nil {
		return diary.report(order.Run.Sample), err
	}
	approved := *order
	approved.Approved = true
	rows, executor, performer := loader{table}, aggregate.New(guests, s.Workers).Sharing(s.Guests.Processor), program.New(guests)
	err = (&enclave.Enclave{
		Planner: admit.Planner{}, Loader: rows, Executor: executor, Performer: performer,
		Inspector: leak.New(nobody{}), Measurer: measure.Measurer{}, Treater: watched{diary}, Historian: releases.New(nothing{}, nothing{}, rows, history.Seed(table.Snapshot().Digest)), Recorder: diary, Processor: s.Guests.Processor,
	}).Run(ctx, &approved, diary.enter)
	report := diary.report(order.Run.Sample)
	report.Rehearsal.Said = guests.Said()
	fuel := gauge{order.Module.Manifest.RowFuel(), guests.Burnt, func(ctx context.Context, fuel int64) error {
		plan, err := admit.Planner{}.Plan(&approved)
		if err != nil {
			return err
		}
		manifest := *plan.Manifest
		manifest.Fuel, plan.Manifest = fuel, &manifest
		if manifest.Form == enclave.Program {
			_, err = performer.Perform(ctx, table, order.Module, plan)
		} else {
			_, err = executor.Execute(ctx, table, order.Module, plan)
		}
		return err
	}}
	use, asks := fuel.read(ctx, err, diary.came(enclave.StageMeasure))
	report.Rehearsal.Fuel = use
	if err != nil {
		report.Rehearsal.Advice = append(keySpace(&approved, err), asks...)
		return report, err
	}
	if report.Rehearsal.Advice, err = approval(ctx, order); err != nil {
		return report, err
	}
	report.Rehearsal.Advice = append(report.Rehearsal.Advice, asks...)
	advice, err := diary.advice(ctx, func(ctx context.Context, plan *enclave.Plan) (*enclave.Table, error) {
		return executor.Execute(ctx, table, order.Module, plan)
	})
	report.Rehearsal.Advice = append(report.Rehearsal.Advice, advice...)
	return report, err
}

// loader opens the one table that there is.
type loader struct{ table *synth.Table }

func (l loader) Open(_ context.Context, dataset *enclave.Dataset, snapshot enclave.Digest) (enclave.Rows, error) {
	if l.table.Snapshot().Digest != snapshot || l.table.Snapshot().Dataset != dataset.Name {
		return nil, enclave.Internalf("the rehearsal has no rows %s", snapshot)
	}
	return l.table, nil
}

// nobody is the directory of subjects that have no identifiers.
type nobody struct{}

func (nobody) Known(_ context.Context, _ enclave.SubjectKind, candidates [][]byte) ([]bool, error) {
	return make([]bool, len(candidates)), nil
}

// nothing is a history without releases.
type nothing struct{}

func (nothing) Footprints(context.Context, string) ([]enclave.Digest, error) { return nil, nil }

func (nothing) Put([]byte) (enclave.Digest, error) {
	return enclave.Digest{}, enclave.Internalf("a rehearsal keeps nothing")
}

func (nothing) Get(digest enclave.Digest) ([]byte, error) {
	return nil, enclave.Internalf("a rehearsal has no file %s", digest)
}

// watched treats, and notes what was done.
type watched struct{ *diary }

func (w watched) Treat(ctx context.Context, measured *enclave.Measured, profile enclave.Profile) (*enclave.Treated, error) {
	treated, err := treat.Treater{}.Treat(ctx, measured, profile)
	if err == nil {
		w.risks, w.treated, w.profile = measured.Risks, treated, &profile // of the last turn, the one that counts
	}
	return treated, err
}

func (w watched) Present(product *enclave.Product) (*enclave.Treated, error) {
	return treat.Treater{}.Present(product)
}
