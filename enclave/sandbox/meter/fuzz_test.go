package meter_test

import (
	"encoding/binary"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox/meter"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// The rewriter never panics, refuses by its own reasons, grows a module by a bounded factor, accepts nothing of its own making, and makes no
// valid module invalid, nor an invalid one valid: what it accepts compiles afterwards if and only if it did before.
func FuzzRewrite(f *testing.F) {
	for _, pattern := range []string{"testdata/*.wasm", "../../../internal/scaffold/guests/*.wasm"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			f.Add(read(f, file))
		}
	}
	for _, g := range guests.Hostile() {
		if len(g.Wasm) < 8192 { // the bombs would take all the time
			f.Add(g.Wasm)
		}
	}
	f.Add(module{globals: 1, elements: code(1, 0, number(0), 0x0b, 1, 0), functions: []function{
		{name: "f", locals: v128 + f32 + f64 + i64, code: everyInstruction()}, {results: i32, code: number(1)},
	}}.wasm())
	for flags, rest := range []string{
		"A\x00\x0b\x01\x00", "\x00\x01\x00", "\x00A\x00\x0b\x00\x01\x00", "\x00\x01\x00",
		"A\x00\x0b\x01\xd2\x00\x0b", "p\x01\xd2\x00\x0b", "\x00A\x00\x0bp\x01\xd2\x00\x0b", "p\x01\xd0p\x0b",
	} {
		f.Add(module{functions: []function{{name: "f"}}, elements: code(1, flags, rest)}.wasm())
	}
	h := newHost(f)
	// The interpreter of wazero validates as its compiler does, and is ready sooner.
	judge := wazero.NewRuntimeWithConfig(f.Context(), wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2))
	f.Cleanup(func() { _ = judge.Close(f.Context()) })
	f.Fuzz(func(t *testing.T, wasm []byte) {
		metered, err := meter.Rewrite(wasm)
		if err != nil {
			if failure := enclave.AsError(err); !enclave.Known(failure.Reason) || failure.Kind == enclave.Internal {
				t.Fatal(err)
			}
			return
		}
		if len(metered) > 40*len(wasm)+512 {
			t.Fatalf("%d bytes became %d", len(wasm), len(metered))
		}
		if _, err := meter.Rewrite(metered); err == nil {
			t.Fatal("what is metered was metered again")
		}
		before, after := compiles(t, judge, withoutCustom(wasm)), compiles(t, judge, metered)
		if (before == nil) != (after == nil) {
			t.Fatalf("before: %v; after: %v", before, after)
		}
		if after == nil && len(wasm) < 4096 {
			if err := compiles(t, h, metered); err != nil {
				t.Fatalf("the compiler: %v", err)
			}
		}
	})
}

func compiles(t *testing.T, by wazero.Runtime, wasm []byte) error {
	t.Helper()
	compiled, err := by.CompileModule(t.Context(), wasm)
	if err == nil {
		err = compiled.Close(t.Context())
	}
	return err
}

// withoutCustom drops what the rewriter does not look at.
func withoutCustom(wasm []byte) []byte {
	out, rest := wasm[:8:8], wasm[8:]
	for len(rest) > 0 {
		size, n := binary.Uvarint(rest[1:])
		whole := 1 + n + int(size) //nolint:gosec // the rewriter has read it
		if rest[0] != 0 {
			out = append(out, rest[:whole]...)
		}
		rest = rest[whole:]
	}
	return out
}
