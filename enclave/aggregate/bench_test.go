package aggregate_test

import (
	"context"
	"math"
	"syscall"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
)

// repeated serves a snapshot of 2^17 rows again and again with other subjects, until it has served the wanted number of rows, so
// that the benchmark measures grouping and not memory.
type repeated struct {
	*memory
	rows int64
}

func (r *repeated) Snapshot() enclave.Snapshot { return enclave.Snapshot{Rows: r.rows} }

func (r *repeated) Split(n int) ([]enclave.Range, error) {
	ranges := make([]enclave.Range, n)
	for i := range ranges {
		ranges[i].Count = r.rows / int64(n)
	}
	return ranges, nil
}

func (r *repeated) Scan(ctx context.Context, of enclave.Range, columns []int, visit func(*enclave.PackedBatch) error) error {
	var batches []*enclave.PackedBatch
	for first := int64(0); first+enclave.BatchRows <= int64(len(r.subjects)); first += enclave.BatchRows {
		err := r.memory.Scan(ctx, enclave.Range{First: first, Count: enclave.BatchRows}, columns, func(b *enclave.PackedBatch) error {
			batches = append(batches, b)
			return nil
		})
		if err != nil {
			return err
		}
	}
	for done, i := int64(0), 0; done < of.Count; i++ {
		if err := visit(batches[i%len(batches)]); err != nil {
			return err
		}
		done += enclave.BatchRows
	}
	return nil
}

// plain computes what it can of a table in the plainest way that a programmer would be content with: it groups by two columns and adds up
// one, and knows nothing of subjects.
func plain(m *memory, rows int64) (sums [4 * 3]int64) {
	districts, days, fees := m.narrow[district], m.narrow[day], m.wide[fee]
	for done := int64(0); done < rows; done += int64(len(fees)) {
		for i, v := range fees {
			period := 0
			if days[i] >= 18500 {
				period++
			}
			if days[i] >= 19000 {
				period++
			}
			sums[int(districts[i])*3+period] += v
		}
	}
	return sums
}

// cpu is the processor time of this process, which other processes do not change as they do the time that passes.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkExecute prints processor time per row over ten million rows (one million with -short), and how many times that is of a plain
// loop's, which takes turns with it. The rows are always the same, in memory: this is grouping, not reading.
func BenchmarkExecute(b *testing.B) {
	rows := int64(10 * 1 << 20)
	if testing.Short() {
		rows = 1 << 20
	}
	source := &repeated{memory: random(1, 2*enclave.BatchRows), rows: rows}
	source.subjects, source.batch = source.subjects[:2*enclave.BatchRows], enclave.BatchRows
	for c := range source.wide {
		source.wide[c] = source.wide[c][:2*enclave.BatchRows]
	}
	for c := range source.narrow {
		source.narrow[c] = source.narrow[c][:2*enclave.BatchRows]
	}
	places := enclave.Key{Name: "district", Labels: []string{"a", "b", "c", "d"}, Module: -1, Column: district, Lookup: []int32{0, 1, 2, 3}, Missing: -1}
	sum := func(keys ...enclave.Key) *enclave.Plan {
		p := plan()
		p.Shown, p.Keys, p.Sets, p.Summed = nil, keys, []enclave.Set{nil}, []int{fee}
		for k := range keys {
			p.Sets[0] = append(p.Sets[0], k)
		}
		return p
	}
	margins := sum(plan().Keys[0], places, plan().Keys[2])
	margins.Sets, margins.Summed = []enclave.Set{{0, 1, 2}, {0}, {1}, {}}, []int{fee, cost}
	protected := sum(places, plan().Keys[2])
	protected.Dataset.Columns[day].Class = enclave.Sensitive
	filter := sum(enclave.Key{Name: "all", Labels: []string{"all"}, Column: -1})
	filter.Shown = []int{district, born, day}
	for _, c := range []struct {
		name string
		plan *enclave.Plan
	}{
		{"two keys, one sum", sum(places, plan().Keys[2])},
		{"two keys, one protected, one sum", protected},
		{"six predicates, one sum", filter},
		{"three keys, two sums, three margins", margins},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			least, leastPlain := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
			for b.Loop() {
				start := cpu(b)
				if _, err := aggregate.New(sandbox{assign: predicates}, 1).Execute(b.Context(), source, &enclave.Module{}, c.plan); err != nil {
					b.Fatal(err)
				}
				between := cpu(b)
				plain(source.memory, rows)
				least, leastPlain = min(least, between-start), min(leastPlain, cpu(b)-between)
			}
			b.ReportMetric(float64(least.Nanoseconds())/float64(rows), "ns/row")
			b.ReportMetric(float64(least)/float64(leastPlain), "×plain")
		})
	}
}

// predicates is a guest that lets pass who was born from 1950 to 1979, lives in districts 1 or 2, and came on days 18400 to 18799.
func predicates(b *enclave.Batch, codes [][]int32) error {
	for i := range b.Rows {
		where, year, when := b.Columns[0].Narrow[i], b.Columns[1].Wide[i], b.Columns[2].Narrow[i]
		codes[0][i] = -1
		if where >= 1 && where <= 2 && year >= 1950 && year < 1980 && when >= 18400 && when < 18800 {
			codes[0][i] = 0
		}
	}
	return nil
}
