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
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/demo"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

const (
	honestRuns = 6       // of each half of a turn
	largest    = 1 << 20 // bytes of a module
)

// hostile measures runs of one operator alone and, in turns, while another has every hostile module run again and again in the same
// enclave, and what memory is left behind.
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
	fmt.Fprintf(b.out, "%s, %d cores, %d rows, module of the age band in C; %d hostile modules run, %d are refused\n",
		runtime.Version(), runtime.GOMAXPROCS(0), b.rows, len(foe.orders), len(foe.refused))
	if _, err := several(ctx, domain.Clients[sdk.Operator], honest); err != nil { // to warm up
		return err
	}
	b.settled("before")
	for _, runs := range []int{1, 4} {
		if err := b.beside(ctx, domain.Clients[sdk.Operator], honest, foe, runs); err != nil {
			return err
		}
	}
	return nil
}

// beside measures in turns, with so many hostile runs under way at any time.
func (b bench) beside(ctx context.Context, operator *sdk.Client, honest sdk.Order, foe *foe, runs int) error {
	var ratios []float64
	for turn := range b.repeat {
		alone, err := several(ctx, operator, honest)
		if err != nil {
			return err
		}
		stop := foe.attack(ctx, runs)
		most := watch(os.Getpid(), 10*time.Millisecond)
		beside, err := several(ctx, operator, honest)
		peak := most()
		if err := errors.Join(err, stop()); err != nil {
			return err
		}
		ratios = append(ratios, alone.Seconds()/beside.Seconds())
		fmt.Fprintf(b.out, "%-34s %10.0f ms alone, %.0f ms beside: %.2f of the speed; %d MiB anonymous at most; %d hostile runs so far\n",
			fmt.Sprintf("turn %d, %d runs", turn+1, honestRuns), milliseconds(alone), milliseconds(beside), ratios[turn], peak>>20, foe.ended.Load())
		b.settled(fmt.Sprint("after turn ", turn+1))
	}
	slices.Sort(ratios)
	fmt.Fprintf(b.out, "%-34s %10.2f of the speed alone, at the median of %d turns\n", fmt.Sprintf("honest runs beside %d hostile", runs), ratios[len(ratios)/2], len(ratios))
	return nil
}

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
	debug.FreeOSMemory() // which collects garbage first
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		files = nil
	}
	fmt.Fprintf(b.out, "%-34s %10d MiB anonymous, %d MiB heap, %d goroutines, %d open files\n", when,
		anonymous(os.Getpid())>>20, heap.HeapAlloc>>20, runtime.NumGoroutine(), len(files))
}

// foe is an operator of nothing but hostile modules.
type foe struct {
	client  *sdk.Client
	orders  []sdk.Order
	refused [][]byte
	next    atomic.Int64
	ended   atomic.Int64
}

// newFoe issues an identity, has it granted the table, and uploads the hostile modules that are let in.
func newFoe(ctx context.Context, d *demo.Domain) (*foe, error) {
	authority := d.Clients[sdk.Authority]
	credential, err := authority.IssueIdentity(ctx, sdk.Identity{Role: sdk.Operator, Org: "mallory-analytics", Name: "mallory"}, 0)
	if err != nil {
		return nil, err
	}
	f := &foe{}
	if f.client, err = sdk.Dial(ctx, credential, sdk.WithAddress(d.App.Address())); err != nil {
		return nil, err
	}
	grant, err := f.client.ApplyGrant(ctx, sdk.Application{
		Scenario: "planning", Purpose: "To see what an enclave can bear.", TermDays: 30,
		Scopes: []sdk.Scope{{Dataset: large, Columns: []string{"district", "birth_year", "cost"}}},
	})
	if err != nil {
		return nil, err
	}
	if _, err := authority.AssessGrant(ctx, grant.ID, true, ""); err != nil {
		return nil, err
	}
	if _, err := d.Clients[sdk.Source].ConfirmGrant(ctx, grant.ID, true, ""); err != nil {
		return nil, err
	}
	for _, g := range guests.Hostile() {
		whole := g.With(guests.Question(g.Name))
		if len(whole) > largest {
			continue // to send it would take this process, which is the foe's too, longer than to refuse it takes the enclave
		}
		switch g.Door {
		case guests.DoorAdmit, guests.DoorCompile:
			f.refused = append(f.refused, whole)
		case guests.DoorFinish: // programs, which people look at first
		case guests.NoDoor: // runs like any other over as many rows
		case guests.DoorStart, guests.DoorBatch, guests.DoorKeys:
			module, err := f.client.UploadModule(ctx, bytes.NewReader(whole))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", g.Name, err)
			}
			f.orders = append(f.orders, sdk.Order{Grant: grant.ID, Module: module.Digest})
		}
	}
	// By their digests: in no order, and the same every time.
	slices.SortFunc(f.orders, func(a, b sdk.Order) int { return strings.Compare(a.Module, b.Module) })
	return f, nil
}

// attack submits all modules in turn, so many at a time, and uploads what is refused, until stop is called, which cancels what is under way and waits for
// its end.
func (f *foe) attack(ctx context.Context, runs int) (stop func() error) {
	attacking, end := context.WithCancel(ctx)
	var all sync.WaitGroup
	failures := make([]error, runs)
	for i := range runs {
		all.Go(func() {
			for attacking.Err() == nil && failures[i] == nil {
				failures[i] = f.one(ctx, attacking)
			}
		})
	}
	all.Go(func() {
		for i := 0; attacking.Err() == nil; i++ {
			// Each fails, for its own reason or because it was too often.
			_, _ = f.client.UploadModule(attacking, bytes.NewReader(f.refused[i%len(f.refused)]))
		}
	})
	return func() error {
		end()
		all.Wait()
		return errors.Join(failures...)
	}
}

// one runs the next module to its end, or cancels it when the attack ends.
func (f *foe) one(ctx, attacking context.Context) error {
	run, err := f.client.Submit(ctx, f.orders[int(f.next.Add(1))%len(f.orders)])
	if err != nil {
		return err
	}
	if _, err := f.client.Wait(attacking, run.ID); err == nil {
		f.ended.Add(1)
		return nil
	}
	if _, err := f.client.Cancel(ctx, run.ID); err != nil && sdk.ReasonOf(err) != "RUN_ENDED" {
		return err
	}
	_, err = f.client.Wait(ctx, run.ID)
	return err
}
