package guest_test

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// cpu is the processor time that the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkGuests shows the same batches to the same small program three times over, in turns: as a native Go loop, as a guest in Go and,
// where clang is at hand, as a guest in C; and prints the least time of each in nanoseconds a row. What the host does to lay the batch out is in
// the guests' times.
func BenchmarkGuests(b *testing.B) {
	batch := firstBatch(b)
	var visits, cost [16]int64
	runs := map[string]func(){"native": func() {
		for i, d := range batch.Columns[0].Narrow {
			if batch.Columns[0].Valid[i>>3]>>(i&7)&1 != 0 && batch.Columns[1].Valid[i>>3]>>(i&7)&1 != 0 {
				visits[d]++
				cost[d] += batch.Columns[1].Wide[i]
			}
		}
	}}
	box, err := sandbox.New(b.Context(), sandbox.Config{CallTimeout: time.Hour}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer box.Close(b.Context()) //nolint:errcheck // a benchmark's
	for name, code := range sums(b) {
		in, err := start(b, box, code)
		if err != nil {
			b.Fatal(err)
		}
		defer in.Close(b.Context()) //nolint:errcheck // a benchmark's
		runs[name] = func() {
			if err := in.Show(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
	}
	least := map[string]time.Duration{}
	for b.Loop() {
		for name, run := range runs {
			began := cpu()
			for range 50 {
				run()
			}
			if took := (cpu() - began) / 50; least[name] == 0 || took < least[name] {
				least[name] = took
			}
		}
	}
	for name, took := range least {
		b.ReportMetric(float64(took.Nanoseconds())/enclave.BatchRows, name+"-ns/row")
	}
}

func firstBatch(b *testing.B) *enclave.Batch {
	b.Helper()
	rows, err := synth.NewTable(synth.Dataset(), enclave.Sample{Rows: enclave.BatchRows, Subjects: 1000})
	if err != nil {
		b.Fatal(err)
	}
	var batch *enclave.Batch
	err = enclave.Scan(b.Context(), rows, enclave.Range{Count: enclave.BatchRows}, []int{synth.Dataset().Column("district"), synth.Dataset().Column("cost")}, func(in *enclave.Batch) error {
		batch = in
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return batch
}

// sums are the guests by name.
func sums(b *testing.B) map[string][]byte {
	b.Helper()
	code, err := guests.BuildGo(b.Context(), b.TempDir(), "sums-go")
	if err != nil {
		b.Fatal(err)
	}
	all := map[string][]byte{"go": code}
	if _, err := exec.LookPath("wasm-ld"); err != nil {
		return all
	}
	out := filepath.Join(b.TempDir(), "sums.wasm")
	flags := strings.Fields("--target=wasm32 -O2 -msimd128 -mbulk-memory -ffreestanding -nostdlib -Ic -Wl,--no-entry -Wl,--strip-all -o")
	cmd := exec.CommandContext(b.Context(), "clang", append(slices.Clone(flags), out, "../../testdata/guests/sums-c/sums.c")...) //nolint:gosec // fixed flags
	if said, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, said)
	}
	if all["c"], err = os.ReadFile(out); err != nil { //nolint:gosec // made just now
		b.Fatal(err)
	}
	return all
}

func start(b *testing.B, box *sandbox.Sandbox, code []byte) (enclave.Instance, error) {
	b.Helper()
	number := func(name string) enclave.ManifestColumn {
		return enclave.ManifestColumn{Name: name, Type: enclave.KindInt, About: name, Max: 1 << 50}
	}
	manifest := &enclave.Manifest{
		Darkroom: 1, Name: "sums", Version: "1.0.0", Form: enclave.Program,
		Inputs: []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"district", "cost"}, Show: []string{"cost"}}},
		Output: &enclave.ManifestOutput{About: "sums", Behind: "many", Rows: 16, Columns: []enclave.ManifestColumn{number("district"), number("visits"), number("cost")}},
	}
	whole, err := admit.Attach(code, manifest)
	if err != nil {
		return nil, err
	}
	module, err := admit.Check(whole)
	if err != nil {
		return nil, err
	}
	plan := &enclave.Plan{
		Dataset: synth.Dataset(), Manifest: manifest, Shown: []int{synth.Dataset().Column("district"), synth.Dataset().Column("cost")}, Crafted: true,
		Params: []byte(`{"params":{},"columns":["district","cost"],"keys":[],"output":["district","visits","cost"]}`),
	}
	return box.Start(b.Context(), module, plan)
}
