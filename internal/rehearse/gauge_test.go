package rehearse

import (
	"context"
	"errors"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
)

// What is said of each that a module can have burnt, with whatever came of running it with more.
func TestGauge(t *testing.T) {
	spent := enclave.Fail(enclave.Limit, "MODULE_FUEL", "limit", "1")
	crafted := enclave.Fail(enclave.Invalid, "MODULE_FAILED").Because(spent)
	for name, c := range map[string]struct {
		allowed int64
		failure error
		whole   bool
		burnt   sandbox.Fuel
		again   error        // of running it with the most
		then    sandbox.Fuel // that was burnt
		advice  string
		fuel    string // that is advised
		needed  int64
		runs    int
	}{
		"none ran":              {allowed: 5000, whole: true},
		"half":                  {allowed: 5000, whole: true, burnt: sandbox.Fuel{Total: 1, Row: 2500, Needed: 900}, needed: 900},
		"more than half":        {allowed: 5000, whole: true, burnt: sandbox.Fuel{Total: 1, Row: 2501, Needed: 900}, advice: "ADVICE_FUEL", fuel: "5100", needed: 900},
		"more than all":         {allowed: 5000, whole: true, burnt: sandbox.Fuel{Total: 1, Row: 6400, Needed: 4999}, advice: "ADVICE_FUEL", fuel: "13000", needed: 4999},
		"near the most":         {allowed: 90_000, whole: true, burnt: sandbox.Fuel{Total: 1, Row: 50_001, Needed: 49_000}, advice: "ADVICE_FUEL", fuel: "100000", needed: 49_000},
		"half of the most":      {allowed: enclave.MaxFuel, whole: true, burnt: sandbox.Fuel{Total: 1, Row: 50_000, Needed: 49_000}, needed: 49_000},
		"over half of the most": {allowed: enclave.MaxFuel, whole: true, burnt: sandbox.Fuel{Total: 1, Row: 50_001, Needed: 49_000}, advice: "ADVICE_FUEL_NEAR", needed: 49_000},
		"a trap":                {allowed: 5000, failure: enclave.Fail(enclave.Invalid, "MODULE_TRAP"), burnt: sandbox.Fuel{Total: 1, Row: 4000, Needed: 3000}},
		"spent": {
			allowed: 5000, failure: spent, burnt: sandbox.Fuel{Total: 1, Row: 6000, Needed: 5001},
			then: sandbox.Fuel{Total: 2, Row: 9000, Needed: 7500}, advice: "ADVICE_FUEL_NEEDED", fuel: "18000", needed: 7500, runs: 1,
		},
		"spent by few rows with a long start": {
			allowed: 5000, failure: crafted, burnt: sandbox.Fuel{Total: 1, Row: 20, Needed: 5001},
			then: sandbox.Fuel{Total: 2, Row: 20, Needed: 6000}, advice: "ADVICE_FUEL_NEEDED", fuel: "6000", needed: 6000, runs: 1,
		},
		"spent at the start":  {allowed: 5000, failure: spent, burnt: sandbox.Fuel{Total: 1, Start: enclave.BaseFuel + 1}, advice: "ADVICE_FUEL_START"},
		"spent, all of it":    {allowed: enclave.MaxFuel, failure: crafted, burnt: sandbox.Fuel{Total: 1, Row: 101_000, Needed: 100_001}, advice: "ADVICE_FUEL_MOST"},
		"spent, never enough": {allowed: 5000, failure: spent, burnt: sandbox.Fuel{Total: 1, Row: 6000, Needed: 5001}, again: crafted, advice: "ADVICE_FUEL_MOST", runs: 1},
		"spent before a trap": {
			allowed: 5000, failure: spent, burnt: sandbox.Fuel{Total: 1, Row: 6000, Needed: 5001},
			again: enclave.Fail(enclave.Invalid, "MODULE_FAILED").Because(enclave.Fail(enclave.Invalid, "MODULE_TRAP")), advice: "ADVICE_FUEL_OTHER", runs: 1,
		},
		"nobody waits": {allowed: 5000, failure: spent, burnt: sandbox.Fuel{Total: 1, Row: 6000, Needed: 5001}, again: context.Canceled, runs: 1},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		burnt, runs := c.burnt, 0
		g := gauge{c.allowed, func() sandbox.Fuel { return burnt }, func(_ context.Context, fuel int64) error {
			if runs++; fuel != enclave.MaxFuel {
				t.Errorf("%s: run again with %d", name, fuel)
			}
			if errors.Is(c.again, context.Canceled) {
				cancel()
			}
			if c.again == nil {
				burnt = c.then
			}
			return c.again
		}}
		use, advice := g.read(ctx, c.failure, c.whole)
		cancel()
		if (use == nil) != (c.burnt.Total == 0) || use != nil && (use.Row != burnt.Row || use.Start != burnt.Start || use.Needed != c.needed || use.Allowed != c.allowed) || runs != c.runs {
			t.Errorf("%s: %+v after %d runs more", name, use, runs)
		}
		code, fuel := "", ""
		if len(advice) == 1 {
			code, fuel = advice[0].Code, advice[0].Args["fuel"]
		}
		if code != c.advice || fuel != c.fuel || code == "ADVICE_FUEL_OTHER" && advice[0].Args["reason"] != "MODULE_TRAP" {
			t.Errorf("%s: %v, want %q of %q", name, advice, c.advice, c.fuel)
		}
	}
}
