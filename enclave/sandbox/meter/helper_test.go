package meter_test

import (
	"bytes"
	"context"
	"os"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/darkroom-project/darkroom/enclave/sandbox/meter"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// kernel is a function of a committed module with a size that takes a few milliseconds.
type kernel struct {
	file, name string
	size       uint64
}

func kernels() []kernel {
	const c, rust = "testdata/kernels-c.wasm", "testdata/kernels-rust.wasm"
	return []kernel{
		{c, "countdown", 1 << 20},
		{c, "collatz", 2_000},
		{c, "sum_words", 40},
		{c, "sum_vectors", 100},
		{c, "bands", 10},
		{c, "histogram", 8},
		{c, "horner", 20},
		{c, "matrix", 10},
		{c, "fibonacci", 21},
		{c, "sieve", 2},
		{c, "quicksort", 1},
		{c, "interpret", 2},
		{c, "indirect", 20},
		{c, "bulk", 10},
		{c, "lines", 3},
		{c, "chase", 10},
		{c, "crc", 3},
		{c, "clamp", 30},
		{rust, "shapes", 10},
		{rust, "checked", 4},
		{rust, "digits", 3},
		{rust, "sorted", 2},
		{rust, "parsed", 4},
	}
}

// goGuests are built once for all tests.
var goGuests = sync.OnceValue(func() map[string]func() ([]byte, error) {
	return map[string]func() ([]byte, error){"ageband-go": build("ageband-go"), "histogram-go": build("histogram-go")}
})

func build(name string) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp("", "")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a directory of the test
		return guests.BuildGo(context.Background(), dir, name)
	})
}

func read(tb testing.TB, file string) []byte {
	tb.Helper()
	wasm, err := os.ReadFile(file) //nolint:gosec // a file of the repository
	if err != nil {
		tb.Fatal(err)
	}
	return wasm
}

// host is a runtime that offers what guests import.
type host struct {
	wazero.Runtime
	granted int64 // fuel so far
	budget  int64 // fuel at most
	slice   int64 // fuel at a time
}

func newHost(tb testing.TB) *host {
	tb.Helper()
	ctx := context.Background()
	h := &host{Runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2)), budget: 1 << 62, slice: 10_000_000}
	tb.Cleanup(func() {
		if err := h.Close(ctx); err != nil {
			tb.Error(err)
		}
	})
	refuel := func(_ context.Context, _ api.Module, stack []uint64) {
		fuel := int64(stack[0]) //nolint:gosec // its bits
		more := min(h.budget-h.granted, h.slice-fuel)
		if fuel+more < 0 {
			panic("out of fuel")
		}
		h.granted += more
		stack[0] = uint64(fuel + more) //nolint:gosec // not negative
	}
	if _, err := h.NewHostModuleBuilder(meter.HostModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(refuel), []api.ValueType{api.ValueTypeI64}, []api.ValueType{api.ValueTypeI64}).
		Export(meter.HostRefuel).Instantiate(ctx); err != nil {
		tb.Fatal(err)
	}
	wasi := h.NewHostModuleBuilder("wasi_snapshot_preview1")
	i32, i64 := api.ValueTypeI32, api.ValueTypeI64
	for name, params := range map[string][]api.ValueType{
		"args_get": {i32, i32}, "args_sizes_get": {i32, i32}, "clock_time_get": {i32, i64, i32}, "environ_get": {i32, i32}, "environ_sizes_get": {i32, i32},
		"fd_write": {i32, i32, i32, i32}, "poll_oneoff": {i32, i32, i32, i32}, "random_get": {i32, i32}, "sched_yield": {},
	} {
		wasi.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, m api.Module, stack []uint64) {
			switch name {
			case "clock_time_get":
				m.Memory().WriteUint64Le(api.DecodeU32(stack[2]), 1_000_000_000_000)
			case "args_sizes_get", "environ_sizes_get":
				m.Memory().WriteUint32Le(api.DecodeU32(stack[0]), 0)
				m.Memory().WriteUint32Le(api.DecodeU32(stack[1]), 0)
			}
			stack[0] = 0
		}), params, []api.ValueType{i32}).Export(name)
	}
	wasi.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(context.Context, api.Module, []uint64) { panic("exit") }), []api.ValueType{i32}, nil).Export("proc_exit")
	if _, err := wasi.Instantiate(ctx); err != nil {
		tb.Fatal(err)
	}
	return h
}

// start makes an instance.
func (h *host) start(tb testing.TB, wasm []byte) api.Module {
	tb.Helper()
	m, err := h.InstantiateWithConfig(context.Background(), wasm, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		tb.Fatal(err)
	}
	if f := m.ExportedFunction("_initialize"); f != nil {
		if _, err := f.Call(context.Background()); err != nil {
			tb.Fatal(err)
		}
	}
	return m
}

// burnt is what has gone through the counter of an instance since the host began.
func (h *host) burnt(m api.Module) int64 {
	return h.granted - int64(m.ExportedGlobal(meter.Counter).Get()) //nolint:gosec // its bits
}

// golden compares with a file; DARKROOM_GOLDEN=write writes it.
func golden(tb testing.TB, file string, got []byte) {
	tb.Helper()
	if os.Getenv("DARKROOM_GOLDEN") == "write" {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	if want := read(tb, file); !bytes.Equal(got, want) || len(want) == 0 {
		tb.Fatalf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}
