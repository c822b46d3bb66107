package e2e_test

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// programs takes an application for programs over the visits through its chain.
func (d *domain) programs(operator string) string {
	d.t.Helper()
	dataset := synth.Dataset()
	scope := sdk.Scope{Dataset: dataset.Name, Columns: []string{"district", "sex", "birth_year", "icd10", "visit_date", "cost"}}
	grant, err := d.clients[operator].ApplyGrant(d.t.Context(), sdk.Application{
		Scenario: scenario, Purpose: "a test", TermDays: 30, Forms: []string{string(enclave.Program)}, Scopes: []sdk.Scope{scope},
	})
	ok(d.t, err)
	_, err = d.clients["authority"].AssessGrant(d.t.Context(), grant.ID, true, "")
	ok(d.t, err)
	_, err = d.clients[dataset.Owner].ConfirmGrant(d.t.Context(), grant.ID, true, "")
	ok(d.t, err)
	return grant.ID
}

// TestProgramsThatGiveRowsAway: an honest program is held for people; each that returns rows, as they are or disguised, is denied, and its
// operator learns no more than that. Which fact each is denied for, the tests of the room leak say.
func TestProgramsThatGiveRowsAway(t *testing.T) {
	t.Parallel()
	b := &bench{domain: start(t, app.Config{})}
	b.visits()
	b.grant = b.programs(acme)
	for _, name := range []string{"regression", "dump", "shuffled", "base64", "xor", "packed-int", "injective"} {
		guest := guests.NamedProgram(name)
		code, err := guest.Code(t.Context(), t.TempDir())
		ok(t, err)
		run := b.submit(acme, b.grant, b.upload(acme, guest.Manifest, code), nil)
		if guest.Honest {
			b.ends(acme, run, sdk.RunHeld, "OUTPUT_OF_PROGRAM")
		} else {
			run = b.ends(acme, run, sdk.RunDenied, "OUTPUT_UNSAFE")
			if len(run.Reasons) != 1 {
				t.Errorf("%s: the operator is told %+v", guest.Name, run.Reasons)
			}
		}
		b.nothingOf(run)
	}
}
