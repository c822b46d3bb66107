package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"math"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Missing is an empty value.
const Missing int64 = math.MinInt64

// Row is a row of data: whose it is, and its values in stored form, one for each column of the dataset; that of an identifier says nothing.
type Row struct {
	Subject string
	Values  []int64
}

// Table is the rows of one snapshot, in memory.
type Table struct {
	Dataset *enclave.Dataset
	Rows    []Row
}

// Add appends a row, with a value for each column in order but the subject's.
func (t *Table) Add(subject string, values ...int64) {
	at := t.Dataset.Column(t.Dataset.Subject.Column)
	t.Rows = append(t.Rows, Row{subject, slices.Insert(slices.Clone(values), at, 0)})
}

// Clone is a copy that can be changed.
func (t *Table) Clone() *Table {
	c := &Table{Dataset: t.Dataset, Rows: slices.Clone(t.Rows)}
	for i := range c.Rows {
		c.Rows[i].Values = slices.Clone(c.Rows[i].Values)
	}
	return c
}

// CSV is the table as a source department would hand it in.
func (t *Table) CSV() ([]byte, error) {
	var file bytes.Buffer
	w := csv.NewWriter(&file)
	line := make([]string, len(t.Dataset.Columns))
	for c := range line {
		line[c] = t.Dataset.Columns[c].SourceName()
	}
	if err := w.Write(line); err != nil {
		return nil, err
	}
	for _, row := range t.Rows {
		for c := range line {
			switch column := &t.Dataset.Columns[c]; {
			case column.Name == t.Dataset.Subject.Column:
				line[c] = row.Subject
			case row.Values[c] == Missing:
				line[c] = ""
			default:
				line[c] = column.Format(row.Values[c])
			}
		}
		if err := w.Write(line); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return file.Bytes(), w.Error()
}

// snapshot is a table that was loaded. It is immutable.
type snapshot struct {
	about    enclave.Snapshot
	dataset  *enclave.Dataset
	subjects []uint32 // by row; rows of a subject stand side by side
	rows     []Row
}

var _ enclave.Rows = (*snapshot)(nil)

// load takes a copy of a table. Known numbers the subjects, and is added to.
func load(t *Table, known map[string]uint32) (*snapshot, error) {
	t = t.Clone()
	number := func(subject string) uint32 {
		if _, there := known[subject]; !there {
			known[subject] = uint32(len(known)) //nolint:gosec // a few thousand
		}
		return known[subject]
	}
	slices.SortStableFunc(t.Rows, func(a, b Row) int { return int(number(a.Subject)) - int(number(b.Subject)) })
	s := &snapshot{dataset: t.Dataset, rows: t.Rows}
	var content []byte
	for _, row := range t.Rows {
		s.subjects = append(s.subjects, number(row.Subject))
		content = binary.LittleEndian.AppendUint32(content, number(row.Subject))
		for _, v := range row.Values {
			content = binary.LittleEndian.AppendUint64(content, uint64(v)) //nolint:gosec // its bits
		}
	}
	description, err := t.Dataset.Digest()
	if err != nil {
		return nil, err
	}
	s.about = enclave.Snapshot{
		Dataset: t.Dataset.Name, Digest: enclave.DigestOf(content), Description: description, Rows: int64(len(s.rows)),
		Subjects: int64(len(slices.Compact(slices.Clone(s.subjects)))),
	}
	return s, nil
}

// Snapshot says what the rows are.
func (s *snapshot) Snapshot() enclave.Snapshot { return s.about }

// Close does nothing: there is nothing to give back.
func (s *snapshot) Close() error { return nil }

// Split cuts between subjects.
func (s *snapshot) Split(n int) ([]enclave.Range, error) {
	var ranges []enclave.Range
	for first, size := 0, len(s.rows)/n+1; first < len(s.rows); {
		end := min(first+size, len(s.rows))
		for end < len(s.rows) && s.subjects[end] == s.subjects[end-1] {
			end++
		}
		ranges = append(ranges, enclave.Range{First: int64(first), Count: int64(end - first)})
		first = end
	}
	return ranges, nil
}

// Scan shows the rows batch by batch.
func (s *snapshot) Scan(ctx context.Context, r enclave.Range, columns []int, visit func(*enclave.PackedBatch) error) error {
	b := &enclave.PackedBatch{}
	for _, c := range columns {
		packed, err := enclave.NewPacked(&s.dataset.Columns[c])
		if err != nil {
			return err
		}
		b.Columns = append(b.Columns, packed)
	}
	for first, end := r.First, r.First+r.Count; first < end; first += enclave.BatchRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		last := min(first+enclave.BatchRows, end)
		b.Rows, b.Subjects = int(last-first), s.subjects[first:last]
		for i, c := range columns {
			b.Columns[i].Clear()
			for row := range b.Rows {
				if v := s.rows[first+int64(row)].Values[c]; v != Missing {
					b.Columns[i].Put(row, v)
				}
			}
		}
		if err := visit(b); err != nil {
			return err
		}
	}
	return nil
}
