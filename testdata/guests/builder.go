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
	finish     []byte // (descriptor) -> status; exported if there is one
	// change makes the module something else before it is encoded; nil leaves it.
	change func(*module)
}

// module is a module's sections, each a list of encoded items. An empty list makes no section.
type module struct {
	types, imports, functions, tables, memories, globals, exports, elements, bodies, data [][]byte
	start, count                                                                          []byte // contents of the start and the data count section
	before, after                                                                         []byte // whole sections, in front of all others and behind them
}

// Positions of functions: the imports, what the ABI asks for, and more from fnMore on.
const (
	fnExit, fnWrite, fnArgs, fnArgsSizes, fnClock, fnEnviron, fnEnvironSizes, fnPoll, fnRandom, fnYield = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
	fnABI, fnAlloc, fnBatch, fnExtra, fnMore                                                            = 10, 12, 14, 16, 18
)

// Types of functions.
const (
	typeToI32, typeI32ToI32, typeI32I32ToI32, typeNone, typeI32, typeWrite, typeClock = 0, 1, 2, 3, 4, 5, 6
)

// Instructions, as WebAssembly encodes them. Those behind opBulk and opSIMD are their second bytes.
const (
	opUnreachable, opBlock, opLoop, opIf, opElse, opEnd, opBr, opBrIf, opBrTable        = 0x00, 0x02, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e
	opReturn, opCall, opCallIndirect, opDrop                                            = 0x0f, 0x10, 0x11, 0x1a
	opLocalGet, opLocalSet, opLocalTee, opGlobalGet, opGlobalSet                        = 0x20, 0x21, 0x22, 0x23, 0x24
	opTableGet, opTableSet, opRefNull, opRefIsNull, opRefFunc                           = 0x25, 0x26, 0xd0, 0xd1, 0xd2
	opLoad, opLoad64, opLoadFloat, opStore, opStoreFloat                                = 0x28, 0x29, 0x2b, 0x36, 0x39
	opMemorySize, opMemoryGrow, opConst, opConst64, opConstFloat                        = 0x3f, 0x40, 0x41, 0x42, 0x44
	opEqz, opEqual, opLessS, opLessU, opGreaterU, opEqual64, opLessFloat                = 0x45, 0x46, 0x48, 0x49, 0x4b, 0x51, 0x63
	opAdd, opSub, opMul, opAnd, opOr, opShl, opShrU, opAddFloat                         = 0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x74, 0x76, 0xa0
	opBulk, bulkMemoryInit, bulkDataDrop, bulkMemoryCopy, bulkMemoryFill, bulkTableInit = 0xfc, 8, 9, 10, 11, 12
	bulkElemDrop, bulkTableCopy, bulkTableGrow, bulkTableSize, bulkTableFill            = 13, 14, 15, 16, 17
	blockNone, blockI32, valueI32, refFunc, refExtern                                   = 0x40, 0x7f, 0x7f, 0x70, 0x6f
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

func get(local int) []byte    { return append([]byte{opLocalGet}, unsigned(local)...) }
func set(local int) []byte    { return append([]byte{opLocalSet}, unsigned(local)...) }
func call(fn int) []byte      { return append([]byte{opCall}, unsigned(fn)...) }
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

// emit is a batch that stores what is on the stack as the code of every row, and succeeds.
func emit(value ...any) []byte { return code(code(value...), set(2), codes(), number(0)) }

// module lays the program out.
func (p program) module() *module {
	honest := func(body, otherwise []byte) []byte {
		if body == nil {
			return otherwise
		}
		return body
	}
	m := &module{
		types: [][]byte{
			[]byte("\x60\x00\x01\x7f"), []byte("\x60\x01\x7f\x01\x7f"), []byte("\x60\x02\x7f\x7f\x01\x7f"), []byte("\x60\x00\x00"),
			[]byte("\x60\x01\x7f\x00"), []byte("\x60\x04\x7f\x7f\x7f\x7f\x01\x7f"), []byte("\x60\x03\x7f\x7e\x7f\x01\x7f"),
		},
		memories: [][]byte{append([]byte{0}, unsigned(int(max(p.pages, 2)))...)},
		// Globals: where free memory starts, and a counter. The first 1024 bytes are the programs' own.
		globals: [][]byte{global(1024), global(0)},
		exports: [][]byte{slices.Concat(text("memory"), []byte{2, 0})},
	}
	for _, f := range []struct {
		name string
		kind int
	}{
		{"proc_exit", typeI32},
		{"fd_write", typeWrite},
		{"args_get", typeI32I32ToI32},
		{"args_sizes_get", typeI32I32ToI32},
		{"clock_time_get", typeClock},
		{"environ_get", typeI32I32ToI32},
		{"environ_sizes_get", typeI32I32ToI32},
		{"poll_oneoff", typeWrite},
		{"random_get", typeI32I32ToI32},
		{"sched_yield", typeToI32},
	} {
		m.imports = append(m.imports, imported("wasi_snapshot_preview1", f.name, f.kind))
	}
	m.function("darkroom_abi", typeToI32, 0, honest(p.abi, number(1)))
	m.function("darkroom_window", typeI32ToI32, 1, honest(p.window, reserve()))
	m.function("darkroom_alloc", typeI32ToI32, 1, honest(p.alloc, reserve()))
	m.function("darkroom_init", typeI32I32ToI32, 0, honest(p.init, number(0)))
	m.function("darkroom_batch", typeI32ToI32, 4, honest(p.batch, number(0)))
	m.function("_initialize", typeNone, 0, p.initialize)
	m.function("", typeI32ToI32, 0, honest(p.extra, number(0)))
	finish := "darkroom_finish"
	if p.finish == nil {
		finish = ""
	}
	m.function(finish, typeI32ToI32, 0, honest(p.finish, number(0)))
	if p.change != nil {
		p.change(m)
	}
	return m
}

func (p program) wasm() []byte { return p.module().wasm() }

// function adds a function of a type, with so many spare locals of i32, and exports it unless its name is empty.
func (m *module) function(export string, kind, locals int, body []byte) {
	if export != "" {
		m.exports = append(m.exports, slices.Concat(text(export), []byte{0}, unsigned(len(m.imports)+len(m.functions))))
	}
	declared := []byte{0}
	if locals > 0 {
		declared = slices.Concat([]byte{1}, unsigned(locals), []byte{valueI32})
	}
	m.functions = append(m.functions, unsigned(kind))
	m.bodies = append(m.bodies, sized(slices.Concat(declared, body, []byte{opEnd})))
}

// wasm encodes the module.
func (m *module) wasm() []byte {
	out := slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), m.before)
	list := func(id byte, items [][]byte) {
		if len(items) > 0 {
			out = append(out, section(id, items...)...)
		}
	}
	single := func(id byte, contents []byte) {
		if contents != nil {
			out = append(append(out, id), sized(contents)...)
		}
	}
	list(1, m.types)
	list(2, m.imports)
	list(3, m.functions)
	list(4, m.tables)
	list(5, m.memories)
	list(6, m.globals)
	list(7, m.exports)
	single(8, m.start)
	list(9, m.elements)
	single(12, m.count)
	list(10, m.bodies)
	list(11, m.data)
	return append(out, m.after...)
}

// global is a mutable global of i32.
func global(from int64) []byte {
	return slices.Concat([]byte{valueI32, 1}, number(from), []byte{opEnd})
}

// imported is an import of a function.
func imported(from, name string, kind int) []byte {
	return slices.Concat(text(from), text(name), []byte{0}, unsigned(kind))
}

// table is a table of functions with room for so many, which may grow.
func table(entries int) []byte { return append([]byte{refFunc, 0}, unsigned(entries)...) }

// elements fill the first table from its start.
func elements(functions ...int) []byte {
	out := slices.Concat([]byte{0}, number(0), []byte{opEnd}, unsigned(len(functions)))
	for _, f := range functions {
		out = append(out, unsigned(f)...)
	}
	return out
}

// passive is a data segment that lies nowhere until an instruction copies it.
func passive(data []byte) []byte { return append([]byte{1}, sized(data)...) }

// active is a data segment that lies at an address when the module starts.
func active(at int64, data []byte) []byte {
	return slices.Concat([]byte{0}, number(at), []byte{opEnd}, sized(data))
}

// custom is a whole custom section.
func custom(name string, contents []byte) []byte {
	return append([]byte{0}, sized(slices.Concat(text(name), contents))...)
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
