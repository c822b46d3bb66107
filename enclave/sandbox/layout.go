package sandbox

import (
	"encoding/binary"

	"github.com/darkroom-project/darkroom/enclave"
)

// Version and column types of the descriptors; see the package's documentation.
const (
	abiVersion  = 1
	typeInt32   = 1
	typeInt64   = 2
	typeFloat64 = 3 // of a program's output
	typeText    = 4 // likewise
)

const (
	lineBytes    = 64      // alignment of every array in the window
	windowAlign  = 2 << 20 // alignment of the window, for mapped column files
	bitmapBytes  = enclave.BatchRows / 8
	narrowBytes  = enclave.BatchRows * 4
	wideBytes    = enclave.BatchRows * 8
	headerWords  = 4
	columnWords  = 4
	keyWords     = 2
	bytesPerWord = 4
)

// layout is where everything lies, relative to the aligned start of the window. It depends on the plan alone.
type layout struct {
	columns []columnPlace
	keys    []uint32
	size    uint32 // of the window, without what alignment takes
}

type columnPlace struct {
	kind, valid, data, bytes uint32
}

func layoutOf(plan *enclave.Plan) layout {
	var l layout
	place := func(bytes uint32) uint32 {
		at := (l.size + lineBytes - 1) &^ (lineBytes - 1)
		l.size = at + bytes
		return at
	}
	for _, c := range plan.Shown {
		p := columnPlace{kind: typeInt64, bytes: wideBytes}
		if plan.Dataset.Columns[c].Type.Narrow() {
			p.kind, p.bytes = typeInt32, narrowBytes
		}
		p.valid = place(bitmapBytes)
		p.data = place(p.bytes)
		l.columns = append(l.columns, p)
	}
	for range plan.ModuleKeys() {
		l.keys = append(l.keys, place(narrowBytes))
	}
	return l
}

// descriptor writes the descriptor of a batch of so many rows for a window whose aligned start is at base.
func (l *layout) descriptor(base, rows uint32) []byte {
	words := make([]uint32, 0, l.descriptorBytes()/bytesPerWord)
	words = append(words, abiVersion, rows, uint32(len(l.columns)), uint32(len(l.keys))) //nolint:gosec // at most MaxColumns and MaxKeys
	for _, c := range l.columns {
		words = append(words, c.kind, base+c.valid, base+c.data, c.bytes/enclave.BatchRows*rows)
	}
	for _, k := range l.keys {
		words = append(words, base+k, narrowBytes)
	}
	return littleEndian(words)
}

func littleEndian(words []uint32) []byte {
	out := make([]byte, 0, bytesPerWord*len(words))
	for _, w := range words {
		out = binary.LittleEndian.AppendUint32(out, w)
	}
	return out
}

func (l *layout) descriptorBytes() uint32 {
	return bytesPerWord * (headerWords + columnWords*uint32(len(l.columns)) + keyWords*uint32(len(l.keys))) //nolint:gosec // at most MaxColumns and MaxKeys
}

// fill writes a batch into the window's bytes. The caller has checked the batch against the layout.
func (l *layout) fill(window []byte, batch *enclave.Batch) {
	for i, c := range l.columns {
		v := &batch.Columns[i]
		copy(window[c.valid:c.valid+bitmapBytes], v.Valid)
		data := window[c.data : c.data+c.bytes]
		if c.kind == typeInt32 {
			for row, value := range v.Narrow {
				binary.LittleEndian.PutUint32(data[row*4:], uint32(value)) //nolint:gosec // the same 32 bits
			}
			continue
		}
		for row, value := range v.Wide {
			binary.LittleEndian.PutUint64(data[row*8:], uint64(value)) //nolint:gosec // the same 64 bits
		}
	}
	for _, k := range l.keys {
		codes := window[k : k+narrowBytes]
		for i := range codes {
			codes[i] = 0xff
		}
	}
}

// take copies the codes of the batch's rows out of the window's bytes.
func (l *layout) take(window []byte, codes [][]int32) {
	for i, k := range l.keys {
		data := window[k : k+narrowBytes]
		for row := range codes[i] {
			codes[i][row] = int32(binary.LittleEndian.Uint32(data[row*4:])) //nolint:gosec // the same 32 bits
		}
	}
}

// fits reports a batch or code slices of another shape than the plan's, which is a fault of the caller.
func (l *layout) fits(batch *enclave.Batch, codes [][]int32) error {
	if len(batch.Columns) != len(l.columns) || len(codes) != len(l.keys) || batch.Rows < 0 || batch.Rows > enclave.BatchRows {
		return enclave.Internalf("a batch of %d columns, %d rows and %d keys does not fit the plan", len(batch.Columns), batch.Rows, len(codes))
	}
	for i, c := range l.columns {
		v := &batch.Columns[i]
		values := len(v.Wide)
		if c.kind == typeInt32 {
			values = len(v.Narrow)
		}
		if values != enclave.BatchRows || len(v.Valid) != bitmapBytes {
			return enclave.Internalf("column %d of a batch has %d values and %d bytes of validity", i, values, len(v.Valid))
		}
	}
	for i := range codes {
		if len(codes[i]) != batch.Rows {
			return enclave.Internalf("%d codes for %d rows", len(codes[i]), batch.Rows)
		}
	}
	return nil
}
