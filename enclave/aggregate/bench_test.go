package aggregate_test

import (
	"context"
	"fmt"
	"testing"

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

func (r *repeated) Scan(_ context.Context, of enclave.Range, columns []int, visit func(*enclave.Batch) error) error {
	var batches []*enclave.Batch
	for first := 0; first+enclave.BatchRows <= len(r.subjects); first += enclave.BatchRows {
		b := &enclave.Batch{Rows: enclave.BatchRows, Subjects: r.subjects[first : first+enclave.BatchRows]}
		for _, c := range columns {
			v := enclave.Vector{Valid: make([]byte, enclave.BatchRows/8)}
			for i := range v.Valid {
				v.Valid[i] = 0xff
			}
			if wide := r.wide[c]; wide != nil {
				v.Wide = wide[first : first+enclave.BatchRows]
			} else {
				v.Narrow = r.narrow[c][first : first+enclave.BatchRows]
			}
			b.Columns = append(b.Columns, v)
		}
		batches = append(batches, b)
	}
	for done, i := int64(0), 0; done < of.Count; i++ {
		if err := visit(batches[i%len(batches)]); err != nil {
			return err
		}
		done += enclave.BatchRows
	}
	return nil
}

// BenchmarkExecute prints rows per second over ten million rows (one million with -short).
func BenchmarkExecute(b *testing.B) {
	rows := int64(10_000_000)
	if testing.Short() {
		rows = 1_000_000
	}
	source := &repeated{memory: random(1, 2*enclave.BatchRows), rows: rows}
	twoKeys := plan()
	twoKeys.Keys, twoKeys.Sets = []enclave.Key{twoKeys.Keys[0], twoKeys.Keys[2]}, []enclave.Set{{0, 1}}
	twoKeys.Summed = []int{fee}
	full := plan()
	full.Shown, full.Sets = nil, []enclave.Set{{0, 1, 2}, {0}, {1}, {}}
	full.Keys[1] = enclave.Key{Name: "district", Labels: []string{"a", "b", "c", "d"}, Module: -1, Column: district, Lookup: []int32{0, 1, 2, 3}, Missing: -1}
	for _, c := range []struct {
		name string
		plan *enclave.Plan
	}{{"two keys, one sum", twoKeys}, {"three keys, two sums, three margins", full}} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s, %d workers", c.name, workers), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := aggregate.New(nil, workers).Execute(b.Context(), source, nil, c.plan); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
			})
		}
	}
}
