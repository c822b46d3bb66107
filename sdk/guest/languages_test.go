package guest_test

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

const (
	clang = "--target=wasm32 -O2 -msimd128 -mbulk-memory -ffreestanding -nostdlib -Wall -Wextra -Wpedantic -Werror -Ic -Wl,--no-entry -Wl,--strip-all"
	rustc = "--target wasm32-unknown-unknown --edition 2021 -D warnings -O -C panic=abort -C strip=symbols --crate-type cdylib"
)

// TestLanguages: the same honest guest in every language that there is a compiler for here gives the same table, byte for byte, as the
// committed one. What the documentation names as flags is what is used.
func TestLanguages(t *testing.T) {
	committed, err := scaffold.AgeBand.Wasm()
	if err != nil {
		t.Fatal(err)
	}
	want := tested(t, committed)
	goes, err := guests.BuildGo(t.Context(), t.TempDir(), "ageband-go")
	if err != nil {
		t.Fatal(err)
	}
	if got := tested(t, goes); !bytes.Equal(got, want) {
		t.Error("the guest in Go gives another table")
	}
	// Debian has a compiler of Rust for WebAssembly where rustup has none.
	rust := slices.IndexFunc([]string{"rustc", "/usr/bin/rustc"}, func(name string) bool {
		printed, err := exec.CommandContext(t.Context(), name, "--print", "target-libdir", "--target", "wasm32-unknown-unknown").Output()
		if err != nil {
			return false
		}
		_, err = os.Stat(strings.TrimSpace(string(printed)))
		return err == nil
	})
	for _, c := range []struct {
		name, compiler, flags, source string
	}{
		{"C11", "clang", "-std=c11 " + clang, "ageband-c/ageband.c"},
		{"C++11", "clang++", "-x c++ -std=c++11 -fno-exceptions -fno-rtti " + clang, "ageband-c/ageband.c"},
		{"C++20", "clang++", "-x c++ -std=c++20 -fno-exceptions -fno-rtti " + clang, "ageband-c/ageband.c"},
		{"Rust", []string{"no rustc for wasm32-unknown-unknown", "rustc", "/usr/bin/rustc"}[rust+1], rustc, "ageband-rust/ageband.rs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := exec.LookPath(c.compiler); err != nil {
				t.Skip(err)
			}
			if _, err := exec.LookPath("wasm-ld"); err != nil && strings.HasPrefix(c.compiler, "clang") {
				t.Skip(err)
			}
			out := filepath.Join(t.TempDir(), "guest.wasm")
			cmd := exec.CommandContext(t.Context(), c.compiler, append(strings.Fields(c.flags), "-o", out, filepath.Join("../../testdata/guests", c.source))...) //nolint:gosec // fixed
			if said, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			code, err := os.ReadFile(out) //nolint:gosec // made just now
			if err != nil {
				t.Fatal(err)
			}
			if got := tested(t, code); !bytes.Equal(got, want) {
				t.Error("it gives another table")
			}
		})
	}
}

// tested is the table that a guest's test ends with.
func tested(t *testing.T, code []byte) []byte {
	t.Helper()
	whole, err := admit.Attach(code, &enclave.Manifest{
		Darkroom: 1, Name: "age-band", Version: "1.0.0", Form: enclave.Aggregate,
		Inputs:   []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"birth_year"}}},
		Params:   []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 1990, Max: 2030, Default: "2001"}},
		Keys:     []enclave.ManifestKey{{Name: "age_band", Values: []string{"0-17", "18-44", "45-64", "65+"}}},
		Measures: []enclave.ManifestMeasure{{Name: "visits", Op: enclave.Count}},
	})
	if err != nil {
		t.Fatal(err)
	}
	module, err := admit.Check(whole)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	dataset := synth.Dataset()
	dataset.Columns[dataset.Column("birth_year")].Nullable = true
	report, err := scaffold.Test(t.Context(), &scaffold.Trial{
		Module: module, Dataset: dataset, Policy: rules, Sample: enclave.Sample{Rows: 20_000, Subjects: 5_000}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil || report.Outcome != enclave.Released || report.Rehearsal.Cells.Published != 4 {
		t.Fatalf("%v: %+v", err, report)
	}
	return report.Rehearsal.Result
}
