package rpc

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// call is what the steps learn of a call, for each other and for the handler.
type call struct {
	method string
	caller *enclave.Caller // nil without a credential
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return &call{}
	}
	return c
}

// callerOf is the authenticated caller. Handlers run for callers alone.
func callerOf(ctx context.Context) enclave.Caller {
	if c := callOf(ctx); c.caller != nil {
		return *c.caller
	}
	return enclave.Caller{}
}

// guard is outermost: a panic becomes INTERNAL, logged with its stack, and every error becomes a status.
func guard(log *slog.Logger) step {
	return func(ctx context.Context, method string, next func(context.Context) error) (err error) {
		ctx = context.WithValue(ctx, callKey{}, &call{method: method})
		defer func() {
			if p := recover(); p != nil {
				log.LogAttrs(ctx, slog.LevelError, "a call panicked", slog.String("method", method), slog.String("panic", panicText(p)),
					slog.String("stack", string(debug.Stack())))
				err = enclave.Internalf("panic in %s", method)
			}
			err = toStatus(ctx, err)
		}()
		return next(ctx)
	}
}

// panicText is of the runtime's own errors; what other code panics with may hold data, so that only its type is told.
func panicText(p any) string {
	if e, ok := p.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("a %T", p)
}

// logged writes one line for each call: who, what, how it ended, how long it took. The cause of an unexpected failure is for this log
// alone.
func logged(log *slog.Logger, clock func() time.Time) step {
	return func(ctx context.Context, method string, next func(context.Context) error) error {
		start := clock()
		err := next(ctx)
		level := slog.LevelInfo
		attrs := []slog.Attr{slog.String("method", method), slog.Duration("took", clock().Sub(start))}
		if who := callOf(ctx).caller; who != nil {
			attrs = append(attrs, slog.String("role", string(who.Role)), slog.String("org", who.Org), slog.String("name", who.Name))
		}
		if e := enclave.AsError(err); e != nil {
			attrs = append(attrs, slog.String("kind", string(e.Kind)), slog.String("reason", e.Reason))
			if e.Kind == enclave.Internal && ctx.Err() == nil {
				level = slog.LevelError
				attrs = append(attrs, slog.String("cause", err.Error()))
			}
		}
		log.LogAttrs(ctx, level, "call", attrs...)
		return err
	}
}
