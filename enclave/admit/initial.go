package admit

import (
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// The sections with initial values: globals, elements of tables, and data. Their values are skipped, so that what there is can be counted.

func (s *shape) readGlobals(r *reader) {
	s.globals = r.capped("globals", MaxGlobals)
	for range s.globals {
		r.byte() // type
		if r.byte() > 1 {
			r.malformed("a global that is neither constant nor variable")
		}
		if initial(r); r.err != nil {
			return
		}
	}
}

// readElements reads segments of eight kinds. Bit 0: it is not for a table yet; bit 1: it names its table, or is declared only; bit 2:
// its elements are expressions.
func (s *shape) readElements(r *reader) {
	s.segments = r.capped("element segments", MaxElementSegments)
	for range s.segments {
		kind := r.u32()
		if kind > 7 {
			r.malformed("an unknown kind of element segment")
		}
		if kind&1 == 0 {
			if kind&2 != 0 {
				r.u32() // table
			}
			initial(r) // offset
		}
		if kind&3 != 0 {
			r.byte() // what the elements are
		}
		n := r.capped("elements", MaxElements)
		if s.elements += n; s.elements > MaxElements && r.err == nil {
			r.err = enclave.Fail(enclave.Limit, "MODULE_TOO_MANY", "what", "elements", "limit", strconv.Itoa(MaxElements))
		}
		for range n {
			if r.err != nil {
				return
			}
			if kind&4 != 0 {
				initial(r)
			} else {
				r.u32() // function
			}
		}
		if r.err != nil {
			return
		}
	}
}

func (s *shape) readData(r *reader) {
	s.data = int64(r.left())
	if s.data > MaxDataBytes {
		r.err = enclave.Fail(enclave.Limit, "MODULE_TOO_MANY", "what", "bytes of data", "limit", strconv.Itoa(MaxDataBytes))
		return
	}
	s.chunks = r.capped("data segments", MaxDataSegments)
	for range s.chunks {
		kind := r.u32()
		switch kind {
		case 2:
			r.u32() // memory
			initial(r)
		case 0:
			initial(r)
		case 1: // for an instruction to copy
		default:
			r.malformed("an unknown kind of data segment")
		}
		if r.take(r.u32()); r.err != nil {
			return
		}
	}
}

// initial skips a constant expression: one instruction and its end, as WebAssembly 2.0 has it.
func initial(r *reader) {
	switch op := r.byte(); op {
	case 0x41: // i32.const
		r.skipSigned(5)
	case 0x42: // i64.const
		r.skipSigned(10)
	case 0x43: // f32.const
		r.take(4)
	case 0x44: // f64.const
		r.take(8)
	case 0x23, 0xd2: // global.get, ref.func
		r.u32()
	case 0xd0: // ref.null
		reference(r)
	case 0xfd: // v128.const
		if r.u32() != 12 {
			r.malformed("an initial value that is not constant")
		}
		r.take(16)
	default:
		r.malformed("an initial value that is not constant")
	}
	if r.byte() != 0x0b {
		r.malformed("an initial value of more than one instruction")
	}
}
