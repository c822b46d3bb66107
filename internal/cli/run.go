package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) runCommand() *cobra.Command {
	return sh.group("run", "CLI_RUN", sh.runSubmit(), sh.runList(), sh.runShow(), sh.runWatch(), sh.runCancel(), sh.runFetch(), sh.runReceipt())
}

func (sh *shell) runSubmit() *cobra.Command {
	var order sdk.Order
	var params []string
	var snapshot string
	var wait bool
	c := &cobra.Command{
		Use: "submit MODULE --grant GRANT", Short: sh.text("CLI_RUN_SUBMIT"), Args: sh.exactly("MODULE"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			var err error
			if order.Params, err = assignments("param", params); err != nil {
				return err
			}
			if snapshot != "" {
				name, digest, ok := strings.Cut(strings.TrimPrefix(snapshot, "datasets/"), "/snapshots/")
				if !ok {
					return enclave.Fail(enclave.Invalid, "CLI_FLAG_BAD", "flag", "snapshot", "expected", "datasets/NAME/snapshots/DIGEST")
				}
				order.Dataset, order.Snapshot = name, digest
			}
			if order.Module, err = sh.moduleDigest(ctx, c, args[0]); err != nil {
				return err
			}
			run, err := c.Submit(ctx, order)
			if err != nil {
				return err
			}
			sh.say("CLI_RUN_SUBMITTED", "name", "runs/"+run.ID)
			if !wait {
				sh.note("CLI_NEXT", "command", "darkroom run watch runs/"+run.ID)
				return nil
			}
			return sh.follow(ctx, c, run.ID)
		}),
	}
	c.Flags().StringVar(&order.Grant, "grant", "", sh.text("CLI_RUN_GRANT"))
	c.Flags().StringArrayVar(&params, "param", nil, sh.text("CLI_RUN_PARAM"))
	c.Flags().StringVar(&snapshot, "snapshot", "", sh.text("CLI_RUN_SNAPSHOT"))
	c.Flags().BoolVar(&wait, "wait", false, sh.text("CLI_RUN_WAIT"))
	must(c.MarkFlagRequired("grant"))
	return c
}

// moduleDigest takes a module that is in the enclave already, or uploads the file.
func (sh *shell) moduleDigest(ctx context.Context, c *sdk.Client, module string) (string, error) {
	if digest := strings.TrimPrefix(module, "modules/"); !strings.HasSuffix(module, ".wasm") {
		if _, err := enclave.ParseDigest(digest); err == nil {
			return digest, nil
		}
	}
	uploaded, err := sh.uploadModule(ctx, c, module)
	return uploaded.Digest, err
}

// follow shows each stage, and then the outcome; anything but a release is an error, so that a script notices.
func (sh *shell) follow(ctx context.Context, c *sdk.Client, id string) error {
	var last sdk.Run
	for run, err := range c.Watch(ctx, id) {
		if err != nil {
			return err
		}
		if run.Stage != last.Stage && run.Outcome == "" {
			sh.note("CLI_RUN_STAGE", "stage", run.Stage)
		}
		last = run
	}
	return sh.outcome(last)
}

func (sh *shell) outcome(run sdk.Run) error {
	sh.say("CLI_RUN_OUTCOME", "name", "runs/"+run.ID, "outcome", string(run.Outcome))
	if run.Outcome == sdk.RunReleased {
		sh.note("CLI_NEXT", "command", "darkroom run fetch runs/"+run.ID)
		return nil
	}
	sh.reasons(run)
	return enclave.Fail(enclave.State, "CLI_RUN_NOT_RELEASED", "outcome", string(run.Outcome))
}

func (sh *shell) reasons(run sdk.Run) {
	for _, reason := range run.Reasons {
		fmt.Fprintf(sh.out, "  %s: %s\n", reason.Code, reason.In(string(sh.lang)))
	}
}

func (sh *shell) runList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: sh.text("CLI_RUN_LIST"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			return list(sh, c.ListRuns(ctx), []string{"NAME", "OWNER", "SCENARIO", "STAGE", "OUTCOME", "TIME"}, func(r sdk.Run) []string {
				return []string{"runs/" + r.ID, r.Operator, r.Scenario, r.Stage, string(r.Outcome), second(r.Submitted)}
			})
		}),
	}
}

func (sh *shell) runShow() *cobra.Command {
	return &cobra.Command{
		Use: "show RUN", Short: sh.text("CLI_RUN_SHOW"), Args: sh.exactly("RUN"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			run, err := c.GetRun(ctx, args[0])
			if err != nil {
				return err
			}
			sh.describe(run)
			sh.reasons(run)
			return nil
		}),
	}
}

// describe prints what a run depends on and where it stands.
func (sh *shell) describe(run sdk.Run) {
	state := string(run.Outcome)
	if state == "" {
		state = run.Stage
	}
	sh.say("CLI_RUN_OUTCOME", "name", "runs/"+run.ID, "outcome", state)
	for _, line := range [][2]string{
		{"grant", "grants/" + run.Grant},
		{"module", "modules/" + run.Module},
		{"snapshot", "datasets/" + run.Dataset + "/snapshots/" + run.Snapshot},
		{"policy", run.Policy},
		{"result", run.Result},
		{"submitted", second(run.Submitted)},
		{"finished", second(run.Finished)},
	} {
		if line[1] != "" {
			fmt.Fprintf(sh.out, "  %-10s %s\n", line[0], line[1])
		}
	}
}

func (sh *shell) runWatch() *cobra.Command {
	return &cobra.Command{
		Use: "watch RUN", Short: sh.text("CLI_RUN_WATCH"), Args: sh.exactly("RUN"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error { return sh.follow(ctx, c, args[0]) }),
	}
}

func (sh *shell) runCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel RUN", Short: sh.text("CLI_RUN_CANCEL"), Args: sh.exactly("RUN"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			run, err := c.Cancel(ctx, args[0])
			if err != nil {
				return err
			}
			sh.describe(run)
			return nil
		}),
	}
}

func (sh *shell) runFetch() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "fetch RUN", Short: sh.text("CLI_RUN_FETCH"), Args: sh.exactly("RUN"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			if out != "" {
				return sh.write(out, func(w io.Writer) error { return c.FetchTo(ctx, args[0], w) })
			}
			batches, err := c.Fetch(ctx, args[0])
			if err != nil {
				return err
			}
			header, rows := sdk.Rows(batches)
			term.Table(sh.out, header, rows)
			sh.note("CLI_RUN_ROWS_ALL")
			return nil
		}),
	}
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_OUT_FLAG"))
	return c
}

func (sh *shell) runReceipt() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "receipt RUN", Short: sh.text("CLI_RUN_RECEIPT"), Args: sh.exactly("RUN"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			receipt, err := c.Receipt(ctx, args[0])
			if err != nil {
				return err
			}
			return sh.write(out, func(w io.Writer) error {
				_, err := w.Write(receipt)
				return err
			})
		}),
	}
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_OUT_FLAG"))
	return c
}
