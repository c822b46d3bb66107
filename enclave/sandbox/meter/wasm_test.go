package meter_test

import (
	"encoding/binary"
	"slices"
)

// module is a module to be, of one memory and one table, with functions of one type each.
type module struct {
	imports, functions []function
	globals            int // mutable i64, zero
	exports            []string
	elements           []byte // a whole section's contents, if any
}

type function struct {
	params, results string // types of values
	locals          string
	name            string // exported, if any
	code            []byte // without the last end
}

const (
	i32, i64, f32, f64, v128 = "\x7f", "\x7e", "\x7d", "\x7c", "\x7b"
	none                     = "\x40"
)

func (m module) wasm() []byte {
	var kinds, imports, indexes, globals, exports, bodies [][]byte
	for i, f := range slices.Concat(m.imports, m.functions) {
		kinds = append(kinds, code(0x60, text(f.params), text(f.results)))
		if i < len(m.imports) {
			imports = append(imports, code(text("wasi_snapshot_preview1"), text(f.name), 0, unsigned(i)))
			continue
		}
		indexes = append(indexes, unsigned(i))
		if f.name != "" {
			exports = append(exports, code(text(f.name), 0, unsigned(i)))
		}
		locals := code(unsigned(len(f.locals)))
		for _, kind := range []byte(f.locals) {
			locals = append(locals, 1, kind)
		}
		bodies = append(bodies, sized(code(locals, f.code, 0x0b)))
	}
	for range m.globals {
		globals = append(globals, code(i64, 1, 0x42, 0, 0x0b))
	}
	exports = append(exports, code(text("memory"), 2, 0))
	for i, name := range m.exports {
		exports = append(exports, code(text(name), 3, unsigned(i)))
	}
	elements := m.elements
	if elements == nil {
		elements = []byte{0}
	}
	return slices.Concat(
		[]byte("\x00asm\x01\x00\x00\x00"),
		section(1, kinds...), section(2, imports...), section(3, indexes...), section(4, []byte{0x70, 0, 8}), section(5, []byte{1, 1, 64}), section(6, globals...),
		section(7, exports...), code(9, sized(elements)), code(12, 1, 1), section(10, bodies...), section(11, code(1, text("passive data"))),
	)
}

// code joins instructions, given as bytes, types and whole pieces of code.
func code(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			out = append(out, byte(p)) //nolint:gosec // an opcode
		case string:
			out = append(out, p...)
		case []byte:
			out = append(out, p...)
		}
	}
	return out
}

func section(id byte, items ...[]byte) []byte {
	return append([]byte{id}, sized(append(unsigned(len(items)), slices.Concat(items...)...))...)
}

func sized(b []byte) []byte { return append(unsigned(len(b)), b...) }
func text(s string) []byte  { return sized([]byte(s)) }
func unsigned(v int) []byte { return binary.AppendUvarint(nil, uint64(v)) } //nolint:gosec // small numbers of the tests

func number(v int64) []byte   { return append([]byte{0x41}, signed(v)...) }
func number64(v int64) []byte { return append([]byte{0x42}, signed(v)...) }

func signed(v int64) []byte {
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

func repeat(n int, piece ...any) []byte { return slices.Repeat(code(piece...), n) }
