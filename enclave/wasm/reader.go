// Package wasm reads the parts that the binary format of WebAssembly is made of, out of bytes of any origin: numbers in LEB128, names,
// lengths of lists, and sections. What they mean, and how many there may be, is for the rooms that use it to say: admission, and the rewriter
// that meters.
//
// Every length is checked against what is left, nothing is allocated by a number that the bytes merely claim, and no byte behind the last one
// can be reached, not even by writing to a slice that a reader returned.
package wasm

import (
	"strconv"
	"unicode/utf8"

	"github.com/darkroom-project/darkroom/enclave"
)

// Reader reads bytes of a module, which MUST NOT be changed meanwhile. After the first problem it reads zeros and keeps that problem, so that
// callers may read several fields and look once at [Reader.Err]; loops MUST look in every turn. The zero value is one without bytes. It is not
// safe for concurrent use.
type Reader struct {
	bytes []byte
	at    int // next byte to read
	base  int // where bytes begin in the module, for messages
	err   error
}

// NewReader reads bytes as if a module began with them.
func NewReader(bytes []byte) Reader { return Reader{bytes: bytes} }

// Err is the first problem, nil if there was none.
func (r *Reader) Err() error { return r.err }

// Fail makes err the problem, unless there is one already.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Malformed fails with MODULE_MALFORMED and the place in the module that the reader has come to.
func (r *Reader) Malformed(problem string) {
	r.Fail(enclave.Fail(enclave.Invalid, "MODULE_MALFORMED", "problem", problem, "offset", strconv.Itoa(r.base+r.at)))
}

// At is how many bytes were read.
func (r *Reader) At() int { return r.at }

// Left is how many bytes were not.
func (r *Reader) Left() int { return len(r.bytes) - r.at }

// Rest is the bytes that were not read, and reads none of them.
func (r *Reader) Rest() []byte { return r.bytes[r.at:len(r.bytes):len(r.bytes)] }

// Since is the bytes that were read since the reader was at from.
func (r *Reader) Since(from int) []byte { return r.bytes[from:r.at:r.at] }

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if r.err != nil || r.at >= len(r.bytes) {
		r.Malformed("unexpected end")
		return 0
	}
	b := r.bytes[r.at]
	r.at++
	return b
}

// U32 reads an unsigned LEB128 of at most 32 bits. It may be longer than it has to be, but takes at most five bytes, the last of them without
// excess bits, as section 5.2.2 of the specification asks.
func (r *Reader) U32() uint32 {
	var v uint32
	for shift := 0; ; shift += 7 {
		b := r.Byte()
		if r.err != nil {
			return 0
		}
		if shift == 28 && b > 0x0f {
			r.Malformed("a number of more than 32 bits")
			return 0
		}
		v |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
}

// SkipSigned passes over a signed LEB128 of at most so many bytes, 5 for 32 bits and 10 for 64, whose value is for the compiler to judge. One
// that goes on is malformed, by the caller's word for it.
func (r *Reader) SkipSigned(most int, tooLong string) {
	for range most {
		if r.Byte() < 0x80 {
			return
		}
	}
	r.Malformed(tooLong)
}

// Take reads n bytes without copying them.
func (r *Reader) Take(n uint32) []byte {
	if r.err != nil || uint64(n) > uint64(r.Left()) { //nolint:gosec // Left is never negative
		r.Malformed("a length beyond the end")
		return nil
	}
	from := r.at
	r.at += int(n)
	return r.Since(from)
}

// Part reads n bytes as a reader of their own, which knows where in the module they are.
func (r *Reader) Part(n uint32) Reader {
	base := r.base + r.at
	return Reader{bytes: r.Take(n), base: base}
}

// Count reads the length of a list whose items take at least one byte each, so that no loop runs longer than the bytes.
func (r *Reader) Count() uint32 {
	n := r.U32()
	if uint64(n) > uint64(r.Left()) { //nolint:gosec // Left is never negative
		r.Malformed("a list longer than its section")
		return 0
	}
	return n
}

// Name reads n bytes that are UTF-8.
func (r *Reader) Name(n uint32) string {
	raw := r.Take(n)
	if !utf8.Valid(raw) {
		r.Malformed("a name that is not UTF-8")
		return ""
	}
	return string(raw)
}
