package treat

import (
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/darkroom-project/darkroom/enclave"
)

// Present writes a product as an Arrow IPC stream of one record batch, in the product's own order of rows and the manifest's of columns:
// whole numbers as int64, decimals with the manifest's places, enumerations and texts as text. What render says of metadata and buffers
// holds here. Errors are internal: a product that is not what its plan declares.
func (Treater) Present(product *enclave.Product) (*enclave.Treated, error) {
	declared := product.Plan.Manifest.Output
	if declared == nil || len(declared.Columns) != len(product.Columns) {
		return nil, enclave.Internalf("a product of %d columns is not what its manifest declares", len(product.Columns))
	}
	var fields []arrow.Field
	for i := range declared.Columns {
		fields = append(fields, arrow.Field{Name: declared.Columns[i].Name, Type: arrowType(&declared.Columns[i]), Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	builder := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	defer builder.Release()
	for i := range declared.Columns {
		if err := complete(&declared.Columns[i], &product.Columns[i], product.Rows); err != nil {
			return nil, err
		}
		for row := range product.Rows {
			value, err := valueAt(&declared.Columns[i], &product.Columns[i], row)
			if err != nil {
				return nil, err
			}
			if err := appendValue(builder.Field(i), value); err != nil {
				return nil, err
			}
		}
	}
	raw, err := stream(builder, schema)
	if err != nil {
		return nil, err
	}
	return &enclave.Treated{Bytes: raw, Format: enclave.MediaArrow}, nil
}

func arrowType(c *enclave.ManifestColumn) arrow.DataType {
	switch {
	case c.Type == enclave.KindInt, c.Type == enclave.KindDecimal && c.Decimals == 0:
		return arrow.PrimitiveTypes.Int64
	case c.Type == enclave.KindDecimal:
		return decimalOf(c.Decimals)
	}
	return arrow.BinaryTypes.String
}

// complete reports a column that does not have one value of its type for each row.
func complete(declared *enclave.ManifestColumn, c *enclave.ProductColumn, rows int) error {
	values, others := len(c.Numbers), len(c.Texts)
	if declared.Type == enclave.KindText {
		values, others = others, values
	}
	if len(c.Valid) != rows || values != rows || others != 0 {
		return enclave.Internalf("column %s has %d values and %d flags for %d rows", declared.Name, values, len(c.Valid), rows)
	}
	return nil
}

// valueAt is a value as appendValue takes it: int64 in stored units, string, or nil for an empty one.
func valueAt(declared *enclave.ManifestColumn, c *enclave.ProductColumn, row int) (any, error) {
	if !c.Valid[row] {
		return nil, nil
	}
	if declared.Type == enclave.KindText {
		if text := c.Texts[row]; int64(len(text)) > declared.Bytes || !utf8.ValidString(text) {
			return nil, enclave.Internalf("column %s holds a text that may not be", declared.Name)
		}
		return c.Texts[row], nil
	}
	v := c.Numbers[row]
	if declared.Type == enclave.KindEnum {
		if v < 0 || v >= int64(len(declared.Values)) {
			return nil, enclave.Internalf("column %s has no value %d", declared.Name, v)
		}
		return declared.Values[v], nil
	}
	if low, high := declared.Range(); v < low || v > high {
		return nil, enclave.Internalf("column %s holds a value outside its bounds", declared.Name)
	}
	return v, nil
}
