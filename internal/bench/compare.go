package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/load"
)

// compare asks every side the same questions of the same rows, in turns, and prints what it found.
func (b bench) compare(ctx context.Context) (err error) {
	if err := b.ownDir(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.clean()) }()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	snapshot, err := b.ready(ctx, self)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "%s, %s, %d of %d cores, %d rows of %d subjects, medians of %d turns\n\n",
		runtime.Version(), processor(), b.threads, runtime.NumCPU(), snapshot.Rows, snapshot.Subjects, b.repeat)
	c := &contest{rows: b.rows, threads: b.threads, repeat: b.repeat, out: b.out}
	defer func() { err = errors.Join(err, c.stop()) }()
	arguments := []string{"-dir", b.dir, "-rows", strconv.FormatInt(b.rows, 10), "-profile", b.profile, "-phase"}
	enclaveSide, err := startSide(ctx, "Darkroom", self, append(arguments, "enclave")...)
	if err != nil {
		return err
	}
	c.add(enclaveSide, "no guest", noGuest)
	c.add(enclaveSide, "C guest", cGuest)
	c.add(enclaveSide, "Go guest", goGuest)
	loopSide, err := startSide(ctx, "Go loop", self, append(arguments, "loops")...)
	if err != nil {
		return err
	}
	c.add(loopSide, goLoop, "")
	c.add(loopSide, "reading alone", readOnly)
	if !b.duck {
		return c.run(b.ask)
	}
	duck, err := startDuck(ctx, b.file(), b.threads)
	if err != nil {
		fmt.Fprintf(b.out, "DuckDB is left out: %v\n", err)
	} else {
		fmt.Fprintf(b.out, "%s\n\n", duck.note)
		c.add(duck, "DuckDB", "visits")
		c.add(duck, "DuckDB by subject", "visits_by_subject")
	}
	return c.run(b.ask)
}

func (b *bench) ownDir() (err error) {
	if b.dir == "" {
		b.dir, err = os.MkdirTemp("", "darkroom-bench-")
		b.temporary = true
		return err
	}
	return os.MkdirAll(b.dir, 0o700)
}

func (b *bench) clean() error {
	if !b.temporary {
		return nil
	}
	return os.RemoveAll(b.dir)
}

func (b bench) file() string { return filepath.Join(b.dir, fmt.Sprintf("visits-%d.csv", b.rows)) }

func (b bench) note() string { return b.file() + ".snapshot.json" }

// ready makes the rows and loads them, each in a process of its own, unless the directory has them.
func (b bench) ready(ctx context.Context, self string) (snapshot enclave.Snapshot, err error) {
	if snapshot, err = b.loaded(); err == nil {
		fmt.Fprintf(b.out, "%s has the rows\n", b.dir)
		return snapshot, nil
	}
	began := time.Now()
	if err := b.generate(ctx, b.file()); err != nil {
		return snapshot, err
	}
	fmt.Fprintf(b.out, "made %d rows as CSV in %.1f s\n", b.rows, time.Since(began).Seconds())
	began = time.Now()
	s, err := startSide(ctx, "ingest", self, "-dir", b.dir, "-rows", strconv.FormatInt(b.rows, 10), "-phase", "ingest")
	if err != nil {
		return snapshot, err
	}
	most := watch(s.cmd.Process.Pid, 20*time.Millisecond)
	_, err = s.ask(task{Threads: b.threads})
	peak := most()
	if err := errors.Join(err, s.stop()); err != nil {
		return snapshot, err
	}
	took := time.Since(began).Seconds()
	fmt.Fprintf(b.out, "loaded them in %.1f s, %.2f M rows/s, %s of anonymous memory at most\n", took, float64(b.rows)/took/1e6, mebibytes(peak))
	return b.loaded()
}

func (b bench) loaded() (snapshot enclave.Snapshot, err error) {
	raw, err := os.ReadFile(b.note())
	if err != nil {
		return snapshot, err
	}
	return snapshot, json.Unmarshal(raw, &snapshot)
}

func (b bench) generate(ctx context.Context, path string) error {
	f, err := os.Create(path) //nolint:gosec // in the benchmark's own directory
	if err != nil {
		return err
	}
	return errors.Join(writeVisits(f, seed, b.rows), f.Close(), ctx.Err())
}

// serve is a side that is this program again.
func (b bench) serve(ctx context.Context, phase string) (err error) {
	if phase == "ingest" {
		return serveSide(b.out, "", func(task) ([]string, error) { return nil, b.ingest(ctx) })
	}
	snapshot, err := b.loaded()
	if err != nil {
		return err
	}
	if phase == "loops" {
		store, err := openStore(b.dir)
		if err != nil {
			return err
		}
		l, err := newLoops(ctx, store, snapshot)
		if err != nil {
			return err
		}
		return errors.Join(serveSide(b.out, "", l.answer), l.rows.Close())
	}
	o, err := newOurs(ctx, b.dir, snapshot)
	if err != nil {
		return err
	}
	if b.profile != "" {
		f, err := os.Create(b.profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	return errors.Join(serveSide(b.out, "", func(t task) ([]string, error) { return o.answer(ctx, t) }), o.guests.Close(ctx))
}

// ingest loads the rows as a source department's file is loaded.
func (b bench) ingest(ctx context.Context) (err error) {
	store, err := openStore(b.dir)
	if err != nil {
		return err
	}
	f, err := os.Open(b.file())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	src, err := load.FileSource(f)
	if err != nil {
		return err
	}
	snapshot, err := store.Ingest(ctx, visitsTable(), load.CSVUTF8, src, nil)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(snapshot)
	if err != nil {
		return err
	}
	return os.WriteFile(b.note(), raw, 0o600)
}

// median of some results by a figure of them.
func median(results []*result, of func(*result) float64) float64 {
	figures := make([]float64, 0, len(results))
	for _, r := range results {
		figures = append(figures, of(r))
	}
	slices.Sort(figures)
	return figures[len(figures)/2]
}

func mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }
