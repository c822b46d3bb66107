package scaffold_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// closed is the environment of an author without a network: whatever would be downloaded fails.
func closed(t *testing.T) {
	t.Helper()
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOTOOLCHAIN", "local")
}

// TestANewModuleBuildsAndRuns plays an author's first minutes, without this repository and without a network.
func TestANewModuleBuildsAndRuns(t *testing.T) {
	closed(t)
	dir := filepath.Join(t.TempDir(), "age-band")
	if err := scaffold.New(dir, "age-band", scaffold.Go); err != nil {
		t.Fatal(err)
	}
	native := exec.CommandContext(t.Context(), "go", "test", "./...")
	native.Dir = dir
	if said, err := native.CombinedOutput(); err != nil {
		t.Fatalf("the new module's own test: %v\n%s", err, said)
	}
	var said bytes.Buffer
	path, digest, err := scaffold.Build(t.Context(), dir, &said)
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if path != filepath.Join(dir, "age-band.wasm") {
		t.Fatalf("built %s", path)
	}
	report, err := scaffold.Check(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Module.Digest != digest || !report.Ran || report.Failed != nil {
		t.Fatalf("digest %s for %s, ran %v, %v, said %q", report.Module.Digest, digest, report.Ran, report.Failed, report.Said)
	}
	for lang, want := range map[enclave.Lang]string{enclave.English: "without a fault", enclave.Chinese: "未发现故障"} {
		if text := report.Text(lang); !strings.Contains(text, want) || !strings.Contains(text, digest.String()) {
			t.Errorf("%s: %s", lang, text)
		}
	}
	if _, again, err := scaffold.Build(t.Context(), dir, &said); err != nil || again != digest {
		t.Fatalf("built again: %s, %v; the first time %s", again, err, digest)
	}
	if err := scaffold.New(dir, "age-band", scaffold.Go); enclave.AsError(err).Reason != "SCAFFOLD_EXISTS" {
		t.Fatalf("over a folder that is there: %v", err)
	}
}

// TestANewProgramBuildsAndRuns is the same of a program.
func TestANewProgramBuildsAndRuns(t *testing.T) {
	closed(t)
	dir := filepath.Join(t.TempDir(), "cost-by-age")
	if err := scaffold.New(dir, "cost-by-age", scaffold.Program); err != nil {
		t.Fatal(err)
	}
	native := exec.CommandContext(t.Context(), "go", "test", "./...")
	native.Dir = dir
	if said, err := native.CombinedOutput(); err != nil {
		t.Fatalf("the new program's own test: %v\n%s", err, said)
	}
	var said bytes.Buffer
	path, _, err := scaffold.Build(t.Context(), dir, &said)
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if report, err := scaffold.Check(t.Context(), path, nil); err != nil || !report.Ran || report.Failed != nil || report.Rows != 0 {
		t.Fatalf("without a description: %+v, %v", report, err)
	}
	report, err := scaffold.Check(t.Context(), path, synth.Dataset())
	if err != nil || report.Failed != nil || report.Rows < 3 || report.Rows > 9 {
		t.Fatalf("%+v, %v", report, err)
	}
	for lang, want := range map[enclave.Lang]string{enclave.English: "over 1000 made-up rows and returned", enclave.Chinese: "虚构数据"} {
		if text := report.Text(lang); !strings.Contains(text, want) {
			t.Errorf("%s: %s", lang, text)
		}
	}
}

// A program's author is told what is wrong with its table, and how it failed.
func TestCheckSaysWhyAProgramFails(t *testing.T) {
	wasm, err := scaffold.Rows.Wasm()
	if err != nil {
		t.Fatal(err)
	}
	for act, says := range map[string]string{
		"int-outside": "output column n", "long-text": "at most 8 bytes", "trap-on-row": "crashed", "wild-data": "module ABI", "grow-on-row": "more memory",
	} {
		report, err := scaffold.Check(t.Context(), save(t, wasm, guests.NamedProgram(act).Manifest), synth.Dataset())
		if err != nil || report.Failed == nil {
			t.Fatalf("%s: %+v, %v", act, report, err)
		}
		if text := report.Text(enclave.English); !strings.Contains(text, says) || !strings.Contains(text, "failed over 1000 made-up rows") {
			t.Errorf("%s: %s", act, text)
		}
	}
}

func TestAManifestAloneIsAModule(t *testing.T) {
	dir := t.TempDir() // there and empty
	if err := scaffold.New(dir, "ask", scaffold.None); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "") // no go command is needed
	path, _, err := scaffold.Build(t.Context(), dir, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := scaffold.Check(t.Context(), path, nil)
	if err != nil || report.Module.HasCode || report.Ran {
		t.Fatalf("%+v, %v", report, err)
	}
	if margins := report.Module.Manifest.Margins; len(margins) != 1 || margins[0][0] != "district" {
		t.Fatalf("margins %v", margins)
	}
}

func TestNewRefuses(t *testing.T) {
	for reason, try := range map[string]func() error{
		"SCAFFOLD_NAME":  func() error { return scaffold.New(t.TempDir(), "../x", scaffold.Go) },
		"SCAFFOLD_LANG":  func() error { return scaffold.New(t.TempDir(), "x", "cobol") },
		"SCAFFOLD_WRITE": func() error { return scaffold.New("/dev/null/x", "x", scaffold.Go) },
	} {
		err := try()
		if got := enclave.AsError(err); got == nil || got.Reason != reason && (reason != "SCAFFOLD_WRITE" || got.Reason != "SCAFFOLD_EXISTS") {
			t.Errorf("got %v, want %s", err, reason)
		}
	}
}

func TestBuildSaysWhatIsWrong(t *testing.T) {
	closed(t)
	dir := t.TempDir()
	if err := scaffold.New(dir, "age-band", scaffold.Go); err != nil {
		t.Fatal(err)
	}
	main := filepath.Join(dir, "main.go")
	good, err := os.ReadFile(main) //nolint:gosec // a file of the test
	if err != nil {
		t.Fatal(err)
	}
	put := func(source string) {
		if err := os.WriteFile(main, []byte(source), 0o600); err != nil { //nolint:gosec // a file of the test
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	put(string(good) + "\nthis is not Go\n")
	if _, _, err := scaffold.Build(t.Context(), dir, &said); enclave.AsError(err).Reason != "BUILD_FAILED" || !strings.Contains(said.String(), "main.go:") {
		t.Errorf("bad Go: %v, said %q", err, said.String())
	}
	put(strings.Replace(string(good), "import ", "import _ \"os\"\nimport ", 1))
	if _, _, err := scaffold.Build(t.Context(), dir, &said); enclave.AsError(err).Reason != "MODULE_IMPORT" {
		t.Errorf("package os: %v", err)
	}
	put(string(good))
	t.Setenv("PATH", t.TempDir())
	if _, _, err := scaffold.Build(t.Context(), dir, &said); enclave.AsError(err).Reason != "BUILD_NO_GO" {
		t.Errorf("no go command: %v", err)
	}
}

func TestCheckShowsWhatAFailingModuleSays(t *testing.T) {
	wasm, err := scaffold.AgeBand.Wasm()
	if err != nil {
		t.Fatal(err)
	}
	// The manifest lacks the parameter that the guest wants.
	manifest := ageBandManifest()
	manifest.Params = nil
	path := save(t, wasm, manifest)
	report, err := scaffold.Check(t.Context(), path, nil)
	if err != nil || !report.Ran || !errors.Is(report.Failed, enclave.Fail(enclave.Invalid, "MODULE_CONTRACT")) {
		t.Fatalf("%+v, %v", report, err)
	}
	if text := report.Text(enclave.English); !strings.Contains(text, "failed over one batch") {
		t.Fatal(text)
	}
	for reason, path := range map[string]string{"SCAFFOLD_MISSING": filepath.Join(t.TempDir(), "none.wasm"), "MODULE_NOT_WASM": "scaffold_test.go"} {
		if _, err := scaffold.Check(t.Context(), path, nil); enclave.AsError(err).Reason != reason {
			t.Errorf("%s: %v, want %s", path, err, reason)
		}
	}
}

// The committed guests run, with a description and without.
func TestCompiledGuestsRun(t *testing.T) {
	wasm, err := scaffold.AgeBand.Wasm()
	if err != nil {
		t.Fatal(err)
	}
	path := save(t, wasm, ageBandManifest())
	described := &enclave.Dataset{Name: "visits", Columns: []enclave.Column{
		{Name: "district", Type: enclave.Code, Class: enclave.Quasi},
		{Name: "birth_year", Type: enclave.Int, Class: enclave.Quasi},
		{Name: "cost", Type: enclave.Decimal, Class: enclave.Measure},
	}}
	for _, d := range []*enclave.Dataset{nil, described} {
		if report, err := scaffold.Check(t.Context(), path, d); err != nil || report.Failed != nil || !report.Ran {
			t.Fatalf("%+v, %v", report, err)
		}
	}
	described.Columns = described.Columns[:2]
	if report, err := scaffold.Check(t.Context(), path, described); err != nil || !errors.Is(report.Failed, enclave.Fail(enclave.Invalid, "CHECK_COLUMN")) {
		t.Fatalf("%+v, %v", report, err)
	}
	for _, g := range []scaffold.Guest{scaffold.Endless, scaffold.Identity, scaffold.Regression, scaffold.Rows} {
		if wasm, err := g.Wasm(); err != nil || len(wasm) == 0 {
			t.Errorf("%s: %v", g, err)
		}
	}
}

// Where clang is at hand, the committed guests are what their sources compile to. Compilers differ, so the comparison is of what
// admission measures, not of bytes; the honest guest's source is run as well.
func TestCompiledGuestsBelongToTheirSources(t *testing.T) {
	clang, err := exec.LookPath("clang")
	if err != nil {
		t.Skip("no clang here")
	}
	if _, err := exec.LookPath("wasm-ld"); err != nil {
		t.Skip("no wasm-ld here")
	}
	for _, g := range []scaffold.Guest{scaffold.AgeBand, scaffold.Endless, scaffold.Identity, scaffold.Regression, scaffold.Rows} {
		out := filepath.Join(t.TempDir(), "guest.wasm")
		source := filepath.Join("..", "..", "testdata", "guests", string(g)+"-c", string(g)+".c")
		flags := strings.Fields("--target=wasm32 -O2 -msimd128 -mbulk-memory -ffreestanding -nostdlib -Wall -Wextra -Werror -I../../sdk/guest/c -Wl,--no-entry -Wl,--strip-all -o")
		cmd := exec.CommandContext(t.Context(), clang, append(flags, out, source)...) //nolint:gosec // fixed flags
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		fresh, err := os.ReadFile(out) //nolint:gosec // made just now
		if err != nil {
			t.Fatal(err)
		}
		committed, err := g.Wasm()
		if err != nil {
			t.Fatal(err)
		}
		want, got := factsOf(t, fresh), factsOf(t, committed)
		want.Bytes, got.Bytes = 0, 0
		if want != got {
			t.Errorf("%s: the source gives %+v, committed is %+v: compile it again", g, want, got)
		}
		if g == scaffold.AgeBand {
			if report, err := scaffold.Check(t.Context(), save(t, fresh, ageBandManifest()), nil); err != nil || report.Failed != nil {
				t.Errorf("%+v, %v", report, err)
			}
		}
	}
}

func factsOf(t *testing.T, wasm []byte) enclave.ModuleFacts {
	t.Helper()
	whole, err := admit.Attach(wasm, ageBandManifest())
	if err != nil {
		t.Fatal(err)
	}
	module, err := admit.Check(whole)
	if err != nil {
		t.Fatal(err)
	}
	return module.Facts
}

func save(t *testing.T, wasm []byte, manifest *enclave.Manifest) string {
	t.Helper()
	whole, err := admit.Attach(wasm, manifest)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "module.wasm")
	if err := os.WriteFile(path, whole, 0o600); err != nil { //nolint:gosec // a file of the test
		t.Fatal(err)
	}
	return path
}

func ageBandManifest() *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: "age-band", Version: "1.0.0", Form: enclave.Aggregate,
		Inputs: []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"district", "birth_year", "cost"}}},
		Params: []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2030, Default: "2024"}},
		Keys: []enclave.ManifestKey{
			{Name: "district", Of: &enclave.ColumnRule{Column: "district"}},
			{Name: "age_band", Values: []string{"0-17", "18-44", "45-64", "65+"}},
		},
		Measures: []enclave.ManifestMeasure{{Name: "visits", Op: enclave.Count}, {Name: "cost", Op: enclave.Sum, Of: "cost"}},
	}
}
