package replay_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
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
	"github.com/darkroom-project/darkroom/internal/replay"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/store"
	"github.com/darkroom-project/darkroom/policy"
)

// list is a dataset's releases.
type list []enclave.Digest

func (l *list) Footprints(context.Context, string) ([]enclave.Digest, error) { return *l, nil }

// world is what a stage replays over: 500 people, one of them born long before the others.
type world struct {
	t        *testing.T
	stage    *replay.Stage
	folder   string
	files    *store.Files
	released list
	rules    *policy.Engine
	dataset  *enclave.Dataset
	snapshot enclave.Snapshot
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, folder: t.TempDir(), dataset: &enclave.Dataset{
		Name: "town", Owner: "census", Grade: 1, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"east", "west"}},
			{Name: "birth_year", Type: enclave.Int, Class: enclave.Quasi, Min: "1900", Max: "2026"},
		},
	}}
	var file bytes.Buffer
	fmt.Fprintln(&file, "id,district,birth_year\n9999,east,1931")
	for i := range 499 {
		fmt.Fprintf(&file, "%d,%s,%d\n", i, []string{"east", "west"}[i%2], 1940+i%60)
	}
	rows, err := load.Open(t.TempDir(), [32]byte{1}, slog.New(slog.DiscardHandler))
	ok(t, err)
	w.snapshot, err = rows.Ingest(t.Context(), w.dataset, load.CSV, bytes.NewReader(file.Bytes()), nil)
	ok(t, err)
	w.rules, err = policy.Default()
	ok(t, err)
	w.files, err = store.OpenFiles(w.folder)
	ok(t, err)
	t.Cleanup(func() { ok(t, w.files.Close()) })
	w.stage = &replay.Stage{
		Path:    enclave.Enclave{Planner: admit.Planner{}, Loader: rows, Measurer: measure.Measurer{}, Treater: treat.Treater{}},
		Workers: 2, Store: &w.released, Files: w.files, Seed: history.Seed{7},
	}
	return w
}

// order is a table of people by these keys.
func (w *world) order(keys ...enclave.ManifestKey) *enclave.Order {
	w.t.Helper()
	return w.ask(nil, &enclave.Manifest{Keys: keys})
}

// ask is an order of a module of this code, nil for none, that counts people.
func (w *world) ask(code []byte, m *enclave.Manifest) *enclave.Order {
	w.t.Helper()
	m.Darkroom, m.Name, m.Version, m.Form = 1, "town", "1", enclave.Aggregate
	m.Measures = []enclave.ManifestMeasure{{Name: "people", Op: enclave.Count}}
	m.Inputs = []enclave.ManifestInput{{Dataset: "town", Columns: []string{"district", "birth_year"}}}
	whole, err := admit.Attach(code, m)
	ok(w.t, err)
	module, err := admit.Check(whole)
	ok(w.t, err)
	now := time.Now()
	return &enclave.Order{
		Run: enclave.Run{
			ID: "r", Grant: "g", Module: module.Digest, Dataset: "town", Snapshot: w.snapshot.Digest, Policy: w.rules.Revision(), Submitted: now,
			Environment: enclave.Prod,
		},
		Grant: enclave.Grant{
			ID: "g", Operator: "acme", Scenario: "planning", State: enclave.GrantActive, Forms: []enclave.Form{enclave.Aggregate},
			Scopes: []enclave.Scope{{Dataset: "town", Columns: []string{"district", "birth_year"}}}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		},
		Module: module, Dataset: w.dataset, Snapshot: w.snapshot, Policy: w.rules, Approved: true,
	}
}

func (w *world) replay(order *enclave.Order, version int64, workers int) run.Repeated {
	w.t.Helper()
	repeated, err := w.stage.Replay(w.t.Context(), order, version, workers, func(enclave.Stage) {})
	ok(w.t, err)
	return repeated
}

// A table is replayed beside the releases that there were at a version, not beside those of today; and nothing that it does lasts.
func TestBesideTheReleasesOfThen(t *testing.T) {
	w := newWorld(t)
	district := enclave.ManifestKey{Name: "district", Of: &enclave.ColumnRule{Column: "district"}}
	born := enclave.ManifestKey{Name: "birth_year", Of: &enclave.ColumnRule{Column: "birth_year", Cuts: []enclave.Scalar{"1935"}}}
	all, young := w.order(district), w.order(district, born)
	first, other := w.replay(all, 0, 0), w.replay(young, 0, 0)
	if first.Decision != enclave.Release || other.Decision != enclave.Release || first.Print.IsZero() {
		t.Fatalf("%s %v, %s %v", first.Decision, first.Reasons, other.Decision, other.Reasons)
	}
	if left, err := os.ReadDir(w.folder); err != nil || len(left) != 0 {
		t.Errorf("a replay wrote %v, %v", left, err)
	}
	kept, err := releases.New(&w.released, w.files, nil, history.Seed{}).Keep(first.Footprint)
	ok(t, err)
	if kept != first.Print {
		t.Errorf("the footprint is %s, a replay says %s", kept, first.Print)
	}
	w.released = list{kept}
	for _, workers := range []int{1, 3, 64} {
		if now := w.replay(young, 0, workers); now.Digest != other.Digest || now.Print != other.Print || now.Facts != other.Facts || now.Footprint == nil {
			t.Errorf("on %d workers: %+v, and %+v before", workers, now.Facts, other.Facts)
		}
		if now := w.replay(young, 1, workers); now.Digest == other.Digest || now.Facts.History.Releases != 1 {
			t.Errorf("on %d workers, all people and all but one were both answered: %+v", workers, now.Facts)
		}
	}
	for _, version := range []int64{-1, 2} {
		if _, err := w.stage.Replay(t.Context(), young, version, 1, func(enclave.Stage) {}); enclave.KindOf(err) != enclave.Internal {
			t.Errorf("beside %d releases of one: %v", version, err)
		}
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.stage.Replay(stopped, young, 1, 1, func(enclave.Stage) {}); enclave.KindOf(err) != enclave.Canceled {
		t.Errorf("canceled: %v", err)
	}
}

// counted counts the guests that are opened.
type counted struct {
	replay.Guests
	opened atomic.Int64
}

func (c *counted) Open(ctx context.Context, module *enclave.Module, plan *enclave.Plan) (enclave.Guest, error) {
	c.opened.Add(1)
	return c.Guests.Open(ctx, module, plan)
}

// A replay asks the guest again, whatever the executor of runs, or another replay, has kept of what it said.
func TestGuestIsAskedAgain(t *testing.T) {
	w := newWorld(t)
	box, err := sandbox.New(t.Context(), sandbox.Config{}, slog.New(slog.DiscardHandler))
	ok(t, err)
	t.Cleanup(func() { ok(t, box.Close(context.Background())) })
	guests := &counted{Guests: box}
	w.stage.Guests, w.stage.Path.Executor = guests, aggregate.New(guests, 2)
	code, err := scaffold.AgeBand.Wasm()
	ok(t, err)
	order := w.ask(code, &enclave.Manifest{
		Params: []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2030, Default: "2024"}},
		Keys:   []enclave.ManifestKey{{Name: "age_band", Values: []string{"0-17", "18-44", "45-64", "65+"}}},
	})
	var first run.Repeated
	for i := range 3 {
		before := guests.opened.Load()
		repeated := w.replay(order, 0, 1)
		if first.Digest.IsZero() {
			first = repeated
		}
		if guests.opened.Load() == before || repeated.Digest != first.Digest || repeated.Digest.IsZero() {
			t.Errorf("replay %d opened %d guests, and made %s; the first made %s", i, guests.opened.Load()-before, repeated.Digest, first.Digest)
		}
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
