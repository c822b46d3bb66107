package ledger

import (
	"sync/atomic"
	"testing"
)

// BenchmarkAppend is the time to durability, one entry after another.
func BenchmarkAppend(b *testing.B) {
	l := benchLog(b)
	for n := 0; b.Loop(); n++ {
		if _, err := l.Append(b.Context(), number(n)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendConcurrent is the same with 64 writers, who share writes.
func BenchmarkAppendConcurrent(b *testing.B) {
	l := benchLog(b)
	var n atomic.Int64
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := l.Append(b.Context(), number(int(n.Add(1)))); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkSigned is the time until a signed checkpoint covers the entry, back to back: it includes waiting for the checkpoint interval.
func BenchmarkSigned(b *testing.B) {
	l := benchLog(b)
	for n := 0; b.Loop(); n++ {
		index, err := l.Append(b.Context(), number(n))
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Await(b.Context(), index); err != nil {
			b.Fatal(err)
		}
	}
}

func benchLog(b *testing.B) *Log {
	b.Helper()
	private, _ := newKey(b)
	return openLog(b, b.TempDir(), private)
}
