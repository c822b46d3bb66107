package admit

import (
	"math"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/wasm"
)

// Limits of modules: of what sections declare. They bound what reading, compiling and instantiating a module can cost; a policy's profile may
// be narrower. Modules of Go and C stay far below: the test of real modules says how far. What function bodies may contain is limited where they are rewritten,
// and what compiling all of them together may cost, where they are compiled.
const (
	MaxModuleBytes     = 32 << 20
	MaxMemoryPages     = 4096 // of 64 KiB: 256 MiB that a module starts with
	MaxSections        = 256
	MaxCustomBytes     = 16 << 20 // of all custom sections together
	MaxNameBytes       = 1 << 10  // of an import, an export, or a custom section
	MaxTypes           = 10_000
	MaxParams          = 256 // of a function
	MaxResults         = 32
	MaxImports         = 64 // a Go module may import the same function more than once
	MaxFunctions       = 100_000
	MaxTables          = 16
	MaxTableEntries    = 1 << 17 // that all tables start with
	MaxGlobals         = 1_000
	MaxExports         = 1_000
	MaxElementSegments = 1_000
	MaxElements        = 1 << 17 // in all element segments together
	MaxDataSegments    = 1 << 18 // Go makes one for each run of bytes that are not zero: 23,000 in a small guest
	MaxDataBytes       = 16 << 20
)

// maxPages is as much memory as 32 bits can address.
const maxPages = 1 << 16

// Kinds of imports and exports.
const (
	kindFunction = 0
	kindTable    = 1
	kindMemory   = 2
	kindGlobal   = 3
)

// signature is a function's parameters and results, one byte for each value type. Both are lists of value types of the binary
// format, so that i32 is "\x7f".
type signature struct{ params, results string }

type export struct {
	kind  byte
	index uint32
}

// shape is what the sections of a module say about it.
type shape struct {
	types     []signature
	functions []uint32 // the type of each function, imported ones first
	imported  int
	tables    int
	entries   int64 // that all tables start with
	memories  int
	pages     uint32 // that the memory starts with
	globals   int
	exports   map[string]export
	segments  int // of elements
	elements  int // in all of them
	bodies    int
	chunks    int   // data segments
	data      int64 // bytes of the data section
}

// read takes one section in. That indexes and types inside initial values are right is left to the compiler, and so is the count of data
// segments that comes before the code.
func (s *shape) read(in section) error {
	r := &in.Contents
	switch in.ID {
	case wasm.Type:
		s.readTypes(r)
	case wasm.Import:
		s.readImports(r)
	case wasm.Function:
		s.readFunctions(r)
	case wasm.Table:
		s.readTables(r)
	case wasm.Memory:
		s.readMemories(r)
	case wasm.Global:
		s.readGlobals(r)
	case wasm.Export:
		s.readExports(r)
	case wasm.Start:
		return enclave.Fail(enclave.Invalid, "MODULE_COMMAND", "what", "start section")
	case wasm.Element:
		s.readElements(r)
	case wasm.Code:
		s.readBodies(r)
	case wasm.Data:
		s.readData(r)
	default:
		return nil
	}
	if r.Left() > 0 {
		r.Malformed("bytes left over at the end of a section")
	}
	return r.Err()
}

func (s *shape) readTypes(r *wasm.Reader) {
	for range capped(r, "types", MaxTypes) {
		if r.Byte() != 0x60 {
			r.Malformed("a type that is not a function's")
		}
		s.types = append(s.types, signature{values(r, "parameters", MaxParams), values(r, "results", MaxResults)})
		if r.Err() != nil {
			return
		}
	}
}

// values reads a list of value types.
func values(r *wasm.Reader, what string, limit int) string {
	list := r.Take(uint32(capped(r, what, limit))) //nolint:gosec // never negative
	for _, v := range list {
		switch v {
		case 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f: // i32, i64, f32, f64, v128, funcref, externref
		default:
			r.Malformed("an unknown value type")
			return ""
		}
	}
	return string(list)
}

func (s *shape) readImports(r *wasm.Reader) {
	for range capped(r, "imports", MaxImports) {
		module, field, kind := name(r), name(r), r.Byte()
		if r.Err() != nil {
			return
		}
		if kind != kindFunction || !importable(module, field) {
			r.Fail(enclave.Fail(enclave.Invalid, "MODULE_IMPORT", "import", quoted(module+"."+field)))
			return
		}
		s.function(r)
	}
	s.imported = len(s.functions)
}

func (s *shape) readFunctions(r *wasm.Reader) {
	for range capped(r, "functions", MaxFunctions) {
		if s.function(r); r.Err() != nil {
			return
		}
	}
}

// function reads the type of one function.
func (s *shape) function(r *wasm.Reader) {
	index := r.U32()
	if uint64(index) >= uint64(len(s.types)) {
		r.Malformed("a function of a type that is not there")
		return
	}
	s.functions = append(s.functions, index)
}

func (s *shape) readTables(r *wasm.Reader) {
	s.tables = capped(r, "tables", MaxTables)
	for range s.tables {
		reference(r)
		s.entries += int64(limits(r, math.MaxUint32))
		if r.Err() != nil {
			return
		}
	}
}

// reference reads the type of what a table holds.
func reference(r *wasm.Reader) {
	if kind := r.Byte(); kind != 0x70 && kind != 0x6f { // funcref, externref
		r.Malformed("an unknown kind of reference")
	}
}

func (s *shape) readMemories(r *wasm.Reader) {
	s.memories = int(r.Count())
	for range s.memories {
		if s.pages = limits(r, maxPages); r.Err() != nil {
			return
		}
	}
}

// limits reads how large a table or memory starts, and how large it may be at most. A shared or 64-bit one has flags of its own and is
// refused.
func limits(r *wasm.Reader, most uint32) (least uint32) {
	flags := r.Byte()
	if flags > 1 {
		r.Fail(enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED", "what", "memory or table flags "+strconv.Itoa(int(flags))))
		return 0
	}
	least = r.U32()
	greatest := least
	if flags == 1 {
		greatest = r.U32()
	}
	if greatest < least {
		r.Malformed("a greatest size below the least")
	}
	if greatest > most {
		r.Malformed("a size beyond 32 bits")
	}
	return least
}

func (s *shape) readExports(r *wasm.Reader) {
	n := capped(r, "exports", MaxExports)
	s.exports = make(map[string]export, n)
	for range n {
		field := name(r)
		e := export{r.Byte(), r.U32()}
		_, twice := s.exports[field]
		switch {
		case twice:
			r.Malformed("an export twice")
		case e.kind > kindGlobal:
			r.Malformed("an unknown kind of export")
		case int64(e.index) >= int64([...]int{kindFunction: len(s.functions), kindTable: s.tables, kindMemory: s.memories, kindGlobal: s.globals}[e.kind]):
			r.Malformed("an export of what is not there")
		}
		if r.Err() != nil {
			return
		}
		s.exports[field] = e
	}
}

// readBodies walks the function bodies by their lengths alone.
func (s *shape) readBodies(r *wasm.Reader) {
	s.bodies = int(r.Count())
	for range s.bodies {
		if r.Take(r.U32()); r.Err() != nil {
			return
		}
	}
}
