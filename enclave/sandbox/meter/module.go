package meter

import (
	"bytes"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// Names that the rewriter reserves.
const (
	HostModule = "darkroom"      // of the module that offers HostRefuel
	HostRefuel = "refuel"        // (i64) -> i64: given the counter, which is below zero, returns what it is to be
	Counter    = "darkroom.fuel" // the export of the counter, a mutable i64 global that starts at zero
)

const (
	sectionCustom, sectionType, sectionImport, sectionFunction, sectionTable, sectionMemory, sectionGlobal = 0, 1, 2, 3, 4, 5, 6
	sectionExport, sectionStart, sectionElement, sectionCode, sectionData, sectionDataCount                = 7, 8, 9, 10, 11, 12
)

// order is the sections that a module may have, in the order that the specification prescribes.
var order = [...]byte{
	sectionType, sectionImport, sectionFunction, sectionTable, sectionMemory, sectionGlobal, sectionExport, sectionElement, sectionDataCount,
	sectionCode, sectionData,
}

var header = []byte("\x00asm\x01\x00\x00\x00")

// signature is how many values a function or block takes and gives.
type signature struct{ params, results uint32 }

func (s signature) values() int64 { return int64(s.params) + int64(s.results) }

// module is what bodies need to know of theirs.
type module struct {
	types     []signature
	functions []uint32 // the type of each, imported ones first
	imported  uint32   // functions
	globals   uint32
	bodies    uint32
	facts     Facts
}

func (m *module) functionCount() uint32 { return uint32(len(m.functions)) } //nolint:gosec // below the bytes of a section

// shifted is the index of a function behind the new import.
func (m *module) shifted(function uint32) uint32 {
	if function >= m.imported {
		function++
	}
	return function
}

// Rewrite returns the module with fuel metering; see the package. It does not keep wasm. Reasons of errors: MODULE_NOT_WASM,
// MODULE_MALFORMED, MODULE_UNSUPPORTED, MODULE_COMMAND, MODULE_EXPORT, MODULE_TOO_INTRICATE. What it accepts may still be invalid, which the
// compiler finds in what it returns.
func Rewrite(wasm []byte) ([]byte, error) {
	out, _, err := rewrite(wasm)
	return out, err
}

// Measure is the largest of a module's functions, of each kind. Errors are those of Rewrite.
func Measure(wasm []byte) (Facts, error) {
	_, facts, err := rewrite(wasm)
	return facts, err
}

func rewrite(wasm []byte) ([]byte, Facts, error) {
	sections, err := split(wasm)
	if err != nil {
		return nil, Facts{}, err
	}
	m := &module{}
	out := append(make([]byte, 0, len(wasm)+len(wasm)/4+256), header...)
	for _, id := range order {
		in, there := sections[id]
		if !there {
			if in, there = absent(id); !there {
				continue
			}
		}
		contents := m.section(id, &in)
		if err := in.end(); err != nil {
			return nil, Facts{}, err
		}
		out = append(out, id)
		out = appendU32(out, uint32(len(contents))) //nolint:gosec // not much more than the module
		out = append(out, contents...)
	}
	if int(m.bodies) != len(m.functions)-int(m.imported) {
		return nil, Facts{}, enclave.Fail(enclave.Invalid, "MODULE_MALFORMED", "problem", "not one body for each function", "offset", "0")
	}
	return out, m.facts, nil
}

// absent is an empty list in place of a section to which something is added.
func absent(id byte) (reader, bool) {
	switch id {
	case sectionType, sectionImport, sectionGlobal, sectionExport:
		return reader{bytes: []byte{0}}, true
	}
	return reader{}, false
}

// split cuts a module into its sections, each at most once and in the prescribed order, without the custom ones.
func split(wasm []byte) (map[byte]reader, error) {
	if !bytes.HasPrefix(wasm, header) {
		return nil, enclave.Fail(enclave.Invalid, "MODULE_NOT_WASM")
	}
	r := &reader{bytes: wasm, at: len(header)}
	sections := map[byte]reader{}
	for last := -1; r.left() > 0; {
		id := r.byte()
		contents := r.take(r.u32())
		if r.err != nil {
			return nil, r.err
		}
		if id == sectionCustom {
			continue
		}
		if id == sectionStart {
			return nil, enclave.Fail(enclave.Invalid, "MODULE_COMMAND", "what", "start section")
		}
		rank := bytes.IndexByte(order[:], id)
		if rank < 0 {
			return nil, enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED", "what", "section "+strconv.Itoa(int(id)))
		}
		if rank <= last {
			r.malformed("a section twice or out of order")
			return nil, r.err
		}
		last = rank
		sections[id] = reader{bytes: contents, base: r.at - len(contents)}
	}
	return sections, nil
}

// section reads one section and returns what becomes of it.
func (m *module) section(id byte, r *reader) []byte {
	switch id {
	case sectionType:
		return m.readTypes(r)
	case sectionImport:
		return m.readImports(r)
	case sectionFunction:
		return m.readFunctions(r)
	case sectionGlobal:
		return m.readGlobals(r)
	case sectionExport:
		return m.readExports(r)
	case sectionElement:
		return m.readElements(r)
	case sectionCode:
		return m.readCode(r)
	case sectionData:
		return m.readData(r)
	case sectionDataCount:
		r.u32()
	case sectionTable:
		r.readLimits(true)
	case sectionMemory:
		r.readLimits(false)
	}
	return r.bytes[:r.at]
}

// readLimits reads tables or memories. Like all lists, they are counted here since the compiler makes room for as many as they say.
func (r *reader) readLimits(tables bool) {
	for range r.count() {
		if tables {
			r.valueType()
		}
		flags := r.byte()
		if flags > 1 && r.err == nil {
			r.fail(enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED", "what", "memory or table flags "+strconv.Itoa(int(flags))))
		}
		if r.u32(); flags == 1 {
			r.u32()
		}
		if r.err != nil {
			return
		}
	}
}

// readData copies data. Flags of a segment say: 1, not active; 2, with an index of a memory.
func (m *module) readData(r *reader) []byte {
	n := r.count()
	out := appendU32(make([]byte, 0, len(r.bytes)), n)
	for range n {
		flags := r.u32()
		if flags > 2 {
			r.malformed("an unknown kind of data segment")
		}
		out = appendU32(out, flags)
		if flags == 2 {
			out = appendU32(out, r.u32())
		}
		if flags != 1 {
			out = m.constant(r, out)
		}
		bytes := r.take(r.u32())
		if r.err != nil {
			return nil
		}
		out = append(appendU32(out, uint32(len(bytes))), bytes...) //nolint:gosec // it was an u32
	}
	return out
}

// readTypes adds the type of HostRefuel.
func (m *module) readTypes(r *reader) []byte {
	n := r.count()
	from := r.at
	for range n {
		if r.byte() != 0x60 {
			r.malformed("a type that is not a function's")
		}
		var s signature
		if s.params = r.values(); r.err == nil {
			s.results = r.values()
		}
		if r.err != nil {
			return nil
		}
		m.types = append(m.types, s)
	}
	out := append(appendU32(nil, n+1), r.bytes[from:r.at]...)
	return append(out, 0x60, 1, i64, 1, i64)
}

// values reads a list of types of values.
func (r *reader) values() uint32 {
	n := r.count()
	for range n {
		if r.valueType(); r.err != nil {
			return 0
		}
	}
	return n
}

// readImports adds HostRefuel behind the other functions. Nothing but functions can be imported.
func (m *module) readImports(r *reader) []byte {
	n := r.count()
	from := r.at
	for range n {
		host := r.take(r.u32())
		r.take(r.u32())
		if r.err == nil && string(host) == HostModule {
			r.fail(enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED", "what", "an import from "+HostModule))
		}
		if r.byte() != 0 && r.err == nil {
			r.fail(enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED", "what", "an import that is not a function"))
		}
		m.functions = append(m.functions, r.below(uint32(len(m.types)), "type")) //nolint:gosec // below the bytes of a section
		if r.err != nil {
			return nil
		}
	}
	m.imported = n
	out := append(appendU32(nil, n+1), r.bytes[from:r.at]...)
	out = appendName(appendName(out, HostModule), HostRefuel)
	return appendU32(append(out, 0), uint32(len(m.types))) //nolint:gosec // below the bytes of a section
}

func appendName(out []byte, name string) []byte {
	return append(appendU32(out, uint32(len(name))), name...) //nolint:gosec // below the bytes of a module
}

func (m *module) readFunctions(r *reader) []byte {
	for range r.count() {
		m.functions = append(m.functions, r.below(uint32(len(m.types)), "type")) //nolint:gosec // below the bytes of a section
		if r.err != nil {
			return nil
		}
	}
	return r.bytes[:r.at]
}

// readGlobals adds the counter.
func (m *module) readGlobals(r *reader) []byte {
	n := r.count()
	out := appendU32(nil, n+1)
	for range n {
		from := r.at
		r.valueType()
		r.byte()
		out = append(out, r.bytes[min(from, r.at):r.at]...)
		if out = m.constant(r, out); r.err != nil {
			return nil
		}
		m.globals++
	}
	return append(out, i64, 1, opI64Const, 0, opEnd)
}

// constant copies an expression of one instruction that the host evaluates. Globals that it reads come before it.
func (m *module) constant(r *reader, out []byte) []byte {
	from := r.at
	switch op := r.byte(); op {
	case opI32Const, opI64Const, opF32Const, opF64Const, opRefNull:
		r.pass(plainOpcodes[op].after)
	case prefixVector:
		if r.u32() != opVectorConst&0xff {
			r.malformed("a constant that is not one")
		}
		r.take(16)
	case opGlobalGet:
		r.below(m.globals, "global")
	case opRefFunc:
		out = append(out, opRefFunc)
		out = appendU32(out, m.shifted(r.below(m.functionCount(), "function")))
		from = r.at
	default:
		r.malformed("a constant that is not one")
	}
	if r.byte() != opEnd {
		r.malformed("a constant of more than one instruction")
	}
	return append(out, r.bytes[from:r.at]...)
}

// readExports adds the counter's.
func (m *module) readExports(r *reader) []byte {
	n := r.count()
	out := appendU32(nil, n+1)
	for range n {
		exported := r.take(r.u32())
		kind, at := r.byte(), r.u32()
		switch {
		case r.err != nil:
		case string(exported) == Counter:
			r.fail(enclave.Fail(enclave.Invalid, "MODULE_EXPORT", "export", Counter, "expected", "left to the enclave"))
		case kind == 0 && at >= m.functionCount(), kind == 3 && at >= m.globals:
			r.malformed("an export of what is not there")
		case kind == 0:
			at = m.shifted(at)
		}
		if r.err != nil {
			return nil
		}
		out = appendU32(append(appendName(out, string(exported)), kind), at)
	}
	return appendU32(append(appendName(out, Counter), 3), m.globals)
}

// readElements moves the functions in tables.
func (m *module) readElements(r *reader) []byte {
	n := r.count()
	out := appendU32(nil, n)
	for range n {
		if out = m.element(r, out); r.err != nil {
			return nil
		}
	}
	return out
}

// element copies one segment. Its flags say: 1, not active; 2, with an index of a table, or declared alone; 4, of expressions.
func (m *module) element(r *reader, out []byte) []byte {
	flags := r.u32()
	if flags > 7 {
		r.malformed("an unknown kind of element segment")
		return nil
	}
	out = appendU32(out, flags)
	if flags&1 == 0 {
		if flags&2 != 0 {
			out = appendU32(out, r.u32())
		}
		out = m.constant(r, out)
	}
	if flags&3 != 0 {
		kind := r.byte()
		if flags&4 != 0 && kind != 0x70 && kind != 0x6f || flags&4 == 0 && kind != 0 {
			r.malformed("an unknown kind of element")
		}
		out = append(out, kind)
	}
	n := r.count()
	out = appendU32(out, n)
	for range n {
		if flags&4 != 0 {
			out = m.constant(r, out)
		} else {
			out = appendU32(out, m.shifted(r.below(m.functionCount(), "function")))
		}
		if r.err != nil {
			return nil
		}
	}
	return out
}

// readCode meters every function.
func (m *module) readCode(r *reader) []byte {
	if m.bodies = r.count(); uint64(m.bodies)+uint64(m.imported) != uint64(len(m.functions)) {
		r.malformed("not one body for each function")
		return nil
	}
	out := appendU32(make([]byte, 0, len(r.bytes)+len(r.bytes)/4), m.bodies)
	b := body{module: m, most: &m.facts}
	var metered []byte
	for i := range m.bodies {
		size := r.u32()
		base := r.base + r.at
		code := reader{bytes: r.take(size), base: base}
		if r.err != nil {
			return nil
		}
		b.function = m.imported + i
		b.read(&code, m.types[m.functions[b.function]])
		if code.err != nil {
			r.fail(code.err)
			return nil
		}
		metered = b.write(metered[:0], code.bytes)
		if len(out)+len(metered) > MaxGrowth*len(r.bytes)+freeGrowth {
			b.fail(r, "times as many bytes when metered", MaxGrowth)
			return nil
		}
		out = append(appendU32(out, uint32(len(metered))), metered...) //nolint:gosec // a few times MaxBodyBytes
	}
	return out
}
