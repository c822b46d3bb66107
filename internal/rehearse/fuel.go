package rehearse

import (
	"context"
	"errors"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
)

// gauge reads what a module's guest burnt, and says what its manifest should ask for.
type gauge struct {
	allowed int64 // for each row, by the manifest
	// burnt is what there is to read so far.
	burnt func() sandbox.Fuel
	// again runs the module over the same rows once more, with so much fuel for each.
	again func(ctx context.Context, fuel int64) error
}

// read says what the guest burnt of what it may, nil if none ran, with advice if there is any. Failure is how the run ended, and whole that
// the guest came to its end.
func (g *gauge) read(ctx context.Context, failure error, whole bool) (*enclave.FuelUse, []enclave.Reason) {
	burnt := g.burnt()
	if burnt.Total == 0 {
		return nil, nil
	}
	var advice *enclave.Error
	switch {
	case outOfFuel(failure):
		advice, whole = g.spent(ctx)
		burnt = g.burnt()
	case whole && 2*burnt.Row > g.allowed && g.allowed < enclave.MaxFuel:
		advice = enclave.Fail(enclave.Limit, "ADVICE_FUEL", "row", units(burnt.Row), "allowed", units(g.allowed), "fuel", units(ample(burnt.Row)))
	case whole && 2*burnt.Row > g.allowed:
		advice = enclave.Fail(enclave.Limit, "ADVICE_FUEL_NEAR", "row", units(burnt.Row), "most", units(g.allowed))
	}
	use := &enclave.FuelUse{Row: burnt.Row, Allowed: g.allowed, Start: burnt.Start}
	if whole {
		use.Needed = burnt.Needed
	}
	if advice == nil {
		return use, nil
	}
	return use, advice.Reasons()
}

// spent says of a module that ended for want of fuel how much would have done. To know, it is run once more with as much as any may have: a
// guest cannot see how much that is, so it does the same and goes on. That takes no longer than a run that has what it needs, or one batch
// with the most that there is. Whole means that it came to its end then.
func (g *gauge) spent(ctx context.Context) (_ *enclave.Error, whole bool) {
	switch {
	case g.burnt().Needed == 0: // of a program, which had not been shown a row
		return enclave.Fail(enclave.Limit, "ADVICE_FUEL_START", "base", units(enclave.BaseFuel)), false
	case g.allowed == enclave.MaxFuel:
		return enclave.Fail(enclave.Limit, "ADVICE_FUEL_MOST", "most", units(enclave.MaxFuel)), false
	}
	err := g.again(ctx, enclave.MaxFuel)
	switch burnt := g.burnt(); {
	case ctx.Err() != nil:
		return nil, false //nolint:nilerr // it is advice, and not known
	case err == nil:
		return enclave.Fail(enclave.Limit, "ADVICE_FUEL_NEEDED",
			"needed", units(burnt.Needed), "allowed", units(g.allowed), "fuel", units(max(burnt.Needed, ample(burnt.Row)))), true
	case outOfFuel(err):
		return enclave.Fail(enclave.Limit, "ADVICE_FUEL_MOST", "most", units(enclave.MaxFuel)), false
	}
	return enclave.Fail(enclave.Limit, "ADVICE_FUEL_OTHER", "most", units(enclave.MaxFuel), "reason", reasonOf(err)), false
}

func outOfFuel(err error) bool { return errors.Is(err, enclave.Fail(enclave.Limit, "MODULE_FUEL")) }

// ample is a fuel for rows of which the dearest burnt so much: at least twice that, of two digits, as far as a manifest may ask for it.
func ample(row int64) int64 {
	digit := int64(1)
	for 2*row > 99*digit {
		digit *= 10
	}
	return min((2*row+digit-1)/digit*digit, enclave.MaxFuel)
}

// reasonOf is what went wrong in a guest, also where it saw rows.
func reasonOf(err error) string {
	e := enclave.AsError(err)
	if inner, ok := errors.AsType[*enclave.Error](e.Unwrap()); ok && e.Reason == "MODULE_FAILED" {
		e = inner
	}
	return e.Reason
}

func units(n int64) string { return strconv.FormatInt(n, 10) }
