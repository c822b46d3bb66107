package enclave

import (
	"context"
	"encoding/binary"
	"math"
)

// Packed are the values of one column in a batch as snapshots keep them: each as how far it is above Low, the least value that the catalogue
// allows the column, and in as few bytes as the catalogue's bounds ask for. They depend on the description and on a row's own value, and on
// nothing else of the data.
type Packed struct {
	Low    int64
	Narrow bool // a guest sees the values in 32 bits

	One   []uint8 // by row; the one of these that PackedWidth names is there
	Two   []uint16
	Four  []uint32
	Eight []uint64

	// Valid is a bitmap, least significant bit first, of the rows that have a value; the code of another is 0. It is nil where the catalogue
	// says that no row is without one.
	Valid []byte
}

// PackedWidth is how many bytes codes up to a span take: 1, 2, 4 or 8.
func PackedWidth(span uint64) int {
	switch {
	case span <= math.MaxUint8:
		return 1
	case span <= math.MaxUint16:
		return 2
	case span <= math.MaxUint32:
		return 4
	}
	return 8
}

// NewPacked makes room for a batch of a column that is stored: not for one of texts.
func NewPacked(c *Column) (Packed, error) {
	low, span, err := c.Domain()
	if err != nil {
		return Packed{}, err
	}
	codes := Packed{Low: low, Narrow: c.Type.Narrow()}
	switch PackedWidth(span) {
	case 1:
		codes.One = make([]uint8, BatchRows)
	case 2:
		codes.Two = make([]uint16, BatchRows)
	case 4:
		codes.Four = make([]uint32, BatchRows)
	default:
		codes.Eight = make([]uint64, BatchRows)
	}
	if c.Nullable {
		codes.Valid = make([]byte, BatchRows/8)
	}
	return codes, nil
}

// Put sets a row's value, which MUST be within the bounds, in codes that were made with room for it. In a column that may be empty the row is
// valid then.
func (c *Packed) Put(row int, value int64) {
	code := uint64(value) - uint64(c.Low) //nolint:gosec // two's complement difference
	switch {
	case c.One != nil:
		c.One[row] = uint8(code) //nolint:gosec // within the bounds
	case c.Two != nil:
		c.Two[row] = uint16(code) //nolint:gosec // within the bounds
	case c.Four != nil:
		c.Four[row] = uint32(code) //nolint:gosec // within the bounds
	default:
		c.Eight[row] = code
	}
	if c.Valid != nil {
		c.Valid[row>>3] |= 1 << (row & 7)
	}
}

// Clear makes every code 0, and every row empty where that may be.
func (c *Packed) Clear() {
	clear(c.One)
	clear(c.Two)
	clear(c.Four)
	clear(c.Eight)
	clear(c.Valid)
}

// PackedBatch is consecutive rows as snapshots keep them, and may be where they are kept: nobody may write to it. Subjects has Rows numbers, equal
// ones side by side; columns have at least Rows codes, and what is behind those of the rows means nothing.
type PackedBatch struct {
	Rows     int
	Subjects []uint32
	Columns  []Packed // in the order the scan asked for
}

// NewVector makes room for a batch as guests see it.
func NewVector(narrow bool) Vector {
	v := Vector{Valid: make([]byte, BatchRows/8)}
	if narrow {
		v.Narrow = make([]int32, BatchRows)
	} else {
		v.Wide = make([]int64, BatchRows)
	}
	return v
}

// Decode writes the values of the first rows, and padding behind them, into a vector that NewVector made for the column's type.
func (c *Packed) Decode(into *Vector, rows int) {
	switch {
	case c.One != nil:
		decode(into, c.One[:rows], c.Low)
	case c.Two != nil:
		decode(into, c.Two[:rows], c.Low)
	case c.Four != nil:
		decode(into, c.Four[:rows], c.Low)
	default:
		decode(into, c.Eight[:rows], c.Low)
	}
	c.validity(into, rows)
	c.blank(into, rows)
}

func decode[T uint8 | uint16 | uint32 | uint64](into *Vector, codes []T, low int64) {
	if into.Narrow != nil {
		values := into.Narrow[:len(codes)]
		for i, code := range codes {
			values[i] = int32(low + int64(code)) //nolint:gosec // dates and codes are of 32 bits
		}
		clear(into.Narrow[len(codes):])
		return
	}
	values := into.Wide[:len(codes)]
	for i, code := range codes {
		values[i] = low + int64(code)
	}
	clear(into.Wide[len(codes):])
}

// validity writes which rows have a value.
func (c *Packed) validity(into *Vector, rows int) {
	used := (rows + 7) / 8
	if c.Valid != nil {
		copy(into.Valid[:used], c.Valid)
	} else {
		for i := range into.Valid[:used] {
			into.Valid[i] = 0xff
		}
	}
	if over := rows & 7; over > 0 {
		into.Valid[used-1] &= 1<<over - 1
	}
	clear(into.Valid[used:])
}

// blank makes the values of empty rows 0: their codes stand for the least value.
func (c *Packed) blank(into *Vector, rows int) {
	if c.Valid == nil || c.Low == 0 {
		return
	}
	for row := range rows {
		if into.Valid[row>>3]>>(row&7)&1 == 0 {
			if into.Narrow != nil {
				into.Narrow[row] = 0
			} else {
				into.Wide[row] = 0
			}
		}
	}
}

// Scan is [Rows.Scan] with values as guests see them.
func Scan(ctx context.Context, rows Rows, r Range, columns []int, visit func(*Batch) error) error {
	var batch Batch
	return rows.Scan(ctx, r, columns, func(packed *PackedBatch) error {
		if batch.Columns == nil {
			for i := range packed.Columns {
				batch.Columns = append(batch.Columns, NewVector(packed.Columns[i].Narrow))
			}
		}
		batch.Rows, batch.Subjects = packed.Rows, packed.Subjects
		for i := range packed.Columns {
			packed.Columns[i].Decode(&batch.Columns[i], packed.Rows)
		}
		return visit(&batch)
	})
}

// AppendPacked appends a code in so many bytes, little endian, as column files have it.
func AppendPacked(out []byte, code uint64, width int) []byte {
	switch width {
	case 1:
		return append(out, byte(code)) //nolint:gosec // of this width
	case 2:
		return binary.LittleEndian.AppendUint16(out, uint16(code)) //nolint:gosec // of this width
	case 4:
		return binary.LittleEndian.AppendUint32(out, uint32(code)) //nolint:gosec // of this width
	}
	return binary.LittleEndian.AppendUint64(out, code)
}
