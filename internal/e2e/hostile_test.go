package e2e_test

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// bands asks for patients by district and by the age bands of a module.
func bands(name string) *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: name, Version: "1.0.0", Form: enclave.Aggregate,
		Inputs: []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"district", "birth_year", "cost"}}},
		Params: []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2026, Default: "2024"}},
		Keys: []enclave.ManifestKey{
			{Name: "age_band", Values: []string{"0-17", "18-44", "45-64", "65+"}}, {Name: "district", Of: &enclave.ColumnRule{Column: "district"}},
		},
		Measures: []enclave.ManifestMeasure{{Name: "patients", Op: enclave.Subjects}, {Name: "cost", Op: enclave.Sum, Of: "cost"}},
		Margins:  [][]string{{"district"}},
	}
}

func guest(t *testing.T, name scaffold.Guest) []byte {
	t.Helper()
	code, err := name.Wasm()
	ok(t, err)
	return code
}

// Every guest that breaks something fails with its own reason, which says nothing of data; runs of somebody else go on meanwhile, and
// the enclave serves afterwards.
func TestHostileModules(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{CallSeconds: 1, MemoryMiB: 64, Workers: 2})
	d.visits()
	theirs, ours := d.grant(acme, synth.Dataset()), d.grant(rival, synth.Dataset())
	honest := d.upload(rival, bands("honest"), guest(t, scaffold.AgeBand))

	hostile := append(guests.Hostile(), guests.Guest{Name: "endless-c", Reason: "MODULE_STOPPED", Wasm: guest(t, scaffold.Endless)})
	var runs, others []sdk.Run
	reasons := map[string]int{}
	for _, g := range hostile {
		if g.Name == "wild-codes" {
			g.Reason = "MODULE_CODE_RANGE"
		}
		if g.Reason == "" {
			continue
		}
		reasons[g.Reason]++
		runs = append(runs, d.submit(acme, theirs, d.upload(acme, bands(g.Name), g.Wasm), nil))
		others = append(others, d.submit(rival, ours, honest, nil))
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s tried %s", g.Name, g.Tries)
			}
		})
	}
	for _, reason := range []string{"MODULE_STOPPED", "MODULE_MEMORY", "MODULE_CONTRACT", "MODULE_TRAP", "MODULE_CODE_RANGE"} {
		if reasons[reason] == 0 {
			t.Errorf("no guest is to fail with %s", reason)
		}
	}
	var first []byte
	for _, run := range others {
		raw, _, _ := d.result(rival, run)
		if first == nil {
			first = raw
		}
		if !bytes.Equal(raw, first) {
			t.Error("an honest run came out otherwise beside a hostile one")
		}
	}
	at := 0
	for _, g := range hostile {
		if g.Name == "wild-codes" {
			g.Reason = "MODULE_CODE_RANGE"
		}
		if g.Reason == "" {
			continue
		}
		run := d.ends(acme, runs[at], sdk.RunFailed, g.Reason)
		at++
		for _, name := range slices.Sorted(maps.Keys(run.Reasons[0].Args)) {
			if name != "limit" && name != "key" {
				t.Errorf("%s: the reason tells %s", g.Name, name)
			}
		}
		d.nothingOf(acme, run)
	}
	raw, _, _ := d.result(rival, d.submit(rival, ours, honest, nil))
	if !bytes.Equal(raw, first) {
		t.Error("an honest run came out otherwise after hostile ones")
	}
}

// nothingOf checks that a run gives away neither a result nor its digest nor a receipt.
func (d *domain) nothingOf(operator string, run sdk.Run) {
	d.t.Helper()
	if run.Result != "" {
		d.t.Errorf("run %s names its result", run.ID)
	}
	if got := sdk.ReasonOf(d.clients[operator].FetchTo(d.t.Context(), run.ID, io.Discard)); got != "RESULT_NOT_RELEASED" {
		d.t.Errorf("to fetch the result of run %s ended with %q", run.ID, got)
	}
	if receipt, err := d.clients[operator].Receipt(d.t.Context(), run.ID); err == nil {
		d.t.Errorf("there is a receipt of run %s: %s", run.ID, receipt)
	}
}

// A module that would never end does not keep others from theirs, and ends when its operator says so.
func TestEndlessBesideHonest(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{CallSeconds: 600, Workers: 2})
	d.visits()
	theirs, ours := d.grant(acme, synth.Dataset()), d.grant(rival, synth.Dataset())
	endless := d.submit(acme, theirs, d.upload(acme, bands("endless"), guest(t, scaffold.Endless)), nil)
	for run, err := range d.clients[acme].Watch(t.Context(), endless.ID) {
		ok(t, err)
		if run.Stage == "execute" {
			break
		}
	}
	d.result(rival, d.submit(rival, ours, d.upload(rival, bands("honest"), guest(t, scaffold.AgeBand)), nil))
	still, err := d.clients[acme].GetRun(t.Context(), endless.ID)
	ok(t, err)
	if still.Outcome != "" || still.Stage != "execute" {
		t.Fatalf("the endless run is %s in %s", still.Outcome, still.Stage)
	}
	_, err = d.clients[rival].Cancel(t.Context(), endless.ID)
	if got := sdk.ReasonOf(err); got != "RUN_NOT_FOUND" {
		t.Errorf("a rival's cancel ended with %q", got)
	}
	_, err = d.clients[acme].Cancel(t.Context(), endless.ID)
	ok(t, err)
	d.nothingOf(acme, d.ends(acme, endless, sdk.RunCanceled, "RUN_CANCELED"))
}

// A module that asks to be shown costs may run, and what it made waits for a person.
func TestCraftedIsHeld(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	d.visits()
	grant := d.grant(acme, synth.Dataset())
	manifest := bands("peeping")
	manifest.Inputs[0].Show = []string{"cost"}
	held := d.ends(acme, d.submit(acme, grant, d.upload(acme, manifest, guest(t, scaffold.AgeBand)), nil), sdk.RunHeld, "OUTPUT_CRAFTED")
	d.nothingOf(acme, held)

	// The same without being shown anything is released.
	d.result(acme, d.submit(acme, grant, d.upload(acme, bands("modest"), guest(t, scaffold.AgeBand)), nil))
}
