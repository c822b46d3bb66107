package scaffold_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/policy"
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
	report, err := try(t, path, described(t, dir))
	if err != nil || report.Outcome != enclave.Released || report.Rehearsal.Cells.Published < 30 || len(report.Rehearsal.Result) == 0 {
		t.Fatalf("%v: %+v", err, report)
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
	if testing.Short() {
		t.Skip("what Go makes takes long to compile; TestANewModuleBuildsAndRuns does so once")
	}
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
	report, err := try(t, path, described(t, dir))
	if err != nil || report.Outcome != enclave.Held || report.Facts.Leak.Rows < 3 || report.Facts.Leak.Rows > 9 {
		t.Fatalf("%v: %+v", err, report)
	}
	if advice := report.Rehearsal.Advice; len(advice) != 1 || advice[0].Code != "MODULE_NOT_APPROVED" {
		t.Fatalf("that people approve it first is not said: %v", advice)
	}
}

// A program's author is told what is wrong with its table, and how it failed.
func TestAProgramsFaultIsTold(t *testing.T) {
	wasm, err := scaffold.Rows.Wasm()
	if err != nil {
		t.Fatal(err)
	}
	for act, says := range map[string]string{
		"int-outside": "output column n", "long-text": "at most 8 bytes", "trap-on-row": "crashed", "wild-data": "module ABI", "grow-on-row": "more memory",
	} {
		report, err := try(t, save(t, wasm, guests.NamedProgram(act).Manifest), synth.Dataset())
		if err == nil || report.Outcome != enclave.Failed || report.Stage != enclave.StageExecute {
			t.Fatalf("%s: %v, %+v", act, err, report)
		}
		if text := enclave.AsError(err).In(enclave.English); !strings.Contains(text, says) {
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
	report, err := try(t, path, described(t, dir))
	if err != nil || report.Outcome != enclave.Released {
		t.Fatalf("%v: %+v", err, report)
	}
	module, err := scaffold.Open(path)
	if err != nil || module.HasCode {
		t.Fatalf("%v: %+v", err, module)
	}
	if margins := module.Manifest.Margins; len(margins) != 1 || margins[0][0] != "district" {
		t.Fatalf("margins %v", margins)
	}
}

func TestNewRefuses(t *testing.T) {
	for reason, try := range map[string]func() error{
		"SCAFFOLD_NAME":      func() error { return scaffold.New(t.TempDir(), "../x", scaffold.Go) },
		"SCAFFOLD_LANG":      func() error { return scaffold.New(t.TempDir(), "x", "cobol") },
		"SCAFFOLD_NO_FOLDER": func() error { return scaffold.New("/dev/null/x", "x", scaffold.Go) },
		"SCAFFOLD_WRITE":     func() error { return scaffold.New(strings.Repeat("x", 300), "x", scaffold.Go) },
	} {
		err := try()
		if got := enclave.AsError(err); got == nil || got.Reason != reason {
			t.Errorf("got %v, want %s", err, reason)
		}
	}
}

// However the current folder is named, nothing is written beside what is in it; an empty one may be named as well as any other.
func TestNewInTheCurrentFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := scaffold.New(".", "x", scaffold.None); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove("README.md"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", ".", "missing/..", "./missing/../"} {
		if err := scaffold.New(dir, "x", scaffold.None); enclave.AsError(err).Reason != "SCAFFOLD_EXISTS" {
			t.Errorf("%q: %v", dir, err)
		}
		if _, err := os.Stat("README.md"); err == nil {
			t.Errorf("%q: it wrote beside what was there", dir)
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
	put(strings.Replace(string(good), "import ", "import \"os\"\nimport ", 1) + "\nvar secret, _ = os.ReadFile(\"/etc/passwd\")\n")
	if _, _, err := scaffold.Build(t.Context(), dir, &said); enclave.AsError(err).Reason != "MODULE_IMPORT" {
		t.Errorf("package os: %v", err)
	}
	put(string(good))
	t.Setenv("PATH", t.TempDir())
	if _, _, err := scaffold.Build(t.Context(), dir, &said); enclave.AsError(err).Reason != "BUILD_NO_GO" {
		t.Errorf("no go command: %v", err)
	}
}

// What a module prints, and how it panics, its author reads.
func TestWhatAModuleSaysIsShown(t *testing.T) {
	if testing.Short() {
		t.Skip("what Go makes takes long to compile; TestANewModuleBuildsAndRuns does so once")
	}
	closed(t)
	dir := t.TempDir()
	if err := scaffold.New(dir, "age-band", scaffold.Go); err != nil {
		t.Fatal(err)
	}
	main := filepath.Join(dir, "main.go")
	source, err := os.ReadFile(main) //nolint:gosec // a file of the test
	if err != nil {
		t.Fatal(err)
	}
	talks := strings.NewReplacer("import ", "import \"fmt\"\nimport ", "asOf := ", "fmt.Println(\"bands from\", firstAge)\n\tasOf := ",
		"band[i] = bandOf(age)", "if band[i] = bandOf(age); i > 9 { panic(fmt.Sprintf(\"row %d\", i)) }").Replace(string(source))
	if err := os.WriteFile(main, []byte(talks), 0o600); err != nil { //nolint:gosec // a file of the test
		t.Fatal(err)
	}
	var said bytes.Buffer
	path, _, err := scaffold.Build(t.Context(), dir, &said)
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	report, err := try(t, path, described(t, dir))
	if !errors.Is(err, enclave.Fail(enclave.Invalid, "MODULE_TRAP")) {
		t.Fatal(err)
	}
	for _, want := range []string{"bands from [18 45 65]\n", "panic: row 10\n", "/main.go:"} {
		if !strings.Contains(report.Rehearsal.Said, want) {
			t.Errorf("%q is not among what it said:\n%s", want, report.Rehearsal.Said)
		}
	}
}

func TestAFaultIsTold(t *testing.T) {
	wasm, err := scaffold.AgeBand.Wasm()
	if err != nil {
		t.Fatal(err)
	}
	// The manifest lacks the parameter that the guest wants.
	manifest := ageBandManifest()
	manifest.Params = nil
	report, err := try(t, save(t, wasm, manifest), synth.Dataset())
	if !errors.Is(err, enclave.Fail(enclave.Invalid, "MODULE_CONTRACT")) || !strings.Contains(report.Cause, "darkroom_init") {
		t.Fatalf("%v: %+v", err, report)
	}
	// What is refused before it ran is told, too.
	described := synth.Dataset()
	described.Columns = described.Columns[:2]
	report, err = try(t, save(t, wasm, ageBandManifest()), described)
	if !errors.Is(err, enclave.Fail(enclave.Invalid, "COLUMN_UNKNOWN")) || report.Stage != enclave.StageAdmit {
		t.Fatalf("%v: %+v", err, report)
	}
	for reason, path := range map[string]string{"SCAFFOLD_MISSING": filepath.Join(t.TempDir(), "none.wasm"), "MODULE_NOT_WASM": "scaffold_test.go"} {
		if _, err := scaffold.Open(path); enclave.AsError(err).Reason != reason {
			t.Errorf("%s: %v, want %s", path, err, reason)
		}
	}
}

// The committed guests are there.
func TestCompiledGuests(t *testing.T) {
	for _, g := range []scaffold.Guest{scaffold.AgeBand, scaffold.Endless, scaffold.Identity, scaffold.Regression, scaffold.Rows} {
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
			if report, err := try(t, save(t, fresh, ageBandManifest()), synth.Dataset()); err != nil || report.Outcome != enclave.Released {
				t.Errorf("%v: %+v", err, report)
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

// try tests a module on a few rows.
func try(t *testing.T, path string, dataset *enclave.Dataset) (*enclave.Report, error) {
	t.Helper()
	module, err := scaffold.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	return scaffold.Test(t.Context(), &scaffold.Trial{
		Module: module, Dataset: dataset, Policy: rules, Sample: enclave.Sample{Rows: 20_000, Subjects: 10_000}, Log: slog.New(slog.DiscardHandler),
	})
}

// described is the description that a new module's folder has.
func described(t *testing.T, dir string) *enclave.Dataset {
	t.Helper()
	file := scaffold.DescriptionIn(dir, "visits")
	raw, err := os.ReadFile(file) //nolint:gosec // a file of the test
	if err != nil {
		t.Fatal(err)
	}
	dataset, err := scaffold.ParseDescription(raw, file)
	if err != nil {
		t.Fatal(err)
	}
	return dataset
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
