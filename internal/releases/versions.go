package releases

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// versions are the rows of all snapshots of a dataset that have releases, each once: a row's identity is that of its version, its subject
// with all of its values. A corrected value makes a new row; a row that did not change is the same in every snapshot, so that a
// table before and one after a correction are about the same people.
type versions struct {
	subjects []uint32 // by row
	prints   []uint64 // by row: keyed hash of its values
	next     []int32  // by row: the next of the same subject, or -1
	first    map[uint32]int32
	rows     map[enclave.Digest][]int32 // by snapshot: its rows, in order
	order    []enclave.Digest           // snapshots as they were taken up
	columns  map[asked]*read            // that were asked for
	seed     maphash.Seed
}

func newVersions() *versions {
	return &versions{first: map[uint32]int32{}, rows: map[enclave.Digest][]int32{}, columns: map[asked]*read{}, seed: maphash.MakeSeed()}
}

// people is the number of distinct subjects.
func (v *versions) people() int64 { return int64(len(v.first)) }

// link takes up a snapshot, and returns the subjects of the rows that are new with it, in order.
func (v *versions) link(ctx context.Context, dataset *enclave.Dataset, snapshot enclave.Digest, loader enclave.Loader) (added []uint32, err error) {
	if v.rows[snapshot] != nil {
		return nil, nil
	}
	rows, err := loader.Open(ctx, dataset, snapshot)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	count := rows.Snapshot().Rows
	places, before := make([]int32, 0, count), len(v.subjects)
	taken := make([]bool, before) // two equal rows of one subject are two rows
	err = enclave.Scan(ctx, rows, enclave.Range{Count: count}, stored(dataset), func(b *enclave.Batch) error {
		record := make([]byte, 0, 9*len(b.Columns))
		for i := range b.Rows {
			record = appendRow(record[:0], b, i)
			places = append(places, v.find(b.Subjects[i], maphash.Bytes(v.seed, record), taken))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	v.rows[snapshot], v.order = places, append(v.order, snapshot)
	return v.subjects[before:], nil
}

// find is the row of a subject with these values that this snapshot has not used yet, or a new one.
func (v *versions) find(subject uint32, values uint64, taken []bool) int32 {
	head, known := v.first[subject]
	if !known {
		head = -1
	}
	for row := head; row >= 0; row = v.next[row] {
		if int(row) < len(taken) && !taken[row] && v.prints[row] == values {
			taken[row] = true
			return row
		}
	}
	row := int32(len(v.subjects)) //nolint:gosec // the audit refuses more rows than that
	v.subjects, v.prints, v.next = append(v.subjects, subject), append(v.prints, values), append(v.next, head)
	v.first[subject] = row
	return row
}

// place puts a footprint's places where its snapshot's rows are.
func (v *versions) place(f *enclave.Footprint) ([]int32, error) {
	rows := v.rows[f.Snapshot]
	if len(rows) != f.Places.Rows() {
		return nil, enclave.Internalf("a footprint of %d rows over a snapshot of %d", f.Places.Rows(), len(rows))
	}
	cells := make([]int32, len(v.subjects))
	for i := range cells {
		cells[i] = enclave.NoCell
	}
	for i, row := range rows {
		cells[row] = f.Places.At(i)
	}
	return cells, nil
}

// asked is a column, and what stands for its empty values.
type asked struct {
	column string
	empty  int64
}

// read are a column's values, as far as they were read.
type read struct {
	snapshots int     // of the order, from the first
	values    []int64 // by row
}

// values are a column's, by row, with something in place of empty ones. They are read when they are asked for first.
func (v *versions) values(ctx context.Context, dataset *enclave.Dataset, column string, empty int64, loader enclave.Loader) ([]int64, error) {
	known := v.columns[asked{column, empty}]
	if known == nil {
		known = &read{}
		v.columns[asked{column, empty}] = known
	}
	at := dataset.Column(column)
	if at < 0 {
		return nil, enclave.Internalf("column %s of a release is not in the description of %s", column, dataset.Name)
	}
	known.values = append(known.values, slices.Repeat([]int64{empty}, len(v.subjects)-len(known.values))...)
	for ; known.snapshots < len(v.order); known.snapshots++ {
		if err := v.read(ctx, dataset, v.order[known.snapshots], at, loader, known.values); err != nil {
			return nil, err
		}
	}
	return known.values, nil
}

// read puts a snapshot's values of a column where its rows are.
func (v *versions) read(ctx context.Context, dataset *enclave.Dataset, snapshot enclave.Digest, column int, loader enclave.Loader, into []int64) (err error) {
	rows, err := loader.Open(ctx, dataset, snapshot)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	places := v.rows[snapshot]
	return enclave.Scan(ctx, rows, enclave.Range{Count: rows.Snapshot().Rows}, []int{column}, func(b *enclave.Batch) error {
		c := &b.Columns[0]
		for i := range b.Rows {
			switch {
			case c.Valid[i>>3]>>(i&7)&1 == 0:
			case c.Wide != nil:
				into[places[i]] = c.Wide[i]
			default:
				into[places[i]] = int64(c.Narrow[i])
			}
		}
		places = places[b.Rows:]
		return nil
	})
}

// stored are the columns that snapshots hold: all but identifiers.
func stored(dataset *enclave.Dataset) []int {
	var columns []int
	for i := range dataset.Columns {
		if dataset.Columns[i].Class != enclave.Identifier {
			columns = append(columns, i)
		}
	}
	return columns
}

// appendRow writes a row's values: for each column whether it has one, and which.
func appendRow(record []byte, b *enclave.Batch, row int) []byte {
	for c := range b.Columns {
		column := &b.Columns[c]
		record = append(record, column.Valid[row>>3]>>(row&7)&1)
		if column.Wide != nil {
			record = binary.LittleEndian.AppendUint64(record, uint64(column.Wide[row])) //nolint:gosec // its bits
		} else {
			record = binary.LittleEndian.AppendUint32(record, uint32(column.Narrow[row])) //nolint:gosec // its bits
		}
	}
	return record
}
