package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) runCommand() *cobra.Command {
	return sh.group("run", "CLI_RUN", sh.runSubmit(), sh.runList(), sh.runShow(), sh.runWatch(), sh.runCancel(), sh.runFetch(), sh.runReceipt(), sh.runReport(),
		sh.runReplay(), sh.runExplain())
}

func (sh *shell) runSubmit() *cobra.Command {
	var grant, snapshot string
	var params []string
	var wait, dev bool
	var sample sdk.Sample
	c := &cobra.Command{
		Use: "submit MODULE --grant GRANT", Short: sh.text("CLI_RUN_SUBMIT"), Args: sh.exactly("MODULE"),
		Example: "darkroom run submit cost-by-age/cost-by-age.wasm --grant GRANT --param as_of=2024 --wait",
		RunE: func(cmd *cobra.Command, args []string) error {
			order, err := readOrder(grant, snapshot, params)
			if err := errors.Join(err, sampleFits(cmd)); err != nil {
				return err
			}
			if dev || sample != (sdk.Sample{}) {
				order.Dev = &sample
			}
			return sh.client(func(ctx context.Context, c *sdk.Client, args []string) (err error) {
				if order.Module, err = sh.moduleDigest(ctx, c, args[0]); err != nil {
					return err
				}
				run, err := c.Submit(ctx, order)
				if err != nil {
					return err
				}
				sh.say("CLI_RUN_SUBMITTED", "name", "runs/"+run.ID)
				if !wait {
					sh.next("darkroom run watch runs/" + run.ID)
					return nil
				}
				return sh.follow(ctx, c, run.ID)
			})(cmd, args)
		},
	}
	c.Flags().StringVar(&grant, "grant", "", sh.text("CLI_RUN_GRANT"))
	c.Flags().StringArrayVar(&params, "param", nil, sh.text("CLI_RUN_PARAM"))
	c.Flags().StringVar(&snapshot, "snapshot", "", sh.text("CLI_RUN_SNAPSHOT"))
	c.Flags().BoolVar(&wait, "wait", false, sh.text("CLI_RUN_WAIT"))
	c.Flags().BoolVar(&dev, "dev", false, sh.text("CLI_RUN_DEV"))
	c.Flags().Int64Var(&sample.Rows, "rows", 0, sh.text("CLI_RUN_ROWS"))
	c.Flags().Int64Var(&sample.Subjects, "subjects", 0, sh.text("CLI_RUN_SUBJECTS"))
	require(c, "grant")
	return c
}

// sampleFits refuses a size of synthetic rows below 1: left out, it is the default.
func sampleFits(cmd *cobra.Command) error {
	for _, name := range []string{"rows", "subjects"} {
		if n, err := cmd.Flags().GetInt64(name); err == nil && n < 1 && cmd.Flags().Changed(name) {
			return flagBad(name, "1 … 1000000")
		}
	}
	return nil
}

// readOrder reads what a run is ordered with, all but the module.
func readOrder(grant, snapshot string, params []string) (order sdk.Order, err error) {
	if order.Grant, err = id("grants", grant); err != nil {
		return order, err
	}
	if order.Params, err = assignments("param", params); err != nil || snapshot == "" {
		return order, err
	}
	dataset, digest, _ := strings.Cut(strings.TrimPrefix(snapshot, "datasets/"), "/snapshots/")
	if !form("datasets").MatchString(dataset) || !form("modules").MatchString(digest) {
		return order, flagBad("snapshot", "datasets/DATASET/snapshots/DIGEST")
	}
	order.Dataset, order.Snapshot = dataset, digest
	return order, nil
}

// moduleDigest takes a module that is in the enclave already, or uploads the file.
func (sh *shell) moduleDigest(ctx context.Context, c *sdk.Client, module string) (string, error) {
	if digest, err := id("modules", module); err == nil {
		return digest, nil
	}
	uploaded, err := sh.uploadModule(ctx, c, module)
	return uploaded.Digest, err
}

// follow shows each stage, and then the outcome; anything but a release is an error, so that a script notices.
func (sh *shell) follow(ctx context.Context, c *sdk.Client, id string) error {
	var last sdk.Run
	for run, err := range c.Watch(ctx, id) {
		if err != nil {
			if errors.Is(err, context.Canceled) {
				sh.note("CLI_RUN_LEFT", "watch", "darkroom run watch runs/"+id, "cancel", "darkroom run cancel runs/"+id)
			}
			return err
		}
		if run.Stage != last.Stage && run.Outcome == "" {
			sh.note("CLI_RUN_STAGE", "stage", sh.word(run.Stage))
		}
		last = run
	}
	return sh.outcome(last)
}

func (sh *shell) outcome(run sdk.Run) error {
	sh.say("CLI_STATE", "name", "runs/"+run.ID, "state", sh.word(string(run.Outcome)))
	if run.Outcome == sdk.RunReleased {
		sh.next("darkroom run fetch runs/" + run.ID)
		return nil
	}
	sh.reasons(run)
	if run.Dev != nil {
		sh.next("darkroom run report runs/" + run.ID)
	}
	if run.Outcome == sdk.RunRehearsed {
		return nil
	}
	if run.Outcome == sdk.RunHeld {
		return enclave.Fail(enclave.State, "CLI_RUN_HELD", "command", "darkroom run show runs/"+run.ID)
	}
	return enclave.Fail(enclave.State, "CLI_RUN_NOT_RELEASED", "outcome", sh.word(string(run.Outcome)))
}

func (sh *shell) reasons(run sdk.Run) {
	for _, reason := range run.Reasons {
		fmt.Fprintf(sh.out, "  %s: %s\n", reason.Code, term.Line(reason.In(string(sh.lang))))
	}
}

func (sh *shell) runList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: sh.text("CLI_RUN_LIST"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			heads := []string{"CLI_HEAD_NAME", "CLI_HEAD_OPERATOR", "CLI_HEAD_SCENARIO", "CLI_HEAD_STATE", "CLI_HEAD_SUBMITTED"}
			return list(sh, c.ListRuns(ctx), heads, func(r sdk.Run) []string {
				return []string{"runs/" + r.ID, r.Operator, r.Scenario, sh.runState(r), second(r.Submitted)}
			})
		}),
	}
}

// runState is the outcome, or the stage of a run that has none yet.
func (sh *shell) runState(run sdk.Run) string {
	if run.Outcome == "" {
		return sh.word(run.Stage)
	}
	if run.Question != "" {
		return sh.text("CLI_RUN_ASKED", "outcome", sh.word(string(run.Outcome)))
	}
	return sh.word(string(run.Outcome))
}

func (sh *shell) runShow() *cobra.Command {
	return &cobra.Command{
		Use: "show RUN", Short: sh.text("CLI_RUN_SHOW"), Args: sh.exactly("RUN"),
		RunE: sh.on("runs", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			run, err := c.GetRun(ctx, id)
			if err != nil {
				return err
			}
			sh.describe(run)
			return sh.held(ctx, c, id)
		}),
	}
}

// held prints what people asked and said of a run that was held, to those who may know.
func (sh *shell) held(ctx context.Context, c *sdk.Client, id string) error {
	review, err := c.GetReview(ctx, id)
	if reason := sdk.ReasonOf(err); reason == "RUN_NOT_FOUND" || reason == "METHOD_FORBIDDEN" { // it never was, or is not for the caller
		return nil
	}
	if err == nil {
		sh.say("CLI_REVIEW_OF_RUN", "state", sh.word(string(review.State)))
		sh.exchange(review)
		sh.after(review)
	}
	return err
}

// describe prints where a run stands and what it depends on.
func (sh *shell) describe(run sdk.Run) {
	sh.say("CLI_STATE", "name", "runs/"+run.ID, "state", sh.runState(run))
	sh.reasons(run)
	fields := [][2]string{
		{"CLI_HEAD_GRANT", "grants/" + run.Grant},
		{"CLI_HEAD_MODULE", "modules/" + run.Module},
		{"CLI_HEAD_SNAPSHOT", "datasets/" + run.Dataset + "/snapshots/" + run.Snapshot},
	}
	if run.Dev != nil { // there is no such snapshot
		fields[2] = [2]string{"CLI_HEAD_SNAPSHOT", sh.text("CLI_REPORT_SAMPLE", "rows", number(run.Dev.Rows), "subjects", number(run.Dev.Subjects))}
	}
	for _, name := range slices.Sorted(maps.Keys(run.Params)) {
		fields = append(fields, [2]string{"CLI_HEAD_PARAM", name + "=" + run.Params[name]})
	}
	fuel := ""
	if run.Fuel > 0 {
		fuel = number(run.Fuel)
	}
	sh.fields(append(fields,
		[2]string{"CLI_HEAD_POLICY", run.Policy},
		[2]string{"CLI_HEAD_RESULT", run.Result},
		[2]string{"CLI_HEAD_SUBMITTED", second(run.Submitted)},
		[2]string{"CLI_HEAD_FINISHED", second(run.Finished)},
		[2]string{"CLI_HEAD_FUEL", fuel},
		[2]string{"CLI_HEAD_SUPPORT", run.Support},
	)...)
}

func (sh *shell) runWatch() *cobra.Command {
	return &cobra.Command{
		Use: "watch RUN", Short: sh.text("CLI_RUN_WATCH"), Args: sh.exactly("RUN"),
		RunE: sh.on("runs", func(ctx context.Context, c *sdk.Client, id string, _ []string) error { return sh.follow(ctx, c, id) }),
	}
}

func (sh *shell) runCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel RUN", Short: sh.text("CLI_RUN_CANCEL"), Args: sh.exactly("RUN"),
		RunE: sh.on("runs", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			run, err := c.Cancel(ctx, id)
			if err != nil {
				return err
			}
			sh.describe(run)
			return sh.held(ctx, c, id)
		}),
	}
}

// maxShown is how many rows of a result are printed; files hold all of them.
const maxShown = 200

func (sh *shell) runFetch() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "fetch RUN", Short: sh.text("CLI_RUN_FETCH"), Args: sh.exactly("RUN"),
		RunE: sh.on("runs", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			if out != "" && filepath.Ext(out) != ".csv" {
				return sh.write(out, func(w io.Writer) error { return c.FetchTo(ctx, id, w) })
			}
			batches, err := c.Fetch(ctx, id)
			if err != nil {
				return err
			}
			header, rows := sdk.Rows(batches)
			if out != "" {
				return sh.write(out, func(w io.Writer) error { return writeCSV(w, header, rows) })
			}
			if len(rows) == 0 {
				sh.note("CLI_RUN_ROWS_NONE")
				return nil
			}
			term.Table(sh.out, header, rows[:min(len(rows), maxShown)])
			if more := len(rows) - maxShown; more > 0 {
				sh.note("CLI_RUN_ROWS_MORE", "more", strconv.Itoa(more))
			}
			sh.note("CLI_RUN_ROWS_ALL")
			return nil
		}),
	}
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_RUN_FETCH_OUT"))
	return c
}

func (sh *shell) runReceipt() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "receipt RUN", Short: sh.text("CLI_RUN_RECEIPT"), Args: sh.exactly("RUN"),
		RunE: sh.on("runs", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			receipt, err := c.Receipt(ctx, id)
			if err != nil {
				return err
			}
			return sh.write(out, func(w io.Writer) error {
				_, err := w.Write(receipt)
				return err
			})
		}),
	}
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_OUT"))
	return c
}
