package admit

import "github.com/darkroom-project/darkroom/enclave/wasm"

// The sections with initial values: globals, elements of tables, and data. Their values are skipped, so that what there is can be counted.

func (s *shape) readGlobals(r *wasm.Reader) {
	s.globals = capped(r, "globals", MaxGlobals)
	for range s.globals {
		r.Byte() // type
		if r.Byte() > 1 {
			r.Malformed("a global that is neither constant nor variable")
		}
		if initial(r); r.Err() != nil {
			return
		}
	}
}

// readElements reads segments of eight kinds. Bit 0: it is not for a table yet; bit 1: it names its table, or is declared only; bit 2:
// its elements are expressions.
func (s *shape) readElements(r *wasm.Reader) {
	s.segments = capped(r, "element segments", MaxElementSegments)
	for range s.segments {
		kind := r.U32()
		if kind > 7 {
			r.Malformed("an unknown kind of element segment")
		}
		if kind&1 == 0 {
			if kind&2 != 0 {
				r.U32() // table
			}
			initial(r) // offset
		}
		if kind&3 != 0 {
			r.Byte() // what the elements are
		}
		n := capped(r, "elements", MaxElements)
		if s.elements += n; s.elements > MaxElements {
			r.Fail(tooMany("elements", MaxElements))
		}
		for range n {
			if r.Err() != nil {
				return
			}
			if kind&4 != 0 {
				initial(r)
			} else {
				r.U32() // function
			}
		}
		if r.Err() != nil {
			return
		}
	}
}

func (s *shape) readData(r *wasm.Reader) {
	s.data = int64(r.Left())
	if s.data > MaxDataBytes {
		r.Fail(tooMany("bytes of data", MaxDataBytes))
		return
	}
	s.chunks = capped(r, "data segments", MaxDataSegments)
	for range s.chunks {
		kind := r.U32()
		switch kind {
		case 2:
			r.U32() // memory
			initial(r)
		case 0:
			initial(r)
		case 1: // for an instruction to copy
		default:
			r.Malformed("an unknown kind of data segment")
		}
		if r.Take(r.U32()); r.Err() != nil {
			return
		}
	}
}

// initial skips a constant expression: one instruction and its end, as WebAssembly 2.0 has it.
func initial(r *wasm.Reader) {
	const tooLong = "a number that is too long"
	switch op := r.Byte(); op {
	case 0x41: // i32.const
		r.SkipSigned(5, tooLong)
	case 0x42: // i64.const
		r.SkipSigned(10, tooLong)
	case 0x43: // f32.const
		r.Take(4)
	case 0x44: // f64.const
		r.Take(8)
	case 0x23, 0xd2: // global.get, ref.func
		r.U32()
	case 0xd0: // ref.null
		reference(r)
	case 0xfd: // v128.const
		if r.U32() != 12 {
			r.Malformed("an initial value that is not constant")
		}
		r.Take(16)
	default:
		r.Malformed("an initial value that is not constant")
	}
	if r.Byte() != 0x0b {
		r.Malformed("an initial value of more than one instruction")
	}
}
