package meter_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox/meter"
)

func one(code []byte, locals string) []byte {
	return module{globals: 1, functions: []function{{name: "f", locals: locals, code: code}}}.wasm()
}

// Each limit holds exactly: what is at it compiles, in a time that is printed, and what is one above is refused by its name.
func TestLimits(t *testing.T) {
	h := newHost(t)
	nested := func(n int) []byte { return code(repeat(n, 0x02, none), repeat(n, 0x0b)) }
	switched := func(n int) []byte { // n targets, the default among them
		return code(0x02, none, number(0), 0x0e, unsigned(n-1), repeat(n, 0), 0x0b)
	}
	loops := func(n int) []byte { // that use each local in turn
		var out []byte
		for i := range n {
			out = append(out, code(0x03, none, 0x20, unsigned(i%50), 0x21, unsigned((i+7)%50))...)
		}
		return append(out, repeat(n, 0x0b)...)
	}
	nops := func(n int) []byte { return repeat(n-2, 0x01) } // with the number of groups of locals, and the end, n bytes
	for name, c := range map[string]struct {
		limit int
		at    func(n int) []byte
	}{
		"bytes of code":        {meter.MaxBodyBytes, func(n int) []byte { return one(nops(n), "") }},
		"blocks within blocks": {meter.MaxNesting, func(n int) []byte { return one(nested(n-1), "") }}, // the body is one itself
		"locals":               {meter.MaxLocals, func(n int) []byte { return one(nil, strings.Repeat(i32, n)) }},
		"loops times locals":   {meter.MaxLoopLocals, func(n int) []byte { return one(loops(n/50+min(1, n%50)), strings.Repeat(i32, 50)) }},
		"branch-table targets": {meter.MaxSwitchTargets, func(n int) []byte { return one(switched(n), "") }},
	} {
		metered, err := meter.Rewrite(c.at(c.limit))
		if err != nil {
			t.Errorf("%s at the limit: %v", name, err)
			continue
		}
		began := time.Now()
		if _, err := h.CompileModule(t.Context(), metered); err != nil {
			t.Errorf("%s at the limit: %v", name, err)
		}
		t.Logf("%s: %d bytes at the limit compile in %v", name, len(metered), time.Since(began).Round(time.Millisecond))
		_, err = meter.Rewrite(c.at(c.limit + 1))
		refused := enclave.AsError(err)
		if refused == nil || refused.Reason != "MODULE_TOO_INTRICATE" || refused.Kind != enclave.Limit || refused.Args["what"] != name ||
			refused.Args["function"] != "0" || refused.Args["limit"] != strconv.Itoa(c.limit) {
			t.Errorf("%s above the limit: %v", name, err)
		}
	}
	if _, err := meter.Rewrite(module{functions: []function{{params: strings.Repeat(i32, meter.MaxLocals), locals: i32}}}.wasm()); err == nil {
		t.Error("parameters do not count among the locals")
	}
}

// A module that is all additions once it is metered is refused before it has become large; a small one may be.
func TestGrowth(t *testing.T) {
	grows := func(n int) []byte { return one(repeat(n, number(0), 0x40, 0, 0x1a), "") }
	if _, err := meter.Rewrite(grows(1000)); err != nil {
		t.Errorf("a small module: %v", err)
	}
	_, err := meter.Rewrite(grows(100_000))
	if refused := enclave.AsError(err); refused == nil || refused.Reason != "MODULE_TOO_INTRICATE" || refused.Args["what"] != "times as many bytes when metered" {
		t.Errorf("half a megabyte of memory.grow: %v", err)
	}
}

func TestInstructionsThatAreRefused(t *testing.T) {
	for what, body := range map[string][]byte{
		"table.set":  code(number(0), 0xd0, 0x70, 0x26, 0),
		"table.init": code(number(0), number(0), number(0), 0xfc, 12, 0, 0),
		"elem.drop":  code(0xfc, 13, 0),
		"table.copy": code(number(0), number(0), number(0), 0xfc, 14, 0, 0),
		"table.grow": code(0xd0, 0x70, number(0), 0xfc, 15, 0, 0x1a),
		"table.fill": code(number(0), 0xd0, 0x70, number(0), 0xfc, 17, 0),
		"data.drop":  code(0xfc, 9, 0),
		"0xfe":       code(0xfe, 0x03, 0),    // threads
		"0x12":       code(0x12, 0),          // tail calls
		"0x6":        code(0x06, none, 0x0b), // exceptions
		"0x1f":       code(0x1f, none, 0, 0x0b),
		"0x14":       code(0x14, 0), // call_ref
		"0xfb":       code(0xfb, 0),
		"0xfc12":     code(0xfc, 18),
		"0xfd9a":     code(0xfd, 0x9a, 1),
		"0xff":       code(0xff),
	} {
		_, err := meter.Rewrite(one(body, ""))
		got := enclave.AsError(err)
		if got == nil || got.Reason != "MODULE_UNSUPPORTED" || got.Args["what"] != "instruction "+what+" in function 0" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestModulesThatAreRefused(t *testing.T) {
	whole := module{globals: 1, functions: []function{{name: "f"}}}
	body := func(parts ...any) []byte { return one(code(parts...), i32) }
	for name, c := range map[string]struct {
		wasm   []byte
		reason string
	}{
		"nothing":                    {nil, "MODULE_NOT_WASM"},
		"text":                       {[]byte("not a module"), "MODULE_NOT_WASM"},
		"a start section":            {slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), []byte{8, 1, 0}), "MODULE_COMMAND"},
		"an unknown section":         {slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), []byte{13, 0}), "MODULE_UNSUPPORTED"},
		"room for much data":         {slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), []byte("\x0b\x0f\xc5\xc5\xc5\x70passive data")), "MODULE_MALFORMED"},
		"room for many tables":       {slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), []byte("\x04\x05\xff\xff\xff\xff\x0f")), "MODULE_MALFORMED"},
		"shared memory":              {slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), []byte("\x05\x04\x01\x03\x01\x02")), "MODULE_UNSUPPORTED"},
		"a section twice":            {slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), []byte{1, 1, 0, 1, 1, 0}), "MODULE_MALFORMED"},
		"sections out of order":      {slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), []byte{5, 1, 0, 1, 1, 0}), "MODULE_MALFORMED"},
		"cut short":                  {whole.wasm()[:len(whole.wasm())-25], "MODULE_MALFORMED"},
		"the counter's export":       {module{globals: 1, exports: []string{meter.Counter}}.wasm(), "MODULE_EXPORT"},
		"an import of a memory":      {slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), section(2, code(text("a"), text("b"), 2, 0, 1))), "MODULE_UNSUPPORTED"},
		"an import from the enclave": {slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), section(1, code(0x60, 0, 0)), section(2, code(text(meter.HostModule), text("x"), 0, 0))), "MODULE_UNSUPPORTED"},
		"the counter as a global":    {body(0x23, 1, 0x1a), "MODULE_MALFORMED"},
		"the host's function":        {body(0x10, 1), "MODULE_MALFORMED"},
		"the host's type":            {body(number(0), 0x11, 1, 0), "MODULE_MALFORMED"},
		"a scratch local":            {body(0x20, 1, 0x1a), "MODULE_MALFORMED"},
		"a block around the body":    {body(0x0c, 1), "MODULE_MALFORMED"},
		"code behind the end":        {body(0x0b), "MODULE_MALFORMED"},
		"a body without end":         {body(0x02, none), "MODULE_MALFORMED"},
		"an else alone":              {body(0x05), "MODULE_MALFORMED"},
		"two elses":                  {body(number(0), 0x04, none, 0x05, 0x05, 0x0b), "MODULE_MALFORMED"},
		"relaxed SIMD":               {body(0xfd, 0x80, 0x02), "MODULE_UNSUPPORTED"},
		"a long prefix":              {body(0xfd, 0xe0, 0x00), "MODULE_MALFORMED"},
		"a long number":              {body(0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x1a), "MODULE_MALFORMED"},
		"a huge list of labels":      {body(0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f), "MODULE_MALFORMED"},
		"an unknown type":            {body(0x02, 0x64, 0x0b), "MODULE_MALFORMED"},
		"a reference of no kind":     {body(0xd0, 0x6e, 0x1a), "MODULE_MALFORMED"},
	} {
		_, err := meter.Rewrite(c.wasm)
		if !errors.Is(err, enclave.Fail(enclave.Invalid, c.reason)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := meter.Rewrite(whole.wasm()); err != nil {
		t.Errorf("control: %v", err)
	}
}
