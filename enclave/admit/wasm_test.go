package admit

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/wasm"
)

// The tests write WebAssembly by hand, one part at a time, so that each can break one thing.

var header = []byte(wasm.Header)

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

func uleb(v int) []byte { return binary.AppendUvarint(nil, uint64(v)) } //nolint:gosec // not negative in these tests

func named(s string) []byte { return cat(uleb(len(s)), []byte(s)) }

// list is a vector: its length and its items.
func list(items ...[]byte) []byte { return cat(uleb(len(items)), cat(items...)) }

func sect(id byte, contents []byte) []byte { return cat([]byte{id}, uleb(len(contents)), contents) }

func custom(name string, contents []byte) []byte {
	return sect(wasm.Custom, cat(named(name), contents))
}

func function(name string, index int) []byte {
	return cat(named(name), []byte{kindFunction}, uleb(index))
}

// parts are the sections of a guest that does nothing: five functions that return 0.
type parts struct {
	types, imports, functions, tables, memories, globals, exports, start, elements, code, data, custom []byte
}

func honest() parts {
	body := cat(uleb(4), []byte{0, 0x41, 0, 0x0b})
	return parts{
		types: sect(wasm.Type, list(
			[]byte{0x60, 0, 1, 0x7f}, []byte{0x60, 1, 0x7f, 1, 0x7f}, []byte{0x60, 2, 0x7f, 0x7f, 1, 0x7f}, []byte{0x60, 0, 0})),
		functions: sect(wasm.Function, list(uleb(0), uleb(1), uleb(1), uleb(2), uleb(1))),
		tables:    sect(wasm.Table, list([]byte{0x70, 0, 1})),
		memories:  memory(0, 17),
		exports:   exported(nil),
		code:      sect(wasm.Code, list(body, body, body, body, body)),
		data:      sect(wasm.Data, list(cat([]byte{1}, named("hello")))),
		custom:    section0(),
	}
}

func memory(flags byte, pages int) []byte {
	return sect(wasm.Memory, list(cat([]byte{flags}, uleb(pages))))
}

// exported are the honest exports, some replaced, with more behind them. A nil replacement leaves one out.
func exported(replace map[string][]byte, more ...[]byte) []byte {
	items := [][]byte{}
	for i, name := range []string{"darkroom_abi", "darkroom_window", "darkroom_alloc", "darkroom_init", "darkroom_batch", "memory"} {
		item := function(name, i)
		if name == "memory" {
			item = cat(named(name), []byte{kindMemory, 0})
		}
		if other, ok := replace[name]; ok {
			item = other
		}
		if item != nil {
			items = append(items, item)
		}
	}
	return sect(wasm.Export, list(append(items, more...)...))
}

const goodManifest = `{"darkroom":1,"name":"tiny","version":"1.0.0","form":"aggregate",` +
	`"inputs":[{"dataset":"visits","columns":["district"]}],"keys":[{"name":"half","values":["a","b"]}],` +
	`"measures":[{"name":"n","op":"count"}]}`

const soloManifest = `{"darkroom":1,"name":"tiny","version":"1.0.0","form":"aggregate",` +
	`"inputs":[{"dataset":"visits","columns":["district"]}],"keys":[{"name":"district","of":{"column":"district"}}],` +
	`"measures":[{"name":"n","op":"count"}]}`

const programManifest = `{"darkroom":1,"name":"tiny","version":"1.0.0","form":"program",` +
	`"inputs":[{"dataset":"visits","columns":["district"]}],"output":{"about":"a","behind":"b","rows":9,` +
	`"columns":[{"name":"n","type":"int64","max":9,"about":"c"},{"name":"label","type":"enum","values":["x"],"about":"d"}]}}`

func programSection() []byte { return custom(enclave.ManifestSection, []byte(programManifest)) }

// asProgram is the honest guest as a program, with one export more.
func asProgram(name string, index int) []byte {
	p := honest()
	p.custom, p.exports = programSection(), exported(nil, function(name, index))
	return p.wasm()
}

func section0() []byte { return custom(enclave.ManifestSection, []byte(goodManifest)) }

func (p parts) wasm() []byte {
	return cat(header, p.types, p.imports, p.functions, p.tables, p.memories, p.globals, p.exports, p.start, p.elements, p.code, p.data, p.custom)
}

// padded is the guest with a last function so long that the whole has a number of bytes, which must be large.
func (p parts) padded(total int) []byte {
	body := cat(uleb(4), []byte{0, 0x41, 0, 0x0b})
	nops := 0
	for range 2 { // the second time the lengths are as long as they will be
		last := cat([]byte{0}, bytes.Repeat([]byte{0x01}, nops), []byte{0x41, 0, 0x0b})
		p.code = sect(wasm.Code, list(body, body, body, body, cat(uleb(len(last)), last)))
		nops += total - len(p.wasm())
	}
	last := cat([]byte{0}, bytes.Repeat([]byte{0x01}, nops), []byte{0x41, 0, 0x0b})
	p.code = sect(wasm.Code, list(body, body, body, body, cat(uleb(len(last)), last)))
	return p.wasm()
}

// initials are variables with a constant of each kind.
func initials() [][]byte {
	return [][]byte{
		{0x7f, 1, 0x41, 0xe5, 0x8e, 0x26, 0x0b},
		{0x7e, 1, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f, 0x0b},
		{0x7d, 0, 0x43, 0, 0, 0, 0, 0x0b},
		cat([]byte{0x7c, 0, 0x44}, make([]byte, 8), []byte{0x0b}),
		cat([]byte{0x7b, 0, 0xfd, 12}, make([]byte, 16), []byte{0x0b}),
		{0x7f, 0, 0x23, 0, 0x0b},
		{0x70, 0, 0xd2, 1, 0x0b},
		{0x6f, 0, 0xd0, 0x6f, 0x0b},
	}
}

// elementKinds are segments of all eight kinds, each with two elements.
func elementKinds() [][]byte {
	at, of, expressions := []byte{0x41, 0, 0x0b}, []byte{2, 0, 1}, []byte{2, 0xd2, 0, 0x0b, 0xd0, 0x70, 0x0b}
	return [][]byte{
		cat([]byte{0}, at, of), cat([]byte{1, 0}, of), cat([]byte{2, 0}, at, []byte{0}, of), cat([]byte{3, 0}, of),
		cat([]byte{4}, at, expressions), cat([]byte{5, 0x70}, expressions), cat([]byte{6, 0}, at, []byte{0x70}, expressions), cat([]byte{7, 0x70}, expressions),
	}
}

// functionsAndBodies are n functions of type ()->i32 after the five honest ones, with their bodies.
func (p parts) withFunctions(total int) parts {
	indexes := [][]byte{uleb(0), uleb(1), uleb(1), uleb(2), uleb(1)}
	body := cat(uleb(4), []byte{0, 0x41, 0, 0x0b})
	bodies := [][]byte{}
	for i := range total {
		if i >= len(indexes) {
			indexes = append(indexes, uleb(0))
		}
		bodies = append(bodies, body)
	}
	p.functions, p.code = sect(wasm.Function, list(indexes...)), sect(wasm.Code, list(bodies...))
	return p
}

func wantReason(t *testing.T, err error, reason string) {
	t.Helper()
	switch {
	case reason == "" && err != nil:
		t.Fatalf("refused: %v", err)
	case reason != "" && err == nil:
		t.Fatalf("accepted, want %s", reason)
	case reason != "" && enclave.AsError(err).Reason != reason:
		t.Fatalf("got %s (%v), want %s", enclave.AsError(err).Reason, err, reason)
	}
}
