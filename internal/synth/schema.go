package synth

import (
	"context"
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/darkroom-project/darkroom/enclave"
)

// Table is rows made from a dataset's description and nothing else: its types, code lists, bounds, and which columns may be empty. It
// holds no value: each is computed from its place when it is scanned, so that a table costs no memory but that of its subjects. It is
// immutable and safe for concurrent use.
//
// What to expect of it. Every subject has a row, most have few and some have many. Quasi columns belong to the subject, as a district or a
// year of birth does, but for dates, which with all others belong to the row. The last of three or more codes is rare, one in 2048, so
// that something is there to suppress. Measures are mostly small and sometimes large, within their bounds. One in sixteen values of a column
// that may be empty is.
type Table struct {
	dataset  *enclave.Dataset
	snapshot enclave.Snapshot
	seed     uint64
	starts   []int64 // by subject: its first row; one more at the end
	columns  []maker // as the dataset's columns
}

var _ enclave.Rows = (*Table)(nil)

// Things that have a stream of their own, beside those of visits.
const (
	thingSubject = 16 + iota
	thingColumn  // and one more for each column
)

// maker is how the values of a column come about.
type maker struct {
	low       int64
	span      uint64 // largest value less low
	shape     enclave.Class
	code      bool
	ofSubject bool
	nullable  bool
	none      bool // an identifier, which is never stored
}

// NewTable makes the rows of a sample. They are the same for the same description and sample, everywhere and for everybody: the seed is
// the description's digest. The description MUST be valid, and the sample filled (see [enclave.Sample.Filled]).
func NewTable(dataset *enclave.Dataset, sample enclave.Sample) (*Table, error) {
	snapshot, err := Snapshot(dataset, sample)
	if err != nil {
		return nil, err
	}
	t := &Table{dataset: dataset, snapshot: snapshot, seed: binary.LittleEndian.Uint64(snapshot.Description[:])}
	for i := range dataset.Columns {
		m, err := makerOf(&dataset.Columns[i])
		if err != nil {
			return nil, err
		}
		t.columns = append(t.columns, m)
	}
	t.starts = spread(t.seed, sample)
	return t, nil
}

// Snapshot is what the rows of a sample are called, without making them. It is of no load: its time is zero.
func Snapshot(dataset *enclave.Dataset, sample enclave.Sample) (enclave.Snapshot, error) {
	description, err := dataset.Digest()
	if err != nil {
		return enclave.Snapshot{}, err
	}
	digest, err := enclave.DigestJSON(struct {
		Synthetic   int            `json:"synthetic"` // version of how tables are made
		Description enclave.Digest `json:"description"`
		Sample      enclave.Sample `json:"sample"`
	}{1, description, sample})
	return enclave.Snapshot{
		Dataset: dataset.Name, Digest: digest, Description: description, Rows: sample.Rows, Subjects: sample.Subjects,
	}, err
}

func makerOf(c *enclave.Column) (maker, error) {
	if c.Type == enclave.Text {
		return maker{none: true}, nil
	}
	low, high, err := c.Bounds()
	if err != nil || low > high {
		return maker{}, enclave.Internalf("column %s has no bounds: %v", c.Name, err)
	}
	return maker{
		low: low, span: uint64(high) - uint64(low), shape: c.Class, code: c.Type == enclave.Code, //nolint:gosec // two's complement difference
		ofSubject: c.Class == enclave.Quasi && c.Type != enclave.Date, nullable: c.Nullable,
	}, nil
}

// spread gives each subject a row and deals out the rest, half of them to anybody and half to the first eighth.
func spread(seed uint64, sample enclave.Sample) []int64 {
	starts := make([]int64, sample.Subjects+1)
	r := stream(seed, thingSubject, 0)
	all := uint64(sample.Subjects) //nolint:gosec // positive
	for range sample.Rows - sample.Subjects {
		of := all
		if r.next()&1 == 0 {
			of = (all + 7) / 8
		}
		starts[r.below(of)+1]++
	}
	for i := range sample.Subjects {
		starts[i+1] += starts[i] + 1
	}
	return starts
}

// Snapshot says what the rows are (see the function of that name).
func (t *Table) Snapshot() enclave.Snapshot { return t.snapshot }

// Close does nothing: there is nothing to give back.
func (t *Table) Close() error { return nil }

// Split cuts at subjects that are the same distance apart.
func (t *Table) Split(n int) ([]enclave.Range, error) {
	subjects := int64(len(t.starts) - 1)
	parts := max(1, min(int64(n), subjects))
	ranges := make([]enclave.Range, 0, parts)
	for i := range parts {
		first, last := t.starts[subjects*i/parts], t.starts[subjects*(i+1)/parts]
		ranges = append(ranges, enclave.Range{First: first, Count: last - first})
	}
	return ranges, nil
}

// Scan computes the batches of a range.
func (t *Table) Scan(ctx context.Context, r enclave.Range, columns []int, visit func(*enclave.PackedBatch) error) error {
	batch := &enclave.PackedBatch{Subjects: make([]uint32, 0, enclave.BatchRows), Columns: make([]enclave.Packed, len(columns))}
	for i, c := range columns {
		if t.columns[c].none {
			return enclave.Internalf("column %s identifies subjects and has no values", t.dataset.Columns[c].Name)
		}
		var err error
		if batch.Columns[i], err = enclave.NewPacked(&t.dataset.Columns[c]); err != nil {
			return err
		}
	}
	subject := t.subjectOf(r.First)
	for first := r.First; first < r.First+r.Count; first += enclave.BatchRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch.Rows = int(min(enclave.BatchRows, r.First+r.Count-first))
		batch.Subjects = batch.Subjects[:0]
		for row := range int64(batch.Rows) {
			for t.starts[subject+1] <= first+row {
				subject++
			}
			batch.Subjects = append(batch.Subjects, uint32(subject)) //nolint:gosec // at most MaxSampleRows
		}
		for i, c := range columns {
			t.fill(&batch.Columns[i], c, first, batch.Subjects)
		}
		if err := visit(batch); err != nil {
			return err
		}
	}
	return nil
}

// subjectOf is the subject of a row, by bisection.
func (t *Table) subjectOf(row int64) int {
	low, high := 0, len(t.starts)-1
	for low+1 < high {
		if middle := (low + high) / 2; t.starts[middle] <= row {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

func (t *Table) fill(into *enclave.Packed, column int, first int64, subjects []uint32) {
	m := &t.columns[column]
	into.Clear()
	for i, subject := range subjects {
		of := uint64(first) + uint64(i) //nolint:gosec // neither is negative
		if m.ofSubject {
			of = uint64(subject)
		}
		r := stream(t.seed, thingColumn+uint64(column), of) //nolint:gosec // a position
		if m.nullable && r.next()&15 == 0 {
			continue
		}
		into.Put(i, m.value(&r))
	}
}

// value draws from the column's bounds.
func (m *maker) value(r *random) int64 {
	at := r.next()
	switch {
	case m.code && m.span >= 2:
		if at&2047 == 0 {
			return m.low + int64(m.span) //nolint:gosec // the number of codes
		}
		return m.low + int64(r.below(m.span)) //nolint:gosec // below the number of codes
	case m.shape == enclave.Measure: // the product of four fractions
		for range 3 {
			at, _ = bits.Mul64(at, r.next())
		}
	}
	if m.span != math.MaxUint64 {
		at, _ = bits.Mul64(at, m.span+1)
	}
	return int64(uint64(m.low) + at) //nolint:gosec // two's complement sum, within the bounds
}
