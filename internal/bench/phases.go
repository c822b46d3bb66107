package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/demo"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
)

// The tables: one of the size asked for, and a small one for latency.
const (
	large     = "visits"
	small     = "visits-small"
	smallRows = 1000
	smallRuns = 40
)

// load catalogues both tables, loads them through the API, and grants them.
func (b bench) load(ctx context.Context) (err error) {
	domain, err := demo.Start(ctx, b.home(), b.config(), b.log())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, domain.Close()) }()
	file := filepath.Join(b.dir, "visits.parquet")
	if err := b.synthesize(file); err != nil {
		return err
	}
	began := time.Now()
	if err := b.table(ctx, domain, large, file); err != nil {
		return err
	}
	b.rate("load (Parquet to snapshot)", time.Since(began), 0)
	var few bytes.Buffer
	if err := synth.WriteParquet(&few, seed, smallRows); err != nil {
		return err
	}
	if err := os.WriteFile(file, few.Bytes(), 0o600); err != nil {
		return err
	}
	if err := b.table(ctx, domain, small, file); err != nil {
		return err
	}
	b.peak("load")
	return nil
}

func (b bench) synthesize(file string) (err error) {
	f, err := os.Create(file) //nolint:gosec // in the benchmark's own directory
	if err != nil {
		return err
	}
	return errors.Join(synth.WriteParquet(f, seed, b.rows), f.Close())
}

// table catalogues, loads and grants one table.
func (b bench) table(ctx context.Context, d *demo.Domain, name, file string) error {
	description := synth.Dataset()
	description.Name = name
	f, err := os.Open(file) //nolint:gosec // in the benchmark's own directory
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read from
	_, err = d.Grant(ctx, description, sdk.Parquet, f, "district", "birth_year", "cost")
	return err
}

// runs measures each kind of run, the plain loop, and the small run.
func (b bench) runs(ctx context.Context) (err error) {
	domain, err := demo.Resume(ctx, b.home(), b.config(), b.log())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, domain.Close()) }()
	goCode, err := b.goGuest(ctx)
	if err != nil {
		return err
	}
	cCode, err := scaffold.AgeBand.Wasm()
	if err != nil {
		return err
	}
	plain := b.plainLoop()
	b.rate("plain Go loop, one core, in memory", plain, plain)
	for _, kind := range []struct {
		name string
		code []byte
	}{{"run, no guest", nil}, {"run, C guest", cCode}, {"run, Go guest", goCode}} {
		times, err := b.submit(ctx, domain, large, kind.code, b.repeat)
		if err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		b.rate(kind.name, slices.Min(times), plain)
	}
	b.peak("runs") // before the small ones: they need less
	times, err := b.submit(ctx, domain, small, nil, smallRuns)
	if err != nil {
		return err
	}
	slices.Sort(times)
	fmt.Fprintf(b.out, "%-34s %10.1f ms median, %.1f ms least of %d\n", "1,000-row run, submit to release",
		milliseconds(times[len(times)/2]), milliseconds(times[0]), len(times))
	return nil
}

// submit runs a module, or the manifest alone, and returns the time from submission to release of each run.
func (b bench) submit(ctx context.Context, d *demo.Domain, table string, code []byte, times int) ([]time.Duration, error) {
	operator := d.Clients[sdk.Operator]
	grant, err := grantOf(ctx, operator, table)
	if err != nil {
		return nil, err
	}
	wasm, err := admit.Attach(code, servedQuestion(table, code != nil))
	if err != nil {
		return nil, err
	}
	module, err := operator.UploadModule(ctx, bytes.NewReader(wasm))
	if err != nil {
		return nil, err
	}
	took := make([]time.Duration, times)
	for i := range took {
		began := time.Now()
		run, err := operator.Submit(ctx, sdk.Order{Grant: grant, Module: module.Digest})
		if err != nil {
			return nil, err
		}
		if run, err = operator.Wait(ctx, run.ID); err != nil {
			return nil, err
		}
		if run.Outcome != sdk.RunReleased {
			return nil, fmt.Errorf("the run was %s: %v", run.Outcome, run.Reasons)
		}
		took[i] = time.Since(began)
	}
	return took, nil
}

func grantOf(ctx context.Context, c *sdk.Client, table string) (string, error) {
	for grant, err := range c.ListGrants(ctx) {
		if err != nil {
			return "", err
		}
		if grant.Scopes[0].Dataset == table {
			return grant.ID, nil
		}
	}
	return "", fmt.Errorf("no grant of %s", table)
}

// servedQuestion asks for rows, persons and cost by district and age band; the band by the guest or by the enclave.
func servedQuestion(table string, guest bool) *enclave.Manifest {
	m := &enclave.Manifest{
		Darkroom: 1, Name: "bench", Version: "1", Form: enclave.Aggregate,
		Inputs: []enclave.ManifestInput{{Dataset: table, Columns: []string{"district", "birth_year", "cost"}}},
		Keys: []enclave.ManifestKey{
			{Name: "district", Of: &enclave.ColumnRule{Column: "district"}},
			{Name: "born", Of: &enclave.ColumnRule{Column: "birth_year", Cuts: []enclave.Scalar{"1960", "1980", "2007"}}},
		},
		Measures: []enclave.ManifestMeasure{
			{Name: "visits", Op: enclave.Count}, {Name: "patients", Op: enclave.Subjects}, {Name: "cost", Op: enclave.Sum, Of: "cost"},
		},
	}
	if guest {
		m.Params = []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2030, Default: "2024"}}
		m.Keys[1] = enclave.ManifestKey{Name: "age_band", Values: []string{"0-17", "18-44", "45-64", "65+"}}
	}
	if table == small {
		m.Keys = m.Keys[1:] // so few persons are too few for more groups
	}
	return m
}

// goGuest builds the scaffold's module as a developer would, and returns its code.
func (b bench) goGuest(ctx context.Context) ([]byte, error) {
	folder := filepath.Join(b.dir, "guest")
	if err := scaffold.New(folder, "bench", scaffold.Go); err != nil {
		return nil, err
	}
	path, _, err := scaffold.Build(ctx, folder, io.Discard)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path) //nolint:gosec // just built
}

// plainLoop is the peer: the same groups, rows and sums over arrays in memory on one core, with no persons counted, no dominance, no
// judgement and no isolation. Generating the arrays is not timed.
func (b bench) plainLoop() time.Duration {
	district, born, cost := make([]int32, b.rows), make([]int32, b.rows), make([]int64, b.rows)
	codes := map[string]int32{}
	i := 0
	for v := range synth.Visits(seed, b.rows) {
		code, ok := codes[v.District]
		if !ok {
			code = int32(len(codes)) //nolint:gosec // a few districts
			codes[v.District] = code
		}
		district[i], born[i], cost[i] = code, int32(v.BirthYear), v.Cost //nolint:gosec // a year
		i++
	}
	best := time.Duration(1 << 62)
	for range b.repeat {
		var visits, sums [256][4]int64
		began := time.Now()
		for i, d := range district {
			band := 0
			for _, cut := range [...]int32{1960, 1980, 2007} {
				if born[i] >= cut {
					band++
				}
			}
			visits[d][band]++
			sums[d][band] += cost[i]
		}
		best = min(best, time.Since(began))
	}
	return best
}

// rate prints rows per second and, against a peer, the ratio.
func (b bench) rate(name string, took, peer time.Duration) {
	ratio := ""
	if peer > 0 {
		ratio = fmt.Sprintf("   %.2f of the plain loop", peer.Seconds()/took.Seconds())
	}
	fmt.Fprintf(b.out, "%-34s %10.2f M rows/s  %8.0f ms%s\n", name, float64(b.rows)/took.Seconds()/1e6, milliseconds(took), ratio)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
