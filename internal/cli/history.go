package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) datasetHistory() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "history DATASET", Short: sh.text("CLI_DATASET_HISTORY"), Long: sh.text("CLI_DATASET_HISTORY_LONG"), Args: sh.exactly("DATASET"),
		RunE: sh.on("datasets", func(ctx context.Context, c *sdk.Client, name string, _ []string) error {
			raw, err := c.Releases(ctx, name)
			if err != nil {
				return err
			}
			return tell(sh, raw, out, sh.releases)
		}),
	}
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_RUN_REPORT_OUT"))
	return c
}

// releases prints what left of a dataset. The mean leverage of a subject is the rank by subject: at 1 every value would follow (see enclave/history).
func (sh *shell) releases(all *run.Releases) {
	leverage := 0.0
	if all.Subjects > 0 {
		leverage = 100 * float64(all.Rank) / float64(all.Subjects)
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	sh.say("CLI_DATASET_RELEASED", "dataset", all.Dataset, "count", strconv.Itoa(len(all.Releases)), "rank", number(all.Rank),
		"subjects", number(all.Subjects), "leverage", strconv.FormatFloat(leverage, 'f', 2, 64))
	for _, b := range all.Budgets {
		sh.say("CLI_DATASET_LEFT", "scenario", b.Scenario, "left", number(b.Left), "limit", number(b.Limit), "percent", number(b.Percent),
			"guess", number(b.GuessPercent))
	}
	if len(all.Releases) == 0 {
		return
	}
	heads := []string{
		"CLI_HEAD_NO", "CLI_HEAD_RUN", "CLI_HEAD_OPERATOR", "CLI_HEAD_SCENARIO", "CLI_HEAD_TIME", "CLI_HEAD_PUBLISHED", "CLI_HEAD_LEFT_OUT",
		"CLI_HEAD_ADDS", "CLI_HEAD_SUMS", "CLI_HEAD_GUESSES",
	}
	for i, head := range heads {
		heads[i] = sh.text(head)
	}
	var rows [][]string
	programs := 0
	for i := range all.Releases {
		r := &all.Releases[i]
		guess := ""
		if r.Guess > 0 {
			guess = number(r.Guess) + " %"
		}
		published, leftOut, adds := number(r.Cells.Published), number(r.Cells.LeftOut()), number(r.Adds)
		if r.Form == string(enclave.Program) {
			programs++
			published, leftOut, adds, guess = sh.text("CLI_DATASET_PROGRAM_ROWS", "count", number(r.Rows)), "–", "–", "–"
		}
		rows = append(rows, []string{
			number(r.Number), "runs/" + r.Run, r.Operator, r.Scenario, second(r.Time), published, leftOut, adds, number(r.Rank), guess,
		})
	}
	term.Table(sh.out, heads, rows)
	if programs > 0 {
		sh.say("CLI_DATASET_PROGRAMS", "count", strconv.Itoa(programs))
	}
}
