package admit

import (
	"bytes"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// The section ids of the WebAssembly binary format.
const (
	sectionCustom    = 0
	sectionType      = 1
	sectionImport    = 2
	sectionFunction  = 3
	sectionTable     = 4
	sectionMemory    = 5
	sectionGlobal    = 6
	sectionExport    = 7
	sectionStart     = 8
	sectionElement   = 9
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12
)

// rank is the place of each section that is not custom in the order that the specification prescribes; 0 for unknown ids.
var rank = [...]int{
	sectionType: 1, sectionImport: 2, sectionFunction: 3, sectionTable: 4, sectionMemory: 5, sectionGlobal: 6, sectionExport: 7,
	sectionStart: 8, sectionElement: 9, sectionDataCount: 10, sectionCode: 11, sectionData: 12,
}

// header is the magic number and version 1 of a core module.
var header = []byte("\x00asm\x01\x00\x00\x00")

// section is one section of a module.
type section struct {
	id     byte
	custom string // name, of a custom section
	reader reader // of the contents, after the name of a custom section
	whole  []byte // id, length and contents, as they stand in the module
}

// split cuts a module into its sections. Those that are not custom are in the prescribed order, each at most once.
func split(wasm []byte) ([]section, error) {
	if len(wasm) > MaxModuleBytes {
		return nil, enclave.Fail(enclave.Limit, "MODULE_TOO_LARGE", "limit", strconv.Itoa(MaxModuleBytes))
	}
	if !bytes.HasPrefix(wasm, header) {
		return nil, enclave.Fail(enclave.Invalid, "MODULE_NOT_WASM")
	}
	r := &reader{bytes: wasm, at: len(header)}
	var sections []section
	for last, customs := 0, 0; r.left() > 0; {
		from := r.at
		id := r.byte()
		contents := r.take(r.u32())
		if r.err != nil {
			return nil, r.err
		}
		s := section{id: id, reader: reader{bytes: contents, base: r.at - len(contents)}, whole: wasm[from:r.at]}
		if id == sectionCustom {
			if s.custom = s.reader.name(); s.reader.err != nil {
				return nil, s.reader.err
			}
			if customs += len(contents); customs > MaxCustomBytes {
				return nil, enclave.Fail(enclave.Limit, "MODULE_TOO_MANY", "what", "bytes of custom sections", "limit", strconv.Itoa(MaxCustomBytes))
			}
		} else {
			if int(id) >= len(rank) {
				return nil, enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED", "what", "section "+strconv.Itoa(int(id)))
			}
			if rank[id] <= last {
				r.malformed("a section twice or out of order")
				return nil, r.err
			}
			last = rank[id]
		}
		if sections = append(sections, s); len(sections) > MaxSections {
			return nil, enclave.Fail(enclave.Limit, "MODULE_TOO_MANY", "what", "sections", "limit", strconv.Itoa(MaxSections))
		}
	}
	return sections, nil
}
