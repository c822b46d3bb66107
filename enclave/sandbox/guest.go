package sandbox

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/darkroom-project/darkroom/enclave"
)

// guest is a module that is ready to run for one worker.
type guest struct {
	sandbox  *Sandbox
	code     *compiled
	params   []byte
	layout   layout
	operator string
	turn     *enclave.Turn
	memory   *memory // while an instance exists
	fuel     int64   // for each row
	tank     *tank   // of the instance that there is, or was last
}

var _ enclave.Guest = (*guest)(nil)

// Assign runs the module on one batch, in an instance of its own, within the time of one call. It waits until the sandbox has room for
// the instance, and then for its turns at the processor, for which nobody waits who needs room: so waiting always ends.
func (g *guest) Assign(ctx context.Context, batch *enclave.Batch, codes [][]int32) (err error) {
	if err := g.layout.fits(batch, codes); err != nil {
		return err
	}
	if g.memory, err = g.sandbox.places.take(ctx, claim{operator: g.operator}); err != nil {
		return err
	}
	defer func() {
		g.sandbox.places.give(g.memory, claim{operator: g.operator})
		g.memory = nil
	}()
	g.tank = &tank{budget: enclave.BaseFuel + enclave.BatchRows*g.fuel, turn: g.turn}
	defer func() { g.sandbox.observer.weigh(g.tank, enclave.BatchRows) }()
	return g.within(ctx, func(call context.Context) error { return g.assign(call, batch, codes) })
}

// within lets the guest do something when it is its operator's turn, within its fuel and the time of one call, and names its fault.
func (g *guest) within(ctx context.Context, do func(call context.Context) error) (err error) {
	if err := g.turn.Take(ctx); err != nil {
		return err
	}
	defer g.turn.Give()
	g.tank.end = g.turn.Had() + g.sandbox.config.CallTimeout
	defer func() {
		if r := recover(); r != nil { // of wazero: whatever a guest provokes there must not end the server
			err = g.fault(ctx, fmt.Errorf("the sandbox panicked: %v", r))
		}
	}()
	return g.fault(ctx, do(withTank(ctx, g.tank)))
}

func (g *guest) assign(ctx context.Context, batch *enclave.Batch, codes [][]int32) error {
	in, err := g.start(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = in.module.Close(context.WithoutCancel(ctx)) }() // nothing is left to lose: its results are copied or void
	window, err := g.window(ctx, in)
	if err != nil {
		return err
	}
	if err := g.show(ctx, in, window, batch, enclave.BatchRows); err != nil {
		return err
	}
	// The call may have grown the memory, and so moved it.
	bytes, err := in.bytes(window)
	if err != nil {
		return err
	}
	g.layout.take(bytes, codes)
	return nil
}

// show lays a batch out in the window, as one of so many rows, and calls the guest.
func (g *guest) show(ctx context.Context, in *instance, window region, batch *enclave.Batch, rows uint32) error {
	bytes, err := in.bytes(window)
	if err != nil {
		return err
	}
	g.layout.fill(bytes, batch)
	if !in.module.Memory().Write(in.descriptor.start, g.layout.descriptor(window.start, rows)) {
		return breachf("the scratch for the descriptor is outside the memory")
	}
	return in.succeed(ctx, "darkroom_batch", uint64(in.descriptor.start))
}

// start makes an instance and brings it to where it can take batches.
func (g *guest) start(ctx context.Context) (in *instance, err error) {
	module, err := g.sandbox.runtime.InstantiateModule(
		experimental.WithMemoryAllocator(ctx, g.memory), g.code.code,
		wazero.NewModuleConfig().WithName("").WithStartFunctions(),
	)
	if err != nil {
		return nil, err
	}
	in = &instance{module: module}
	if err := g.tank.attach(module); err != nil {
		_ = module.Close(context.WithoutCancel(ctx)) // err is why
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = module.Close(context.WithoutCancel(ctx)) // err is why
		}
	}()
	if module.ExportedFunction("_initialize") != nil {
		if _, err := in.call(ctx, "_initialize", 0); err != nil {
			return nil, err
		}
	}
	if version, err := in.call(ctx, "darkroom_abi", 1); err != nil {
		return nil, err
	} else if version != abiVersion {
		return nil, breachf("darkroom_abi returned %d", version)
	}
	params, err := in.reserve(ctx, "darkroom_alloc", uint32(len(g.params))) //nolint:gosec // a few kilobytes: names of a manifest
	if err != nil {
		return nil, err
	}
	if !module.Memory().Write(params.start, g.params) {
		return nil, breachf("the scratch for parameters is outside the memory")
	}
	return in, in.succeed(ctx, "darkroom_init", uint64(params.start), uint64(params.size))
}

// window reserves the region for columns and the descriptor's scratch, and returns the region's aligned part.
func (g *guest) window(ctx context.Context, in *instance) (region, error) {
	whole, err := in.reserve(ctx, "darkroom_window", g.layout.size+windowAlign)
	if err != nil {
		return region{}, err
	}
	if in.descriptor, err = in.reserve(ctx, "darkroom_alloc", g.layout.descriptorBytes()); err != nil {
		return region{}, err
	}
	g.tank.begin()
	return whole.aligned(g.layout.size)
}

// Close gives the module's code back.
func (g *guest) Close(ctx context.Context) error {
	return g.sandbox.codes.release(ctx, g.code)
}

// instance is one run of the module over one batch.
type instance struct {
	module     api.Module
	given      []region // what the guest has returned so far
	descriptor region
}

// call calls an export with results of 32 bits, none or one.
func (in *instance) call(ctx context.Context, name string, results int, args ...uint64) (uint32, error) {
	f := in.module.ExportedFunction(name)
	if f == nil || len(f.Definition().ParamTypes()) != len(args) || len(f.Definition().ResultTypes()) != results {
		return 0, breachf("%s is not exported as the ABI says", name)
	}
	out, err := f.Call(ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	if results == 0 {
		return 0, nil
	}
	return api.DecodeU32(out[0]), nil
}

// succeed calls an export that returns 0 for success.
func (in *instance) succeed(ctx context.Context, name string, args ...uint64) error {
	status, err := in.call(ctx, name, 1, args...)
	if err == nil && status != 0 {
		return breachf("%s returned %d", name, status)
	}
	return err
}

// reserve asks the guest for a region and checks what it returns.
func (in *instance) reserve(ctx context.Context, name string, size uint32) (region, error) {
	start, err := in.call(ctx, name, 1, uint64(size))
	if err != nil {
		return region{}, err
	}
	given := region{start: start, size: size}
	if err := given.check(in.module.Memory().Size(), in.given); err != nil {
		return region{}, breachf("%s: %v", name, err)
	}
	in.given = append(in.given, given)
	return given, nil
}

// bytes views a region of the memory as it is now; a later call of the guest may move it.
func (in *instance) bytes(r region) ([]byte, error) {
	bytes, ok := in.module.Memory().Read(r.start, r.size)
	if !ok {
		return nil, breachf("a region is no longer inside the memory")
	}
	return bytes, nil
}
