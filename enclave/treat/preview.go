package treat

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/darkroom-project/darkroom/enclave"
)

// Preview reads the beginning of an output that this package wrote: the names of its columns, at most limit rows of values as text, nil for an
// empty one, and the number of all rows. It is for outputs that were kept under their digest: bytes of a guest MUST NOT come here, and
// what is in a text is as the guest wrote it. Errors are internal.
func Preview(content []byte, limit int) (columns []string, rows [][]*string, total int64, err error) {
	reader, err := ipc.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, nil, 0, enclave.Internalf("read an output: %w", err)
	}
	defer reader.Release()
	for _, field := range reader.Schema().Fields() {
		columns = append(columns, field.Name)
	}
	for {
		batch, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return columns, rows, total, nil
		}
		if err != nil {
			return nil, nil, 0, enclave.Internalf("read an output: %w", err)
		}
		total += batch.NumRows()
		for row := 0; row < int(batch.NumRows()) && len(rows) < limit; row++ {
			values := make([]*string, len(columns))
			for i := range values {
				if values[i], err = textOf(batch.Column(i), row); err != nil {
					return nil, nil, 0, err
				}
			}
			rows = append(rows, values)
		}
	}
}

// textOf is a value of one of the types that appendValue writes.
func textOf(column arrow.Array, row int) (*string, error) {
	if column.IsNull(row) {
		return nil, nil
	}
	var text string
	switch c := column.(type) {
	case *array.String:
		text = strings.Clone(c.Value(row)) // of the batch's own memory
	case *array.Int64:
		text = strconv.FormatInt(c.Value(row), 10)
	case *array.Decimal128:
		scale := int32(0)
		if t, ok := c.DataType().(arrow.DecimalType); ok {
			scale = t.GetScale()
		}
		text = c.Value(row).ToString(scale)
	default:
		return nil, enclave.Internalf("a column of type %s in an output", column.DataType())
	}
	return &text, nil
}
