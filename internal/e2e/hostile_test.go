package e2e_test

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// bands asks for patients by district and by the age bands of a module.
func bands(name string) *enclave.Manifest { return guests.Question(name) }

func guest(t *testing.T, name scaffold.Guest) []byte {
	t.Helper()
	code, err := name.Wasm()
	ok(t, err)
	return code
}

// Every guest that breaks something fails at its door with its own reason, which says nothing of data; runs of somebody else go on
// meanwhile, and the enclave serves afterwards.
func TestHostileModules(t *testing.T) {
	t.Parallel()
	var refused, stopped, others []guests.Guest
	for _, g := range append(guests.Hostile(), guests.Guest{
		Name: "endless-c", Tries: "never to end", Door: guests.DoorBatch, Reason: "MODULE_FUEL", Wasm: guest(t, scaffold.Endless),
	}) {
		switch {
		case g.Door == guests.NoDoor, g.Door == guests.DoorFinish: // TestHostilePrograms has those
		case g.Reason == "MODULE_COMPILE": // TestACompileBombCostsAChild
		case g.Door == guests.DoorAdmit, g.Door == guests.DoorCompile:
			refused = append(refused, g)
		case g.Reason == "MODULE_FUEL":
			stopped = append(stopped, g)
		default:
			others = append(others, g)
		}
	}
	if testing.Short() {
		refused, stopped, others = oneOfEach(refused), oneOfEach(stopped), oneOfEach(others)
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		d := start(t, app.Config{MemoryMiB: 64})
		for i, g := range refused {
			whole := g.With(bands(g.Name))
			_, err := admit.Check(whole)
			if e := enclave.AsError(err); (e != nil) != (g.Door == guests.DoorAdmit) || e != nil && (e.Reason != g.Reason || !says(e.Args, g.Says)) {
				t.Errorf("%s tries %s: %+v, want %s %v", g.Name, g.Tries, e, g.Reason, g.Says)
			}
			if g.Reason == "MODULE_TOO_LARGE" {
				g.Reason = "UPLOAD_TOO_LARGE" // it does not come so far
			}
			operator := []string{acme, rival}[i%2] // of one alone, so many would be refused for being so many
			if _, err := d.clients[operator].UploadModule(t.Context(), bytes.NewReader(whole)); sdk.ReasonOf(err) != g.Reason {
				t.Errorf("%s tries %s: to upload it ended with %v, want %s", g.Name, g.Tries, err, g.Reason)
			}
		}
		d.uploadUnapproved(acme, bands("honest"), guest(t, scaffold.AgeBand))
	})
	t.Run("broken", func(t *testing.T) {
		t.Parallel()
		// Nothing here is to be stopped by the clock, so that a slow machine changes nothing.
		d := start(t, app.Config{CallSeconds: 600, MemoryMiB: 64, Workers: 2})
		d.besides(others, bands("honest"), guest(t, scaffold.AgeBand), "MODULE_MEMORY", "MODULE_CONTRACT", "MODULE_TRAP", "MODULE_CODE_RANGE")
	})
	t.Run("endless", func(t *testing.T) {
		t.Parallel()
		d := start(t, app.Config{CallSeconds: 600, MemoryMiB: 64, Workers: 2})
		alone := bands("honest")
		alone.Keys = alone.Keys[1:]
		alone.Margins = nil
		d.besides(stopped, alone, nil, "MODULE_FUEL")
	})
}

// oneOfEach keeps the first guest of each reason.
func oneOfEach(all []guests.Guest) []guests.Guest {
	met := map[string]bool{}
	return slices.DeleteFunc(all, func(g guests.Guest) bool {
		before := met[g.Reason]
		met[g.Reason] = true
		return before
	})
}

// says reports whether a reason has these arguments.
func says(args, wanted map[string]string) bool {
	for name, value := range wanted {
		if args[name] != value {
			return false
		}
	}
	return true
}

// TestTheCorpusIsWhole: what issue and threats name is tried, each thing once, and nothing ends in a reason that another thing could have
// had by accident.
func TestTheCorpusIsWhole(t *testing.T) {
	t.Parallel()
	names, tries, doors, ends := map[string]bool{}, map[string]bool{}, map[guests.Door]int{}, map[string]int{}
	for _, g := range guests.Hostile() {
		if names[g.Name] || tries[g.Tries] {
			t.Errorf("%s, which tries %s, is there twice", g.Name, g.Tries)
		}
		if (g.Reason == "") != (g.Door == guests.NoDoor) || g.Reason != "" && !enclave.Known(g.Reason) {
			t.Errorf("%s ends at %q with %q", g.Name, g.Door, g.Reason)
		}
		names[g.Name], tries[g.Tries] = true, true
		doors[g.Door]++
		ends[g.Reason]++
	}
	t.Logf("%d guests: %v, %v", len(names), doors, ends)
	if len(names)-doors[guests.NoDoor] < 40 {
		t.Errorf("%d guests, of which %d live", len(names), doors[guests.NoDoor])
	}
	for _, door := range []guests.Door{guests.DoorAdmit, guests.DoorCompile, guests.DoorStart, guests.DoorBatch, guests.DoorFinish, guests.DoorKeys} {
		if doors[door] == 0 {
			t.Errorf("no guest comes to %s", door)
		}
	}
	for _, reason := range append(reasonsOfDoors(), "MODULE_CODE_RANGE") {
		if ends[reason] == 0 {
			t.Errorf("no guest ends with %s", reason)
		}
	}
}

// reasonsOfDoors are the refusals of modules by their form, of their manifests and of their code.
func reasonsOfDoors() []string {
	return []string{
		"MODULE_TOO_LARGE", "MODULE_TOO_MANY", "MODULE_NOT_WASM", "MODULE_MALFORMED", "MODULE_UNSUPPORTED", "MODULE_IMPORT", "MODULE_EXPORT", "MODULE_COMMAND",
		"MODULE_MANIFEST_MISSING", "MODULE_MANIFEST_TWICE", "MODULE_CODE_MISSING", "MODULE_CODE_NEEDLESS",
		"MANIFEST_TOO_LARGE", "MANIFEST_MALFORMED", "MANIFEST_INVALID",
		"MODULE_INVALID", "MODULE_TOO_INTRICATE", "MODULE_COMPILE", "MODULE_FUEL", "MODULE_MEMORY", "MODULE_TRAP", "MODULE_CONTRACT",
	}
}

// besides runs hostile guests, which must fail with these reasons, and an honest question of somebody else beside each.
func (d *domain) besides(hostile []guests.Guest, question *enclave.Manifest, code []byte, reasons ...string) {
	d.t.Helper()
	d.visits()
	theirs, ours := d.grant(acme, synth.Dataset()), d.grant(rival, synth.Dataset())
	honest := d.upload(rival, question, code)
	var runs, beside []sdk.Run
	for _, g := range hostile {
		asked := bands(g.Name)
		asked.Fuel = 100 // so that what never ends is soon over
		runs = append(runs, d.submit(acme, theirs, d.upload(acme, asked, g.Wasm), nil))
		beside = append(beside, d.submit(rival, ours, honest, nil))
	}
	first, _, _ := d.result(rival, beside[0])
	for _, run := range beside[1:] {
		if raw, _, _ := d.result(rival, run); !bytes.Equal(raw, first) {
			d.t.Error("an honest run came out otherwise beside a hostile one")
		}
	}
	met := map[string]bool{}
	for i, g := range hostile {
		d.t.Logf("%s tries %s", g.Name, g.Tries)
		run := d.ends(acme, runs[i], sdk.RunFailed, g.Reason)
		met[g.Reason] = true
		for _, name := range slices.Sorted(maps.Keys(run.Reasons[0].Args)) {
			if name != "limit" && name != "key" {
				d.t.Errorf("%s: the reason tells %s", g.Name, name)
			}
		}
		d.nothingOf(run)
	}
	for _, reason := range reasons {
		if !met[reason] {
			d.t.Errorf("no guest was to fail with %s", reason)
		}
	}
	if raw, _, _ := d.result(rival, d.submit(rival, ours, honest, nil)); !bytes.Equal(raw, first) {
		d.t.Error("an honest run came out otherwise after hostile ones")
	}
}

// nothingOf checks that one of acme's runs gives away neither a result nor its digest nor a receipt.
func (d *domain) nothingOf(run sdk.Run) {
	d.t.Helper()
	if run.Result != "" {
		d.t.Errorf("run %s names its result", run.ID)
	}
	if got := sdk.ReasonOf(d.clients[acme].FetchTo(d.t.Context(), run.ID, io.Discard)); got != "RESULT_NOT_RELEASED" {
		d.t.Errorf("to fetch the result of run %s ended with %q", run.ID, got)
	}
	if receipt, err := d.clients[acme].Receipt(d.t.Context(), run.ID); err == nil {
		d.t.Errorf("there is a receipt of run %s: %s", run.ID, receipt)
	}
}

// A module that would never end does not keep others from theirs, and ends when its operator says so.
func TestEndlessBesideHonest(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{CallSeconds: 600, Workers: 2})
	d.visits()
	theirs, ours := d.grant(acme, synth.Dataset()), d.grant(rival, synth.Dataset())
	asked := bands("endless")
	asked.Fuel = enclave.MaxFuel
	endless := d.submit(acme, theirs, d.upload(acme, asked, guest(t, scaffold.Endless)), nil)
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
	d.nothingOf(d.ends(acme, endless, sdk.RunCanceled, "RUN_CANCELED"))
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
	d.nothingOf(held)

	// The same without being shown anything is released.
	d.result(acme, d.submit(acme, grant, d.upload(acme, bands("modest"), guest(t, scaffold.AgeBand)), nil))
}
