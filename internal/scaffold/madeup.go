package scaffold

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
)

// madeUpRows is how many rows a program is tried on.
const madeUpRows = 1000

// madeUp is a snapshot of a dataset, one subject a row, of values that the description allows and that nobody had. Columns of which the
// bounds are not known are empty, and so is one value in eight of those that may be.
type madeUp struct{ dataset *enclave.Dataset }

var _ enclave.Rows = madeUp{}

func (m madeUp) Snapshot() enclave.Snapshot {
	return enclave.Snapshot{Dataset: m.dataset.Name, Rows: madeUpRows, Subjects: madeUpRows}
}

func (madeUp) Split(int) ([]enclave.Range, error) { return []enclave.Range{{Count: madeUpRows}}, nil }

func (m madeUp) Scan(_ context.Context, _ enclave.Range, columns []int, visit func(*enclave.Batch) error) error {
	batch := &enclave.Batch{Rows: madeUpRows, Subjects: make([]uint32, madeUpRows)}
	for i := range batch.Subjects {
		batch.Subjects[i] = uint32(i)
	}
	for _, c := range columns {
		batch.Columns = append(batch.Columns, m.vector(c))
	}
	return visit(batch)
}

func (m madeUp) vector(at int) enclave.Vector {
	column := &m.dataset.Columns[at]
	v := enclave.Vector{Valid: make([]byte, enclave.BatchRows/8)}
	if column.Type.Narrow() {
		v.Narrow = make([]int32, enclave.BatchRows)
	} else {
		v.Wide = make([]int64, enclave.BatchRows)
	}
	low, high, err := column.Bounds()
	if err != nil || low > high {
		return v
	}
	for row := range madeUpRows {
		drawn := (uint64(row)*31 + uint64(at) + 1) * 0x9e3779b97f4a7c15 >> 16 //nolint:gosec // small numbers
		if column.Nullable && drawn%8 == 0 {
			continue
		}
		value := low + int64(drawn%(uint64(high-low)+1)) //nolint:gosec // bounds of a column are far from those of an int64
		v.Valid[row/8] |= 1 << (row % 8)
		if v.Narrow != nil {
			v.Narrow[row] = int32(value) //nolint:gosec // dates and codes are of 32 bits
		} else {
			v.Wide[row] = value
		}
	}
	return v
}

func (madeUp) Close() error { return nil }

// because is what is inside MODULE_FAILED: over rows that nobody had, its author may know.
func because(err error) error {
	if e := enclave.AsError(err); e.Reason == "MODULE_FAILED" {
		return e.Unwrap()
	}
	return err
}
