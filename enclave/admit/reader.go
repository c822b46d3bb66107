package admit

import (
	"strconv"
	"unicode/utf8"

	"github.com/darkroom-project/darkroom/enclave"
)

// reader reads bytes of a module. After the first problem it reads zeros and keeps that problem in err, so that callers may read
// several fields and look once; loops MUST look in every turn.
type reader struct {
	bytes []byte
	at    int // next byte to read
	base  int // where bytes begin in the module, for messages
	err   error
}

// malformed keeps the first problem, with its place.
func (r *reader) malformed(problem string) {
	if r.err == nil {
		r.err = enclave.Fail(enclave.Invalid, "MODULE_MALFORMED", "problem", problem, "offset", strconv.Itoa(r.base+r.at))
	}
}

// left is the number of bytes not yet read.
func (r *reader) left() int { return len(r.bytes) - r.at }

func (r *reader) byte() byte {
	if r.err != nil || r.left() == 0 {
		r.malformed("unexpected end")
		return 0
	}
	b := r.bytes[r.at]
	r.at++
	return b
}

// u32 reads an unsigned LEB128 of at most 32 bits: at most five bytes, the last without excess bits, as the specification asks.
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

// skipSigned reads a signed LEB128 of at most so many bytes, whose value is for the compiler to check.
func (r *reader) skipSigned(most int) {
	for range most {
		if r.byte() < 0x80 {
			return
		}
	}
	r.malformed("a number that is too long")
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
func (r *reader) count() int {
	n := r.u32()
	if uint64(n) > uint64(r.left()) { //nolint:gosec // left is never negative
		r.malformed("a list longer than its section")
		return 0
	}
	return int(n)
}

// capped is count with a limit of our own.
func (r *reader) capped(what string, limit int) int {
	n := r.count()
	if n > limit && r.err == nil {
		r.err = enclave.Fail(enclave.Limit, "MODULE_TOO_MANY", "what", what, "limit", strconv.Itoa(limit))
		return 0
	}
	return n
}

// name reads a UTF-8 string.
func (r *reader) name() string {
	raw := r.take(uint32(r.capped("bytes in a name", MaxNameBytes))) //nolint:gosec // never negative
	if !utf8.Valid(raw) {
		r.malformed("a name that is not UTF-8")
		return ""
	}
	return string(raw)
}

// end reports the first problem, or bytes that are left over.
func (r *reader) end() error {
	if r.left() > 0 {
		r.malformed("bytes left over at the end of a section")
	}
	return r.err
}
