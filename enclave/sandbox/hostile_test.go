package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// Each hostile guest fails at its door, for its reason, as an aggregate and as a program; or it lives, and emits what shows that it won
// nothing, batch after batch.
func TestHostileGuestsFailAtTheirDoor(t *testing.T) {
	s := open(t, sandbox.Config{MemoryPages: 256, CallTimeout: time.Hour}) // unhurried: what never ends has no fuel in the end
	child := open(t, compiling(t, sandbox.Config{CompileSeconds: 1}))
	met := map[string]bool{}
	for _, g := range guests.Hostile() {
		if g.Door == guests.DoorAdmit || g.Whole || g.Reason == "MODULE_COMPILE" && testing.Short() {
			continue // it does not come here, or takes a second
		}
		if kind := string(g.Door) + g.Reason; testing.Short() && met[kind] {
			continue // one for each way to end
		} else {
			met[kind] = true
		}
		met[g.Reason] = true
		t.Run(g.Name, func(t *testing.T) {
			t.Logf("it tries %s", g.Tries)
			in := s
			if g.Reason == "MODULE_COMPILE" {
				in = child
			}
			doors := visit(t, in, g)
			for at, err := range doors.errs {
				got := enclave.AsError(err)
				if guests.Door(at) == g.Door != (err != nil) || err != nil && got.Reason != g.Reason {
					t.Errorf("at %s: %v; want %s at %s", at, err, g.Reason, g.Door)
				}
				for name, value := range g.Says {
					if err != nil && got.Args[name] != value {
						t.Errorf("the refusal says %v, want %s %s", got.Args, name, value)
					}
				}
			}
			for _, code := range doors.emitted {
				if code != g.Emits {
					t.Errorf("it emits %d, want %d", code, g.Emits)
				}
			}
		})
	}
	for _, reason := range []string{"MODULE_INVALID", "MODULE_UNSUPPORTED", "MODULE_MALFORMED", "MODULE_MEMORY", "MODULE_FUEL", "MODULE_TRAP", "MODULE_CONTRACT", "MODULE_CODE_RANGE"} {
		if !met[reason] {
			t.Errorf("no guest fails with %s", reason)
		}
	}
	if waiting, free := s.Waiting(); waiting != 0 || free < 2 {
		t.Errorf("%d wait for %d places", waiting, free)
	}
}

// Whatever hostile guests did, a second time costs nothing more than the first: no memory, no goroutine, no file, no mapping and no place
// stays with the host.
func TestHostileGuestsLeaveNothingBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("every hostile guest, three times")
	}
	s := open(t, sandbox.Config{MemoryPages: 256, CallTimeout: 50 * time.Millisecond, Modules: 4, Instances: 2, CacheDir: t.TempDir()})
	plan := frugal(planOf(0), 100)
	batch := batchOf(plan, 100, year)
	cycle := func() held {
		for _, g := range guests.Hostile() {
			if g.Door != guests.DoorAdmit && !g.Whole && g.Reason != "MODULE_COMPILE" {
				_, _ = assign(t, s, g.Wasm, plan, batch) // how it ends is another test's
			}
		}
		return holds()
	}
	cycle() // which fills what is kept on purpose: the cache, memory for the next instance
	before := cycle()
	for n := range 4 {
		now := cycle()
		t.Logf("after a cycle %+v, after one more %+v", before, now)
		if !now.more(before) {
			break
		}
		if n == 3 { // the runtime moves its own memory about, but not each time
			t.Errorf("each cycle leaves something behind: there were %+v, and are %+v", before, now)
		}
		before = now
	}
	if waiting, free := s.Waiting(); waiting != 0 || free != 2 {
		t.Errorf("%d wait for %d places", waiting, free)
	}
}

// held is what the process holds when no guest is left.
type held struct {
	heap, objects               uint64
	goroutines, files, mappings int
}

// more reports whether it is more than before, but for what comes and goes.
func (h held) more(before held) bool {
	return h.heap > before.heap+1<<20 || h.objects > before.objects+5000 ||
		h.goroutines > before.goroutines || h.files > before.files || h.mappings > before.mappings+8
}

func holds() (now held) {
	runtime.GC()
	runtime.GC() // what finalizers let go of in the first
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	now = held{heap: stats.HeapAlloc, objects: stats.HeapObjects, goroutines: runtime.NumGoroutine()}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		now.files = len(files)
	}
	if maps, err := os.ReadFile("/proc/self/maps"); err == nil {
		now.mappings = bytes.Count(maps, []byte("\n"))
	}
	return now
}

// visited is what happened to a guest at each door that it came to, and the code of the first row of each batch as an aggregate.
type visited struct {
	errs    map[string]error
	emitted []int32
}

// visit takes a guest through the doors of the sandbox, as a program until it fails, and as an aggregate, twice if it lives.
func visit(t *testing.T, s *sandbox.Sandbox, g guests.Guest) (out visited) {
	t.Helper()
	plan, table := frugal(planOf(0), 100), planOf(0)
	table.Keys = nil
	table.Manifest = &enclave.Manifest{Form: enclave.Program, Fuel: 100, Output: &enclave.ManifestOutput{Rows: 4, Columns: []enclave.ManifestColumn{{Type: enclave.KindInt}}}}
	batch := batchOf(plan, 100, func(_, row int) int64 { return int64(1950 + row%60) })
	out.errs = map[string]error{}
	at := func(door guests.Door, err error) bool {
		out.errs[string(door)] = err
		return err == nil
	}
	if !at(guests.DoorCompile, s.Compile(t.Context(), "acme", moduleOf(g.Wasm))) {
		return out
	}
	in, err := s.Start(t.Context(), moduleOf(g.Wasm), table)
	if at(guests.DoorStart, err) {
		if g.Door == guests.DoorBatch || g.Door == guests.DoorFinish { // others emit codes, which a program has no place for
			at(guests.DoorBatch, in.Show(t.Context(), batch))
		}
		if g.Door == guests.DoorFinish {
			_, err := in.Finish(t.Context())
			at(guests.DoorFinish, err)
		}
		if err := in.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	failed, times := g.Door == guests.DoorStart || g.Door == guests.DoorBatch, 2
	if failed {
		times = 1
	}
	for range times {
		codes, err := assign(t, s, g.Wasm, plan, batch)
		switch {
		case failed != (err != nil) || failed && enclave.AsError(err).Reason != g.Reason:
			t.Errorf("as an aggregate: %v, want %s", err, g.Reason)
		case !failed && g.Door != guests.DoorFinish:
			out.emitted = append(out.emitted, codes[0], codes[99])
		}
	}
	return out
}

func TestOneGuestRunsWhileAnotherIsStopped(t *testing.T) {
	s := open(t, sandbox.Config{CallTimeout: time.Minute})
	plan := planOf(0)
	plan.Manifest = &enclave.Manifest{Fuel: enclave.MaxFuel} // seconds of it
	batch := batchOf(plan, 100, func(_, _ int) int64 { return 1950 })
	if _, err := assign(t, s, guests.Named("moves").Wasm, plan, batch); err != nil { // it is compiled then
		t.Fatal(err)
	}
	endless, stop := context.WithCancelCause(t.Context())
	ended := make(chan error)
	go func() {
		g, err := s.Open(endless, moduleOf(guests.Named("endless-batch").Wasm), plan)
		if err != nil {
			ended <- err
			return
		}
		err = g.Assign(endless, batch, [][]int32{make([]int32, 100)})
		ended <- errors.Join(err, g.Close(context.WithoutCancel(endless)))
	}()
	for range 5 {
		codes, err := assign(t, s, guests.Named("moves").Wasm, plan, batch)
		if err != nil || codes[0] != 1 {
			t.Fatalf("beside an endless guest: code %d, %v", codes[0], err)
		}
	}
	stop(errors.New("the authority stopped it"))
	err := <-ended
	if enclave.KindOf(err) != enclave.Canceled || !errors.Is(err, enclave.Fail(enclave.Canceled, "RUN_CANCELED")) {
		t.Fatalf("a cancelled run ended with %v", err)
	}
}

func TestNothingIsKeptBetweenBatches(t *testing.T) {
	s := open(t, sandbox.Config{})
	plan := planOf(0)
	g, err := s.Open(t.Context(), moduleOf(guests.Named("keeps-state").Wasm), plan)
	if err != nil {
		t.Fatal(err)
	}
	batch := batchOf(plan, 10, func(_, _ int) int64 { return 1 })
	for range 3 {
		codes := [][]int32{make([]int32, 10)}
		if err := g.Assign(t.Context(), batch, codes); err != nil {
			t.Fatal(err)
		}
		if codes[0][0] != 11 {
			t.Fatalf("the guest counted %d; 11 is one call in its globals and one in its memory", codes[0][0])
		}
	}
	if err := g.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The scanner finds a marker in a shown column, and in nothing else: neither what an unshown column holds nor what the batch before
// left behind.
func TestOnlyShownColumnsReachAGuest(t *testing.T) {
	s := open(t, sandbox.Config{CallTimeout: time.Minute})
	shownToIt, hidden := planOf(0, 2), planOf(0) // column 2 holds the marker
	value := func(plan *enclave.Plan) func(column, row int) int64 {
		return func(column, row int) int64 {
			if plan.Shown[column] == 2 && row == 77 {
				return guests.Marker
			}
			return 1950
		}
	}
	wasm := guests.Named("scanner").Wasm
	if codes, err := assign(t, s, wasm, shownToIt, batchOf(shownToIt, 100, value(shownToIt))); err != nil || codes[0] != 1 {
		t.Fatalf("control: the marker is shown and the scanner says %d, %v", codes[0], err)
	}
	if codes, err := assign(t, s, wasm, hidden, batchOf(hidden, 100, value(hidden))); err != nil || codes[0] != 0 {
		t.Fatalf("the marker is not shown and the scanner says %d, %v", codes[0], err)
	}
	g, err := s.Open(t.Context(), moduleOf(wasm), shownToIt)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int32{1, 0, 1} {
		batch := batchOf(shownToIt, 100, value(shownToIt))
		if want == 0 {
			batch.Columns[1].Wide[77] = 0
		}
		codes := [][]int32{make([]int32, 100)}
		if err := g.Assign(t.Context(), batch, codes); err != nil || codes[0][0] != want {
			t.Fatalf("batch after batch: the scanner says %d, %v; want %d", codes[0][0], err, want)
		}
	}
	if err := g.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
