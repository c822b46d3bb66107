package policy

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/ballast"
)

// p99 runs something b.N times and reports the 99th percentile of how long it took: with the collector as the service has it, and often enough
// for a percentile to mean something (-benchtime 3000x).
func p99(b *testing.B, run func()) {
	b.Helper()
	ballast.Take()
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		start := time.Now()
		run()
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
}

// BenchmarkRelease is a decision about a table: what is judged are summaries, however many cells there are.
func BenchmarkRelease(b *testing.B) {
	e := must(Default())
	p := profile(b, e, visits())
	facts := honest(p)
	p99(b, func() {
		if j, err := e.Release(b.Context(), facts, p); err != nil || j.Decision != enclave.Release {
			b.Fatal(j, err)
		}
	})
}

// BenchmarkReleaseFlagged is a decision about a table with a thousand flagged cells that nobody treated: facts count them by rule.
func BenchmarkReleaseFlagged(b *testing.B) {
	e := must(Default())
	p := profile(b, e, visits())
	facts := honest(p)
	facts.MinSubjects, facts.Unsafe = 1, enclave.RiskCounts{Threshold: 1000, Dominance: 1000, PPercent: 1000, Homogeneity: 1000}
	p99(b, func() {
		if j, err := e.Release(b.Context(), facts, p); err != nil || j.Decision != enclave.Deny || len(j.Reasons) != 4 {
			b.Fatal(j, err)
		}
	})
}

// BenchmarkReleaseWhileActivating is the same decision while other rules are tried and put in force all the time: on as many processors as there are,
// less one.
func BenchmarkReleaseWhileActivating(b *testing.B) {
	e := must(Default())
	files := e.Describe().Files
	p := profile(b, e, visits())
	facts := honest(p)
	ctx, stop := context.WithCancel(b.Context())
	var activating sync.WaitGroup
	defer activating.Wait()
	defer stop()
	activations := 0
	activating.Go(func() {
		for ctx.Err() == nil {
			if _, _, err := Activate(ctx, files); err == nil {
				activations++
			}
		}
	})
	p99(b, func() {
		if j, err := e.Release(b.Context(), facts, p); err != nil || j.Decision != enclave.Release || j.Revision != e.Revision() {
			b.Fatal(j, err)
		}
	})
	stop()
	activating.Wait()
	b.ReportMetric(float64(activations), "activations")
}

func BenchmarkAccess(b *testing.B) {
	e := must(Default())
	in := AccessInput{Caller: enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "li"}, Method: "/darkroom.v1.RunService/GetRun", Owner: "acme"}
	p99(b, func() {
		if ok, err := e.Access(b.Context(), in); err != nil || !ok {
			b.Fatal(ok, err)
		}
	})
}

// BenchmarkThousandCells is a rule that looks at a thousand flagged cells one by one. The facts of this version hold no cells; it says what they would cost.
func BenchmarkThousandCells(b *testing.B) {
	sub := must(Default()).Describe().Files
	files := fstest.MapFS{}
	for _, f := range sub {
		files[f.Path] = &fstest.MapFile{Data: []byte(f.Text)}
	}
	delete(files, "darkroom/release_test.rego")
	files["darkroom/release.rego"] = &fstest.MapFile{Data: []byte(`package darkroom.release

result := count(bad)

bad contains cell.id if {
	some cell in input.facts.cells
	cell.subjects < input.profile.threshold
}

bad contains cell.id if {
	some cell in input.facts.cells
	cell.largest * 100 >= cell.sum * input.profile.dominance_percent
}
`)}
	e := must(compile(must(readBundle(files))))
	type cell struct {
		ID       int   `json:"id"`
		Subjects int64 `json:"subjects"`
		Largest  int64 `json:"largest"`
		Sum      int64 `json:"sum"`
	}
	type facts struct {
		Cells []cell `json:"cells"`
	}
	var cells []cell
	for i := range 1000 {
		cells = append(cells, cell{i, int64(i % 20), int64(i), int64(2 * i)})
	}
	input := judged[facts]{facts{cells}, profile(b, e, visits())}
	p99(b, func() {
		if _, err := e.ask(b.Context(), &e.release, input); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkActivate is what a proposal costs: compiling, the canaries, the bundle's own tests.
func BenchmarkActivate(b *testing.B) {
	files := must(Default()).Describe().Files
	for b.Loop() {
		if _, _, err := Activate(b.Context(), files); err != nil {
			b.Fatal(err)
		}
	}
}
