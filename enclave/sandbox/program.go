package sandbox

import (
	"context"
	"errors"

	"github.com/darkroom-project/darkroom/enclave"
)

// program is a module of form program in the one instance of its run. It has a place from its start to its end.
type program struct {
	*guest
	table  table
	in     *instance
	window region
	rows   int64 // that it was shown
}

var _ enclave.Instance = (*program)(nil)

// Start makes the instance of a program's run and brings it to where it can take batches. It waits until the sandbox has room for it.
// The owner MUST close the instance. Errors are those of Open, and the module's faults by reason.
func (s *Sandbox) Start(ctx context.Context, module *enclave.Module, plan *enclave.Plan) (enclave.Instance, error) {
	if plan.Manifest.Output == nil {
		return nil, enclave.Internalf("module %s declares no output", module.Digest)
	}
	g, err := s.open(ctx, module, plan)
	if err != nil {
		return nil, err
	}
	p := &program{guest: g, table: tableOf(plan.Manifest.Output)}
	if p.memory, err = s.places.take(ctx, p.claim()); err != nil {
		return nil, errors.Join(err, g.Close(context.WithoutCancel(ctx)))
	}
	p.tank = &tank{budget: enclave.BaseFuel, turn: p.turn}
	err = p.within(ctx, func(call context.Context) (err error) {
		if p.in, err = p.start(call); err != nil {
			return err
		}
		p.window, err = p.guest.window(call, p.in)
		return err
	})
	s.observer.weigh(p.tank, 0)
	if err != nil {
		return nil, errors.Join(err, p.Close(context.WithoutCancel(ctx)))
	}
	return p, nil
}

func (p *program) claim() claim { return claim{operator: p.operator, program: true} }

// Show gives the guest a batch, within the time of one call.
func (p *program) Show(ctx context.Context, batch *enclave.Batch) error {
	if err := p.layout.fits(batch, nil); err != nil {
		return err
	}
	p.tank.budget += int64(batch.Rows) * p.fuel
	p.rows += int64(batch.Rows)
	defer func() { p.sandbox.observer.weigh(p.tank, p.rows) }()
	return p.within(ctx, func(call context.Context) error {
		return p.show(call, p.in, p.window, batch, uint32(batch.Rows)) //nolint:gosec // at most BatchRows
	})
}

// Finish asks for the table, within the time of one call.
func (p *program) Finish(ctx context.Context) (returned *enclave.Returned, err error) {
	defer func() { p.sandbox.observer.weigh(p.tank, p.rows) }()
	err = p.within(ctx, func(call context.Context) error {
		scratch, err := p.in.reserve(call, "darkroom_alloc", p.table.descriptorBytes())
		if err != nil {
			return err
		}
		if !p.in.module.Memory().Write(scratch.start, p.table.descriptor()) {
			return breachf("the scratch for the table's descriptor is outside the memory")
		}
		if err := p.in.succeed(call, "darkroom_finish", uint64(scratch.start)); err != nil {
			return err
		}
		descriptor, err := p.in.bytes(scratch)
		if err != nil {
			return err
		}
		memory, err := p.in.bytes(region{size: p.in.module.Memory().Size()})
		if err != nil {
			return err
		}
		returned, err = p.table.take(memory, descriptor)
		return err
	})
	return returned, err
}

// Close ends the instance and gives back its place and its code.
func (p *program) Close(ctx context.Context) error {
	if p.in != nil {
		_ = p.in.module.Close(ctx) // nothing is left to lose: what it returned is copied
	}
	p.sandbox.places.give(p.memory, p.claim())
	return p.guest.Close(ctx)
}
