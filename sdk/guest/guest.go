package guest

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"unsafe"
)

// Setup reads the run's parameters once and returns the function that sees the rows. An error or a panic ends the run.
type Setup func(p *Params) (Assign, error)

// Assign fills the batch's keys. An error or a panic ends the run; its text is shown by "darkroom module test" alone, where rows
// are synthetic, and never in the enclave.
type Assign func(b *Batch) error

// Steps is what a program does: it sees every batch, in order, and then returns its table. Either may be nil.
type Steps struct {
	// Batch sees the next rows. Everything that it keeps is there for the batches to come. An error or a panic ends the run.
	Batch func(b *Batch) error
	// Finish fills the table in, after the last batch. An error or a panic ends the run.
	Finish func(out *Table) error
}

// ProgramSetup reads the run's parameters once and returns the program's two steps. An error or a panic ends the run.
type ProgramSetup func(p *Params) (Steps, error)

// Params are the run's parameters, as the manifest declares them and within the domains that it declares.
type Params struct {
	values map[string]any
}

// Int64 is the value of a parameter of type int64. It panics if the manifest has none of that name and type.
func (p *Params) Int64(name string) int64 {
	v, ok := p.values[name].(int64)
	if !ok {
		panic("guest: the manifest has no parameter " + name + " of type int64")
	}
	return v
}

// Enum is the value of a parameter of type enum. It panics if the manifest has none of that name and type.
func (p *Params) Enum(name string) string {
	v, ok := p.values[name].(string)
	if !ok {
		panic("guest: the manifest has no parameter " + name + " of type enum")
	}
	return v
}

// Batch is a view of the rows that the host has laid out; nothing is copied. It and every slice of it are valid during one call of
// [Assign] or [Steps].Batch only.
type Batch struct {
	rows    int
	columns []column
	keys    []key
	both    []Bitmap // what Valid made of several columns; kept from batch to batch
	used    int      // of both, by this batch
}

type column struct {
	name   string
	wide   []int64
	narrow []int32
	valid  Bitmap
}

type key struct {
	name  string
	codes []int32
}

// Rows is the number of rows. In a module of form aggregate it is the same for every batch, padding included; a program is shown no padding.
func (b *Batch) Rows() int { return b.rows }

// Int64 is a column of type int or decimal. It panics if no such column is shown to the module: the manifest must list it, and
// its class must be open or quasi.
func (b *Batch) Int64(name string) []int64 {
	c := b.column(name)
	if c.wide == nil {
		panic("guest: column " + name + " is a date or a code: use Date or Code")
	}
	return c.wide
}

// Code is a column of type code: positions in the catalogue's code list. It panics like [Batch.Int64].
func (b *Batch) Code(name string) []int32 {
	c := b.column(name)
	if c.narrow == nil {
		panic("guest: column " + name + " is a number: use Int64")
	}
	return c.narrow
}

// Date is a column of type date: days since 1970-01-01. It panics like [Batch.Int64].
func (b *Batch) Date(name string) []int32 { return b.Code(name) }

// Valid tells which rows hold a value in each of the columns. It panics like [Batch.Int64].
func (b *Batch) Valid(column string, more ...string) Bitmap {
	first := b.column(column).valid
	if len(more) == 0 {
		return first
	}
	if b.used == len(b.both) {
		b.both = append(b.both, nil)
	}
	b.both[b.used] = append(b.both[b.used][:0], first...)
	all := b.both[b.used]
	b.used++
	for _, name := range more {
		all.and(b.column(name).valid)
	}
	return all
}

// Key is the output for a key that the module computes, one code a row, all -1 at first. For a key with values the code is the
// position in the list; for a key with min and max it is the number itself; -1 drops the row, and anything else ends the run. It panics if the
// manifest has no such key.
func (b *Batch) Key(name string) []int32 {
	for i := range b.keys {
		if b.keys[i].name == name {
			return b.keys[i].codes
		}
	}
	panic("guest: the manifest has no key " + name + " for the module to compute; it has " + list(b.keys, func(k key) string { return k.name }))
}

func (b *Batch) column(name string) *column {
	for i := range b.columns {
		if b.columns[i].name == name {
			return &b.columns[i]
		}
	}
	panic("guest: column " + name + " is not shown to the module, which sees " + list(b.columns, func(c column) string { return c.name }) +
		". The manifest lists columns; of those, the class in the dataset's description must be open or quasi, or the manifest's show must name them")
}

// list is names for a message.
func list[T any](of []T, name func(T) string) string {
	names := "none"
	for i, one := range of {
		if i == 0 {
			names = name(one)
		} else {
			names += ", " + name(one)
		}
	}
	return names
}

// Bitmap holds one bit a row, least significant first.
type Bitmap []byte

// Rows are the rows whose bit is set, in order. It is the fastest way to go through a batch: 64 rows are tested at once.
func (m Bitmap) Rows() iter.Seq[int] {
	return func(yield func(int) bool) {
		for at := 0; at < len(m); at += 8 {
			for w := m.word(at); w != 0; w &= w - 1 {
				if !yield(at<<3 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// and clears the bits that other does not have, eight bytes at a time.
func (m Bitmap) and(other Bitmap) {
	for ; len(m) >= 8 && len(other) >= 8; m, other = m[8:], other[8:] {
		binary.LittleEndian.PutUint64(m, binary.LittleEndian.Uint64(m)&binary.LittleEndian.Uint64(other))
	}
	for i := range m {
		m[i] &= other[i]
	}
}

// word is the bits of eight bytes, of fewer at the end.
func (m Bitmap) word(at int) uint64 {
	if at+8 <= len(m) {
		return binary.LittleEndian.Uint64(m[at:])
	}
	return m[at:].rest()
}

func (m Bitmap) rest() (word uint64) {
	for i, b := range m {
		word |= uint64(b) << (8 * i)
	}
	return word
}

// At reports the bit of row i.
func (m Bitmap) At(i int) bool { return m[i>>3]>>(i&7)&1 != 0 }

// cast views bytes that hold little-endian values, which WebAssembly's are. The host aligns what it lays out to 64 bytes.
func cast[T int32 | int64](b []byte) []T {
	var one T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(one))) //nolint:gosec // bounded by b, of plain numbers
}
