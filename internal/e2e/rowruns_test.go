package e2e_test

import (
	"strconv"
	"testing"

	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// A guest that sees rows chooses how its run ends, and so answers a question with each: "does anybody pay more than so much?" leads to the
// dearest visit's cost in two dozen runs (A21). Nobody may ask before two people read the module, and then only so often.
func TestEndingsAreNoOracle(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	d.visits()
	grant := d.grant(acme, synth.Dataset())
	program := guests.NamedProgram("trap-on-row")
	code, err := program.Code(t.Context(), t.TempDir())
	ok(t, err)
	peeping := bands("peeping")
	peeping.Inputs[0].Show = []string{"cost"}
	for name, module := range map[string]string{
		"a program":       d.uploadUnapproved(acme, program.Manifest, code),
		"a crafted table": d.uploadUnapproved(acme, peeping, guest(t, scaffold.AgeBand)),
	} {
		for _, above := range []string{"0", "10000000"} {
			params := map[string]string{"above": above}
			if name != "a program" {
				params = nil
			}
			d.nothingOf(d.ends(acme, d.submit(acme, grant, module, params), sdk.RunDenied, "MODULE_NOT_APPROVED"))
		}
	}
	if testing.Short() {
		return
	}
	// Approved, it is asked until the grant has no run left; what a run reads that sees no rows goes on.
	module := d.upload(acme, peeping, guest(t, scaffold.AgeBand))
	const limit, before = 100, 4
	var last sdk.Run
	for range limit - before {
		last = d.submit(acme, grant, module, nil)
	}
	_, err = d.clients[acme].Submit(t.Context(), sdk.Order{Grant: grant, Module: module})
	if got := sdk.ReasonOf(err); got != "BUDGET_SPENT" {
		t.Fatalf("run %d of a guest that sees rows ended with %q", limit+1, got)
	}
	d.ends(acme, last, sdk.RunHeld, "OUTPUT_CRAFTED")
	other := d.submit(acme, d.grant(acme, synth.Dataset()), module, map[string]string{"as_of": strconv.Itoa(2025)})
	d.ends(acme, other, sdk.RunHeld, "OUTPUT_CRAFTED")
	d.result(acme, d.submit(acme, grant, d.upload(acme, bands("modest"), guest(t, scaffold.AgeBand)), nil))
}
