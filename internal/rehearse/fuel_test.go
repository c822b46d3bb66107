package rehearse_test

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// asking is a question about the visits with so much fuel for each row, 0 for the usual.
func asking(fuel int64) *enclave.Manifest {
	m := guests.Question("hungry")
	m.Fuel = fuel
	return m
}

// fuelAdvice is what a report says of fuel: the advice, "" for none.
func fuelAdvice(t *testing.T, report *enclave.Report) (code string, args map[string]string) {
	t.Helper()
	for _, advice := range report.Rehearsal.Advice {
		if strings.HasPrefix(advice.Code, "ADVICE_FUEL") {
			if code != "" {
				t.Errorf("both %s and %s", code, advice.Code)
			}
			code, args = advice.Code, advice.Args
		}
	}
	return code, args
}

// A module is told what it burnt of what it may, and what to ask for; and what it is told to ask for is enough.
func TestFuelIsTold(t *testing.T) {
	spins := guests.Spins(60_000_000).Wasm // 420,000,000 units in a batch: 6,419 for each row, of which the base pays for 1,525
	var needed int64
	for _, c := range []struct {
		fuel         int64
		ends, advice string
	}{
		{0, "", "ADVICE_FUEL"},
		{1_000, "MODULE_FUEL", "ADVICE_FUEL_NEEDED"},
		{13_000, "", ""},
		{-1, "", "ADVICE_FUEL"}, // as much as is needed
		{-2, "MODULE_FUEL", "ADVICE_FUEL_NEEDED"},
	} {
		if c.fuel < 0 {
			c.fuel += needed + 1
		}
		report, err := tried(t, spins, asking(c.fuel))
		if errors.Is(err, enclave.Fail(enclave.Limit, "MODULE_FUEL")) != (c.ends != "") {
			t.Fatalf("fuel %d: %v", c.fuel, err)
		}
		use := report.Rehearsal.Fuel
		if use == nil || use.Row != 6419 || use.Allowed != (&enclave.Manifest{Fuel: c.fuel}).RowFuel() || use.Start == 0 || use.Start > 1_000_000 ||
			needed != 0 && use.Needed != needed {
			t.Fatalf("fuel %d: %+v", c.fuel, use)
		}
		needed = use.Needed
		code, args := fuelAdvice(t, report)
		if code != c.advice {
			t.Errorf("fuel %d: advice %q, want %q", c.fuel, code, c.advice)
		}
		allowed := strconv.FormatInt(use.Allowed, 10)
		want := map[string]map[string]string{
			"ADVICE_FUEL":        {"row": "6419", "allowed": allowed, "fuel": "13000"},
			"ADVICE_FUEL_NEEDED": {"needed": strconv.FormatInt(needed, 10), "allowed": allowed, "fuel": "13000"},
		}[code]
		if !maps.Equal(args, want) {
			t.Errorf("fuel %d: %v, want %v", c.fuel, args, want)
		}
	}
	if needed < 4_800 || needed > 5_000 {
		t.Errorf("%d are needed", needed)
	}
}

// Of a module that no fuel is enough for, of one that fails otherwise with more of it, and of one that has no guest.
func TestFuelThatCannotBeTold(t *testing.T) {
	program := *guests.NamedProgram("regression").Manifest
	solo := asking(0)
	solo.Margins = nil
	solo.Keys = slices.DeleteFunc(slices.Clone(solo.Keys), func(k enclave.ManifestKey) bool { return k.Of == nil })
	for name, c := range map[string]struct {
		code     []byte
		manifest *enclave.Manifest
		ends     string
		advice   string
		long     bool
	}{
		"no guest":            {nil, solo, "", "", false},
		"thrifty":             {guests.Spins(1000).Wasm, asking(0), "", "", false},
		"a trap":              {guests.Stumbles(50_000_000).Wasm, asking(0), "MODULE_TRAP", "", false},
		"a trap behind":       {guests.Stumbles(60_000_000).Wasm, asking(1), "MODULE_FUEL", "ADVICE_FUEL_OTHER", false},
		"a start without end": {guests.Broods().Wasm, &program, "MODULE_FUEL", "ADVICE_FUEL_START", false},
		"no end":              {guests.Named("endless-batch").Wasm, asking(0), "MODULE_FUEL", "ADVICE_FUEL_MOST", true},
	} {
		if c.long && testing.Short() {
			continue
		}
		report, err := tried(t, c.code, c.manifest)
		if (err != nil) != (c.ends != "") || err != nil && !errors.Is(err, enclave.Fail(enclave.Invalid, c.ends)) {
			t.Errorf("%s: %v", name, err)
		}
		if code, args := fuelAdvice(t, report); code != c.advice || code == "ADVICE_FUEL_OTHER" && args["reason"] != "MODULE_TRAP" {
			t.Errorf("%s: advice %q %v, want %q", name, code, args, c.advice)
		}
		use := report.Rehearsal.Fuel
		if (use == nil) != (c.code == nil) || use != nil && (use.Needed == 0) != (err != nil) {
			t.Errorf("%s: %+v", name, use)
		}
	}
}
