// Package program runs modules of the form program: it shows the rows to one instance, in their order, and makes of the table that it
// returns the only one of those with the same meaning that can leave.
//
// A guest may have seen every row and may have written anything. So nothing of its table but the values themselves survives, and of those
// only what the manifest declares:
//
//   - whole numbers are from Min to Max;
//   - decimals are rounded to Decimals places, halves away from zero, as the exact numbers that the guest's 64 bits stand for, and are
//     then from Min to Max; NaN, whatever its payload, is the empty value, and minus zero is zero;
//   - enumerations are positions in Values;
//   - texts are UTF-8 of at most Bytes bytes, of characters that a reader can see, spaces and line feeds; "" is the empty value;
//   - the table takes at most 64 MiB when it is presented, with the labels of its enumerations;
//   - rows are sorted, and what stood in place of an empty value was never read.
//
// Anything else ends the run. Repairing it would let the guest choose between a table and its repaired twin.
package program

import (
	"context"
	"errors"

	"github.com/darkroom-project/darkroom/enclave"
)

// Sandbox starts the instance of a program's run.
type Sandbox interface {
	Start(ctx context.Context, module *enclave.Module, plan *enclave.Plan) (enclave.Instance, error)
}

// Performer implements [enclave.Performer]. It is safe for concurrent use.
type Performer struct{ sandbox Sandbox }

var _ enclave.Performer = Performer{}

// New makes a performer.
func New(sandbox Sandbox) Performer { return Performer{sandbox} }

// Perform shows the guest every row and reads its table. The same module, parameters and rows give the same product. Errors are
// MODULE_FAILED for whatever the guest did wrong, with the reason as its cause; those of the rows; and the context's own.
func (p Performer) Perform(ctx context.Context, rows enclave.Rows, module *enclave.Module, plan *enclave.Plan) (*enclave.Product, error) {
	returned, err := p.run(ctx, rows, module, plan)
	if err != nil {
		return nil, err
	}
	product, err := productOf(plan, returned)
	if err != nil {
		return nil, failed(ctx, err)
	}
	return product, nil
}

// run takes the instance from its start to its end. It is closed even if the run was canceled meanwhile.
func (p Performer) run(ctx context.Context, rows enclave.Rows, module *enclave.Module, plan *enclave.Plan) (_ *enclave.Returned, err error) {
	ranges, err := rows.Split(1)
	if err != nil {
		return nil, err
	}
	instance, err := p.sandbox.Start(ctx, module, plan)
	if err != nil {
		return nil, failed(ctx, err)
	}
	defer func() { err = errors.Join(err, instance.Close(context.WithoutCancel(ctx))) }()
	for _, r := range ranges {
		err := enclave.Scan(ctx, rows, r, plan.Shown, func(b *enclave.Batch) error { return failed(ctx, instance.Show(ctx, b)) })
		if err != nil {
			return nil, err
		}
	}
	returned, err := instance.Finish(ctx)
	return returned, failed(ctx, err)
}

// failed makes one fault of all those of the guest, which sees rows: which it was would tell of them.
func failed(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return enclave.Fail(enclave.Invalid, "MODULE_FAILED").Because(err)
}
