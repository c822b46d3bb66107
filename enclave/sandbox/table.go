package sandbox

import (
	"encoding/binary"
	"math"

	"github.com/darkroom-project/darkroom/enclave"
)

// table is what a program must return: its columns' types, in the manifest's order, and the most rows.
type table struct {
	kinds []uint32
	rows  int64
}

// maxTableBytes bounds the arrays of a returned table together, so that a guest cannot make the host copy the same memory over and over.
const maxTableBytes = 8 << 20

const (
	tableHeaderWords = 3
	outputWords      = 5
)

func tableOf(output *enclave.ManifestOutput) table {
	t := table{rows: output.Rows}
	for i := range output.Columns {
		kind := uint32(typeText)
		switch output.Columns[i].Type {
		case enclave.KindInt:
			kind = typeInt64
		case enclave.KindDecimal:
			kind = typeFloat64
		case enclave.KindEnum:
			kind = typeInt32
		case enclave.KindText:
		}
		t.kinds = append(t.kinds, kind)
	}
	return t
}

func (t table) descriptorBytes() uint32 {
	return bytesPerWord * (tableHeaderWords + outputWords*uint32(len(t.kinds))) //nolint:gosec // at most MaxOutputColumns
}

// descriptor is what the host writes: the guest fills the zeros in.
func (t table) descriptor() []byte {
	words := []uint32{abiVersion, uint32(len(t.kinds)), 0} //nolint:gosec // at most MaxOutputColumns
	for _, kind := range t.kinds {
		words = append(words, kind, 0, 0, 0, 0)
	}
	return littleEndian(words)
}

// take copies the table that a descriptor describes out of the memory. Both are the guest's, and hostile; nothing runs meanwhile. What
// the host wrote into the descriptor is not read again. Errors are breaches.
func (t table) take(memory, descriptor []byte) (*enclave.Returned, error) {
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(descriptor[at*bytesPerWord:]) }
	rows := word(tableHeaderWords - 1)
	if int64(rows) > t.rows {
		return nil, breachf("%d rows, more than the manifest declares", rows)
	}
	r := arrays{memory: memory, rows: uint64(rows)}
	out := &enclave.Returned{Rows: int(rows)}
	for i, kind := range t.kinds {
		at := tableHeaderWords + i*outputWords
		// The first word is the host's: the type.
		column, err := r.column(kind, place{valid: word(at + 1), data: word(at + 2), offsets: word(at + 3), bytes: word(at + 4)})
		if err != nil {
			return nil, breachf("column %d: %v", i, err)
		}
		out.Columns = append(out.Columns, *column)
	}
	return out, nil
}

// place is where a column lies, as the guest says. Offsets and bytes are of texts alone.
type place struct{ valid, data, offsets, bytes uint32 }

// arrays reads a table's arrays, and counts their bytes.
type arrays struct {
	memory []byte
	rows   uint64
	bytes  uint64
}

// array views size bytes at an address. Where size is 0, the address may be anything.
func (r *arrays) array(address uint32, size uint64) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	if address == 0 || uint64(address)+size > uint64(len(r.memory)) { // both are far below 2^63
		return nil, breach("an array outside the memory")
	}
	if r.bytes += size; r.bytes > maxTableBytes {
		return nil, breach("the table is too large")
	}
	return r.memory[address : uint64(address)+size], nil
}

// column reads one column. Only what is valid is looked at.
func (r *arrays) column(kind uint32, at place) (*enclave.ReturnedColumn, error) {
	valid, err := r.validity(at.valid)
	if err != nil {
		return nil, err
	}
	out := &enclave.ReturnedColumn{Valid: valid}
	switch kind {
	case typeText:
		out.Texts, err = r.texts(at, valid)
	case typeFloat64:
		out.Floats, err = values(r, at.data, 8, valid, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) })
	case typeInt64:
		out.Ints, err = values(r, at.data, 8, valid, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }) //nolint:gosec // the same 64 bits
	default:
		out.Ints, err = values(r, at.data, 4, valid, func(b []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(b))) }) //nolint:gosec // the same 32 bits
	}
	return out, err
}

// validity reads a bitmap. At address 0, every value is there.
func (r *arrays) validity(address uint32) ([]bool, error) {
	valid := make([]bool, r.rows)
	if address == 0 {
		for i := range valid {
			valid[i] = true
		}
		return valid, nil
	}
	bitmap, err := r.array(address, (r.rows+7)/8)
	if err != nil {
		return nil, err
	}
	for i := range valid {
		valid[i] = bitmap[i>>3]>>(i&7)&1 != 0
	}
	return valid, nil
}

// values reads the valid values of an array whose items have so many bytes.
func values[T int64 | float64](r *arrays, address uint32, width int, valid []bool, read func([]byte) T) ([]T, error) {
	data, err := r.array(address, r.rows*uint64(width)) //nolint:gosec // 4 or 8
	if err != nil {
		return nil, err
	}
	out := make([]T, r.rows)
	for i := range out {
		if valid[i] {
			out[i] = read(data[i*width:])
		}
	}
	return out, nil
}

// texts reads texts, which lie one behind the other, from the first byte to the last: no byte is in none of them.
func (r *arrays) texts(at place, valid []bool) ([]string, error) {
	if r.rows == 0 {
		return []string{}, nil
	}
	offsets, err := r.array(at.offsets, (r.rows+1)*4)
	if err != nil {
		return nil, err
	}
	data, err := r.array(at.data, uint64(at.bytes))
	if err != nil {
		return nil, err
	}
	all := string(data)
	out := make([]string, r.rows)
	before := binary.LittleEndian.Uint32(offsets)
	if before != 0 {
		return nil, breach("the first text does not begin at 0")
	}
	for i := range out {
		end := binary.LittleEndian.Uint32(offsets[4*(i+1):])
		if end < before || end > at.bytes {
			return nil, breach("a text's end is before its beginning, or behind the last byte")
		}
		if valid[i] {
			out[i] = all[before:end]
		}
		before = end
	}
	if before != at.bytes {
		return nil, breach("bytes behind the last text")
	}
	return out, nil
}
