package aggregate_test

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// memory is a snapshot in memory, clustered by subject, with small batches so that subjects and cells span several.
type memory struct {
	subjects []uint32
	wide     map[int][]int64
	narrow   map[int][]int32
	empty    map[int][]bool
	batch    int
	of       *enclave.Dataset // nil: that of dataset
}

func (m *memory) Snapshot() enclave.Snapshot {
	return enclave.Snapshot{Rows: int64(len(m.subjects)), Subjects: int64(len(slices.Compact(slices.Clone(m.subjects))))}
}

func (m *memory) Close() error { return nil }

func (m *memory) Split(n int) ([]enclave.Range, error) {
	var ranges []enclave.Range
	first, size := 0, len(m.subjects)/n+1
	for first < len(m.subjects) {
		end := min(first+size, len(m.subjects))
		for end < len(m.subjects) && m.subjects[end] == m.subjects[end-1] {
			end++
		}
		ranges = append(ranges, enclave.Range{First: int64(first), Count: int64(end - first)})
		first = end
	}
	return ranges, nil
}

func (m *memory) Scan(ctx context.Context, r enclave.Range, columns []int, visit func(*enclave.PackedBatch) error) error {
	of, b := m.of, &enclave.PackedBatch{}
	if of == nil {
		of = dataset()
	}
	for _, c := range columns {
		packed, err := enclave.NewPacked(&of.Columns[c])
		if err != nil {
			return err
		}
		if m.empty[c] != nil && packed.Valid == nil {
			packed.Valid = make([]byte, enclave.BatchRows/8)
		}
		b.Columns = append(b.Columns, packed)
	}
	for first, end := int(r.First), int(r.First+r.Count); first < end; first += m.batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		last := min(first+m.batch, end)
		b.Rows, b.Subjects = last-first, m.subjects[first:last]
		for i, c := range columns {
			b.Columns[i].Clear()
			for row := range b.Rows {
				if m.empty[c] == nil || !m.empty[c][first+row] {
					b.Columns[i].Put(row, m.value(c, first+row))
				}
			}
		}
		if err := visit(b); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) value(column, row int) int64 {
	if wide := m.wide[column]; wide != nil {
		return wide[row]
	}
	return int64(m.narrow[column][row])
}

// native is a guest that is a Go function over the shown columns.
type native func(b *enclave.Batch, codes [][]int32) error

type sandbox struct {
	assign native
	opened chan struct{}
}

func (s sandbox) Open(context.Context, *enclave.Module, *enclave.Plan) (enclave.Guest, error) {
	if s.opened != nil {
		s.opened <- struct{}{}
	}
	return s.assign, nil
}

func (n native) Assign(_ context.Context, b *enclave.Batch, codes [][]int32) error {
	return n(b, codes)
}
func (n native) Close(context.Context) error { return nil }

// The columns of the test's dataset.
const (
	district = iota // narrow, quasi, shown
	born            // wide, quasi, shown, nullable
	illness         // narrow, sensitive, looked up
	day             // narrow date, cut
	cost            // wide, summed, may be negative, nullable
	fee             // wide, summed
)

func dataset() *enclave.Dataset {
	return &enclave.Dataset{Name: "visits", Columns: []enclave.Column{
		{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"a", "b", "c", "d"}},
		{Name: "born", Type: enclave.Int, Class: enclave.Quasi, Min: "1900", Max: "2026", Nullable: true},
		{Name: "illness", Type: enclave.Code, Class: enclave.Sensitive, Codes: []string{"p", "q", "r", "s", "t"}, Nullable: true},
		{Name: "day", Type: enclave.Date, Class: enclave.Quasi, Min: "2020-01-01", Max: "2025-12-31"},
		{Name: "cost", Type: enclave.Decimal, Scale: 2, Class: enclave.Measure, Min: "-1000", Max: "1000", Nullable: true},
		{Name: "fee", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "100"},
	}}
}

// plan has a module's key (born in bands of range 10 to 13, -1 for those without), a looked-up and a cut key, and margins.
func plan() *enclave.Plan {
	return &enclave.Plan{
		Dataset: dataset(), Shown: []int{born, district}, Summed: []int{fee, cost},
		Keys: []enclave.Key{
			{Name: "illness", Labels: []string{"p", "q", "(other)", "(missing)"}, Module: -1, Column: illness, Lookup: []int32{0, 1, 2, 2, 1}, Missing: 3},
			{Name: "band", Labels: []string{"10", "11", "12", "13"}, Module: 0, Offset: 10, Column: -1},
			{Name: "day", Labels: []string{"early", "middle", "late"}, Module: -1, Column: day, Cuts: []int64{18500, 19000}, Missing: -1},
		},
		Sets: []enclave.Set{{0, 1, 2}, {0}, {1, 2}, {}},
		Measures: []enclave.PlannedMeasure{
			{Name: "n", Op: enclave.Count, Sum: -1}, {Name: "fee", Op: enclave.Sum, Sum: 0}, {Name: "cost", Op: enclave.Mean, Sum: 1},
		},
	}
}

// bands is the honest guest of plan, one row at a time.
func band(year int64, present bool) int32 {
	if !present || year < 1930 {
		return -1
	}
	return int32(10 + (year-1930)/25%4)
}

func bands(b *enclave.Batch, codes [][]int32) error {
	years := b.Columns[0]
	for i := range codes[0] {
		codes[0][i] = band(years.Wide[i], years.Valid[i>>3]>>(i&7)&1 == 1)
	}
	return nil
}

// random makes a snapshot in which people have one to six rows.
func random(seed uint64, rows int) *memory {
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // seeded test data
	m := &memory{
		wide:   map[int][]int64{born: nil, cost: nil, fee: nil},
		narrow: map[int][]int32{district: nil, illness: nil, day: nil},
		empty:  map[int][]bool{born: nil, illness: nil, cost: nil},
		batch:  1 + r.IntN(300),
	}
	for person := uint32(1); len(m.subjects) < rows; person++ {
		number := r.Uint32()
		for range 1 + r.IntN(6) {
			m.subjects = append(m.subjects, number)
			m.narrow[district] = append(m.narrow[district], r.Int32N(4))
			m.narrow[day] = append(m.narrow[day], 18300+r.Int32N(1000))
			m.wide[fee] = append(m.wide[fee], r.Int64N(101))
			add := func(column int, wide int64, narrow int32) {
				empty := r.IntN(7) == 0
				m.empty[column] = append(m.empty[column], empty)
				if empty {
					wide, narrow = 0, 0
				}
				if m.wide[column] != nil || column != illness {
					m.wide[column] = append(m.wide[column], wide)
				} else {
					m.narrow[column] = append(m.narrow[column], narrow)
				}
			}
			add(born, 1900+r.Int64N(126), 0)
			add(illness, 0, r.Int32N(5))
			add(cost, r.Int64N(200_001)-100_000, 0)
		}
	}
	return m
}
