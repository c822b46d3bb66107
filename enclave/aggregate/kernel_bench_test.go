package aggregate

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// BenchmarkKernels prints what each loop over rows takes, in picoseconds a row: the least of many times, so that it can be told on a machine
// that does other things too. The rows are those of ten visits a person, in 480 cells; one row in eight is found where not all are.
func BenchmarkKernels(b *testing.B) {
	const n, cells = 32 * chunk, 480
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a benchmark
	batch := &enclave.PackedBatch{Rows: n, Columns: []enclave.Packed{{}, {}, {}}}
	var values []uint32
	for person := uint32(0); len(batch.Subjects) < n; person++ {
		district := uint8(min(r.Int32N(40), r.Int32N(40))) //nolint:gosec // numbers of a test
		for range 1 + r.IntN(19) {
			batch.Subjects, values = append(batch.Subjects, person), append(values, 1+r.Uint32N(1<<(8+r.IntN(11))))
			batch.Columns[0].One = append(batch.Columns[0].One, district)
			batch.Columns[1].One = append(batch.Columns[1].One, uint8(min(r.Int32N(12), r.Int32N(12)))) //nolint:gosec // numbers of a test
			batch.Columns[2].Two = append(batch.Columns[2].Two, uint16(r.UintN(800)))                   //nolint:gosec // numbers of a test
		}
	}
	columns := []*column{{at: 0, adds: make([]int32, 1<<8)}, {at: 1, adds: make([]int32, 1<<8)}, {at: 2, adds: make([]int32, 1<<16)}}
	for i := range columns[0].adds {
		columns[0].adds[i], columns[1].adds[i] = int32(1+12*i), int32(i)
	}
	for i := range columns[2].adds {
		if i%8 != 0 {
			columns[2].adds[i] = away
		}
	}
	filter := &locator{columns: []*column{columns[2], columns[0], columns[1]}}
	numbers, rows, slots, wide := make([]int32, chunk), make([]uint16, chunk), make([]slot, n), make([]int64, n)
	for i := range wide {
		wide[i] = int64(values[i])
	}
	index, places, met := newIndex(cells), enclave.NewPlaces(n, cells), outside
	accounts, absolute := make([]account, cells+1), make([]int64, cells+1)
	for i := range accounts {
		accounts[i] = newAccount()
	}
	var last, distinct uint32
	window := func(at int) []uint16 {
		_, two, _ := places.Window(int64(at), chunk)
		return two
	}
	steps := []struct {
		name string
		run  func(at int)
	}{
		{"two-columns", func(at int) { begin(slots[at:at+chunk], window(at), batch, at, columns[0], columns[1]) }},
		{"one-column", func(at int) { columns[2].add(numbers, batch, at) }},
		{"filter", func(at int) { filter.narrow(batch, at, numbers, rows) }},
		{"settle", func(at int) { settle(numbers, window(at)) }},
		{"find", func(at int) {
			copy(numbers, slots[at:])
			find(index, numbers, func(int32) slot { met++; return met })
		}},
		{"inside", func(at int) { last, distinct = countInside(slots[at:at+chunk], batch.Subjects[at:], last, distinct) }},
		{"count", func(at int) { count(accounts, slots[at:at+chunk], batch.Subjects[at:]) }},
		{"add", func(at int) { add(accounts, slots[at:at+chunk], batch.Subjects[at:], values[at:], 0) }},
		{"add-signed", func(at int) { addSigned(accounts, absolute, slots[at:at+chunk], batch.Subjects[at:], wide[at:]) }},
	}
	least := make([]time.Duration, len(steps))
	for b.Loop() {
		for i, s := range steps {
			start := time.Now()
			for at := 0; at < n; at += chunk {
				s.run(at)
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
