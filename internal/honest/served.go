package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/demo"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/honest"
)

// serve plays sequences on an enclave that is served in a directory, over gRPC, each as an operator, its source and the authority would. What it
// learns of cells is what the authority's report says: a cell that was lost to other releases counts as primary.
func serve(ctx context.Context, dir string, log *slog.Logger, sequences []*honest.Sequence) (all []*played, err error) {
	app.RedirectLogs(log)
	d, err := demo.Start(ctx, dir, app.Config{Listen: "127.0.0.1:0"}, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return each(ctx, log, sequences, func(s *honest.Sequence) (*played, error) { return playServed(ctx, d, s) })
}

func playServed(ctx context.Context, d *demo.Domain, s *honest.Sequence) (*played, error) {
	dataset, err := s.Dataset()
	if err != nil {
		return nil, err
	}
	dataset.Name, dataset.Owner = s.Name, "health-commission" // whose somebody the domain has
	all, err := linesOf(s, dataset)
	if err != nil {
		return nil, err
	}
	p, grant := &played{sequence: s}, ""
	for when, names := range s.Publish {
		then, err := all.at(s.Snapshots, when, dataset)
		if err != nil {
			return nil, err
		}
		file, err := then.csv()
		if err != nil {
			return nil, err
		}
		if grant == "" {
			grant, err = d.Grant(ctx, dataset, sdk.CSV, bytes.NewReader(file), usable(dataset)...)
		} else {
			_, err = d.Clients[sdk.Source].Load(ctx, dataset.Name, sdk.CSV, bytes.NewReader(file), nil)
		}
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			t := table{name: name, snapshot: when}
			if err := t.submit(ctx, d, grant, s, dataset); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			p.tables = append(p.tables, t)
		}
	}
	return p, nil
}

// usable are the columns that may be granted.
func usable(dataset *enclave.Dataset) (names []string) {
	for i := range dataset.Columns {
		if dataset.Columns[i].Class != enclave.Identifier {
			names = append(names, dataset.Columns[i].Name)
		}
	}
	return names
}

// submit hands a table in, waits for its end, and asks the authority what became of it.
func (t *table) submit(ctx context.Context, d *demo.Domain, grant string, s *honest.Sequence, dataset *enclave.Dataset) error {
	whole, err := moduleOf(ctx, d.Dir, s.Table(t.name), dataset)
	if err != nil {
		return err
	}
	operator := d.Clients[sdk.Operator]
	module, err := operator.UploadModule(ctx, bytes.NewReader(whole))
	if err != nil {
		return err
	}
	began := time.Now()
	run, err := operator.Submit(ctx, sdk.Order{Grant: grant, Module: module.Digest})
	if err != nil {
		return err
	}
	if run, err = operator.Wait(ctx, run.ID); err != nil {
		return err
	}
	t.took = time.Since(began)
	raw, err := d.Clients[sdk.Authority].Report(ctx, run.ID)
	if err != nil {
		return err
	}
	var report enclave.Report
	if err := json.Unmarshal(raw, &report); err != nil {
		return err
	}
	t.reasons = report.Reasons
	if run.Outcome == sdk.RunReleased {
		t.decision = enclave.Release
	}
	if f := report.Facts; f != nil {
		t.cells = cells{
			all: int(f.Cells.Published + f.Cells.LeftOut()), published: int(f.Cells.Published),
			primary: int(f.Cells.Primary), complement: int(f.Cells.Complement), history: int(f.Cells.History),
		}
		t.rank = f.History.Rank
	}
	return nil
}
