package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) runReport() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "report RUN", Short: sh.text("CLI_RUN_REPORT"), Args: sh.exactly("RUN"),
		RunE: sh.on("runs", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			raw, err := c.Report(ctx, id)
			if err != nil {
				return err
			}
			return tell(sh, raw, out, sh.report)
		}),
	}
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_RUN_REPORT_OUT"))
	return c
}

// tell writes the JSON that the enclave answered with into a file, or prints what it says if no file is named.
func tell[T any](sh *shell, raw []byte, out string, show func(*T)) error {
	if out != "" {
		return sh.write(out, func(w io.Writer) error {
			_, err := w.Write(raw)
			return err
		})
	}
	var answer T
	if err := json.Unmarshal(raw, &answer); err != nil {
		return enclave.Internalf("read the report: %w", err)
	}
	show(&answer)
	return nil
}

// report prints what happened in the order in which somebody who mends a module asks: how it ended, why, what was measured, what was left
// out, what the module said, and how long each stage took. The result and all numbers are in the JSON.
func (sh *shell) report(r *enclave.Report) {
	sh.say("CLI_STATE", "name", "runs/"+r.Run, "state", sh.word(string(r.Outcome)))
	sh.happened(r)
}

// happened is the report without how it ended.
func (sh *shell) happened(r *enclave.Report) {
	for _, reason := range r.Reasons {
		sh.say("CLI_REPORT_REASON", "code", reason.Code, "text", reason.In(sh.lang))
	}
	sh.fields([2]string{"CLI_HEAD_STAGE", sh.word(string(r.Stage))}, [2]string{"CLI_HEAD_CAUSE", beneath(r.Cause, r.Reasons)}, [2]string{"CLI_HEAD_SUPPORT", r.Support})
	if r.Facts != nil && r.Profile != nil {
		heads := []string{sh.text("CLI_HEAD_FACT"), sh.text("CLI_HEAD_MEASURED"), sh.text("CLI_HEAD_ALLOWED")}
		term.Table(sh.out, heads, sh.factRows(&caseFile{facts: *r.Facts, profile: *r.Profile}))
	}
	if r.Rehearsal != nil {
		sh.rehearsal(r.Rehearsal)
	}
}

// beneath is what a cause says more than the first of the reasons, whose text it begins with.
func beneath(cause string, reasons []enclave.Reason) string {
	if len(reasons) == 0 {
		return cause
	}
	return strings.TrimPrefix(strings.TrimPrefix(cause, reasons[0].In(enclave.English)), ": ")
}

func (sh *shell) rehearsal(r *enclave.Rehearsal) {
	sh.say("CLI_REPORT_SAMPLE", "rows", number(r.Sample.Rows), "subjects", number(r.Sample.Subjects))
	if f := r.Fuel; f != nil && f.Row > 0 {
		sh.say("CLI_REPORT_FUEL", "row", number(f.Row), "allowed", number(f.Allowed), "start", number(f.Start), "base", number(enclave.BaseFuel))
	}
	sh.begins(r)
	for _, rule := range slices.Sorted(maps.Keys(r.Rules)) {
		sh.say("CLI_REPORT_RULE", "rule", rule, "cells", number(r.Rules[rule]))
	}
	var cells [][]string
	for _, c := range r.Suppressed[:min(len(r.Suppressed), maxShown)] {
		cells = append(cells, []string{strings.Join(c.Labels, " / "), number(c.Rows), number(c.Subjects), strings.Join(c.Rules, ", ")})
	}
	if len(cells) > 0 {
		term.Table(sh.out, []string{sh.text("CLI_HEAD_CELL"), sh.text("CLI_HEAD_ROWS"), sh.text("CLI_HEAD_SUBJECTS"), sh.text("CLI_HEAD_RULES")}, cells)
	}
	sh.advice(r)
	if r.Said != "" {
		sh.say("CLI_REPORT_SAID")
		for line := range strings.Lines(r.Said) {
			sh.say("CLI_RUN_STAGE", "stage", strings.TrimSuffix(line, "\n"))
		}
	}
	var times [][]string
	for _, t := range r.Times {
		times = append(times, []string{sh.word(string(t.Stage)), t.Took.Round(10 * time.Microsecond).String()})
	}
	if len(times) > 0 {
		term.Table(sh.out, []string{sh.text("CLI_HEAD_STAGE"), sh.text("CLI_HEAD_TOOK")}, times)
	}
}

func (sh *shell) advice(r *enclave.Rehearsal) {
	if len(r.Advice) > 0 {
		sh.say("CLI_REPORT_ADVICE")
		for _, advice := range r.Advice {
			sh.say("CLI_REPORT_REASON", "code", advice.Code, "text", advice.In(sh.lang))
		}
	}
}

// maxPreview is how many rows of a rehearsal's result are printed.
const maxPreview = 10

// begins prints how the output begins that would leave.
func (sh *shell) begins(r *enclave.Rehearsal) {
	if len(r.Result) == 0 || r.Format != enclave.MediaArrow {
		return
	}
	batches, err := sdk.ReadResult(bytes.NewReader(r.Result))
	if err != nil {
		return // what stands there is of another version; the rest of the report holds
	}
	header, rows := sdk.Rows(batches)
	if len(rows) == 0 {
		return
	}
	term.Table(sh.out, header, rows[:min(len(rows), maxPreview)])
	if more := len(rows) - maxPreview; more > 0 {
		sh.say("CLI_REPORT_MORE", "more", strconv.Itoa(more))
	}
}
