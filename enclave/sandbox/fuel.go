package sandbox

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox/meter"
)

// sliceFuel is what a guest gets at a time: a fraction of a millisecond, after which the host looks whether it is to be stopped, whether it is
// another's turn, and Go may do what it could not while the guest ran. It changes nothing of what a guest may burn.
const sliceFuel = 1 << 20

var (
	errStopped = errors.New("the guest was stopped")
	errNoFuel  = errors.New("the guest has no fuel left")
)

// tank is the fuel of one instance, and where it stops when that is used up.
type tank struct {
	budget  int64 // that it may burn, in all
	granted int64 // of that, what its counter has been given
	counter api.MutableGlobal
	spent   bool  // it needed more
	start   int64 // what was burnt before the first row, once started
	started bool
	weighed int64 // what an observer has seen burnt

	turn    *enclave.Turn // of whoever runs the guest
	end     time.Duration // of the call at hand, in the turn's time: what it waited for does not count
	stopped bool          // by the clock
}

// attach finds the counter of a new instance, which is at zero.
func (t *tank) attach(module api.Module) error {
	counter, ok := module.ExportedGlobal(meter.Counter).(api.MutableGlobal)
	if !ok {
		return errors.New("the module is not metered")
	}
	t.counter = counter
	return nil
}

// begin notes that the instance is ready for rows.
func (t *tank) begin() { t.start, t.started = t.burnt(), true }

// refuel gives a guest whose counter is below zero its next slice when it is its turn, or ends the call: it does not return then.
func (t *tank) refuel(ctx context.Context, counter int64) int64 {
	if t.turn.Pause(ctx) != nil {
		panic(errStopped)
	}
	runtime.Gosched() // what cannot pause, such as an answer to a call, goes first
	if t.turn.Had() > t.end {
		t.stopped = true
		panic(errStopped)
	}
	more := min(sliceFuel-counter, t.budget-t.granted)
	if counter+more < 0 {
		t.spent = true
		panic(errNoFuel)
	}
	t.granted += more
	return counter + more
}

// charge takes fuel for what the host is to do for the guest, and looks at the counter like the guest itself: straight code may call the
// host many times before it comes to a loop or a function.
func (t *tank) charge(ctx context.Context, units int64) {
	counter := int64(t.counter.Get()) - units //nolint:gosec // its bits
	if counter < 0 {
		counter = t.refuel(ctx, counter)
	}
	t.counter.Set(api.EncodeI64(counter))
}

// burnt is what the instance has burnt so far, with what it has yet to pay for.
func (t *tank) burnt() int64 {
	if t.counter == nil {
		return 0
	}
	return t.granted - int64(t.counter.Get()) //nolint:gosec // its bits
}

// over reports whether more was burnt than allowed, though the guest has not looked since.
func (t *tank) over() bool { return t.burnt() > t.budget }

type tankKey struct{}

// withTank lets the host's functions find the tank of whoever calls them: wazero hands them the call's context, and nothing else of ours.
func withTank(ctx context.Context, t *tank) context.Context {
	return context.WithValue(ctx, tankKey{}, t)
}

func tankOf(ctx context.Context) *tank {
	t, _ := ctx.Value(tankKey{}).(*tank)
	return t
}

// offerFuel offers what metered modules call.
func (s *Sandbox) offerFuel(ctx context.Context) error {
	refuel := func(ctx context.Context, _ api.Module, stack []uint64) {
		stack[0] = api.EncodeI64(tankOf(ctx).refuel(ctx, int64(stack[0]))) //nolint:gosec // its bits
	}
	counter := []api.ValueType{i64}
	_, err := s.runtime.NewHostModuleBuilder(meter.HostModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(refuel), counter, counter).Export(meter.HostRefuel).Instantiate(ctx)
	return err
}
