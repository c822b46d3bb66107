package wasm

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
)

// Header is the magic number and version 1 of a core module.
const Header = "\x00asm\x01\x00\x00\x00"

// The section ids of WebAssembly 2.0.
const (
	Custom    = 0
	Type      = 1
	Import    = 2
	Function  = 3
	Table     = 4
	Memory    = 5
	Global    = 6
	Export    = 7
	Start     = 8
	Element   = 9
	Code      = 10
	Data      = 11
	DataCount = 12
)

// Order is the ids of all sections that are not custom, as bytes, in the order that the specification prescribes.
const Order = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0c\x0a\x0b"

// Section is one section of a module.
type Section struct {
	ID       byte
	Contents Reader
	Whole    []byte // id, length and contents, as they stand in the module
}

// Sections reads a module section by section.
type Sections struct {
	reader Reader
	last   int // the place in Order of the last section that has one
}

// Open begins behind the header of a module. MODULE_NOT_WASM if it has none.
func Open(module []byte) (*Sections, error) {
	if !bytes.HasPrefix(module, []byte(Header)) {
		return nil, enclave.Fail(enclave.Invalid, "MODULE_NOT_WASM")
	}
	return &Sections{reader: Reader{bytes: module, at: len(Header)}, last: -1}, nil
}

// More reports whether there are bytes left.
func (s *Sections) More() bool { return s.reader.Left() > 0 }

// Next reads a section. MODULE_MALFORMED if it is not whole.
func (s *Sections) Next() (Section, error) {
	r := &s.reader
	from := r.at
	id := r.Byte()
	contents := r.Part(r.U32())
	return Section{ID: id, Contents: contents, Whole: r.Since(from)}, r.err
}

// Follows checks that the section that was read last, which is not a custom one, stands in the prescribed order and comes for the first time.
// MODULE_UNSUPPORTED if there is no such section, MODULE_MALFORMED if it is out of order.
func (s *Sections) Follows(id byte) error {
	place := strings.IndexByte(Order, id)
	if place < 0 {
		return enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED", "what", "section "+strconv.Itoa(int(id)))
	}
	if place <= s.last {
		s.reader.Malformed("a section twice or out of order")
		return s.reader.err
	}
	s.last = place
	return nil
}
