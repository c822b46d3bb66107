package scaffold_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/scaffold"
)

// head is a manifest up to its keys, seven lines.
const head = `darkroom: 1
name: ask
version: 1.0.0
form: aggregate
inputs:
  - {dataset: visits, columns: [district, seen, icd10, cost]}
measures: [{name: visits, op: count}]
`

func folder(tb testing.TB, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func TestManifestKeepsWhatIsWritten(t *testing.T) {
	dir := folder(t, map[string]string{
		"darkroom.yaml": head + `
keys:
  - {name: chapter, of: {column: icd10, map: chapters.yaml}}
  - name: half
    of:
      column: seen
      cuts: [2024-01-01, "2024-07-01"]
  - {name: price, of: {column: cost, cuts: [0.10, 1e2, -5, 010]}}
  - {name: year, values: [2023, 2024, yes, 1.50]}
  - {name: week, min: 1, max: 52}
margins:
  - chapter
  - [chapter, half]
  - []
`,
		"chapters.yaml": "A00: infections\n0110: \"01\"\n110101: 东城\n",
	})
	m, err := scaffold.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	same := func(what string, got, want []string) {
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	scalars := func(list []enclave.Scalar) (out []string) {
		for _, s := range list {
			out = append(out, string(s))
		}
		return out
	}
	same("dates", scalars(m.Keys[1].Of.Cuts), []string{"2024-01-01", "2024-07-01"})
	same("numbers", scalars(m.Keys[2].Of.Cuts), []string{"0.10", "1e2", "-5", "010"})
	same("labels", m.Keys[3].Values, []string{"2023", "2024", "yes", "1.50"})
	chapters := m.Keys[0].Of.Map
	same("map", []string{chapters["A00"], chapters["0110"], chapters["110101"]}, []string{"infections", "01", "东城"})
	if len(chapters) != 3 || *m.Keys[4].Min != 1 || *m.Keys[4].Max != 52 {
		t.Errorf("map %v, week %d to %d", chapters, *m.Keys[4].Min, *m.Keys[4].Max)
	}
	if len(m.Margins) != 3 || len(m.Margins[0]) != 1 || len(m.Margins[1]) != 2 || len(m.Margins[2]) != 0 {
		t.Errorf("margins %v", m.Margins)
	}
}

func TestMistakesInAManifestHaveALine(t *testing.T) {
	for name, c := range map[string]struct{ yaml, reason, where string }{
		"syntax":       {head + "keys: [", "MANIFEST_MALFORMED", "darkroom.yaml:8: "},
		"field":        {head + "keys:\n  - {name: a, of: {column: district}}\ntitel: x\n", "MANIFEST_MALFORMED", "darkroom.yaml:10: unknown field"},
		"inner field":  {head + "keys:\n  - name: a\n    off: {column: district}\n", "MANIFEST_MALFORMED", "darkroom.yaml:10: unknown field"},
		"domain":       {head + "keys:\n  - {name: a, of: {column: district}}\n  - name: b\n    values: [\"(x)\"]\n", "MANIFEST_INVALID", "darkroom.yaml:11: keys.b.values"},
		"rule":         {head + "keys:\n  - name: a\n    of:\n      column: nowhere\n", "MANIFEST_INVALID", "darkroom.yaml:11: keys.a.of.column"},
		"margin":       {head + "keys:\n  - {name: a, of: {column: district}}\nmargins:\n  - nothing\n", "MANIFEST_INVALID", "darkroom.yaml:11: margins[0]"},
		"missing keys": {head, "MANIFEST_INVALID", "darkroom.yaml:1: keys"},
		"twice":        {head + "name: again\n", "MANIFEST_MALFORMED", "darkroom.yaml:8: "},
		"anchor":       {head + "keys: &k []\n", "MANIFEST_MALFORMED", "darkroom.yaml:8: "},
		"no map":       {head + "keys:\n  - {name: a, of: {column: icd10, map: none.yaml}}\n", "SCAFFOLD_MISSING", ""},
		"map outside":  {head + "keys:\n  - {name: a, of: {column: icd10, map: ../x.yaml}}\n", "MANIFEST_MALFORMED", "darkroom.yaml:9: "},
		"map's line":   {head + "keys:\n  - {name: a, of: {column: icd10, map: list.yaml}}\n", "MANIFEST_MALFORMED", "list.yaml:1: "},
		"empty":        {"", "MANIFEST_MALFORMED", "darkroom.yaml:1: "},
	} {
		dir := folder(t, map[string]string{"darkroom.yaml": c.yaml, "list.yaml": "- a\n- b\n"})
		_, err := scaffold.ReadManifest(dir)
		got := enclave.AsError(err)
		if got == nil || got.Reason != c.reason || !strings.Contains(got.Args["place"]+got.Args["problem"], c.where) {
			t.Errorf("%s: got %v, want %s at %s", name, err, c.reason, c.where)
		}
	}
	if _, err := scaffold.ReadManifest(t.TempDir()); enclave.AsError(err).Reason != "SCAFFOLD_MISSING" {
		t.Errorf("no manifest: %v", err)
	}
}

func TestReasonsHaveTextsInBothLanguages(t *testing.T) {
	for _, code := range enclave.Codes() {
		if (strings.HasPrefix(code, "SCAFFOLD_") || strings.HasPrefix(code, "BUILD_")) && !enclave.Known(code) {
			t.Error(code)
		}
	}
}

// FuzzReadManifest: whatever stands in the file, it is a manifest or one of three reasons.
func FuzzReadManifest(f *testing.F) {
	f.Add(head + "keys:\n  - {name: a, of: {column: district}}\nmargins: [[]]\n")
	f.Add(head + "keys:\n  - {name: a, of: {column: icd10, map: {1: a}}}\n")
	f.Add("a: &x [*x, !!str 1, |\n  y]\n")
	f.Fuzz(func(t *testing.T, yaml string) {
		m, err := scaffold.ReadManifest(folder(t, map[string]string{"darkroom.yaml": yaml}))
		if err == nil {
			if err := m.Validate(); err != nil {
				t.Fatalf("it was read and does not hold: %v", err)
			}
			return
		}
		switch enclave.AsError(err).Reason {
		case "MANIFEST_MALFORMED", "MANIFEST_INVALID", "SCAFFOLD_MISSING":
		default:
			t.Fatal(err)
		}
	})
}

func TestErrorsOfAProgramNameTheLine(t *testing.T) {
	dir := folder(t, map[string]string{"darkroom.yaml": `darkroom: 1
name: ask
version: 1.0.0
form: program
inputs:
  - {dataset: visits, columns: [district]}
output:
  about: What it says.
  behind: Who stands behind it.
  rows: 10
  columns:
    - {name: year, type: enum, values: [2023, 2024], about: the year}
    - name: score
      type: decimal
      min: 3
      max: 2
      about: a score
`})
	_, err := scaffold.ReadManifest(dir)
	if e := enclave.AsError(err); e == nil || e.Args["place"] != "darkroom.yaml:15: output.columns.score.min" {
		t.Errorf("got %v", err)
	}
}
