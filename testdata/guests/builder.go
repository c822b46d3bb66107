// Package guests holds the guests of the tests: sources of honest ones (ageband-go, ageband-c) and of those that the demo shows, and
// hostile ones, which are written here instruction by instruction so that no compiler is needed and nothing is hidden in a binary.
package guests

import (
	"encoding/binary"
	"slices"
)

// program is a module to be. A nil body stands for an honest one: version 1, regions handed out upward, success.
type program struct {
	pages      uint32 // least memory, 2 if zero
	abi        []byte // () -> i32
	window     []byte // (bytes) -> address, one spare local
	alloc      []byte // (bytes) -> address, one spare local
	init       []byte // (address, bytes) -> status
	batch      []byte // (descriptor) -> status; locals 1 to 4 are i32 and spare
	initialize []byte // ()
	extra      []byte // (i32) -> i32, for recursion
}

// Positions of functions. The first two are the imports, proc_exit and fd_write.
const (
	fnExit, fnWrite, fnAlloc, fnExtra = 0, 1, 4, 8
)

// Types of functions.
const (
	typeToI32, typeI32ToI32, typeI32I32ToI32, typeNone, typeI32, typeWrite = 0, 1, 2, 3, 4, 5
)

// Instructions, as WebAssembly encodes them.
const (
	opUnreachable, opLoop, opIf, opElse, opEnd, opBr, opBrIf, opReturn, opCall, opDrop = 0x00, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0f, 0x10, 0x1a
	opLocalGet, opLocalSet, opLocalTee, opGlobalGet, opGlobalSet                       = 0x20, 0x21, 0x22, 0x23, 0x24
	opLoad, opLoad64, opStore, opMemorySize, opMemoryGrow, opConst, opConst64          = 0x28, 0x29, 0x36, 0x3f, 0x40, 0x41, 0x42
	opEqz, opLessS, opLessU, opGreaterU, opEqual64                                     = 0x45, 0x48, 0x49, 0x4b, 0x51
	opAdd, opSub, opMul, opAnd, opOr, opShl, opShrU                                    = 0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x74, 0x76
	blockNone, blockI32                                                                = 0x40, 0x7f
)

// code joins instructions, given as bytes, and whole pieces of code.
func code(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			out = append(out, byte(p)) //nolint:gosec // small numbers of this package
		case []byte:
			out = append(out, p...)
		}
	}
	return out
}

func number(v int64) []byte { // i32.const
	return append([]byte{opConst}, signed(v)...)
}

func number64(v int64) []byte { // i64.const
	return append([]byte{opConst64}, signed(v)...)
}

func get(local int) []byte    { return []byte{opLocalGet, byte(local)} } //nolint:gosec // small numbers of this package
func set(local int) []byte    { return []byte{opLocalSet, byte(local)} } //nolint:gosec // small numbers of this package
func call(fn int) []byte      { return []byte{opCall, byte(fn)} }        //nolint:gosec // small numbers of this package
func load(offset int) []byte  { return append([]byte{opLoad, 2}, unsigned(offset)...) }
func store(offset int) []byte { return append([]byte{opStore, 2}, unsigned(offset)...) }

// memoryBytes is the size of the memory.
func memoryBytes() []byte { return code(opMemorySize, 0, number(16), opShl) }

// reserve hands out memory upward from the global "top", growing as needed: the honest window and alloc.
func reserve() []byte {
	return code(
		opGlobalGet, 0, number(63), opAdd, number(-64), opAnd, set(1), // start
		get(1), get(0), opAdd, opGlobalSet, 0,
		opGlobalGet, 0, number(16), opShrU, number(1), opAdd, opMemorySize, 0, opSub, opLocalTee, 0,
		number(0), opLessS, opEqz, opIf, blockNone, get(0), opMemoryGrow, 0, opDrop, opEnd,
		get(1),
	)
}

// codes stores the value in local 2 as the code of every row of the first key. It uses locals 1 and 3.
func codes() []byte {
	return code(
		get(0), get(0), load(8), number(16), opMul, opAdd, load(16), set(1), // first key's data address
		get(1), get(0), load(4), number(4), opMul, opAdd, set(3), // its end
		opLoop, blockNone,
		get(1), get(2), store(0),
		get(1), number(4), opAdd, opLocalTee, 1, get(3), opLessU, opBrIf, 0,
		opEnd,
	)
}

// wasm encodes the program.
func (p program) wasm() []byte {
	honest := func(body, otherwise []byte) []byte {
		if body == nil {
			return otherwise
		}
		return body
	}
	bodies := []struct {
		kind, locals int
		export       string
		body         []byte
	}{
		{typeToI32, 0, "darkroom_abi", honest(p.abi, number(1))},
		{typeI32ToI32, 1, "darkroom_window", honest(p.window, reserve())},
		{typeI32ToI32, 1, "darkroom_alloc", honest(p.alloc, reserve())},
		{typeI32I32ToI32, 0, "darkroom_init", honest(p.init, number(0))},
		{typeI32ToI32, 4, "darkroom_batch", honest(p.batch, number(0))},
		{typeNone, 0, "_initialize", honest(p.initialize, nil)},
		{typeI32ToI32, 0, "", honest(p.extra, number(0))},
	}
	var kinds, exports, code [][]byte
	exports = append(exports, slices.Concat(text("memory"), []byte{2, 0}))
	for i, f := range bodies {
		kinds = append(kinds, []byte{byte(f.kind)}) //nolint:gosec // small numbers of this package
		if f.export != "" {
			exports = append(exports, slices.Concat(text(f.export), []byte{0, byte(i + 2)}))
		}
		locals := []byte{0}
		if f.locals > 0 {
			locals = []byte{1, byte(f.locals), 0x7f} //nolint:gosec // small numbers of this package
		}
		code = append(code, sized(slices.Concat(locals, f.body, []byte{opEnd})))
	}
	pages := max(p.pages, 2)
	return slices.Concat(
		[]byte("\x00asm\x01\x00\x00\x00"),
		section(1, []byte("\x60\x00\x01\x7f"), []byte("\x60\x01\x7f\x01\x7f"), []byte("\x60\x02\x7f\x7f\x01\x7f"), []byte("\x60\x00\x00"), []byte("\x60\x01\x7f\x00"),
			[]byte("\x60\x04\x7f\x7f\x7f\x7f\x01\x7f")),
		section(2, slices.Concat(text("wasi_snapshot_preview1"), text("proc_exit"), []byte{0, typeI32}),
			slices.Concat(text("wasi_snapshot_preview1"), text("fd_write"), []byte{0, typeWrite})),
		section(3, kinds...),
		section(5, append([]byte{0}, unsigned(int(pages))...)),
		// Globals: where free memory starts, and a counter. The first 1024 bytes are the programs' own.
		section(6, slices.Concat([]byte{0x7f, 1}, number(1024), []byte{opEnd}), slices.Concat([]byte{0x7f, 1}, number(0), []byte{opEnd})),
		section(7, exports...),
		section(10, code...),
	)
}

func section(id byte, items ...[]byte) []byte {
	return append([]byte{id}, sized(append(unsigned(len(items)), slices.Concat(items...)...))...)
}

func sized(b []byte) []byte { return append(unsigned(len(b)), b...) }
func text(s string) []byte  { return sized([]byte(s)) }
func unsigned(v int) []byte { return binary.AppendUvarint(nil, uint64(v)) } //nolint:gosec // small numbers of this package
func signed(v int64) []byte { // signed LEB128
	var out []byte
	for {
		low := byte(v & 0x7f)
		v >>= 7
		if v == 0 && low&0x40 == 0 || v == -1 && low&0x40 != 0 {
			return append(out, low)
		}
		out = append(out, low|0x80)
	}
}
