package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/enclave/measure"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/bench/guest"
	"github.com/darkroom-project/darkroom/policy"
)

// The ways in which the enclave answers.
const (
	noGuest = "none"
	cGuest  = "c"
	goGuest = "go"
)

// ours is the enclave's side: the rooms that take a run from column files to facts, as the server wires them.
type ours struct {
	store     *load.Store
	guests    *sandbox.Sandbox
	snapshot  enclave.Snapshot
	profile   enclave.Profile
	questions []question
	plans     map[string]planned          // by question and way
	executors map[int]*aggregate.Executor // by threads; each keeps what it asked guests
}

type planned struct {
	module *enclave.Module
	plan   *enclave.Plan
}

// storeKey is the benchmark's secret: its rows are nobody's.
var storeKey = [32]byte{1}

func openStore(dir string) (*load.Store, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return load.Open(filepath.Join(dir, "store"), storeKey, log)
}

// newOurs opens a snapshot and admits every module, as a server has that ran them before.
func newOurs(ctx context.Context, dir string, snapshot enclave.Snapshot) (o *ours, err error) {
	o = &ours{snapshot: snapshot, questions: questions(), plans: map[string]planned{}, executors: map[int]*aggregate.Executor{}}
	if o.store, err = openStore(dir); err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if o.guests, err = sandbox.New(ctx, sandbox.Config{CacheDir: filepath.Join(dir, "compiled")}, log); err != nil {
		return nil, err
	}
	rules, err := policy.Default()
	if err != nil {
		return nil, err
	}
	if o.profile, err = rules.Profile(visitsTable(), "bench"); err != nil {
		return nil, err
	}
	goCode, err := guest.Go(ctx)
	if err != nil {
		return nil, err
	}
	for i := range o.questions {
		for how, code := range map[string][]byte{noGuest: nil, cGuest: guest.C, goGuest: goCode} {
			if err := o.admit(ctx, &o.questions[i], how, code); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", o.questions[i].name, how, err)
			}
		}
	}
	return o, nil
}

func (o *ours) admit(ctx context.Context, q *question, how string, code []byte) error {
	bytes, err := admit.Attach(code, q.manifest(code != nil))
	if err != nil {
		return err
	}
	module, err := admit.Check(bytes)
	if err != nil {
		return err
	}
	if err := o.guests.Compile(ctx, "", module); err != nil {
		return err
	}
	now := time.Now()
	order := &enclave.Order{
		Run: enclave.Run{Dataset: o.snapshot.Dataset, Snapshot: o.snapshot.Digest, Submitted: now},
		Grant: enclave.Grant{
			State: enclave.GrantActive, Forms: []enclave.Form{enclave.Aggregate}, NotAfter: now.Add(time.Hour),
			Scopes: []enclave.Scope{{Dataset: o.snapshot.Dataset, Columns: q.columns}},
		},
		Module: module, Dataset: visitsTable(), Snapshot: o.snapshot,
	}
	plan, err := admit.Planner{}.Plan(order)
	o.plans[q.name+how] = planned{module, plan}
	return err
}

// answer takes one run from the column files to its facts: open, execute, measure.
func (o *ours) answer(ctx context.Context, t task) (lines []string, err error) {
	p, ok := o.plans[t.Question+t.How]
	if !ok {
		return nil, fmt.Errorf("no question %q by %q", t.Question, t.How)
	}
	rows, err := o.store.Open(ctx, p.plan.Dataset, o.snapshot.Digest)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if o.executors[t.Threads] == nil {
		o.executors[t.Threads] = aggregate.New(o.guests, t.Threads)
	}
	table, err := o.executors[t.Threads].Execute(ctx, rows, p.module, p.plan)
	if err != nil {
		return nil, err
	}
	risks := measure.Measurer{}.Measure(table, o.profile)
	for i := range o.questions {
		if o.questions[i].name == t.Question {
			lines = o.questions[i].answer(risks.Table)
		}
	}
	return lines, nil
}
