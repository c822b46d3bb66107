package meter

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// reader reads hostile bytes. After the first problem it reads zeros and keeps that problem in err, so that callers may read several fields
// and look once; loops MUST look in every turn.
type reader struct {
	bytes []byte
	at    int // next byte to read
	base  int // where bytes begin in the module, for messages
	err   error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) malformed(problem string) {
	r.fail(enclave.Fail(enclave.Invalid, "MODULE_MALFORMED", "problem", problem, "offset", strconv.Itoa(r.base+r.at)))
}

func (r *reader) left() int { return len(r.bytes) - r.at }

func (r *reader) byte() byte {
	if r.err != nil || r.at >= len(r.bytes) {
		r.malformed("unexpected end")
		return 0
	}
	b := r.bytes[r.at]
	r.at++
	return b
}

// u32 reads an unsigned LEB128 of at most 32 bits.
func (r *reader) u32() uint32 {
	var v uint32
	for shift := 0; ; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		if shift == 28 && b > 0x0f {
			r.malformed("a number of more than 32 bits")
			return 0
		}
		v |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
}

// signed passes over a signed LEB128 of at most so many bytes. Its value is for the compiler to judge.
func (r *reader) signed(bytes int) {
	for range bytes {
		if b := r.byte(); b < 0x80 {
			return
		}
	}
	r.malformed("a number of too many bits")
}

// take reads n bytes without copying them.
func (r *reader) take(n uint32) []byte {
	if r.err != nil || uint64(n) > uint64(r.left()) { //nolint:gosec // left is never negative
		r.malformed("a length beyond the end")
		return nil
	}
	from := r.at
	r.at += int(n)
	return r.bytes[from:r.at]
}

// count reads the length of a list whose items take at least one byte each, so that no loop runs longer than the bytes.
func (r *reader) count() uint32 {
	n := r.u32()
	if uint64(n) > uint64(r.left()) { //nolint:gosec // left is never negative
		r.malformed("a list longer than its section")
		return 0
	}
	return n
}

// below reads an index and checks it.
func (r *reader) below(count uint32, of string) uint32 {
	v := r.u32()
	if v >= count {
		r.malformed("a " + of + " that is not there")
		return 0
	}
	return v
}

// valueType reads a type of values of WebAssembly 2.0.
func (r *reader) valueType() {
	switch r.byte() {
	case 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f:
	default:
		r.malformed("an unknown type of value")
	}
}

// end reports the first problem, or bytes that are left over.
func (r *reader) end() error {
	if r.left() > 0 {
		r.malformed("bytes left over")
	}
	return r.err
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
