package load

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
)

// Scan reads a range in batches. Its memory is one batch, however many rows there are.
func (r *rows) Scan(ctx context.Context, at enclave.Range, columns []int, visit func(*enclave.PackedBatch) error) error {
	if at.First < 0 || at.Count < 0 || at.First > r.snapshot.Rows || at.Count > r.snapshot.Rows-at.First {
		return enclave.Internalf("scan of rows %d+%d of %d", at.First, at.Count, r.snapshot.Rows)
	}
	for _, c := range columns {
		if c < 0 || c >= len(r.columns) || r.columns[c] == nil {
			return enclave.Internalf("scan of column %d, which is not stored", c)
		}
	}
	s, err := r.newScanner(columns)
	if err != nil {
		return err
	}
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
	batch    enclave.PackedBatch
	subjects []uint32
	spare    []byte
}

func (r *rows) newScanner(columns []int) (*scanner, error) {
	s := &scanner{rows: r, subjects: make([]uint32, enclave.BatchRows), spare: make([]byte, enclave.BatchRows/8+1)}
	for _, c := range columns {
		codes, err := enclave.NewPacked(&r.dataset.Columns[c])
		if err != nil {
			return nil, err
		}
		s.columns, s.batch.Columns = append(s.columns, r.columns[c]), append(s.batch.Columns, codes)
	}
	return s, nil
}

// fill reads count rows.
func (s *scanner) fill(first int64, count int) error {
	s.batch.Rows, s.batch.Subjects = count, s.subjects[:count]
	if err := codesOf(s.rows.subjects, s.batch.Subjects, first); err != nil {
		return err
	}
	for i, c := range s.columns {
		if err := c.fill(&s.batch.Columns[i], s.spare, first, count); err != nil {
			return err
		}
	}
	return nil
}

// fill reads codes and bitmap of some rows. Spare has room for one byte more than the bitmap.
func (c *column) fill(codes *enclave.Packed, spare []byte, first int64, count int) (err error) {
	switch {
	case codes.One != nil:
		err = codesOf(c, codes.One[:count], first)
	case codes.Two != nil:
		err = codesOf(c, codes.Two[:count], first)
	case codes.Four != nil:
		err = codesOf(c, codes.Four[:count], first)
	default:
		err = codesOf(c, codes.Eight[:count], first)
	}
	if err != nil || codes.Valid == nil {
		return err
	}
	return c.valid(codes.Valid, spare, first, int64(count))
}
