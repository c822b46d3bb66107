package meter

import (
	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/wasm"
)

// Names that the rewriter reserves.
const (
	HostModule = "darkroom"      // of the module that offers HostRefuel
	HostRefuel = "refuel"        // (i64) -> i64: given the counter, which is below zero, returns what it is to be
	Counter    = "darkroom.fuel" // the export of the counter, a mutable i64 global that starts at zero
)

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

// Rewrite returns the module with fuel metering; see the package. It does not keep the original. Reasons of errors: MODULE_NOT_WASM,
// MODULE_MALFORMED, MODULE_UNSUPPORTED, MODULE_COMMAND, MODULE_EXPORT, MODULE_TOO_INTRICATE. What it accepts may still be invalid, which the
// compiler finds in what it returns.
func Rewrite(original []byte) ([]byte, error) {
	out, _, err := rewrite(original)
	return out, err
}

// Measure is the largest of a module's functions, of each kind. Errors are those of Rewrite.
func Measure(original []byte) (Facts, error) {
	_, facts, err := rewrite(original)
	return facts, err
}

func rewrite(original []byte) ([]byte, Facts, error) {
	sections, err := split(original)
	if err != nil {
		return nil, Facts{}, err
	}
	m := &module{}
	out := append(make([]byte, 0, len(original)+len(original)/4+256), wasm.Header...)
	for _, id := range []byte(wasm.Order) {
		in, there := sections[id]
		if !there {
			if in, there = absent(id); !there {
				continue
			}
		}
		contents := m.section(id, &in)
		if in.Left() > 0 {
			in.Malformed("bytes left over")
		}
		if in.Err() != nil {
			return nil, Facts{}, in.Err()
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
	case wasm.Type, wasm.Import, wasm.Global, wasm.Export:
		return reader{wasm.NewReader([]byte{0})}, true
	}
	return reader{}, false
}

// split cuts a module into its sections, each at most once and in the prescribed order, without the custom ones and without a start.
func split(original []byte) (map[byte]reader, error) {
	whole, err := wasm.Open(original)
	if err != nil {
		return nil, err
	}
	sections := map[byte]reader{}
	for whole.More() {
		in, err := whole.Next()
		if err != nil {
			return nil, err
		}
		switch in.ID {
		case wasm.Custom:
			continue
		case wasm.Start:
			return nil, enclave.Fail(enclave.Invalid, "MODULE_COMMAND", "what", "start section")
		}
		if err := whole.Follows(in.ID); err != nil {
			return nil, err
		}
		sections[in.ID] = reader{in.Contents}
	}
	return sections, nil
}

// section reads one section and returns what becomes of it.
func (m *module) section(id byte, r *reader) []byte {
	switch id {
	case wasm.Type:
		return m.readTypes(r)
	case wasm.Import:
		return m.readImports(r)
	case wasm.Function:
		return m.readFunctions(r)
	case wasm.Global:
		return m.readGlobals(r)
	case wasm.Export:
		return m.readExports(r)
	case wasm.Element:
		return m.readElements(r)
	case wasm.Code:
		return m.readCode(r)
	case wasm.Data:
		return m.readData(r)
	case wasm.DataCount:
		r.U32()
	case wasm.Table:
		r.readLimits(true)
	case wasm.Memory:
		r.readLimits(false)
	}
	return r.Since(0)
}

// readData copies data. Flags of a segment say: 1, not active; 2, with an index of a memory.
func (m *module) readData(r *reader) []byte {
	n := r.Count()
	out := appendU32(make([]byte, 0, r.Left()), n)
	for range n {
		flags := r.U32()
		if flags > 2 {
			r.Malformed("an unknown kind of data segment")
		}
		out = appendU32(out, flags)
		if flags == 2 {
			out = appendU32(out, r.U32())
		}
		if flags != 1 {
			out = m.constant(r, out)
		}
		bytes := r.Take(r.U32())
		if r.Err() != nil {
			return nil
		}
		out = append(appendU32(out, uint32(len(bytes))), bytes...) //nolint:gosec // it was an u32
	}
	return out
}

// readTypes adds the type of HostRefuel.
func (m *module) readTypes(r *reader) []byte {
	n := r.Count()
	from := r.At()
	for range n {
		if r.Byte() != 0x60 {
			r.Malformed("a type that is not a function's")
		}
		var s signature
		if s.params = r.values(); r.Err() == nil {
			s.results = r.values()
		}
		if r.Err() != nil {
			return nil
		}
		m.types = append(m.types, s)
	}
	out := append(appendU32(nil, n+1), r.Since(from)...)
	return append(out, 0x60, 1, i64, 1, i64)
}

// readImports adds HostRefuel behind the other functions. Nothing but functions can be imported.
func (m *module) readImports(r *reader) []byte {
	n := r.Count()
	from := r.At()
	for range n {
		host := r.Take(r.U32())
		r.Take(r.U32())
		if string(host) == HostModule {
			r.Fail(enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED", "what", "an import from "+HostModule))
		}
		if r.Byte() != 0 && r.Err() == nil {
			r.Fail(enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED", "what", "an import that is not a function"))
		}
		m.functions = append(m.functions, r.below(uint32(len(m.types)), "type")) //nolint:gosec // below the bytes of a section
		if r.Err() != nil {
			return nil
		}
	}
	m.imported = n
	out := append(appendU32(nil, n+1), r.Since(from)...)
	out = appendName(appendName(out, HostModule), HostRefuel)
	return appendU32(append(out, 0), uint32(len(m.types))) //nolint:gosec // below the bytes of a section
}

func appendName(out []byte, name string) []byte {
	return append(appendU32(out, uint32(len(name))), name...) //nolint:gosec // below the bytes of a module
}

func (m *module) readFunctions(r *reader) []byte {
	for range r.Count() {
		m.functions = append(m.functions, r.below(uint32(len(m.types)), "type")) //nolint:gosec // below the bytes of a section
		if r.Err() != nil {
			return nil
		}
	}
	return r.Since(0)
}

// readGlobals adds the counter.
func (m *module) readGlobals(r *reader) []byte {
	n := r.Count()
	out := appendU32(nil, n+1)
	for range n {
		from := r.At()
		r.valueType()
		r.Byte()
		out = append(out, r.Since(from)...)
		if out = m.constant(r, out); r.Err() != nil {
			return nil
		}
		m.globals++
	}
	return append(out, i64, 1, opI64Const, 0, opEnd)
}

// constant copies an expression of one instruction that the host evaluates. Globals that it reads come before it.
func (m *module) constant(r *reader, out []byte) []byte {
	from := r.At()
	switch op := r.Byte(); op {
	case opI32Const, opI64Const, opF32Const, opF64Const, opRefNull:
		r.pass(plainOpcodes[op].after)
	case prefixVector:
		if r.U32() != opVectorConst&0xff {
			r.Malformed("a constant that is not one")
		}
		r.Take(16)
	case opGlobalGet:
		r.below(m.globals, "global")
	case opRefFunc:
		out = append(out, opRefFunc)
		out = appendU32(out, m.shifted(r.below(m.functionCount(), "function")))
		from = r.At()
	default:
		r.Malformed("a constant that is not one")
	}
	if r.Byte() != opEnd {
		r.Malformed("a constant of more than one instruction")
	}
	return append(out, r.Since(from)...)
}

// readExports adds the counter's.
func (m *module) readExports(r *reader) []byte {
	n := r.Count()
	out := appendU32(nil, n+1)
	for range n {
		exported := r.Take(r.U32())
		kind, at := r.Byte(), r.U32()
		switch {
		case r.Err() != nil:
		case string(exported) == Counter:
			r.Fail(enclave.Fail(enclave.Invalid, "MODULE_EXPORT", "export", Counter, "expected", "left to the enclave"))
		case kind == 0 && at >= m.functionCount(), kind == 3 && at >= m.globals:
			r.Malformed("an export of what is not there")
		case kind == 0:
			at = m.shifted(at)
		}
		if r.Err() != nil {
			return nil
		}
		out = appendU32(append(appendName(out, string(exported)), kind), at)
	}
	return appendU32(append(appendName(out, Counter), 3), m.globals)
}

// readElements moves the functions in tables.
func (m *module) readElements(r *reader) []byte {
	n := r.Count()
	out := appendU32(nil, n)
	for range n {
		if out = m.element(r, out); r.Err() != nil {
			return nil
		}
	}
	return out
}

// element copies one segment. Its flags say: 1, not active; 2, with an index of a table, or declared alone; 4, of expressions.
func (m *module) element(r *reader, out []byte) []byte {
	flags := r.U32()
	if flags > 7 {
		r.Malformed("an unknown kind of element segment")
		return nil
	}
	out = appendU32(out, flags)
	if flags&1 == 0 {
		if flags&2 != 0 {
			out = appendU32(out, r.U32())
		}
		out = m.constant(r, out)
	}
	if flags&3 != 0 {
		kind := r.Byte()
		if flags&4 != 0 && kind != 0x70 && kind != 0x6f || flags&4 == 0 && kind != 0 {
			r.Malformed("an unknown kind of element")
		}
		out = append(out, kind)
	}
	n := r.Count()
	out = appendU32(out, n)
	for range n {
		if flags&4 != 0 {
			out = m.constant(r, out)
		} else {
			out = appendU32(out, m.shifted(r.below(m.functionCount(), "function")))
		}
		if r.Err() != nil {
			return nil
		}
	}
	return out
}

// readCode meters every function.
func (m *module) readCode(r *reader) []byte {
	size := r.Left()
	if m.bodies = r.Count(); uint64(m.bodies)+uint64(m.imported) != uint64(len(m.functions)) {
		r.Malformed("not one body for each function")
		return nil
	}
	out := appendU32(make([]byte, 0, size+size/4), m.bodies)
	b := body{module: m, most: &m.facts}
	var metered []byte
	for i := range m.bodies {
		code := reader{r.Part(r.U32())}
		if r.Err() != nil {
			return nil
		}
		b.function = m.imported + i
		b.read(&code, m.types[m.functions[b.function]])
		if code.Err() != nil {
			r.Fail(code.Err())
			return nil
		}
		metered = b.write(metered[:0], code.Since(0))
		if len(out)+len(metered) > MaxGrowth*size+freeGrowth {
			b.fail(r, "times as many bytes when metered", MaxGrowth)
			return nil
		}
		out = append(appendU32(out, uint32(len(metered))), metered...) //nolint:gosec // a few times MaxBodyBytes
	}
	return out
}
