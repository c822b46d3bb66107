package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// A35: what an operator sees of fuel is what was set aside before its run began, whatever the module then does with the rows.
func TestFuelIsReservedNotBurnt(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	var file bytes.Buffer
	ok(t, synth.WriteCSV(&file, 7, 8000))
	rows := d.load(synth.Dataset(), file.Bytes()).Rows
	grant := d.grant(acme, synth.Dataset())

	code := bands("none")
	code.Keys, code.Margins = code.Keys[1:], nil
	thrifty := bands("thrifty")
	thrifty.Fuel = 7
	program := guests.NamedProgram("regression")
	asked, err := program.Code(t.Context(), t.TempDir())
	ok(t, err)
	for name, c := range map[string]struct {
		manifest *enclave.Manifest
		code     []byte
		want     int64
	}{
		"no code":         {code, nil, 0},
		"by the default":  {bands("honest"), guest(t, scaffold.AgeBand), enclave.BaseFuel + enclave.BatchRows*enclave.DefaultFuel},
		"by the manifest": {thrifty, guest(t, scaffold.AgeBand), enclave.BaseFuel + enclave.BatchRows*7},
		"a program":       {program.Manifest, asked, enclave.BaseFuel + roundedUp(rows)*enclave.DefaultFuel},
	} {
		run := d.submit(acme, grant, d.upload(acme, c.manifest, c.code), nil)
		if run.Fuel != c.want {
			t.Errorf("%s: %d units at submission, want %d", name, run.Fuel, c.want)
		}
		ended, err := d.clients[acme].Wait(t.Context(), run.ID)
		ok(t, err)
		if ended.Fuel != c.want {
			t.Errorf("%s: %d units at the end, want %d", name, ended.Fuel, c.want)
		}
	}
}

// A35: what was burnt is told where rows are synthetic, and is not there to be told where they are real. The sandbox that an enclave runs
// modules in, and the guests that it opens, offer no more than what is listed here, and the report of a real run does not speak of fuel.
func TestOnlyRehearsalsTellWhatWasBurnt(t *testing.T) {
	t.Parallel()
	box, err := sandbox.New(t.Context(), sandbox.Config{}, slog.New(slog.DiscardHandler))
	ok(t, err)
	t.Cleanup(func() { ok(t, box.Close(context.WithoutCancel(t.Context()))) })
	wasm := guests.Spins(1).Wasm
	module := &enclave.Module{Digest: enclave.DigestOf(wasm), Bytes: wasm, HasCode: true}
	plan := &enclave.Plan{Dataset: synth.Dataset(), Manifest: guests.NamedProgram("regression").Manifest}
	opened, err := box.Open(t.Context(), module, plan)
	ok(t, err)
	started, err := box.Start(t.Context(), module, plan)
	ok(t, err)
	for _, c := range []struct {
		of   any
		want []string
	}{
		{box, []string{"Close", "Compile", "Open", "Start"}},
		{opened, []string{"Assign", "Close"}},
		{started, []string{"Assign", "Close", "Finish", "Show"}},
	} {
		of := reflect.TypeOf(c.of)
		var offers []string
		for method := range of.Methods() {
			offers = append(offers, method.Name)
		}
		if !slices.Equal(offers, c.want) {
			t.Errorf("%s offers %v, want %v", of, offers, c.want)
		}
	}
	for field := range reflect.TypeFor[sandbox.Config]().Fields() { // nothing can be put in that would hear
		switch field.Type.Kind() { //nolint:exhaustive // the others are what is looked for
		case reflect.String, reflect.Int, reflect.Uint32, reflect.Int64:
		case reflect.Slice:
			if field.Type.Elem().Kind() != reflect.String {
				t.Errorf("a sandbox's configuration has a %s", field.Type)
			}
		case reflect.Pointer: // whose turn it is, and no way for anything to be written
			if field.Type != reflect.TypeFor[*enclave.Turns]() {
				t.Errorf("a sandbox's configuration has a %s", field.Type)
			}
		default:
			t.Errorf("a sandbox's configuration has a %s", field.Type)
		}
	}
	ok(t, opened.Close(t.Context()))
	ok(t, started.Close(t.Context()))

	d := start(t, app.Config{})
	var file bytes.Buffer
	ok(t, synth.WriteCSV(&file, 7, 8000))
	d.load(synth.Dataset(), file.Bytes())
	order := sdk.Order{Grant: d.grant(acme, synth.Dataset()), Module: d.upload(acme, bands("honest"), guest(t, scaffold.AgeBand))}
	released := d.ends(acme, d.submit(acme, order.Grant, order.Module, nil), sdk.RunReleased, "")
	raw, err := d.clients["authority"].Report(t.Context(), released.ID)
	ok(t, err)
	if bytes.Contains(raw, []byte("fuel")) || bytes.Contains(raw, []byte("rehearsal")) {
		t.Errorf("the authority reads of a real run: %s", raw)
	}
	order.Dev = &sdk.Sample{Rows: 20_000, Subjects: 4_000}
	rehearsed, err := d.clients[acme].Submit(t.Context(), order)
	ok(t, err)
	rehearsed = d.ends(acme, rehearsed, sdk.RunRehearsed, "")
	raw, err = d.clients[acme].Report(t.Context(), rehearsed.ID)
	ok(t, err)
	var told enclave.Report
	ok(t, json.Unmarshal(raw, &told))
	if use := told.Rehearsal.Fuel; use == nil || use.Row == 0 || use.Row > 100 || use.Allowed != enclave.DefaultFuel || use.Start == 0 || use.Needed != 1 {
		t.Errorf("of a rehearsal: %+v", use)
	}
}

func roundedUp(rows int64) int64 {
	p := int64(1)
	for p < rows {
		p *= 2
	}
	return p
}
