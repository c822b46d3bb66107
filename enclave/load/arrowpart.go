package load

import (
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// originOf says what values of an Arrow type are to a description.
func originOf(t arrow.DataType) origin {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		if o := originOf(t.ValueType); o == originText {
			return originText
		}
		return originOther
	case *arrow.StringType, *arrow.LargeStringType, *arrow.StringViewType:
		return originText
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type,
		*arrow.Uint8Type, *arrow.Uint16Type, *arrow.Uint32Type, *arrow.Uint64Type:
		return originInt
	case *arrow.Decimal32Type, *arrow.Decimal64Type, *arrow.Decimal128Type, *arrow.Decimal256Type:
		return originDecimal
	case *arrow.Float32Type, *arrow.Float64Type:
		return originFloat
	case *arrow.Date32Type, *arrow.Date64Type:
		return originDate
	case *arrow.BooleanType:
		return originBool
	}
	return originOther
}

// arrowPart is one record batch, fully validated.
type arrowPart struct{ batch arrow.RecordBatch }

func (p *arrowPart) release() { p.batch.Release() }

func (p *arrowPart) each(visit func(fields []field) *flaw) (rows, lines int, wrong *flaw) {
	columns := p.batch.Columns()
	fields := make([]field, len(columns))
	fill := make([]func(row int, f *field), len(columns))
	for i, c := range columns {
		fill[i] = filler(c)
	}
	count := int(p.batch.NumRows())
	for row := range count {
		for i, c := range columns {
			f := &fields[i]
			if c.IsNull(row) {
				*f = field{text: f.text[:0]}
				continue
			}
			fill[i](row, f)
		}
		if wrong = visit(fields); wrong != nil {
			wrong.row = row
			return row, 0, wrong
		}
	}
	return count, 0, nil
}

// textual is an array of strings.
type textual interface {
	arrow.Array
	Value(i int) string
}

// integers are the Go types of Arrow's whole numbers.
type integers interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32
}

func whole[T integers](values []T) func(int, *field) {
	return func(row int, f *field) { *f = field{form: formNumber, value: int64(values[row]), text: f.text} }
}

// filler gives the function that reads a row of a column that is not null. Numbers that do not fit 64 bits are
// unfit.
func filler(column arrow.Array) func(row int, f *field) {
	switch c := column.(type) {
	case *array.Dictionary:
		words, ok := c.Dictionary().(textual)
		if !ok {
			return unfit
		}
		return func(row int, f *field) {
			word := c.GetValueIndex(row)
			if words.IsNull(word) {
				*f = field{text: f.text[:0]}
				return
			}
			setText(f, words.Value(word))
		}
	case textual:
		return func(row int, f *field) { setText(f, c.Value(row)) }
	case *array.Int8:
		return whole(c.Int8Values())
	case *array.Int16:
		return whole(c.Int16Values())
	case *array.Int32:
		return whole(c.Int32Values())
	case *array.Int64:
		return whole(c.Int64Values())
	case *array.Uint8:
		return whole(c.Uint8Values())
	case *array.Uint16:
		return whole(c.Uint16Values())
	case *array.Uint32:
		return whole(c.Uint32Values())
	case *array.Uint64:
		return func(row int, f *field) {
			if v := c.Value(row); v <= math.MaxInt64 {
				*f = field{form: formNumber, value: int64(v), text: f.text}
				return
			}
			unfit(row, f)
		}
	case *array.Date32:
		return func(row int, f *field) { *f = field{form: formDate, value: int64(c.Value(row)), text: f.text} }
	case *array.Date64:
		return func(row int, f *field) {
			const day = 86_400_000
			if ms := int64(c.Value(row)); ms%day == 0 {
				*f = field{form: formDate, value: ms / day, text: f.text}
				return
			}
			unfit(row, f)
		}
	case *array.Float32:
		return func(row int, f *field) { setFloat(f, float64(c.Value(row)), 32) }
	case *array.Float64:
		return func(row int, f *field) { setFloat(f, c.Value(row), 64) }
	case *array.Boolean:
		return func(row int, f *field) { setText(f, strconv.FormatBool(c.Value(row))) }
	}
	return decimalFiller(column)
}

func decimalFiller(column arrow.Array) func(row int, f *field) {
	t, ok := column.DataType().(arrow.DecimalType)
	if !ok || t.GetScale() < 0 || t.GetScale() > 38 {
		return unfit
	}
	set := func(f *field, v int64) {
		*f = field{form: formNumber, value: v, scale: int(t.GetScale()), text: f.text}
	}
	switch c := column.(type) {
	case *array.Decimal32:
		return func(row int, f *field) { set(f, int64(c.Value(row))) }
	case *array.Decimal64:
		return func(row int, f *field) { set(f, int64(c.Value(row))) }
	case *array.Decimal128:
		return func(row int, f *field) {
			v := c.Value(row)
			low := int64(v.LowBits()) //nolint:gosec // G115: the high half must be the sign of the low one
			if v.HighBits() != low>>63 {
				unfit(row, f)
				return
			}
			set(f, low)
		}
	case *array.Decimal256:
		return func(row int, f *field) {
			if v := c.Value(row).BigInt(); v.IsInt64() {
				set(f, v.Int64())
				return
			}
			unfit(row, f)
		}
	}
	return unfit
}

func setText(f *field, text string) {
	text = strings.TrimSpace(text)
	*f = field{form: formText, text: append(f.text[:0], text...)}
	if len(text) == 0 {
		f.form = formEmpty
	}
}

// setFloat writes the shortest decimal fraction that is this very number; whether it fits is for the column's scale to say. So a
// cost of 12.34 passes at scale 2, although no binary fraction is exactly 12.34, and 12.345 does not.
func setFloat(f *field, v float64, bits int) {
	*f = field{form: formText, text: strconv.AppendFloat(f.text[:0], v, 'f', -1, bits)}
}

// unfit is a value that no column expects.
func unfit(_ int, f *field) { *f = field{form: formUnfit, text: f.text[:0]} }
