package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// breach is how a guest broke the ABI's contract. Its text is for the log inside: which call broke it is the guest's to choose, so
// it says something of the data.
type breach string

func (b breach) Error() string { return string(b) }

func breachf(format string, args ...any) error { return breach(fmt.Sprintf(format, args...)) }

func invalid(cause error) error {
	return enclave.Fail(enclave.Invalid, "MODULE_INVALID").Because(cause)
}

func canceled(ctx context.Context) error {
	return enclave.Fail(enclave.Canceled, "RUN_CANCELED").Because(context.Cause(ctx))
}

func (s *Sandbox) outOfMemory(cause error) error {
	return enclave.Fail(enclave.Limit, "MODULE_MEMORY", "limit", fmt.Sprintf("%d MiB", s.config.MemoryPages/16)).Because(cause)
}

// fault names the failure of a call. What stops guests is asked first: the error of a stopped one is whatever it was at.
func (g *guest) fault(run context.Context, err error) error {
	var broken breach
	switch {
	case err != nil && run.Err() != nil:
		return canceled(run)
	case g.tank.spent || err == nil && g.tank.over():
		return enclave.Fail(enclave.Limit, "MODULE_FUEL", "limit", strconv.FormatInt(g.fuel, 10)).Because(err)
	case err == nil:
		return nil
	case g.tank.stopped:
		return enclave.Fail(enclave.Limit, "MODULE_STOPPED", "limit", g.sandbox.config.CallTimeout.String()).Because(err)
	case g.memory.refused:
		return g.sandbox.outOfMemory(err)
	case errors.As(err, &broken):
		return enclave.Fail(enclave.Invalid, "MODULE_CONTRACT").Because(err)
	}
	return enclave.Fail(enclave.Invalid, "MODULE_TRAP").Because(err)
}
