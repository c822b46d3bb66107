package history_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/history"
)

// crossings is a history of tables that cross two of some keys each, of so many values, and one more to try, of a last key of others. Every other key may be skewed; no two have
// to do with each other.
func crossings(rows, tables, domain, last int, skewed bool) (subjects []uint32, releases []*history.Release) {
	r := random(uint64(rows)) //nolint:gosec // small, seeded test data
	subjects = each(rows)
	key := codes(r, rows, domain, false)
	for i := range tables {
		next := codes(r, rows, domain, skewed && i%2 == 0)
		releases = append(releases, crossed(subjects, [][]int32{key, next}, []int{domain, domain}, [][]int{{0}, {1}}, 10))
		key = next
	}
	releases = append(releases, crossed(subjects, [][]int32{key, codes(r, rows, last, false)}, []int{domain, last}, [][]int{{0}, {1}}, 10))
	return subjects, releases
}

// years is a history of tables of two years that cross two of five keys each, of so many values, and the last table of the second year to try. Of the first year some 2 % of the rows
// are missing, who came later.
func years(rows, domain int, skewed bool) (subjects []uint32, releases []*history.Release) {
	r := random(uint64(rows)) //nolint:gosec // small, seeded test data
	subjects = each(rows)
	now := severalCodes(r, 5, rows, domain, skewed)
	var before [][]int32
	for _, codes := range now {
		before = append(before, slices.Clone(codes))
	}
	for row := range rows {
		if r.IntN(50) > 0 {
			continue
		}
		for _, codes := range before {
			codes[row] = history.None
		}
	}
	for _, keys := range [][][]int32{before, now} {
		for i := range 4 {
			releases = append(releases, crossed(subjects, keys[i:i+2], []int{domain, domain}, [][]int{{0}, {1}}, 10))
		}
	}
	return subjects, releases
}

// BenchmarkSnapshots prints what the last of four tables costs that are published of two years, in whose cells nearly the same people are: if elimination decides, minutes of the largest.
func BenchmarkSnapshots(b *testing.B) {
	for _, c := range []struct {
		rows, domain int
		skewed       bool
	}{{5_000_000, 20, true}, {5_000_000, 40, true}, {5_000_000, 20, false}, {5_000_000, 40, false}} {
		b.Run(fmt.Sprintf("rows=%d/history=%d/skewed=%t", c.rows, 7*c.domain*(c.domain+2), c.skewed), func(b *testing.B) {
			subjects, releases := years(c.rows, c.domain, c.skewed)
			a := start(b, history.Sums, subjects, 10)
			lost := 0
			for _, r := range releases[:7] {
				lost += len(accept(b, a, r).Suppressed)
			}
			b.ReportMetric(float64(lost), "lost-before")
			forgetPeak()
			var result *history.Result
			for b.Loop() {
				result = try(b, a, releases[7])
			}
			b.ReportMetric(float64(result.Rank), "rank")
			b.ReportMetric(float64(result.Cells), "cells")
			b.ReportMetric(float64(len(result.Suppressed)), "lost")
			b.ReportMetric(float64(result.Passes), "passes")
			if result.Whole() {
				b.ReportMetric(1, "whole")
			}
			reportPeak(b)
		})
	}
}

// forgetPeak has the kernel begin anew with the most memory that the process had at once, where it can, and returns what is not needed before.
func forgetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// reportPeak reports it, history and table included, where the kernel says it.
func reportPeak(b *testing.B) {
	b.Helper()
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if kib := 0.0; strings.HasPrefix(line, "VmHWM:") {
			if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kib); err == nil {
				b.ReportMetric(kib/1024, "MiB-peak")
			}
		}
	}
}

// BenchmarkTry prints what one more table, of a thousand cells beside the largest histories, costs as they grow, for ten groups, whether that is without elimination, and then how long leverage, estimates and likeness take; MiB-peak is the most
// memory at once of all that, history and values included.
func BenchmarkTry(b *testing.B) {
	for _, c := range []struct {
		rows, tables, domain, last int
		skewed                     bool
	}{
		{200_000, 4, 10, 10, true},
		{1_000_000, 4, 20, 20, true},
		{10_000_000, 8, 25, 38, true},
		{10_000_000, 8, 50, 19, true},
		{10_000_000, 8, 25, 38, false},
		{10_000_000, 8, 50, 19, false},
	} {
		b.Run(fmt.Sprintf("rows=%d/history=%d/skewed=%t", c.rows, c.tables*c.domain*(c.domain+2), c.skewed), func(b *testing.B) {
			subjects, releases := crossings(c.rows, c.tables, c.domain, c.last, c.skewed)
			a := start(b, history.Sums, subjects, 10)
			for _, r := range releases[:len(releases)-1] {
				if err := a.Add(r); err != nil {
					b.Fatal(err)
				}
			}
			last := releases[len(releases)-1]
			forgetPeak()
			try(b, a, last)
			var result *history.Result
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for b.Loop() {
				var err error
				if result, err = a.Try(context.Background(), last); err != nil {
					b.Fatal(err)
				}
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(result.Rank), "rank")
			b.ReportMetric(float64(result.Cells), "cells")
			if result.Whole() {
				b.ReportMetric(1, "whole")
			}
			b.ReportMetric(float64(len(result.Suppressed)), "lost")
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/(1<<20), "MiB/op")
			b.ReportMetric(float64(before.HeapAlloc)/(1<<20), "MiB-held")
			b.StopTimer()
			start := time.Now()
			l, err := result.Leverage(context.Background(), history.LeverageLimit(0.85))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(start).Seconds(), "s-leverage")
			b.ReportMetric(float64(l.Rank), "rank-leverage")
			column := &history.Column{Values: make([]int64, len(subjects)), Of: slices.Repeat([]bool{true}, len(releases))}
			r := random(1)
			for row := range column.Values {
				column.Values[row] = int64(100 * math.Exp(r.NormFloat64()))
			}
			start = time.Now()
			estimates, err := result.Estimates(context.Background(), column, 10)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(start).Seconds(), "s-estimates")
			b.ReportMetric(float64(estimates.Suspects), "suspects")
			// What everybody shares: of amounts, and of a yes or no that half of them have, so that no cell is of nobody.
			secret := &history.Secret{Values: column.Values, Summed: column.Of, High: 1e9}
			for _, asked := range []string{"amounts", "ill"} {
				start = time.Now()
				alike, err := result.Alike(context.Background(), secret)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(time.Since(start).Seconds(), "s-alike-"+asked)
				b.ReportMetric(float64(alike.Rounds), "rounds-"+asked)
				b.ReportMetric(float64(alike.People), "told-"+asked)
				secret.High = 1
				for row := range secret.Values {
					secret.Values[row] = int64(r.IntN(2))
				}
			}
			reportPeak(b)
		})
	}
}

// BenchmarkEstimates prints what the p% rule of all sums together costs where it has most to do: firms of which a few have most (Pareto, 1.1), in cells
// that nothing was suppressed of for dominance, as primary rules would do. Bounded is that it ends, and how many cells one look names.
func BenchmarkEstimates(b *testing.B) {
	for _, c := range []struct{ rows, tables, domain int }{{10_000, 2, 8}, {100_000, 2, 12}, {100_000, 2, 22}} {
		b.Run(fmt.Sprintf("firms=%d/history=%d", c.rows, c.tables*c.domain*(c.domain+2)), func(b *testing.B) {
			subjects, releases := crossings(c.rows, c.tables, c.domain, c.domain, true)
			a := start(b, history.Sums, subjects, 3)
			for _, r := range releases[:len(releases)-1] {
				if err := a.Add(r); err != nil {
					b.Fatal(err)
				}
			}
			result := try(b, a, releases[len(releases)-1])
			column := &history.Column{Values: make([]int64, len(subjects)), Of: slices.Repeat([]bool{true}, len(releases))}
			r := random(1)
			for row := range column.Values {
				column.Values[row] = int64(min(100*math.Pow(r.Float64(), -1/1.1), 1e12))
			}
			var estimates *history.Estimates
			for b.Loop() {
				var err error
				if estimates, err = result.Estimates(context.Background(), column, 10); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(estimates.Rank), "rank")
			b.ReportMetric(float64(estimates.Suspects), "suspects")
			b.ReportMetric(float64(estimates.Searches), "searches")
			b.ReportMetric(float64(estimates.Estimable), "estimable")
			b.ReportMetric(float64(estimates.Undecided), "undecided")
			b.ReportMetric(float64(len(estimates.Suppressed)), "named")
		})
	}
}

// BenchmarkAlike prints what it costs to make sure that tables of a label do not tell what anybody has: a label of so many values by four open keys, one after
// the other.
func BenchmarkAlike(b *testing.B) {
	for _, c := range []struct{ rows, labels int }{{100_000, 20}, {1_000_000, 20}, {1_000_000, 136}, {10_000_000, 20}} {
		b.Run(fmt.Sprintf("rows=%d/labels=%d", c.rows, c.labels), func(b *testing.B) {
			r := random(1)
			subjects, label := each(c.rows), codes(r, c.rows, c.labels, true)
			a := start(b, history.Sums, subjects, 10)
			column := &history.Secret{}
			for _, l := range label {
				column.Values = append(column.Values, int64(l))
			}
			var last *history.Release
			for i, domain := range []int{30, 10, 2, 30} {
				release, telling := tellingTable(subjects, codes(r, c.rows, domain, false), label, domain, c.labels)
				column.By = append(column.By, telling)
				if last = release; i < 3 {
					if err := a.Add(release); err != nil {
						b.Fatal(err)
					}
				}
			}
			result := try(b, a, last)
			var alike *history.Alike
			for b.Loop() {
				var err error
				if alike, err = result.Alike(context.Background(), column); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(alike.Cells), "cells")
			b.ReportMetric(float64(alike.Compared), "compared")
			b.ReportMetric(float64(alike.Rounds), "rounds")
			b.ReportMetric(float64(alike.People), "told")
		})
	}
}

// tellingTable is a table of a label by a key, without margins.
func tellingTable(subjects []uint32, key, label []int32, domain, labels int) (*history.Release, *enclave.Telling) {
	release := crossed(subjects, [][]int32{key, label}, []int{domain, labels}, nil, 10)
	telling, set := &enclave.Telling{Empty: -1}, enclave.TellingSet{}
	for l := range labels {
		telling.Starts, telling.Class = append(telling.Starts, int64(l)), append(telling.Class, int32(l))
		set.Class = append(set.Class, int32(l))
	}
	for block := range domain {
		set.Block = append(set.Block, int32(block))
	}
	for full, list := range release.Published {
		telling.Block = append(telling.Block, int32(full/labels)) //nolint:gosec // small
		for _, cell := range list {
			set.Cells = append(set.Cells, enclave.TellingCell{Block: int32(full / labels), Class: int32(full % labels), Cell: cell}) //nolint:gosec // small
		}
	}
	telling.Sets = []enclave.TellingSet{set}
	return release, telling
}
