package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/enclave/measure"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/enclave/treat"
	"github.com/darkroom-project/darkroom/internal/releases"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/testdata/guests"
	"github.com/darkroom-project/darkroom/testdata/honest"
)

const scenario = "official-statistics"

// office plays sequences on the path of a run with every room real, but for the ledger and the server: what it can tell that a served enclave
// does not is why a cell was left out.
type office struct {
	dir    string
	guests *sandbox.Sandbox
	rules  *policy.Engine
	log    *slog.Logger
	alone  bool // count what could not be published whatever else were left out
}

// openOffice makes an office with files in a directory. It MUST be closed.
func openOffice(ctx context.Context, dir string, log *slog.Logger) (*office, error) {
	rules, err := policy.Default()
	if err != nil {
		return nil, err
	}
	guests, err := sandbox.New(ctx, sandbox.Config{Instances: 4}, log)
	return &office{dir: dir, guests: guests, rules: rules, log: log}, err
}

func (o *office) close(ctx context.Context) error { return o.guests.Close(ctx) }

// play releases a sequence's tables one after the other. Every sequence has a dataset, and a history, of its own. That the data is not here is
// errNoShared.
func (o *office) play(ctx context.Context, s *honest.Sequence) (_ *played, err error) {
	dataset, err := s.Dataset()
	if err != nil {
		return nil, err
	}
	all, err := linesOf(s, dataset)
	if err != nil {
		return nil, err
	}
	store, err := load.Open(filepath.Join(o.dir, s.Name), [32]byte{1}, o.log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close(), os.RemoveAll(filepath.Join(o.dir, s.Name))) }()
	shelf := &shelf{files: map[enclave.Digest][]byte{}}
	book := releases.New(shelf, shelf, store, history.Seed{1})
	shelf.book = book
	path := enclave.Enclave{
		Planner: admit.Planner{}, Loader: store, Executor: aggregate.New(o.guests, runtime.GOMAXPROCS(0)), Treater: treat.Treater{}, Historian: book, Recorder: shelf,
	}
	p := &played{sequence: s}
	for when, names := range s.Publish {
		snapshot, err := o.load(ctx, store, s, when, dataset, all)
		if err != nil {
			return nil, err
		}
		p.subjects = max(p.subjects, snapshot.Subjects)
		for _, name := range names {
			order, err := o.order(ctx, s.Table(name), dataset, snapshot)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			t := table{name: name, snapshot: when}
			if err := t.release(ctx, path, order, shelf, o.alone); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			p.tables = append(p.tables, t)
		}
	}
	return p, nil
}

func (o *office) load(ctx context.Context, store *load.Store, s *honest.Sequence, when int, dataset *enclave.Dataset, all lines) (enclave.Snapshot, error) {
	then, err := all.at(s.Snapshots, when, dataset)
	if err != nil {
		return enclave.Snapshot{}, err
	}
	file, err := then.csv()
	if err != nil {
		return enclave.Snapshot{}, err
	}
	return store.Ingest(ctx, dataset, load.CSV, bytes.NewReader(file), nil)
}

// order is a table as it is submitted, under a grant of whatever it needs.
func (o *office) order(ctx context.Context, t *honest.Table, dataset *enclave.Dataset, snapshot enclave.Snapshot) (*enclave.Order, error) {
	whole, err := moduleOf(ctx, o.dir, t, dataset)
	if err != nil {
		return nil, err
	}
	module, err := admit.Check(whole)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &enclave.Order{
		Run: enclave.Run{
			ID: enclave.NewID(), Grant: "office", Scenario: scenario, Module: module.Digest, Dataset: dataset.Name, Snapshot: snapshot.Digest,
			Policy: o.rules.Revision(), Submitted: now, Environment: enclave.Prod,
		},
		Grant: enclave.Grant{
			ID: "office", Operator: "office", Scenario: scenario, State: enclave.GrantActive, Forms: []enclave.Form{enclave.Aggregate},
			Scopes:    []enclave.Scope{{Dataset: dataset.Name, Columns: module.Manifest.Inputs[0].Columns}},
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		},
		Module: module, Dataset: dataset, Snapshot: snapshot, Policy: o.rules,
	}, nil
}

// moduleOf are the bytes that are handed in for a table.
func moduleOf(ctx context.Context, dir string, t *honest.Table, dataset *enclave.Dataset) ([]byte, error) {
	var code []byte
	var err error
	switch t.Module {
	case "":
	case "ageband-c":
		code, err = guests.Compiled("ageband")
	default:
		code, err = guests.BuildGo(ctx, dir, t.Module)
	}
	if err != nil {
		return nil, err
	}
	return admit.Attach(code, t.Manifest(dataset))
}

// release takes a table along the path and notes what becomes of it.
func (t *table) release(ctx context.Context, path enclave.Enclave, order *enclave.Order, shelf *shelf, alone bool) error {
	began := time.Now()
	w := &witness{Treater: treat.Treater{}, Historian: path.Historian, Recorder: path.Recorder}
	path.Measurer, path.Treater, path.Historian, shelf.decided = w, w, w, nil
	if alone {
		path.Recorder = w
	}
	err := path.Run(ctx, order, func(enclave.Stage) {})
	t.took = time.Since(began) - w.asking
	w.account(t)
	if err != nil {
		e := enclave.AsError(err)
		if e.Kind == enclave.Internal || e.Kind == enclave.Canceled {
			return err
		}
		t.reasons = e.Reasons()
		return nil
	}
	t.decision, t.reasons, t.rank = shelf.decided.Decision, shelf.decided.Reasons, shelf.decided.Facts.History.Rank
	return nil
}

// witness measures and treats, and remembers the risks that a table had by itself, the first treatment, which knows of no other release,
// and the last, which stood. Before it is recorded, it asks of each cell that was lost to the history what would be if that were the only one.
type witness struct {
	measure.Measurer
	enclave.Treater
	enclave.Historian
	enclave.Recorder

	risks       []enclave.Risk
	first, last []enclave.Fate
	ask         func(context.Context, *enclave.Footprint) (enclave.Audited, error) // the history before the table
	whole       *enclave.Footprint                                                 // as the first treatment left it
	alone       int
	asking      time.Duration // for that alone
}

func (w *witness) Measure(table *enclave.Table, profile enclave.Profile) *enclave.Measured {
	measured := w.Measurer.Measure(table, profile)
	w.risks, w.first = measured.Risks, nil
	return measured
}

func (w *witness) Treat(ctx context.Context, measured *enclave.Measured, profile enclave.Profile) (*enclave.Treated, error) {
	treated, err := w.Treater.Treat(ctx, measured, profile)
	if err == nil {
		w.last = treated.Fates
		if w.first == nil {
			w.first = treated.Fates
		}
	}
	return treated, err
}

// Audit audits, and remembers the question.
func (w *witness) Audit(ctx context.Context, dataset *enclave.Dataset, version int64, profile enclave.Profile, f *enclave.Footprint) (enclave.Audited, error) {
	if w.whole == nil {
		w.whole = f
	}
	w.ask = func(ctx context.Context, f *enclave.Footprint) (enclave.Audited, error) {
		return w.Historian.Audit(ctx, dataset, version, profile, f)
	}
	return w.ask(ctx, f)
}

// Record counts the cells that could not be published even if nothing else of the table were.
func (w *witness) Record(ctx context.Context, verdict *enclave.Verdict) error {
	began := time.Now()
	for cell := range w.risks {
		if !w.lostToHistory(cell) {
			continue
		}
		only := *w.whole
		only.Over, only.Blocks, only.Tells = make([][]int32, len(w.whole.Over)), nil, nil
		for full, over := range w.whole.Over {
			if slices.Contains(over, int32(cell)) {
				only.Over[full] = []int32{int32(cell)}
			}
		}
		answer, err := w.ask(ctx, &only)
		if err != nil {
			return err
		}
		if answer.Facts.Refused || len(answer.Suppress) > 0 {
			w.alone++
		}
	}
	w.asking = time.Since(began)
	return w.Recorder.Record(ctx, verdict)
}

// lostToHistory is whether a cell was left out because of other releases.
func (w *witness) lostToHistory(cell int) bool {
	return w.risks[cell] == 0 && w.last != nil && w.last[cell] != enclave.Published && w.first[cell] == enclave.Published
}

// account says by what each cell was lost: a rule that it broke itself, a complement within the table, or whatever came on top because of
// other releases.
func (w *witness) account(t *table) {
	t.cells.all = len(w.risks)
	for i, risk := range w.risks {
		switch {
		case risk != 0:
			t.cells.primary++
		case w.last == nil || w.last[i] == enclave.Published:
			t.cells.published++
		case w.lostToHistory(i):
			t.cells.history++
		default:
			t.cells.complement++
		}
	}
	t.cells.alone = w.alone
}

// shelf keeps releases and their footprints in memory.
type shelf struct {
	book       *releases.Register
	files      map[enclave.Digest][]byte
	footprints []enclave.Digest
	decided    *enclave.Decided
}

func (s *shelf) Footprints(context.Context, string) ([]enclave.Digest, error) {
	return s.footprints, nil
}

func (s *shelf) Put(content []byte) (enclave.Digest, error) {
	digest := enclave.DigestOf(content)
	s.files[digest] = content
	return digest, nil
}

func (s *shelf) Get(digest enclave.Digest) ([]byte, error) {
	if content, there := s.files[digest]; there {
		return content, nil
	}
	return nil, enclave.Internalf("there is no file %s", digest)
}

func (s *shelf) History(context.Context, string) (int64, error) { return int64(len(s.footprints)), nil }

func (s *shelf) Record(_ context.Context, verdict *enclave.Verdict) error {
	decided, err := verdict.Redeem()
	if err != nil {
		return err
	}
	s.decided = &decided
	if decided.Decision != enclave.Release {
		return nil
	}
	digest, err := s.book.Keep(decided.Footprint)
	if err == nil {
		s.footprints = append(s.footprints, digest)
	}
	return err
}

func (s *shelf) Release(context.Context, string) error { return nil }
