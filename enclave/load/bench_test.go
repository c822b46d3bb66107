package load_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/internal/synth"
)

var benchRows = flag.Int64("rows", 200_000, "rows of the benchmarks' table")

// spooled writes the seeded table to a file, as an upload would be.
func spooled(b *testing.B, write func(f *os.File) error) load.Source {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "table"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	if err := write(f); err != nil {
		b.Fatal(err)
	}
	src, err := load.FileSource(f)
	if err != nil {
		b.Fatal(err)
	}
	return src
}

func rate(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(*benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func benchmarkIngest(b *testing.B, src load.Source) {
	b.Helper()
	for b.Loop() {
		if _, err := open(b, b.TempDir()).Ingest(b.Context(), synth.Dataset(), load.Detect, src, nil); err != nil {
			b.Fatal(err)
		}
	}
	rate(b)
}

func BenchmarkIngestCSV(b *testing.B) {
	benchmarkIngest(b, spooled(b, func(f *os.File) error { return synth.WriteCSV(f, 1, *benchRows) }))
}

func BenchmarkIngestParquet(b *testing.B) {
	benchmarkIngest(b, spooled(b, func(f *os.File) error { return synth.WriteParquet(f, 1, *benchRows) }))
}

// BenchmarkScan reads four columns on one core.
func BenchmarkScan(b *testing.B) {
	s, d := open(b, b.TempDir()), synth.Dataset()
	var file bytes.Buffer
	if err := synth.WriteCSV(&file, 1, *benchRows); err != nil {
		b.Fatal(err)
	}
	snapshot := ingest(b, s, d, load.CSV, file.Bytes())
	rows, err := s.Open(b.Context(), d, snapshot.Digest)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // it was only read
	b.ReportAllocs()
	for b.Loop() {
		seen := int64(0)
		err := rows.Scan(b.Context(), enclave.Range{Count: snapshot.Rows}, []int{2, 4, 5, 7}, func(batch *enclave.PackedBatch) error {
			seen += int64(batch.Rows)
			return nil
		})
		if err != nil || seen != *benchRows {
			b.Fatal(seen, err)
		}
	}
	rate(b)
}
