package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// project is a folder with a compiled module and the description of its dataset.
func project(t *testing.T, guest func() ([]byte, error), manifest *enclave.Manifest) (wasm string) {
	t.Helper()
	var code []byte
	var err error
	if guest != nil {
		if code, err = guest(); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := admit.Attach(code, manifest)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var description bytes.Buffer
	if err := scaffold.WriteDescription(&description, synth.Dataset()); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"module.wasm": whole, "visits.yaml": description.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "module.wasm")
}

// tabulation is a manifest over the visits.
func tabulation(keys ...enclave.ManifestKey) *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: "visits-by", Version: "1.0.0", Form: enclave.Aggregate,
		Inputs: []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"district", "sex", "birth_year", "icd10", "cost"}}},
		Params: []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2030, Default: "2024"}}, Keys: keys,
		Measures: []enclave.ManifestMeasure{{Name: "visits", Op: enclave.Count}, {Name: "cost", Op: enclave.Sum, Of: "cost"}},
	}
}

func of(column string) enclave.ManifestKey {
	return enclave.ManifestKey{Name: column, Of: &enclave.ColumnRule{Column: column}}
}

// TestModuleTest tests modules that end in each way there is, without an enclave. The golden files are what a developer reads, but for
// the times; after a change that means to change them, write them again with DARKROOM_GOLDEN=write.
func TestModuleTest(t *testing.T) {
	t.Setenv("DARKROOM_CREDENTIAL", "")
	bands := enclave.ManifestKey{Name: "age_band", Values: []string{"0-17", "18-44", "45-64", "65+"}}
	suppressed := tabulation(of("district"), bands)
	suppressed.Margins = [][]string{{"district"}}
	everybody := enclave.ManifestKey{Name: "who", Of: &enclave.ColumnRule{Column: "sex", Map: map[string]string{"F": "all", "M": "all"}}}
	faulty := tabulation(bands)
	faulty.Params = nil
	hungry := tabulation(bands)
	hungry.Fuel = 1_000
	spins := func() ([]byte, error) { return guests.Spins(60_000_000).Wasm, nil }
	for name, c := range map[string]struct {
		guest    func() ([]byte, error)
		manifest *enclave.Manifest
		flags    string
		status   int
		reason   string
	}{
		"passed":     {nil, tabulation(of("sex")), "", exitDone, ""},
		"suppressed": {scaffold.AgeBand.Wasm, suppressed, "", exitDone, ""},
		"narrower":   {scaffold.AgeBand.Wasm, suppressed, "--param as_of=2030 --rows 30000 --subjects 6000", exitDone, ""},
		"few":        {nil, tabulation(of("sex")), "--rows 60 --subjects 60 --profile testdata/moduletest/profile.json", exitFailed, "KEYSPACE_TOO_LARGE_FOR_DATA"},
		"nothing":    {nil, tabulation(everybody), "--rows 9 --subjects 9", exitFailed, "CLI_MODULE_TEST_DENIED"},
		"refused":    {nil, tabulation(of("district"), of("icd10"), of("birth_year")), "", exitFailed, "KEYSPACE_TOO_LARGE_FOR_DATA"},
		"held":       {scaffold.Regression.Wasm, guests.NamedProgram("regression").Manifest, "", exitDone, ""},
		"copied":     {scaffold.Rows.Wasm, guests.NamedProgram("dump").Manifest, "", exitFailed, "CLI_MODULE_TEST_DENIED"},
		"faulty":     {scaffold.AgeBand.Wasm, faulty, "", exitFailed, "MODULE_CONTRACT"},
		"hungry":     {spins, hungry, "", exitFailed, "MODULE_FUEL"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			args := append([]string{"module", "test", project(t, c.guest, c.manifest), "--lang", "en"}, strings.Fields(c.flags)...)
			status := Main(context.Background(), args, strings.NewReader(""), &out, &errs)
			if status != c.status || reasonIn(errs.String()) != c.reason {
				t.Errorf("status %d, want %d\n%s", status, c.status, errs.String())
			}
			golden(t, filepath.Join("testdata", "moduletest", name+".txt"), timeless(out.String()))
		})
	}
}

// timeless is a report without its table of times, and without the digest of a guest that may be compiled again.
func timeless(text string) string {
	text = regexp.MustCompile(`modules/[0-9a-f]{64}`).ReplaceAllString(text, "modules/DIGEST")
	return regexp.MustCompile(`(?m)^stage +took\n─.*\n(\w+ +[0-9.]+[nµm]?s\n)+`).ReplaceAllString(text, "")
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("DARKROOM_GOLDEN") == "write" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
	}
	if want := read(t, file); got != want {
		t.Errorf("%s is not what it prints:\n%s", file, got)
	}
}
