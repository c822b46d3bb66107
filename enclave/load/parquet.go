package load

import (
	"errors"
	"io"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/darkroom-project/darkroom/enclave"
)

// decimalPrecision is how many digits an int64 always holds.
const decimalPrecision = 18

// ArrowType is the Arrow type that a column of a description is best written in for loading.
func ArrowType(c *enclave.Column) arrow.DataType {
	switch c.Type {
	case enclave.Int:
		return arrow.PrimitiveTypes.Int64
	case enclave.Decimal:
		return &arrow.Decimal128Type{Precision: decimalPrecision, Scale: int32(c.Scale)} //nolint:gosec // G115: at most 9
	case enclave.Date:
		return arrow.FixedWidthTypes.Date32
	case enclave.Code, enclave.Text:
	}
	return arrow.BinaryTypes.String
}

// WriteParquet writes rows of text, in the order of the description's columns, as a Parquet file that Ingest reads. An empty text is
// null. Rows are streamed: memory holds one row group. The rows are trusted to fit; one that does not is an internal error.
func WriteParquet(w io.Writer, dataset *enclave.Dataset, rows iter.Seq[[]string]) (err error) {
	var readers []*reader
	var fields []arrow.Field
	for i := range dataset.Columns {
		c := &dataset.Columns[i]
		r, err := newReader(c)
		if err != nil {
			return err
		}
		readers = append(readers, r)
		fields = append(fields, arrow.Field{Name: c.SourceName(), Type: ArrowType(c), Nullable: c.Nullable})
	}
	schema := arrow.NewSchema(fields, nil)
	// Only io.Writer is passed on: the library would close a file that is the caller's.
	props := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy))
	out, err := pqarrow.NewFileWriter(schema, struct{ io.Writer }{w}, props, pqarrow.DefaultWriterProps())
	if err != nil {
		return enclave.Internalf("write Parquet: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	batch := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	defer batch.Release()
	flush := func() error {
		record := batch.NewRecordBatch()
		defer record.Release()
		return out.Write(record)
	}
	count := 0
	for row := range rows {
		if err := appendRow(batch, readers, row); err != nil {
			return err
		}
		if count++; count%parquetBatchRows == 0 {
			if err := flush(); err != nil {
				return enclave.Internalf("write Parquet: %w", err)
			}
		}
	}
	return flush()
}

func appendRow(batch *array.RecordBuilder, readers []*reader, row []string) error {
	if len(row) != len(readers) {
		return enclave.Internalf("a row of %d values for %d columns", len(row), len(readers))
	}
	for i, text := range row {
		builder := batch.Field(i)
		if text == "" {
			builder.AppendNull()
			continue
		}
		if b, ok := builder.(*array.StringBuilder); ok {
			b.Append(text)
			continue
		}
		v, ok := readers[i].parse(&field{form: formText, text: []byte(text)})
		if !ok {
			return enclave.Internalf("a value that does not fit column %s", readers[i].column.Name)
		}
		switch b := builder.(type) {
		case *array.Int64Builder:
			b.Append(v)
		case *array.Date32Builder:
			b.Append(arrow.Date32(v)) //nolint:gosec // G115: a date of four-digit years
		case *array.Decimal128Builder:
			b.Append(decimal128.FromI64(v))
		}
	}
	return nil
}
