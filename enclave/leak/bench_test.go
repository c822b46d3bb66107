package leak_test

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/leak"
)

// BenchmarkInspect prints rows per second over a million rows of six columns (100,000 with -short), all of them shown.
func BenchmarkInspect(b *testing.B) {
	rows := int64(1_000_000)
	if testing.Short() {
		rows = 100_000
	}
	w, err := newWorld(b.TempDir(), rows)
	if err != nil {
		b.Fatal(err)
	}
	dump := &output{columns: []enclave.ManifestColumn{
		whole("a", 0, 1000), whole("b", 0, 1000), whole("c", 0, 3000), whole("d", 0, 1000), whole("e", 0, 100_000), decimal("f", 2),
	}}
	for _, row := range w.rows[:2000] {
		var values []any
		for _, v := range row {
			values = append(values, v)
		}
		dump.rows = append(dump.rows, values)
	}
	outputs := honest(w)
	for name, o := range map[string]*output{
		"table of 28 rows": outputs["district, age band, mean cost"], "report": outputs["report"], "dump of 2000 rows": dump,
	} {
		b.Run(name, func(b *testing.B) {
			opened, err := w.store.Open(b.Context(), w.dataset, w.snapshot.Digest)
			if err != nil {
				b.Fatal(err)
			}
			defer opened.Close() //nolint:errcheck // only read from
			product := w.product(o)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := leak.New(w.store).Inspect(b.Context(), opened, product, enclave.Profile{Threshold: threshold}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
