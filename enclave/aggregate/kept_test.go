package aggregate_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
)

// asked counts the batches that guests were shown.
type asked struct {
	assign native
	times  atomic.Int64
}

func (a *asked) Open(context.Context, *enclave.Module, *enclave.Plan) (enclave.Guest, error) {
	return native(func(b *enclave.Batch, codes [][]int32) error {
		a.times.Add(1)
		return a.assign(b, codes)
	}), nil
}

// eleven is a guest that says 11 for every key.
func eleven(_ *enclave.Batch, codes [][]int32) error {
	for _, of := range codes {
		for i := range of {
			of[i] = 11
		}
	}
	return nil
}

// order is a plan with two keys of the module's, so that they can change places.
type order struct {
	module *enclave.Module
	plan   *enclave.Plan
}

func newOrder() order {
	p := plan()
	p.Operator, p.Params, p.Manifest = "acme", []byte(`{"params":{"as_of":2024}}`), &enclave.Manifest{Fuel: 100}
	p.Keys = append(p.Keys, enclave.Key{Name: "side", Labels: []string{"l", "r", "o", "u"}, Module: 1, Offset: 10, Column: -1})
	p.Sets = []enclave.Set{{0, 1, 2, 3}}
	return order{&enclave.Module{Digest: enclave.DigestOf([]byte("one"))}, p}
}

// Whatever a table depends on, another of it is another table, about which the module is asked. There are no rows: the questions do not
// depend on them.
func TestWhateverATableDependsOnIsAskedAbout(t *testing.T) {
	born := func(o order) *enclave.Column { return &o.plan.Dataset.Columns[born] }
	district := func(o order) *enclave.Column { return &o.plan.Dataset.Columns[district] }
	for name, change := range map[string]func(o order){
		"module":              func(o order) { o.module.Digest[31]++ },
		"operator":            func(o order) { o.plan.Operator = "other" },
		"params":              func(o order) { o.plan.Params = []byte(`{"params":{"as_of":2025}}`) },
		"no params":           func(o order) { o.plan.Params = nil },
		"fuel":                func(o order) { o.plan.Manifest.Fuel++ },
		"fuel of no manifest": func(o order) { o.plan.Manifest = nil },
		"columns shown":       func(o order) { o.plan.Shown = o.plan.Shown[:1] },
		"order of columns":    func(o order) { slices.Reverse(o.plan.Shown) },
		"least value":         func(o order) { born(o).Min = "1901" },
		"largest value":       func(o order) { born(o).Max = "2027" },
		"both, same size":     func(o order) { born(o).Min, born(o).Max = "1901", "2027" },
		"scale": func(o order) {
			born(o).Type, born(o).Scale = enclave.Decimal, 1
		},
		"width": func(o order) { // the same numbers
			born(o).Min, born(o).Max, born(o).Type = "1975-03-16", "1975-07-20", enclave.Date
		},
		"never empty":               func(o order) { born(o).Nullable = false },
		"empty, too":                func(o order) { district(o).Nullable = true },
		"codes":                     func(o order) { district(o).Codes = append(district(o).Codes, "e") },
		"empty instead of a code":   func(o order) { district(o).Codes, district(o).Nullable = district(o).Codes[:3], true },
		"labels of a guest's key":   func(o order) { o.plan.Keys[1].Labels = append(o.plan.Keys[1].Labels, "14") },
		"labels of another key":     func(o order) { o.plan.Keys[2].Labels = append(o.plan.Keys[2].Labels, "later") },
		"labels of the first key":   func(o order) { o.plan.Keys[0].Labels = append(o.plan.Keys[0].Labels, "none") },
		"offset":                    func(o order) { o.plan.Keys[1].Offset-- },
		"guest's keys change place": func(o order) { o.plan.Keys[1].Module, o.plan.Keys[3].Module = 1, 0 },
		"keys change place":         func(o order) { o.plan.Keys[1], o.plan.Keys[2] = o.plan.Keys[2], o.plan.Keys[1] },
		"one key less":              func(o order) { o.plan.Keys, o.plan.Sets = o.plan.Keys[:3], []enclave.Set{{0, 1, 2}} },
	} {
		guests := &asked{assign: eleven}
		executor := aggregate.New(guests, 2)
		ask := func(o order) int64 {
			t.Helper()
			before := guests.times.Load()
			if _, err := executor.Execute(t.Context(), &memory{batch: 10}, o.module, o.plan); err != nil {
				t.Fatalf("%s: %v (%v)", name, err, enclave.AsError(err).Unwrap())
			}
			return guests.times.Load() - before
		}
		changed := newOrder()
		change(changed)
		if first, again := ask(newOrder()), ask(newOrder()); first == 0 || again != 0 {
			t.Fatalf("the guest was shown %d batches, then %d", first, again)
		}
		if ask(changed) == 0 {
			t.Errorf("%s: the guest was not asked again", name)
		}
		if ask(changed) != 0 || ask(newOrder()) != 0 {
			t.Errorf("%s: the guest was asked twice", name)
		}
	}
}

// What a table does not depend on, rows above all, needs no question; and the rows fall where they fall without what was kept.
func TestWhateverElseChangesIsNotAskedAbout(t *testing.T) {
	guests := &asked{assign: bands}
	executor := aggregate.New(guests, 2)
	if _, err := executor.Execute(t.Context(), random(3, 4000), &enclave.Module{}, plan()); err != nil {
		t.Fatal(err)
	}
	first := guests.times.Load()
	for name, change := range map[string]func(*enclave.Plan){
		"nothing but rows": func(*enclave.Plan) {},
		"names":            func(p *enclave.Plan) { p.Keys[1].Name, p.Dataset.Name, p.Dataset.Columns[born].Name = "b", "v", "year" },
		"lookup and cuts":  func(p *enclave.Plan) { p.Keys[0].Lookup[0], p.Keys[2].Cuts[0] = 2, 18501 },
		"sets and sums":    func(p *enclave.Plan) { p.Sets, p.Summed = p.Sets[:1], p.Summed[:1] },
		"a hidden column":  func(p *enclave.Plan) { p.Dataset.Columns[cost].Max = "1001" },
	} {
		p := plan()
		change(p)
		got, err := executor.Execute(t.Context(), random(4, 4000), &enclave.Module{}, p)
		if err != nil || guests.times.Load() != first {
			t.Fatalf("%s: the guest was shown %d batches, then %d more: %v", name, first, guests.times.Load()-first, err)
		}
		want, err := aggregate.New(sandbox{assign: bands}, 2).Execute(t.Context(), random(4, 4000), &enclave.Module{}, p)
		if err != nil || len(want.Cells) == 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v, %v", name, got, want, err)
		}
	}
	_, err := aggregate.New(guests, 2).Execute(t.Context(), random(4, 4000), &enclave.Module{}, plan())
	if err != nil || guests.times.Load() != 2*first {
		t.Errorf("another executor, as of a replay, did not ask anew: %v", err)
	}
}

// Rows are shown to the guest of a crafted run every time.
func TestCraftedRunsAreNotKept(t *testing.T) {
	guests := &asked{assign: bands}
	executor, p := aggregate.New(guests, 1), plan()
	p.Crafted = true
	var after []int64
	for range 2 {
		if _, err := executor.Execute(t.Context(), random(3, 1000), &enclave.Module{}, p); err != nil {
			t.Fatal(err)
		}
		after = append(after, guests.times.Load())
	}
	if after[0] == 0 || 2*after[1] < 3*after[0] { // some batches are shown twice
		t.Fatalf("the guest was shown %d batches, and %d after the second run", after[0], after[1])
	}
}

// Neither a guest's fault nor a code that is none is remembered.
func TestFaultsAreNotKept(t *testing.T) {
	failure := errors.New("trapped")
	for name, fault := range map[string]native{
		"fault": func(*enclave.Batch, [][]int32) error { return failure },
		"panic": func(*enclave.Batch, [][]int32) error { panic(failure) },
		"code": func(_ *enclave.Batch, codes [][]int32) error {
			codes[0][0] = 14
			return nil
		},
	} {
		guests := &asked{assign: fault}
		executor := aggregate.New(guests, 2)
		for range 2 {
			before := guests.times.Load()
			if _, err := executor.Execute(t.Context(), random(3, 100), &enclave.Module{}, plan()); err == nil || guests.times.Load() == before {
				t.Fatalf("%s: %v", name, err)
			}
		}
		guests.assign = bands
		if _, err := executor.Execute(t.Context(), random(3, 100), &enclave.Module{}, plan()); err != nil {
			t.Errorf("%s is remembered: %v", name, err)
		}
	}
}

// waiting is a sandbox whose first guest waits until its run is cancelled.
type waiting struct {
	first   sync.Once
	reached chan struct{}
}

func (w *waiting) Open(ctx context.Context, _ *enclave.Module, _ *enclave.Plan) (guest enclave.Guest, err error) {
	guest = native(bands)
	w.first.Do(func() {
		close(w.reached)
		<-ctx.Done()
		err = ctx.Err()
	})
	return guest, err
}

// Many runs may ask the same at once, and one that is cancelled takes nobody with it.
func TestRunsThatAskTheSameEndAlone(t *testing.T) {
	guests := &waiting{reached: make(chan struct{})}
	executor := aggregate.New(guests, 1)
	canceled, cancel := context.WithCancel(t.Context())
	var runs sync.WaitGroup
	defer runs.Wait()
	defer cancel()
	var slow error
	runs.Go(func() { _, slow = executor.Execute(canceled, random(3, 3000), &enclave.Module{}, plan()) })
	<-guests.reached
	want, err := aggregate.New(sandbox{assign: bands}, 1).Execute(t.Context(), random(3, 3000), &enclave.Module{}, plan())
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		runs.Go(func() {
			for range 3 {
				got, err := executor.Execute(t.Context(), random(3, 3000), &enclave.Module{}, plan())
				if err != nil || !reflect.DeepEqual(got.Cells, want.Cells) {
					t.Errorf("beside one that waits: %v", err)
				}
			}
		})
	}
	cancel()
	runs.Wait()
	if !errors.Is(slow, context.Canceled) {
		t.Errorf("canceled: %v", slow)
	}
	if _, err := executor.Execute(t.Context(), random(3, 3000), &enclave.Module{}, plan()); err != nil {
		t.Errorf("after it: %v", err)
	}
}
