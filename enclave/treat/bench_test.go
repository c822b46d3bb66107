package treat_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// survey is a large skewed table: some districts and some chapters are tiny, people may have rows in several cells.
func survey(districts, bands, chapters int, sets []enclave.Set, perCell float64, repeat bool) *world {
	r := rand.New(rand.NewPCG(5, 5)) //nolint:gosec // seeded test data
	w := newWorld([]int{districts, bands, chapters}, sets, 2, "0")
	person := 0
	for d := range districts {
		for b := range bands {
			for c := range chapters {
				people := int(r.ExpFloat64() * perCell * 4 / float64(1+d%7) / float64(1+c%5))
				for range people {
					person++
					who := person
					if repeat && r.IntN(3) == 0 {
						who = 1 + r.IntN(person)
					}
					w.rows = append(w.rows, row{[]int32{int32(d), int32(b), int32(c)}, who, 100 + r.Int64N(100_000)})
				}
			}
		}
	}
	return w
}

// BenchmarkTreat prints what complements cost, and the time, on tables of hundreds to thousands of cells.
func BenchmarkTreat(b *testing.B) {
	for _, c := range []struct {
		name                       string
		districts, bands, chapters int
		perCell                    float64
	}{{"160", 8, 4, 5, 40}, {"1000", 10, 5, 20, 40}, {"1000 sparse", 10, 5, 20, 8}, {"5000", 25, 10, 20, 40}, {"5000 sparse", 25, 10, 20, 8}} {
		for name, sets := range map[string][]enclave.Set{"one margin": linked[:2], "linked": linked, "cube": cube} {
			for _, repeat := range []bool{false, true} {
				w := survey(c.districts, c.bands, c.chapters, sets, c.perCell, repeat)
				b.Run(fmt.Sprintf("%s/%s/repeat=%v", c.name, name, repeat), func(b *testing.B) {
					table := w.table()
					var out *enclave.Treated
					for b.Loop() {
						out = treated(b, table, strict)
					}
					facts := measuredAfresh(b, out, strict)
					after := auditedTable(b, w, strict)
					b.ReportMetric(float64(len(out.Fates)), "cells")
					b.ReportMetric(float64(facts.Cells.Primary), "primary")
					b.ReportMetric(float64(facts.Cells.Complement), "complement")
					b.ReportMetric(float64(facts.Derivable), "derivable")
					b.ReportMetric(float64(after.lost), "audit")
					b.ReportMetric(float64(after.turns), "turns")
				})
			}
		}
	}
}
