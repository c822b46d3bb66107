package run

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// day is how often the register tidies up.
const day = 24 * time.Hour

// naming is more than it takes from writing a file to recording what names it.
const naming = time.Hour

// tidyDaily tidies up once a day, until the context ends.
func (r *Register) tidyDaily(ctx context.Context) {
	ticker := time.NewTicker(day)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.closing:
			return
		case <-ticker.C:
		}
		if err := r.tidy(ctx, naming); err != nil && ctx.Err() == nil {
			r.config.Log.ErrorContext(ctx, "what is kept too long was not looked through", slog.Any("error", err))
		}
	}
}

// tidy withdraws what waited for people too long, and destroys what nothing names any more and nobody wrote within the last while: what a crash
// left, and what was rejected or withdrawn (封存销毁, sealing and destruction).
func (r *Register) tidy(ctx context.Context, within time.Duration) error {
	if err := r.expire(ctx); err != nil {
		return err
	}
	return r.config.Results.Sweep(within, func(file enclave.Digest) (bool, error) {
		if err := ctx.Err(); err != nil {
			return true, err
		}
		return r.config.Store.Names(ctx, file)
	})
}

// expire withdraws each held output that people have not decided in as many days as its profile keeps it. That is recorded, and nothing names its content
// any more. Who votes at the same moment may come first.
func (r *Register) expire(ctx context.Context) error {
	held, err := r.config.Store.Held(ctx)
	if err != nil {
		return err
	}
	for i := range held {
		state := &held[i]
		decision, err := r.config.Store.Decision(ctx, state.ID)
		if err != nil {
			return err
		}
		kept := time.Duration(decision.Profile.HeldDays) * day // 0: of a revision that had no such number
		if kept == 0 || r.config.Now().Sub(decision.Time) < kept {
			continue
		}
		days := strconv.FormatInt(decision.Profile.HeldDays, 10)
		act := enclave.NewAct(enclave.Coarse(r.config.Now()), itself(), "run.expire", "runs/"+state.ID,
			"operator", state.Submitter.Org, "grant", state.Grant, "days", days)
		expired := enclave.Fail(enclave.Canceled, "RUN_EXPIRED", "days", days)
		err = r.config.Store.Withdraw(ctx, state.ID, Ending{
			Outcome: enclave.Stopped, Stage: r.sight(state).Stage, Reasons: expired.Reasons(), Time: act.Time,
		}, act)
		if err != nil && !errors.Is(err, enclave.Fail(enclave.State, "RUN_ENDED")) {
			return err
		}
		r.live.changed(state.ID)
	}
	return nil
}
