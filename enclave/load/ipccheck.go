package load

import (
	"encoding/binary"
	"errors"
	"io"
)

// The Arrow library allocates as many fields, nodes and buffers as a file's metadata claims to have, before it looks whether they are
// there: a few damaged bytes ask for terabytes, and no recover catches that. So all metadata of an IPC file or stream is walked here
// first: every vector must lie inside its message. The layout is that of FlatBuffers (https://flatbuffers.dev/internals) and of
// Schema.fbs, Message.fbs and File.fbs of the Arrow columnar format 1.5.

var errMetadata = errors.New("arrow metadata does not hold together")

const (
	maxArrowFields   = 4096
	maxArrowMessages = 1 << 20
	maxArrowDepth    = 16
)

// flat is one FlatBuffers buffer. Reading outside it panics with errMetadata; [checkIPC] recovers.
type flat struct {
	bytes  []byte
	fields int // of schemas, seen so far
}

func (f *flat) slice(at, size uint64) []byte {
	if at > uint64(len(f.bytes)) || size > uint64(len(f.bytes))-at {
		panic(errMetadata)
	}
	return f.bytes[at : at+size]
}

func (f *flat) u32(at uint64) uint64 { return uint64(binary.LittleEndian.Uint32(f.slice(at, 4))) }

// field is the place of a table's field, 0 if it is absent.
func (f *flat) field(table uint64, number uint64) uint64 {
	vtable := int64(table) - int64(int32(f.u32(table))) //nolint:gosec // G115: slice checks the place
	if vtable < 0 {
		panic(errMetadata)
	}
	size := uint64(binary.LittleEndian.Uint16(f.slice(uint64(vtable), 2)))
	if 4+2*number+2 > size {
		return 0
	}
	offset := uint64(binary.LittleEndian.Uint16(f.slice(uint64(vtable)+4+2*number, 2)))
	if offset == 0 {
		return 0
	}
	return table + offset
}

// follow is where a field of type table, vector or union points, 0 if it is absent.
func (f *flat) follow(table, number uint64) uint64 {
	at := f.field(table, number)
	if at == 0 {
		return 0
	}
	to := at + f.u32(at)
	f.slice(to, 4)
	return to
}

// vector checks a vector of elements of some size and returns its first place and length.
func (f *flat) vector(table, number, element uint64) (first, length uint64) {
	at := f.follow(table, number)
	if at == 0 {
		return 0, 0
	}
	length = f.u32(at)
	f.slice(at+4, length*element)
	return at + 4, length
}

// pairs checks custom metadata: a vector of tables of two strings.
func (f *flat) pairs(table, number uint64) {
	first, length := f.vector(table, number, 4)
	for i := range length {
		pair := first + 4*i + f.u32(first+4*i)
		f.vector(pair, 0, 1)
		f.vector(pair, 1, 1)
	}
}

func (f *flat) schema(table uint64) {
	f.children(table, 1, 0)
	f.pairs(table, 2)
	f.vector(table, 3, 8) // features
}

// children checks a vector of fields.
func (f *flat) children(table, number uint64, depth int) {
	first, length := f.vector(table, number, 4)
	if f.fields += int(length); f.fields > maxArrowFields || depth > maxArrowDepth { //nolint:gosec // G115: within the buffer
		panic(errMetadata)
	}
	for i := range length {
		field := first + 4*i + f.u32(first+4*i)
		f.vector(field, 0, 1) // name
		if kind := f.follow(field, 3); kind != 0 {
			f.slice(kind, 4)
			if at := f.field(field, 2); at != 0 {
				const timestamp, union = 10, 14
				switch f.slice(at, 1)[0] {
				case timestamp:
					f.vector(kind, 1, 1)
				case union:
					f.vector(kind, 1, 4)
				}
			}
		}
		f.children(field, 5, depth+1)
		f.pairs(field, 6)
	}
}

func (f *flat) recordBatch(table uint64) {
	f.vector(table, 1, 16) // nodes
	f.vector(table, 2, 16) // buffers
	f.vector(table, 4, 8)  // counts of variadic buffers
}

// message checks a message and returns the size of its body.
func (f *flat) message() (body uint64) {
	root := f.u32(0)
	f.slice(root, 4)
	header, kind := f.follow(root, 2), f.field(root, 1)
	if header == 0 || kind == 0 {
		panic(errMetadata)
	}
	const schema, dictionary, batch = 1, 2, 3
	switch f.slice(kind, 1)[0] {
	case schema:
		f.schema(header)
	case dictionary:
		if data := f.follow(header, 1); data != 0 {
			f.recordBatch(data)
		}
	case batch:
		f.recordBatch(header)
	default:
		panic(errMetadata)
	}
	f.pairs(root, 4)
	if at := f.field(root, 3); at != 0 {
		body = binary.LittleEndian.Uint64(f.slice(at, 8))
	}
	return body
}

// footer checks a file's footer and returns the places of its messages.
func (f *flat) footer() (blocks []uint64) {
	root := f.u32(0)
	f.slice(root, 4)
	schema := f.follow(root, 1)
	if schema == 0 {
		panic(errMetadata)
	}
	f.schema(schema)
	f.pairs(root, 4)
	for _, number := range []uint64{2, 3} { // dictionaries, record batches
		first, length := f.vector(root, number, 24)
		for i := range length {
			blocks = append(blocks, binary.LittleEndian.Uint64(f.slice(first+24*i, 8)))
		}
	}
	return blocks
}

// checkIPC walks the metadata of a file or a stream. What it returns is only a cause.
func checkIPC(src Source, isFile bool) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			known, ok := fault.(error)
			if !ok || !errors.Is(known, errMetadata) {
				panic(fault)
			}
			err = errMetadata
		}
	}()
	if isFile {
		return checkFile(src)
	}
	at := uint64(0)
	for range maxArrowMessages {
		next, end, err := checkMessage(src, at)
		if err != nil || end {
			return err
		}
		at = next
	}
	return errMetadata
}

// checkFile walks footer and blocks: … footer, its length i32, "ARROW1".
func checkFile(src Source) error {
	const tail = 10
	size := src.Size()
	raw, err := readAt(src, size-tail, tail)
	if err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(raw))
	if length > maxArrowMetadata {
		return errMetadata
	}
	raw, err = readAt(src, size-tail-length, length)
	if err != nil {
		return err
	}
	for _, at := range (&flat{bytes: raw}).footer() {
		if _, end, err := checkMessage(src, at); err != nil || end {
			return errors.Join(err, errMetadata)
		}
	}
	return nil
}

// checkMessage checks the message at a place and returns the place of the next: 0xFFFFFFFF, length of the metadata i32, metadata, body.
// The end is a length of 0, or the end of the file.
func checkMessage(src Source, at uint64) (next uint64, end bool, err error) {
	const prefix = 8
	if at > uint64(src.Size()) { //nolint:gosec // G115: a size is not negative
		return 0, false, errMetadata
	}
	if at == uint64(src.Size()) { //nolint:gosec // G115: a size is not negative
		return 0, true, nil
	}
	raw, err := readAt(src, int64(at), prefix) //nolint:gosec // G115: at most the size
	if err != nil {
		return 0, false, err
	}
	length := int64(binary.LittleEndian.Uint32(raw[4:]))
	if binary.LittleEndian.Uint32(raw) != 0xffffffff || length > maxArrowMetadata {
		return 0, false, errMetadata
	}
	if length == 0 {
		return 0, true, nil
	}
	raw, err = readAt(src, int64(at)+prefix, length) //nolint:gosec // G115: at most the size
	if err != nil {
		return 0, false, err
	}
	body := (&flat{bytes: raw}).message()
	if body > uint64(src.Size()) { //nolint:gosec // G115: a size is not negative
		return 0, false, errMetadata
	}
	return at + prefix + uint64(length) + body, false, nil
}

func readAt(src Source, at, size int64) ([]byte, error) {
	if at < 0 || at > src.Size() || size > src.Size()-at {
		return nil, errMetadata
	}
	raw := make([]byte, size)
	if n, err := src.ReadAt(raw, at); n < len(raw) {
		return nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	return raw, nil
}
