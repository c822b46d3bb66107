package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

// What people released of a program has no cells, no sums and no guess: the register says its rows, and nothing that was not measured.
func TestRegisterOfAProgram(t *testing.T) {
	exact := run.Released{Number: 1, Run: "exact", Form: string(enclave.Aggregate), Cells: enclave.CellCounts{Published: 40, Primary: 3}, Adds: 12, Rank: 12, Guess: 61}
	program := run.Released{Number: 2, Run: "program", Form: string(enclave.Program), ByPeople: true, Rows: 5, Rank: 12}
	for name, c := range map[string]struct {
		releases []run.Released
		want     []string
	}{
		"exact alone": {[]run.Released{exact}, []string{"40 3 12 12 61 %"}},
		"a program's": {[]run.Released{exact, program}, []string{"40 3 12 12 61 %", "5 rows – – 12 –", "Tables of programs, given in rows: 1. People released"}},
	} {
		var out bytes.Buffer
		(&shell{out: &out, err: &out, lang: enclave.English}).releases(&run.Releases{Dataset: "visits", Subjects: 100, Rank: 12, Releases: c.releases})
		text := strings.Join(strings.Fields(out.String()), " ")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, out.String())
			}
		}
		if strings.Contains(text, "programs") != (len(c.releases) > 1) {
			t.Errorf("%s:\n%s", name, out.String())
		}
	}
}
