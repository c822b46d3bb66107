package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

// maxWorkers is how many a replay may have, at most.
const maxWorkers = 64

func (sh *shell) runReplay() *cobra.Command {
	var workers int
	c := &cobra.Command{
		Use: "replay RUN", Short: sh.text("CLI_RUN_REPLAY"), Args: sh.exactly("RUN"),
		RunE: sh.on("runs", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			if workers < 0 || workers > maxWorkers {
				return flagBad("workers", "1 … "+strconv.Itoa(maxWorkers))
			}
			sh.note("CLI_RUN_REPLAYING")
			replay, err := c.Replay(ctx, id, workers)
			if err != nil {
				return err
			}
			return sh.replayed("runs/"+id, &replay)
		}),
	}
	c.Flags().IntVar(&workers, "workers", 0, sh.text("CLI_RUN_REPLAY_WORKERS"))
	return c
}

// replayed prints what is the same; a difference is an error, so that a script notices.
func (sh *shell) replayed(name string, r *sdk.Replay) error {
	said := func(same, compared bool) string {
		switch {
		case same:
			return sh.text("CLI_REPLAY_SAME")
		case compared:
			return sh.text("CLI_REPLAY_OTHER")
		}
		return sh.text("CLI_REPLAY_UNKNOWN")
	}
	decided := r.Stopped == nil
	sh.fields(
		[2]string{"CLI_REPLAY_OUTPUT", said(r.SameOutput, decided)}, [2]string{"CLI_REPLAY_DECISION", said(r.SameDecision, decided)},
		[2]string{"CLI_REPLAY_FACTS", said(r.SameFacts, decided)}, [2]string{"CLI_REPLAY_RECORD", said(r.SameRecord, true)},
	)
	switch {
	case r.Same():
		sh.say("CLI_REPLAYED", "name", name)
		return nil
	case r.Stopped != nil:
		return enclave.Fail(enclave.State, "CLI_REPLAY_STOPPED", "name", name, "stage", sh.word(r.Stage), "code", r.Stopped.Code, "text", r.Stopped.In(string(sh.lang)))
	}
	return enclave.Fail(enclave.State, "CLI_REPLAY_DIFFERS", "name", name, "stage", sh.word(r.Stage))
}
