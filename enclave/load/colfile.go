package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/darkroom-project/darkroom/enclave"
)

// A column file holds one column of a snapshot, little endian:
//
//	header  64 bytes: "darkroom/column\x00" (16) · version u32 = 2 · type u32 · rows u64 · low i64 · width u32 · may be empty u32 (0, 1) · zero (16)
//	codes   rows × width bytes (1, 2, 4 or 8): the value less low; 0 where the row is empty
//	bitmap  of a column that may be empty: ⌈rows÷8⌉ bytes, least significant bit first, 1 where the row has a value
//
// Low and width follow from the description's bounds ([enclave.PackedWidth]), not from the values. Subjects are codes of 4 bytes from 0.
const (
	columnMagic   = "darkroom/column\x00"
	columnVersion = 2
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

// shape is what the description says of a column file.
type shape struct {
	kind  columnType
	low   int64
	width int64 // of a code, in bytes
	empty bool  // rows may be
}

var subjectShape = shape{kind: typeSubject, width: subjectBytes}

func shapeOf(c *enclave.Column) (shape, error) {
	low, span, err := c.Domain()
	if err != nil {
		return shape{}, err
	}
	return shape{columnTypeOf(c.Type), low, int64(enclave.PackedWidth(span)), c.Nullable}, nil
}

// size is the length of a whole column file.
func (s shape) size(rows int64) int64 { return s.bitmap(rows) + s.bitmapBytes(rows) }

// bitmap is the place of the bitmap.
func (s shape) bitmap(rows int64) int64 { return columnHeader + rows*s.width }

func (s shape) bitmapBytes(rows int64) int64 {
	if !s.empty {
		return 0
	}
	return (rows + 7) / 8
}

func (s shape) head(rows int64) []byte {
	head := make([]byte, 0, columnHeader)
	head = append(head, columnMagic...)
	head = binary.LittleEndian.AppendUint32(head, columnVersion)
	head = binary.LittleEndian.AppendUint32(head, uint32(s.kind))
	head = binary.LittleEndian.AppendUint64(head, uint64(rows))    //nolint:gosec // G115: rows are not negative
	head = binary.LittleEndian.AppendUint64(head, uint64(s.low))   //nolint:gosec // G115: the same bits
	head = binary.LittleEndian.AppendUint32(head, uint32(s.width)) //nolint:gosec // G115: at most 8
	if s.empty {
		head = binary.LittleEndian.AppendUint32(head, 1)
	}
	return append(head, make([]byte, columnHeader-len(head))...)
}

// column is a column file in the address space. Reads may run at the same time; nobody may write.
type column struct {
	bytes []byte
	shape
	rows int64
}

// check checks size and header.
func (c *column) check() error {
	if c.rows < 0 || c.rows > MaxRows || int64(len(c.bytes)) != c.size(c.rows) {
		return fmt.Errorf("column file of %d bytes: wrong size", len(c.bytes))
	}
	if !bytes.Equal(c.bytes[:columnHeader], c.head(c.rows)) {
		return errors.New("column file: wrong header")
	}
	return nil
}

// codesOf are the codes of some rows, where they are in the file.
func codesOf[T uint8 | uint16 | uint32 | uint64](c *column, first int64, count int) []T {
	raw := c.bytes[columnHeader+c.width*first:][:c.width*int64(count)]
	if littleEndian {
		return numbersOf[T](raw)
	}
	codes := make([]T, count)
	for i := range codes {
		code := uint64(0)
		for b := c.width - 1; b >= 0; b-- {
			code = code<<8 | uint64(raw[int64(i)*c.width+b])
		}
		codes[i] = T(code)
	}
	return codes
}

// valid writes the bitmap of rows first to first+count-1 into a bitmap that starts with row first; bits beyond count are 0.
func (c *column) valid(into []byte, first, count int64) {
	clear(into)
	if count == 0 {
		return
	}
	from := c.bytes[c.bitmap(c.rows)+first/8 : c.bitmap(c.rows)+(first+count+7)/8]
	used := into[:(count+7)/8]
	if shift := first % 8; shift == 0 {
		copy(used, from)
	} else {
		shiftBits(used, from, int(shift))
	}
	if over := count % 8; over > 0 {
		used[len(used)-1] &= 1<<over - 1
	}
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
