package load

import (
	"context"
	"encoding/binary"

	"github.com/darkroom-project/darkroom/enclave"
)

// Scan reads a range in batches. Its memory is one batch, however many rows there are.
func (r *rows) Scan(ctx context.Context, at enclave.Range, columns []int, visit func(*enclave.Batch) error) error {
	if at.First < 0 || at.Count < 0 || at.First > r.snapshot.Rows || at.Count > r.snapshot.Rows-at.First {
		return enclave.Internalf("scan of rows %d+%d of %d", at.First, at.Count, r.snapshot.Rows)
	}
	for _, c := range columns {
		if c < 0 || c >= len(r.columns) || r.columns[c] == nil {
			return enclave.Internalf("scan of column %d, which is not stored", c)
		}
	}
	s := newScanner(r, columns)
	for first := at.First; first < at.First+at.Count; first += enclave.BatchRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.fill(first, int(min(enclave.BatchRows, at.First+at.Count-first))); err != nil {
			return err
		}
		if err := visit(&s.batch); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// scanner is the reused memory of one scan.
type scanner struct {
	rows     *rows
	columns  []*column
	batch    enclave.Batch
	subjects []uint32
	spare    []byte
}

func newScanner(r *rows, columns []int) *scanner {
	s := &scanner{
		rows: r, subjects: make([]uint32, enclave.BatchRows), spare: make([]byte, enclave.BatchRows/8+1),
		batch: enclave.Batch{Columns: make([]enclave.Vector, len(columns))},
	}
	for i, c := range columns {
		s.columns = append(s.columns, r.columns[c])
		v := &s.batch.Columns[i]
		v.Valid = make([]byte, enclave.BatchRows/8)
		if r.columns[c].kind.width() == 8 {
			v.Wide = make([]int64, enclave.BatchRows)
		} else {
			v.Narrow = make([]int32, enclave.BatchRows)
		}
	}
	return s
}

// fill reads count rows and clears the padding behind them.
func (s *scanner) fill(first int64, count int) error {
	s.batch.Rows, s.batch.Subjects = count, s.subjects[:count]
	if err := s.rows.subjects.subjectNumbers(s.batch.Subjects, first); err != nil {
		return err
	}
	for i, c := range s.columns {
		v := &s.batch.Columns[i]
		var err error
		if v.Wide != nil {
			err = c.wide(v.Wide[:count], first)
			clear(v.Wide[count:])
		} else {
			err = c.narrow(v.Narrow[:count], first)
			clear(v.Narrow[count:])
		}
		if err != nil {
			return err
		}
		if err := c.valid(v.Valid, s.spare, first, int64(count)); err != nil {
			return err
		}
	}
	return nil
}

// subjectNumbers reads the subjects of rows from first on.
func (c *column) subjectNumbers(into []uint32, first int64) error {
	raw := bytesOf(into)
	err := c.read(raw, columnHeader+4*first)
	if !littleEndian {
		for i := range into {
			into[i] = binary.LittleEndian.Uint32(raw[4*i:])
		}
	}
	return err
}
