package load

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
)

// Scan reads a range in batches, which are where the files are mapped: nothing is copied but bitmaps.
func (r *rows) Scan(ctx context.Context, at enclave.Range, columns []int, visit func(*enclave.PackedBatch) error) error {
	if at.First < 0 || at.Count < 0 || at.First > r.snapshot.Rows || at.Count > r.snapshot.Rows-at.First {
		return enclave.Internalf("scan of rows %d+%d of %d", at.First, at.Count, r.snapshot.Rows)
	}
	for _, c := range columns {
		if c < 0 || c >= len(r.columns) || r.columns[c] == nil {
			return enclave.Internalf("scan of column %d, which is not stored", c)
		}
	}
	return guardedRead(func() error { return r.scan(ctx, at, columns, visit) })
}

func (r *rows) scan(ctx context.Context, at enclave.Range, columns []int, visit func(*enclave.PackedBatch) error) error {
	batch := &enclave.PackedBatch{Columns: make([]enclave.Packed, len(columns))}
	for i, c := range columns {
		batch.Columns[i] = r.columns[c].packed(&r.dataset.Columns[c])
	}
	for first := at.First; first < at.First+at.Count; first += enclave.BatchRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch.Rows = int(min(enclave.BatchRows, at.First+at.Count-first))
		batch.Subjects = codesOf[uint32](r.subjects, first, batch.Rows)
		for i, c := range columns {
			r.columns[c].fill(&batch.Columns[i], first, batch.Rows)
		}
		if err := visit(batch); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// packed is what the codes of a column mean, before there are any.
func (c *column) packed(of *enclave.Column) enclave.Packed {
	p := enclave.Packed{Low: c.low, Narrow: of.Type.Narrow()}
	if c.empty {
		p.Valid = make([]byte, enclave.BatchRows/8)
	}
	return p
}

// fill sets the codes of some rows, and which of them have a value.
func (c *column) fill(into *enclave.Packed, first int64, count int) {
	switch c.width {
	case 1:
		into.One = codesOf[uint8](c, first, count)
	case 2:
		into.Two = codesOf[uint16](c, first, count)
	case 4:
		into.Four = codesOf[uint32](c, first, count)
	default:
		into.Eight = codesOf[uint64](c, first, count)
	}
	if c.empty {
		c.valid(into.Valid, first, int64(count))
	}
}
