package treat

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
)

// elimination and relenting are how much arithmetic a treatment may do, in terms of equations touched: some seconds and less than one
// second on a slow core. They count steps and not time, so that the same table has the same outcome everywhere.
const (
	elimination = 800_000_000
	relenting   = 60_000_000
)

// work is what is left of a budget. Its owner asks it at each larger step.
type work struct {
	ctx  context.Context //nolint:containedctx // lives for one call of Treat
	left int64
}

// spend takes so many terms off. Errors: the context's own, and TABLE_TOO_INTRICATE once more was spent than there was.
func (w *work) spend(terms int) error {
	w.left -= int64(terms)
	if w.left < 0 {
		return enclave.Fail(enclave.Limit, "TABLE_TOO_INTRICATE")
	}
	return w.ctx.Err()
}
