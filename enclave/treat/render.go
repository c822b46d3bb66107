package treat

import (
	"bytes"
	"math/big"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/darkroom-project/darkroom/enclave"
)

// precision of every decimal in an output.
const precision = 38

// render writes the published cells as an Arrow IPC stream of one record batch: a row for each, in the table's order; first the keys'
// labels, then the measures, in the manifest's order. There is no metadata and no dictionary. Every value is appended to fresh, zeroed
// memory one at a time, so that no buffer holds anything else.
func render(table *enclave.Table, fates []enclave.Fate, r rounding) ([]byte, error) {
	plan := table.Plan
	for _, m := range plan.Measures {
		if m.Sum >= len(plan.Summed) || m.Sum < 0 && (m.Op == enclave.Sum || m.Op == enclave.Mean) {
			return nil, enclave.Internalf("measure %s has no sum", m.Name)
		}
	}
	schema := schemaOf(plan)
	builder := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	defer builder.Release()
	for i := range table.Cells {
		if fates[i] != enclave.Published {
			continue
		}
		cell := &table.Cells[i]
		for k := range plan.Keys {
			label, err := labelOf(plan, cell, k)
			if err != nil {
				return nil, err
			}
			if err := appendValue(builder.Field(k), label); err != nil {
				return nil, err
			}
		}
		for m := range plan.Measures {
			value, err := r.value(&plan.Measures[m], cell)
			if err != nil {
				return nil, err
			}
			if err := appendValue(builder.Field(len(plan.Keys)+m), value); err != nil {
				return nil, err
			}
		}
	}
	return stream(builder, schema)
}

// stream ends a builder's rows as an Arrow IPC stream of one record batch.
func stream(builder *array.RecordBuilder, schema *arrow.Schema) ([]byte, error) {
	batch := builder.NewRecordBatch()
	defer batch.Release()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema), ipc.WithAllocator(memory.NewGoAllocator()))
	if err := w.Write(batch); err != nil {
		return nil, enclave.Internalf("write the output: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, enclave.Internalf("end the output: %w", err)
	}
	return out.Bytes(), nil
}

// schemaOf is the form of the output: labels as text; counts, and sums of columns without scale, as int64; other sums as decimal
// with the column's scale; means as decimal with two digits more, empty where rounding left no rows.
func schemaOf(plan *enclave.Plan) *arrow.Schema {
	var fields []arrow.Field
	for i := range plan.Keys {
		fields = append(fields, arrow.Field{Name: plan.Keys[i].Name, Type: arrow.BinaryTypes.String})
	}
	for _, m := range plan.Measures {
		field := arrow.Field{Name: m.Name, Type: arrow.PrimitiveTypes.Int64}
		if m.Sum >= 0 {
			scale := plan.Dataset.Columns[plan.Summed[m.Sum]].Scale
			switch {
			case m.Op == enclave.Mean:
				field.Type, field.Nullable = decimalOf(scale+meanDigits), true
			case scale > 0:
				field.Type = decimalOf(scale)
			}
		}
		fields = append(fields, field)
	}
	return arrow.NewSchema(fields, nil)
}

func decimalOf(scale int) *arrow.Decimal128Type {
	return &arrow.Decimal128Type{Precision: precision, Scale: int32(scale)} //nolint:gosec // at most 11
}

func labelOf(plan *enclave.Plan, cell *enclave.Cell, key int) (string, error) {
	if !slices.Contains(plan.Sets[cell.Set], key) {
		return enclave.LabelTotal, nil
	}
	code, labels := cell.Codes[key], plan.Keys[key].Labels
	if code < 0 || int(code) >= len(labels) {
		return "", enclave.Internalf("a cell's code of key %s has no label", plan.Keys[key].Name)
	}
	return labels[code], nil
}

// value computes one treated number: an int64 in stored units, a *big.Int for a mean, nil for none.
func (r *rounding) value(m *enclave.PlannedMeasure, cell *enclave.Cell) (any, error) {
	switch m.Op {
	case enclave.Count:
		return nearest(cell.Rows, r.count)
	case enclave.Subjects:
		return nearest(cell.Subjects, r.count)
	case enclave.Sum, enclave.Mean:
		sum, err := nearest(cell.Sums[m.Sum].Sum, r.sums[m.Sum])
		if err != nil || m.Op == enclave.Sum {
			return sum, err
		}
		rows, err := nearest(cell.Rows, r.count)
		if err != nil {
			return nil, err
		}
		if quotient, ok := mean(sum, rows); ok {
			return quotient, nil
		}
		return nil, nil
	}
	return nil, enclave.Internalf("measure %s is of no known kind", m.Name)
}

func appendValue(to array.Builder, value any) error {
	switch b := to.(type) {
	case *array.StringBuilder:
		if v, ok := value.(string); ok {
			b.Append(v)
			return nil
		}
		if value == nil {
			b.AppendNull()
			return nil
		}
	case *array.Int64Builder:
		if v, ok := value.(int64); ok {
			b.Append(v)
			return nil
		}
		if value == nil {
			b.AppendNull()
			return nil
		}
	case *array.Decimal128Builder:
		switch v := value.(type) {
		case int64:
			b.Append(decimal128.FromI64(v))
			return nil
		case *big.Int:
			b.Append(decimal128.FromBigInt(v))
			return nil
		case nil:
			b.AppendNull()
			return nil
		}
	}
	return enclave.Internalf("a value of type %T does not fit its column", value)
}
