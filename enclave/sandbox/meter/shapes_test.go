package meter_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/darkroom-project/darkroom/enclave/sandbox/meter"
)

// Whatever shape an endless guest has, it ends when its fuel does; without metering each of these would run for ever or for years.
func TestEveryEndlessShapeEnds(t *testing.T) {
	h := newHost(t)
	h.budget = 20_000_000
	call := func(i int) []byte { return []byte{0x10, byte(i)} } //nolint:gosec // small numbers
	self := func(f function) module { return module{functions: []function{f}} }
	for name, m := range map[string]module{
		"an empty loop":          self(function{name: "f", code: code(0x03, none, 0x0c, 0, 0x0b)}),
		"a loop that tests":      self(function{name: "f", code: code(0x03, none, number(1), 0x0d, 0, 0x0b)}),
		"a loop through an if":   self(function{name: "f", code: code(0x03, none, number(1), 0x04, none, 0x0c, 1, 0x0b, 0x0b)}),
		"a loop through an else": self(function{name: "f", code: code(0x03, none, number(0), 0x04, none, 0x05, 0x0c, 1, 0x0b, 0x0b)}),
		"a loop by br_table":     self(function{name: "f", code: code(0x03, none, number(9), 0x0e, 2, 0, 0, 0, 0x0b)}),
		"a dispatch by br_table": self(function{name: "f", code: code(
			0x03, none, 0x02, none, 0x02, none, number(1), 0x0e, 1, 0, 1, 0x0b, 0x0c, 1, 0x0b, 0x0c, 0, 0x0b)}),
		"a loop with values": self(function{name: "f", code: code(number(1), 0x03, unsigned(1), 0x0c, 0, 0x0b), params: "", results: ""}),
		"loops in loops": self(function{name: "f", locals: i32 + i32, code: code(
			0x03, none, 0x03, none, 0x20, 0, number(1), 0x6a, 0x22, 0, number(1000), 0x70, 0x0d, 0, 0x0b, 0x0c, 0, 0x0b)}),
		"a loop in unreachable code of another": self(function{name: "f", code: code(0x03, none, 0x0c, 0, 0x03, none, 0x0c, 0, 0x0b, 0x0b)}),
		"recursion that branches": {functions: []function{
			{name: "f", code: code(number(100), call(1))},
			{params: i32, code: code(0x20, 0, 0x04, none, 0x20, 0, number(1), 0x6b, call(1), 0x20, 0, number(1), 0x6b, call(1), 0x0b)},
		}},
		"recursion through a table": {elements: code(1, 0, number(0), 0x0b, 1, 1), functions: []function{
			{name: "f", code: code(number(100), call(1))},
			{params: i32, code: code(
				0x20, 0, 0x04, none, 0x20, 0, number(1), 0x6b, number(0), 0x11, 1, 0, 0x20, 0, number(1), 0x6b, number(0), 0x11, 1, 0, 0x0b)},
		}},
		"two that call each other": {functions: []function{
			{name: "f", code: code(number(100), call(1))},
			{params: i32, code: code(0x20, 0, 0x04, none, 0x20, 0, call(2), 0x20, 0, call(2), 0x0b)},
			{params: i32, code: code(0x20, 0, number(1), 0x6b, call(1))},
		}},
		"fills":  self(function{name: "f", code: code(0x03, none, number(0), number(7), number(65536), 0xfc, 11, 0, 0x0c, 0, 0x0b)}),
		"copies": self(function{name: "f", code: code(0x03, none, number(0), number(1), number(65535), 0xfc, 10, 0, 0, 0x0c, 0, 0x0b)}),
		"initialises": self(function{name: "f", code: code(
			0x03, none, number(0), number(0), number(12), 0xfc, 8, 0, 0, 0x0c, 0, 0x0b)}),
		"asks for no memory":   self(function{name: "f", code: code(0x03, none, number(0), 0x40, 0, 0x1a, 0x0c, 0, 0x0b)}),
		"asks for all memory":  self(function{name: "f", code: code(0x03, none, number(-1), 0x40, 0, 0x1a, 0x0c, 0, 0x0b)}),
		"a fill of everything": self(function{name: "f", code: code(number(0), number(0), number(-1), 0xfc, 11, 0)}),
	} {
		if name == "a loop with values" { // needs a type (i32) -> ()
			m.functions = append(m.functions, function{params: i32})
		}
		metered, err := meter.Rewrite(m.wasm())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		h.granted = 0
		_, err = h.start(t, metered).ExportedFunction("f").Call(context.Background())
		if err == nil || !strings.Contains(err.Error(), "out of fuel") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Growth costs by what was granted, and nothing for what was not; a fill costs by its length.
func TestSizesAreCharged(t *testing.T) {
	h := newHost(t)
	wasm, err := meter.Rewrite(module{functions: []function{
		{name: "grow", params: i32, results: i32, code: code(0x20, 0, 0x40, 0)},
		{name: "fill", params: i32, code: code(number(0), number(0), 0x20, 0, 0xfc, 11, 0)},
	}}.wasm())
	if err != nil {
		t.Fatal(err)
	}
	m := h.start(t, wasm)
	cost := func(name string, of int32) int64 {
		before := h.burnt(m)
		if _, err := m.ExportedFunction(name).Call(t.Context(), api.EncodeI32(of)); err != nil {
			t.Fatal(err)
		}
		return h.burnt(m) - before
	}
	if none, two, refused := cost("grow", 0), cost("grow", 2), cost("grow", 1<<20); two-none != 2*meter.GrowUnits || refused != none {
		t.Errorf("growth costs %d, by two pages %d, refused %d", none, two, refused)
	}
	if none, much := cost("fill", 0), cost("fill", 80_000); much-none != 80_000/meter.BulkBytes {
		t.Errorf("a fill costs %d, of 80,000 bytes %d", none, much)
	}
}

// A function of Go is one loop with one br_table. A turn pays for what it does, not for the whole function.
func TestADispatchPaysForItsOwnCase(t *testing.T) {
	const cases = 200
	work := repeat(50, 0x20, 1, number(3), 0x6c, 0x21, 1)
	var body []byte
	body = append(body, code(repeat(cases, 0x02, none), 0x20, 0, 0x0e, unsigned(cases-1))...)
	for i := range cases {
		body = append(body, unsigned(i)...)
	}
	for range cases {
		body = append(body, code(0x0b, work, 0x0f)...)
	}
	h := newHost(t)
	metered, err := meter.Rewrite(module{functions: []function{{name: "f", params: i32, locals: i32, code: body}}}.wasm())
	if err != nil {
		t.Fatal(err)
	}
	m := h.start(t, metered)
	if _, err := m.ExportedFunction("f").Call(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	if got := h.burnt(m); got < 100 || got > 200 {
		t.Errorf("one case of 50 multiplications burns %d", got)
	}
}

// The bytes of the rewritten module are fixed: changing them changes what every run burns, or what is compiled.
func TestGoldenModule(t *testing.T) {
	wasm := module{
		imports: []function{{name: "sched_yield", results: i32}},
		globals: 1, elements: code(1, 0, number(0), 0x0b, 2, 0, 1),
		functions: []function{{name: "f", params: i32, results: i32, locals: i64, code: code(
			0x03, none, 0x20, 0, number(1), 0x6b, 0x22, 0, 0x0d, 0, 0x0b, // a loop
			number(0), number(0), 0x20, 0, 0xfc, 11, 0, // a fill
			0x10, 0, 0xd2, 1, 0x1a)}},
	}.wasm()
	wasm = append(wasm, code(0, sized(code(text("name"), "\x01\x02")))...)
	got, err := meter.Rewrite(wasm)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newHost(t).CompileModule(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/rewritten.golden", fmt.Appendf(nil, "%s\n%s", hex.Dump(wasm), hex.Dump(got)))
}

// Every instruction of WebAssembly 2.0 passes, whole, and compiles; its operands are what validation asks for.
func TestEveryInstruction(t *testing.T) {
	h := newHost(t)
	body := everyInstruction()
	f := function{name: "f", locals: v128 + f32 + f64 + i64, code: body}
	wasm := module{globals: 1, elements: code(1, 0, number(0), 0x0b, 1, 0), functions: []function{f, {results: i32, code: number(1)}}}.wasm()
	plain, err := h.CompileModule(t.Context(), wasm)
	if err != nil {
		t.Fatalf("control: %v", err)
	}
	metered, err := meter.Rewrite(wasm)
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := h.CompileModule(t.Context(), metered)
	if err != nil {
		t.Fatal(err)
	}
	if len(compiled.ExportedFunctions()) != len(plain.ExportedFunctions()) {
		t.Error("functions were lost")
	}
	if n := bytes.Count(metered, []byte{0xfd}); n < 230 {
		t.Errorf("%d vector instructions", n)
	}
	// The same value comes of every pure instruction: they are folded into one sum in memory.
	var left [][]byte
	for _, w := range [][]byte{wasm, metered} {
		m := h.start(t, w)
		if _, err := m.ExportedFunction("f").Call(t.Context()); err != nil {
			t.Fatal(err)
		}
		memory, _ := m.Memory().Read(0, m.Memory().Size())
		left = append(left, slices.Clone(memory))
	}
	if !bytes.Equal(left[0], left[1]) || bytes.Count(left[0], []byte{0}) == len(left[0]) {
		t.Error("the results differ, or there are none")
	}
}
