package meter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox/meter"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// corpus is real modules, by name.
func corpus(tb testing.TB) map[string][]byte {
	tb.Helper()
	all := map[string][]byte{}
	for _, pattern := range []string{"testdata/*.wasm", "../../../internal/scaffold/guests/*.wasm"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			tb.Fatal(pattern, err)
		}
		for _, file := range files {
			all[filepath.Base(file)] = read(tb, file)
		}
	}
	for name, build := range goGuests() {
		wasm, err := build()
		if err != nil {
			tb.Fatal(err)
		}
		all[name] = wasm
	}
	return all
}

// Real modules stay far below every limit, and what they are rewritten to compiles.
func TestRealModulesAreAccepted(t *testing.T) {
	if testing.Short() {
		t.Skip("nothing in it is concurrent")
	}
	h := newHost(t)
	for name, wasm := range corpus(t) {
		metered, err := meter.Rewrite(wasm)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		compiled, err := h.CompileModule(t.Context(), metered)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := compiled.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		facts, err := meter.Measure(wasm)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-18s %7d bytes became %7d; largest: %+v", name, len(wasm), len(metered), facts)
		if 4*facts.BodyBytes > meter.MaxBodyBytes || 4*facts.Nesting > meter.MaxNesting || 4*facts.Locals > meter.MaxLocals ||
			4*facts.LoopLocals > meter.MaxLoopLocals || 4*facts.SwitchTargets > meter.MaxSwitchTargets {
			t.Errorf("%s is close to a limit", name)
		}
	}
	for _, g := range guests.Hostile() {
		if g.Door == guests.DoorAdmit || g.Door == guests.DoorCompile {
			continue
		}
		metered, err := meter.Rewrite(g.Wasm)
		if errors.Is(err, enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED")) {
			continue // those that would change tables or drop data
		}
		if err != nil {
			t.Fatalf("%s: %v", g.Name, err)
		}
		if _, err := h.CompileModule(t.Context(), metered); err != nil {
			t.Fatalf("%s: %v", g.Name, err)
		}
	}
}

// A module computes what it computed before, leaves the same memory behind, and burns the same fuel each time and however little it is
// given at a time.
func TestKernelsComputeTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("nothing in it is concurrent")
	}
	h := newHost(t)
	var burnt []string
	for _, k := range kernels() {
		wasm := read(t, k.file)
		metered, err := meter.Rewrite(wasm)
		if err != nil {
			t.Fatal(err)
		}
		want, memory, _ := h.run(t, wasm, k, false)
		var fuel int64
		for _, h.slice = range []int64{1 << 40, 100_000, 1000} {
			got, left, used := h.run(t, metered, k, true)
			if got != want || !bytes.Equal(left, memory) {
				t.Fatalf("%s: %d became %d; memory equal: %t", k.name, want, got, bytes.Equal(left, memory))
			}
			if fuel != 0 && used != fuel {
				t.Errorf("%s burns %d in slices of %d, and %d otherwise", k.name, used, h.slice, fuel)
			}
			fuel = used
		}
		burnt = append(burnt, fmt.Sprintf("%s %d\n", k.name, fuel))
	}
	golden(t, "testdata/fuel.golden", []byte(string(slices.Concat(toBytes(burnt)...))))
}

func toBytes(lines []string) [][]byte {
	var all [][]byte
	for _, l := range lines {
		all = append(all, []byte(l))
	}
	return all
}

// run runs a kernel in a fresh instance.
func (h *host) run(tb testing.TB, wasm []byte, k kernel, metered bool) (result uint64, memory []byte, burnt int64) {
	tb.Helper()
	h.granted = 0
	m := h.start(tb, wasm)
	defer m.Close(context.Background()) //nolint:errcheck // it never fails
	if f := m.ExportedFunction("prepare"); f != nil {
		if _, err := f.Call(context.Background(), 0); err != nil {
			tb.Fatal(err)
		}
	}
	out, err := m.ExportedFunction(k.name).Call(context.Background(), k.size/4+1)
	if err != nil {
		tb.Fatalf("%s: %v", k.name, err)
	}
	left, _ := m.Memory().Read(0, m.Memory().Size())
	if metered {
		burnt = h.burnt(m)
	}
	return out[0], slices.Clone(left), burnt
}
