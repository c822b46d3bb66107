package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/demo"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/sdk"
)

const honestRuns = 6 // of each half of a turn

// hostile measures runs of one operator alone and, in turns, while another has hostile modules run again and again in the same enclave: all of
// them, and each class by itself; and what memory is left behind.
func (b bench) hostile(ctx context.Context) (err error) {
	if err := b.ownDir(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.clean()) }()
	config := b.config()
	if config.Compiler, err = sandbox.ThisProgram(); err != nil {
		return err
	}
	domain, err := demo.Start(ctx, b.home(), config, b.log())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, domain.Close()) }()
	honest, err := b.honestOrder(ctx, domain)
	if err != nil {
		return err
	}
	foe, err := newFoe(ctx, domain)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, foe.client.Close()) }()
	fmt.Fprintf(b.out, "%s, %d cores, %d rows, module of the age band in C, %d runs in each half of %d turns\n",
		runtime.Version(), runtime.GOMAXPROCS(0), b.rows, honestRuns, b.repeat)
	if _, err := several(ctx, domain.Clients[sdk.Operator], honest); err != nil { // to warm up
		return err
	}
	fmt.Fprintf(b.out, "%-42s %8s %8s %8s %8s %9s %9s %s\n", "", "alone", "beside", "speed", "least", "hostile", "anonymous", "other programs")
	b.settled("before")
	for _, class := range foe.classes {
		for _, many := range []int{1, 4} {
			if err := b.beside(ctx, domain.Clients[sdk.Operator], honest, foe, class, many); err != nil {
				return err
			}
		}
		b.settled("  left behind")
	}
	return nil
}

// beside measures in turns, with so many of a class under way at any time, and prints the medians.
func (b bench) beside(ctx context.Context, operator *sdk.Client, honest sdk.Order, foe *foe, class *class, many int) error {
	var alone, beside, speeds []float64
	before, peak, others := class.ended.Load(), int64(0), foreign()
	for range b.repeat {
		quiet, err := several(ctx, operator, honest)
		if err != nil {
			return err
		}
		stop := foe.attack(ctx, class, many)
		most := watch(os.Getpid(), 10*time.Millisecond)
		_, early := travel(ctx, operator, honest) // by then the attack is under way
		loud, err := several(ctx, operator, honest)
		peak = max(peak, most())
		if err := errors.Join(early, err, stop()); err != nil {
			return err
		}
		alone, beside = append(alone, milliseconds(quiet)/honestRuns), append(beside, milliseconds(loud)/honestRuns)
		speeds = append(speeds, quiet.Seconds()/loud.Seconds())
	}
	least := slices.Min(speeds)
	fmt.Fprintf(b.out, "%-42s %5.0f ms %5.0f ms %8.2f %8.2f %9d %5d MiB %.1f cores\n", fmt.Sprintf("%s (%d), %d at once", class.name, max(len(class.orders), len(class.files)), many),
		middle(alone), middle(beside), middle(speeds), least, class.ended.Load()-before, peak>>20, others())
	return nil
}

// middle is the median.
func middle(of []float64) float64 { return slices.Sorted(slices.Values(of))[len(of)/2] }

func (b bench) honestOrder(ctx context.Context, d *demo.Domain) (sdk.Order, error) {
	file := filepath.Join(b.dir, "visits.parquet")
	if err := b.synthesize(file); err != nil {
		return sdk.Order{}, err
	}
	if err := b.table(ctx, d, large, file); err != nil {
		return sdk.Order{}, err
	}
	grant, err := grantOf(ctx, d.Clients[sdk.Operator], large)
	if err != nil {
		return sdk.Order{}, err
	}
	code, err := scaffold.AgeBand.Wasm()
	if err != nil {
		return sdk.Order{}, err
	}
	wasm, err := admit.Attach(code, servedQuestion(large, true))
	if err != nil {
		return sdk.Order{}, err
	}
	module, err := d.Clients[sdk.Operator].UploadModule(ctx, bytes.NewReader(wasm))
	return sdk.Order{Grant: grant, Module: module.Digest}, err
}

// several is how long some runs take, one after the other.
func several(ctx context.Context, operator *sdk.Client, order sdk.Order) (time.Duration, error) {
	began := time.Now()
	for range honestRuns {
		if _, err := travel(ctx, operator, order); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// settled prints what is held when nothing runs.
func (b bench) settled(when string) {
	for range 2 { // what is pooled goes with the second collection
		debug.FreeOSMemory()
	}
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		files = nil
	}
	fmt.Fprintf(b.out, "%-42s %5d MiB anonymous, %d MiB heap, %d goroutines, %d open files\n", when,
		anonymous(os.Getpid())>>20, heap.HeapAlloc>>20, runtime.NumGoroutine(), len(files))
}
