package meter

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/wasm"
)

// reader reads what sections and bodies are made of.
type reader struct{ wasm.Reader }

// below reads an index and checks it.
func (r *reader) below(count uint32, of string) uint32 {
	v := r.U32()
	if v >= count {
		r.Malformed("a " + of + " that is not there")
		return 0
	}
	return v
}

// valueType reads a type of values of WebAssembly 2.0.
func (r *reader) valueType() {
	switch r.Byte() {
	case 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f:
	default:
		r.Malformed("an unknown type of value")
	}
}

// values reads a list of types of values.
func (r *reader) values() uint32 {
	n := r.Count()
	for range n {
		if r.valueType(); r.Err() != nil {
			return 0
		}
	}
	return n
}

// readLimits reads tables or memories. Like all lists, they are counted here since the compiler makes room for as many as they say.
func (r *reader) readLimits(tables bool) {
	for range r.Count() {
		if tables {
			r.valueType()
		}
		flags := r.Byte()
		if flags > 1 {
			r.Fail(enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED", "what", "memory or table flags "+strconv.Itoa(int(flags))))
		}
		if r.U32(); flags == 1 {
			r.U32()
		}
		if r.Err() != nil {
			return
		}
	}
}

func appendU32(out []byte, v uint32) []byte { return binary.AppendUvarint(out, uint64(v)) }

// appendI64 writes a signed LEB128 of a number that is not negative.
func appendI64(out []byte, v int64) []byte {
	if v < 0 || v > math.MaxInt64>>1 {
		panic("meter: a charge out of range") // no sum of costs of a module comes near
	}
	out = binary.AppendUvarint(out, uint64(v))
	if out[len(out)-1]&0x40 != 0 { // its highest bit would be read as the sign
		out[len(out)-1] |= 0x80
		out = append(out, 0)
	}
	return out
}
