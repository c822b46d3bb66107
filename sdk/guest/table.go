package guest

import (
	"encoding/binary"
	"errors"
	"unsafe"
)

// Table is a program's output, to be filled in column by column. Every column must get the same number of values. The enclave sorts the
// rows, so their order says nothing; it takes numbers within the manifest's bounds alone, rounds decimals to the manifest's places, and
// ends the run over anything else.
type Table struct {
	columns []output
	open    bool // columns are made as they are asked for
}

// output is one column; the slice of its type is used.
type output struct {
	name  string
	kind  uint32
	int64 *Values[int64]
	float *Values[float64]
	int32 *Values[int32]
	text  *Values[string]
}

// Values are a column's values, in the order of rows.
type Values[T int64 | float64 | int32 | string] struct {
	values []T
	valid  Bitmap
}

// Append adds a value.
func (v *Values[T]) Append(value T) {
	v.add(value)
	v.valid[(len(v.values)-1)>>3] |= 1 << ((len(v.values) - 1) & 7)
}

// Empty adds the empty value.
func (v *Values[T]) Empty() {
	var none T
	v.add(none)
}

func (v *Values[T]) add(value T) {
	if len(v.values)&7 == 0 {
		v.valid = append(v.valid, 0)
	}
	v.values = append(v.values, value)
}

// Len is how many values there are.
func (v *Values[T]) Len() int { return len(v.values) }

// At is value i, and whether it is not the empty one.
func (v *Values[T]) At(i int) (value T, valid bool) { return v.values[i], v.valid.At(i) }

// Int64 is an output column of type int64. It panics if the manifest declares none of that name and type.
func (t *Table) Int64(name string) *Values[int64] { return t.column(name, typeInt64).int64 }

// Decimal is an output column of type decimal. NaN is the empty value. It panics like [Table.Int64].
func (t *Table) Decimal(name string) *Values[float64] { return t.column(name, typeFloat64).float }

// Enum is an output column of type enum, of positions in the manifest's list of its values. It panics like [Table.Int64].
func (t *Table) Enum(name string) *Values[int32] { return t.column(name, typeInt32).int32 }

// Text is an output column of type text. "" is the empty value. It panics like [Table.Int64].
func (t *Table) Text(name string) *Values[string] { return t.column(name, typeText).text }

func (t *Table) column(name string, kind uint32) *output {
	for i := range t.columns {
		if t.columns[i].name != name {
			continue
		}
		if t.columns[i].kind != kind {
			panic("guest: output column " + name + " is of another type")
		}
		return &t.columns[i]
	}
	if !t.open {
		panic("guest: the manifest has no output column " + name)
	}
	t.columns = append(t.columns, newOutput(name, kind))
	return &t.columns[len(t.columns)-1]
}

func newOutput(name string, kind uint32) output {
	return output{name: name, kind: kind, int64: &Values[int64]{}, float: &Values[float64]{}, int32: &Values[int32]{}, text: &Values[string]{}}
}

// tableBytes is the size of the table's descriptor.
func (m *module) tableBytes() int { return tableHeadBytes + outputBytes*len(m.outputs) }

// finish calls the author's function and fills the table's descriptor in, with the addresses of arrays that stay where they are.
func (m *module) finish(descriptor []byte, address func([]byte) uint32) error {
	if !m.ready || m.program == nil {
		return errNotReady
	}
	if len(descriptor) != m.tableBytes() || binary.LittleEndian.Uint32(descriptor) != abiVersion ||
		int(binary.LittleEndian.Uint32(descriptor[4:])) != len(m.outputs) {
		return errDescriptor
	}
	var out Table
	for i, name := range m.outputs {
		out.columns = append(out.columns, newOutput(name, binary.LittleEndian.Uint32(descriptor[tableHeadBytes+i*outputBytes:])))
	}
	if m.steps.Finish != nil {
		if err := m.steps.Finish(&out); err != nil {
			return err
		}
	}
	keep := func(b []byte) uint32 {
		m.kept = append(m.kept, b)
		return address(b)
	}
	rows := 0
	for i := range out.columns {
		c := &out.columns[i]
		if i == 0 {
			rows = c.rows()
		} else if c.rows() != rows {
			return errors.New("guest: output columns " + out.columns[0].name + " and " + c.name + " have different numbers of values")
		}
		c.describe(descriptor[tableHeadBytes+i*outputBytes:], keep)
	}
	binary.LittleEndian.PutUint32(descriptor[8:], uint32(rows))
	return nil
}

func (c *output) rows() int { return c.int64.Len() + c.float.Len() + c.int32.Len() + c.text.Len() }

// describe writes where the column's arrays lie: validity, data, and of texts offsets and bytes. An empty array needs no address.
func (c *output) describe(words []byte, address func([]byte) uint32) {
	put := func(word int, b []byte) {
		if len(b) > 0 {
			binary.LittleEndian.PutUint32(words[4*word:], address(b))
		}
	}
	switch c.kind {
	case typeInt64:
		put(1, c.int64.valid)
		put(2, bytesOf(c.int64.values))
	case typeFloat64:
		put(1, c.float.valid)
		put(2, bytesOf(c.float.values))
	case typeInt32:
		put(1, c.int32.valid)
		put(2, bytesOf(c.int32.values))
	case typeText:
		var text []byte
		offsets := make([]int32, 1, c.text.Len()+1)
		for _, s := range c.text.values {
			text = append(text, s...)
			offsets = append(offsets, int32(len(text))) //nolint:gosec // no memory holds as many
		}
		put(1, c.text.valid)
		put(2, text)
		put(3, bytesOf(offsets))
		binary.LittleEndian.PutUint32(words[16:], uint32(len(text))) //nolint:gosec // likewise
	}
}

// bytesOf views values as the bytes that they are in WebAssembly's memory.
func bytesOf[T int32 | int64 | float64](v []T) []byte {
	var one T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(one))) //nolint:gosec // exactly v
}
