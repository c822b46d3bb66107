package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/demo"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
)

const (
	idleRuns = 60
	busyRuns = 96 // in all, by however many clients
	// restTime is how long the log is left alone, so that nothing waits for the least time between two checkpoints.
	restTime = 300 * time.Millisecond
)

// latency measures runs over 1,000 rows on an enclave of their own: one at a time with an idle log, and then without a pause.
func latency(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "darkroom-latency-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	seen := &marks{Handler: slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}), book: &book{of: map[string][]mark{}}}
	app.RedirectLogs(slog.New(seen.Handler))
	domain, err := demo.Start(ctx, filepath.Join(dir, "domain"), app.Config{Listen: "127.0.0.1:0"}, slog.New(seen))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, domain.Close()) }()
	order, err := smallOrder(ctx, domain)
	if err != nil {
		return err
	}
	operator := domain.Clients[sdk.Operator]
	fmt.Fprintf(out, "%s, %d cores, %d rows, module of the age band in C\n", runtime.Version(), runtime.GOMAXPROCS(0), smallRows)
	var idle []trip
	before := worked()
	for range idleRuns {
		select {
		case <-time.After(restTime):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		one, err := travel(ctx, operator, order)
		if err != nil {
			return err
		}
		idle = append(idle, one)
	}
	seen.book.print(out, idle)
	fmt.Fprintf(out, "  %-32s %10.2f ms mean\n", "processor time, client included", milliseconds((worked()-before)/idleRuns))
	for _, clients := range []int{1, 8} {
		if err := busy(ctx, out, operator, order, clients); err != nil {
			return err
		}
	}
	return nil
}

// smallOrder loads and grants 1,000 rows, and uploads a module that asks for persons and cost by age band.
func smallOrder(ctx context.Context, d *demo.Domain) (sdk.Order, error) {
	var file bytes.Buffer
	if err := synth.WriteParquet(&file, seed, smallRows); err != nil {
		return sdk.Order{}, err
	}
	description := synth.Dataset()
	description.Name = small
	grant, err := d.Grant(ctx, description, sdk.Parquet, &file, "district", "birth_year", "cost")
	if err != nil {
		return sdk.Order{}, err
	}
	code, err := scaffold.AgeBand.Wasm()
	if err != nil {
		return sdk.Order{}, err
	}
	wasm, err := admit.Attach(code, servedQuestion(small, true))
	if err != nil {
		return sdk.Order{}, err
	}
	module, err := d.Clients[sdk.Operator].UploadModule(ctx, bytes.NewReader(wasm))
	return sdk.Order{Grant: grant, Module: module.Digest}, err
}

// trip is a run as its client sees it.
type trip struct {
	run              string
	began, hasResult time.Time
}

func (t trip) took() time.Duration { return t.hasResult.Sub(t.began) }

func travel(ctx context.Context, operator *sdk.Client, order sdk.Order) (trip, error) {
	t := trip{began: time.Now()}
	run, err := operator.Submit(ctx, order)
	if err != nil {
		return t, err
	}
	t.run = run.ID
	if run, err = operator.Wait(ctx, run.ID); err != nil {
		return t, err
	}
	if run.Outcome != sdk.RunReleased {
		return t, fmt.Errorf("the run was %s: %v", run.Outcome, run.Reasons)
	}
	t.hasResult = time.Now()
	return t, nil
}

// busy prints the runs per second of so many clients, each of which submits its next run when it has the result of the one before.
func busy(ctx context.Context, out io.Writer, operator *sdk.Client, order sdk.Order, clients int) error {
	times := make([][]time.Duration, clients)
	failed := make([]error, clients)
	began, before := time.Now(), worked()
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for range busyRuns / clients {
				one, err := travel(ctx, operator, order)
				if err != nil {
					failed[c] = err
					return
				}
				times[c] = append(times[c], one.took())
			}
		})
	}
	all.Wait()
	took, work := time.Since(began), worked()-before
	if err := errors.Join(failed...); err != nil {
		return err
	}
	each := slices.Sorted(slices.Values(slices.Concat(times...)))
	fmt.Fprintf(out, "%-34s %10.1f runs/s, each %.1f ms median, %.1f ms p90, %.1f ms of processor time\n",
		fmt.Sprintf("without a pause, %d at once", clients), float64(len(each))/took.Seconds(),
		milliseconds(rank(each, 50)), milliseconds(rank(each, 90)), milliseconds(work/time.Duration(len(each))))
	return nil
}

// worked is the time that this process has worked, on all cores together: the enclave's and the clients'.
func worked() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// rank is a percentile of sorted times.
func rank(sorted []time.Duration, percent int) time.Duration { return sorted[len(sorted)*percent/100] }

// marks is a log handler that notes when each run came to each stage.
type marks struct {
	slog.Handler
	book *book
	run  string
}

type mark struct {
	what string
	at   time.Time
}

// book is the notes of all runs. It is safe for concurrent use.
type book struct {
	mu sync.Mutex
	of map[string][]mark
}

func (m *marks) Enabled(context.Context, slog.Level) bool { return true }

func (m *marks) WithAttrs(attrs []slog.Attr) slog.Handler {
	run := m.run
	for _, a := range attrs {
		if a.Key == "run" {
			run = a.Value.String()
		}
	}
	return &marks{m.Handler.WithAttrs(attrs), m.book, run}
}

func (m *marks) Handle(ctx context.Context, r slog.Record) error {
	if m.run != "" {
		what := r.Message // or the stage, where there is one
		r.Attrs(func(a slog.Attr) bool {
			what = a.Value.String()
			return false
		})
		m.book.mu.Lock()
		m.book.of[m.run] = append(m.book.of[m.run], mark{what, r.Time})
		m.book.mu.Unlock()
	}
	if !m.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return m.Handler.Handle(ctx, r)
}

// print prints the trips' median and the share of each stage.
func (b *book) print(out io.Writer, trips []trip) {
	var order []string
	stages := map[string][]time.Duration{}
	var whole []time.Duration
	for _, t := range trips {
		whole = append(whole, t.took())
		b.mu.Lock()
		steps := slices.Clone(b.of[t.run])
		b.mu.Unlock()
		// A stage lasts until the next begins; the last of them is the client's notice. A run is taken up while the answer to its submission is
		// still under way.
		steps = append([]mark{{"submission", t.began}}, append(steps, mark{"", t.hasResult})...)
		for i, s := range steps[:len(steps)-1] {
			if _, known := stages[s.what]; !known {
				order = append(order, s.what)
			}
			stages[s.what] = append(stages[s.what], steps[i+1].at.Sub(s.at))
		}
	}
	slices.Sort(whole)
	median := rank(whole, 50)
	fmt.Fprintf(out, "%-34s %10.1f ms median, %.1f ms p90, %.1f ms least of %d\n", "idle log, submit to release",
		milliseconds(median), milliseconds(rank(whole, 90)), milliseconds(whole[0]), len(whole))
	for _, what := range order {
		times := slices.Sorted(slices.Values(stages[what]))
		fmt.Fprintf(out, "  %-32s %10.2f ms median, %.2f ms p90 %4.0f %% of the median\n", what,
			milliseconds(rank(times, 50)), milliseconds(rank(times, 90)), 100*rank(times, 50).Seconds()/median.Seconds())
	}
}
