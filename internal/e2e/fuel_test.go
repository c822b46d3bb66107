package e2e_test

import (
	"bytes"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
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

func roundedUp(rows int64) int64 {
	p := int64(1)
	for p < rows {
		p *= 2
	}
	return p
}
