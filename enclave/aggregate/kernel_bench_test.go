package aggregate

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// BenchmarkKernels prints what each loop over rows takes, in picoseconds a row: the least of many times, so that it can be told on a machine
// that does other things too. The rows are those of ten visits a person, in 480 cells.
func BenchmarkKernels(b *testing.B) {
	const n = 16 * chunk
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a benchmark
	columns := []enclave.Vector{{Valid: make([]byte, n/8)}, {Valid: make([]byte, n/8)}}
	for i := range n / 8 {
		columns[0].Valid[i], columns[1].Valid[i] = 0xff, 0xff
	}
	var subjects []uint32
	var values []int64
	for person := uint32(0); len(subjects) < n; person++ {
		district := min(r.Int32N(40), r.Int32N(40))
		for range 1 + r.IntN(19) {
			subjects, values = append(subjects, person), append(values, 1+r.Int64N(1<<(8+r.IntN(11))))
			columns[0].Narrow = append(columns[0].Narrow, district)
			columns[1].Narrow = append(columns[1].Narrow, min(r.Int32N(12), r.Int32N(12)))
		}
	}
	batch := &enclave.Batch{Rows: n, Columns: columns}
	terms := []*term{{narrow: true, column: 0}, {narrow: true, column: 1}}
	for i := range int32(40) {
		terms[0].table = append(terms[0].table, 12*i)
	}
	for i := range int32(12) {
		terms[1].table = append(terms[1].table, i)
	}
	for _, t := range terms {
		t.table = append(t.table, away)
	}
	numbers, fresh, slots := make([]int32, n), make([]uint8, n), make([]slot, n)
	index, places, met := newIndex(480), enclave.NewPlaces(n, 480), outside
	tallies, totals := make([]tally, 481), make([]total, 481)
	for i := range totals {
		totals[i] = newTotal()
	}
	var last, distinct int64
	steps := []struct {
		name string
		run  func(at, end int)
	}{
		{"one-key", func(at, end int) { _ = addTerms(terms[:1], numbers[at:end], batch, at, nil) }},
		{"two-keys", func(at, end int) {
			clear(numbers[at:end])
			_ = addTerms(terms, numbers[at:end], batch, at, nil)
		}},
		{"places", func(at, end int) { places.Put(int64(at), numbers[at:end]) }},
		{"find", func(at, end int) {
			copy(slots[at:end], numbers[at:end])
			find(index, slots[at:end], func(int32) slot { met++; return met })
		}},
		{"inside", func(at, end int) { last, distinct = countInside(slots[at:end], subjects[at:end], last, distinct) }},
		{"count", func(at, end int) { count(tallies, slots[at:end], subjects[at:end], fresh[at:end]) }},
		{"add-up", func(at, end int) { addUp(totals, slots[at:end], fresh[at:end], values[at:end], false, false) }},
		{"add-up-signed", func(at, end int) { addUp(totals, slots[at:end], fresh[at:end], values[at:end], true, false) }},
		{"add-up-margin", func(at, end int) { addUp(totals, slots[at:end], fresh[at:end], values[at:end], false, true) }},
	}
	least := make([]time.Duration, len(steps))
	for b.Loop() {
		for i, s := range steps {
			start := time.Now()
			for at := 0; at < n; at += chunk {
				s.run(at, at+chunk)
			}
			if took := time.Since(start); least[i] == 0 || took < least[i] {
				least[i] = took
			}
		}
	}
	for i, s := range steps {
		b.ReportMetric(float64(least[i].Nanoseconds())*1000/n, s.name)
	}
}
