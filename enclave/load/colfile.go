package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/darkroom-project/darkroom/enclave"
)

// A column file holds one column of a snapshot, little endian:
//
//	header  64 bytes: "darkroom/column\x00" (16) · version u32 = 1 · type u32 · rows u64 · zero (32)
//	values  rows × 4 bytes (subject, date, code) or 8 bytes (int, decimal); 0 where the row is empty
//	bitmap  ⌈rows÷8⌉ bytes, least significant bit first, 1 where the row has a value; subjects have none
const (
	columnMagic   = "darkroom/column\x00"
	columnVersion = 1
	columnHeader  = 64
)

// columnType is the number of a type in a column file.
type columnType uint32

const (
	typeSubject columnType = iota + 1
	typeInt
	typeDecimal
	typeDate
	typeCode
)

func columnTypeOf(t enclave.Type) columnType {
	return map[enclave.Type]columnType{
		enclave.Int: typeInt, enclave.Decimal: typeDecimal, enclave.Date: typeDate, enclave.Code: typeCode,
	}[t]
}

// width is the size of a value in bytes.
func (t columnType) width() int64 {
	if t == typeInt || t == typeDecimal {
		return 8
	}
	return 4
}

// size is the length of a whole column file.
func (t columnType) size(rows int64) int64 { return t.bitmap(rows) + t.bitmapBytes(rows) }

// bitmap is the place of the bitmap.
func (t columnType) bitmap(rows int64) int64 { return columnHeader + rows*t.width() }

func (t columnType) bitmapBytes(rows int64) int64 {
	if t == typeSubject {
		return 0
	}
	return (rows + 7) / 8
}

func columnHead(t columnType, rows int64) []byte {
	head := make([]byte, 0, columnHeader)
	head = append(head, columnMagic...)
	head = binary.LittleEndian.AppendUint32(head, columnVersion)
	head = binary.LittleEndian.AppendUint32(head, uint32(t))
	head = binary.LittleEndian.AppendUint64(head, uint64(rows)) //nolint:gosec // G115: rows are not negative
	return head[:columnHeader]
}

// column is an opened column file. Reads may run at the same time.
type column struct {
	file io.ReaderAt
	kind columnType
	rows int64
}

// openColumn checks header and size of a column file.
func openColumn(file io.ReaderAt, size int64, kind columnType, rows int64) (*column, error) {
	if rows < 0 || rows > MaxRows || size != kind.size(rows) {
		return nil, fmt.Errorf("column file of %d bytes: wrong size", size)
	}
	head := make([]byte, columnHeader)
	if _, err := file.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(head, columnHead(kind, rows)) {
		return nil, errors.New("column file: wrong header")
	}
	return &column{file: file, kind: kind, rows: rows}, nil
}

// read fills buffer from a place in the file.
func (c *column) read(buffer []byte, at int64) error {
	if len(buffer) == 0 {
		return nil
	}
	if n, err := c.file.ReadAt(buffer, at); n < len(buffer) {
		return enclave.Internalf("read a column file: %w", err)
	}
	return nil
}

// narrow reads values of 4 bytes from row first on.
func (c *column) narrow(into []int32, first int64) error {
	raw := bytesOf(into)
	err := c.read(raw, columnHeader+4*first)
	if !littleEndian {
		for i := range into {
			into[i] = int32(binary.LittleEndian.Uint32(raw[4*i:])) //nolint:gosec // G115: the same bits
		}
	}
	return err
}

// wide reads values of 8 bytes from row first on.
func (c *column) wide(into []int64, first int64) error {
	raw := bytesOf(into)
	err := c.read(raw, columnHeader+8*first)
	if !littleEndian {
		for i := range into {
			into[i] = int64(binary.LittleEndian.Uint64(raw[8*i:])) //nolint:gosec // G115: the same bits
		}
	}
	return err
}

// valid reads the bitmap of rows first to first+count-1 into a bitmap that starts with row first; bits beyond count are 0. Spare has
// room for one byte more than the bitmap.
func (c *column) valid(into, spare []byte, first, count int64) error {
	clear(into)
	if count == 0 {
		return nil
	}
	from, to := first/8, (first+count+7)/8
	spare = spare[:to-from]
	if err := c.read(spare, c.kind.bitmap(c.rows)+from); err != nil {
		return err
	}
	shift, used := first%8, into[:(count+7)/8]
	if shift == 0 {
		copy(used, spare)
	} else {
		shiftBits(used, spare, int(shift))
	}
	if over := count % 8; over > 0 {
		used[len(used)-1] &= 1<<over - 1
	}
	return nil
}

// shiftBits moves bits down by 1 to 7 places, eight bytes at a time. From may have one byte more than into.
func shiftBits(into, from []byte, shift int) {
	i := 0
	for ; i+8 < len(from) && i+8 <= len(into); i += 8 {
		binary.LittleEndian.PutUint64(into[i:], binary.LittleEndian.Uint64(from[i:])>>shift|uint64(from[i+8])<<(64-shift))
	}
	for ; i < len(into); i++ {
		into[i] = from[i] >> shift
		if i+1 < len(from) {
			into[i] |= from[i+1] << (8 - shift)
		}
	}
}
