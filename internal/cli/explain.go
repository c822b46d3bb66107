package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) runExplain() *cobra.Command {
	var out string
	var rules bool
	c := &cobra.Command{
		Use: "explain RUN", Short: sh.text("CLI_RUN_EXPLAIN"), Long: sh.text("CLI_RUN_EXPLAIN_LONG"), Args: sh.exactly("RUN"),
		RunE: sh.on("runs", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			raw, err := c.Explain(ctx, id)
			if err != nil {
				return err
			}
			return tell(sh, raw, out, func(e *run.Explanation) { sh.explanation(e, rules) })
		}),
	}
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_RUN_REPORT_OUT"))
	c.Flags().BoolVar(&rules, "rules", false, sh.text("CLI_RUN_EXPLAIN_RULES"))
	return c
}

func (sh *shell) explanation(e *run.Explanation, rules bool) {
	sh.say("CLI_STATE", "name", "runs/"+e.Run, "state", sh.word(string(e.Outcome)))
	reasons := e.All
	if len(e.Decisions) == 0 && len(reasons) == 0 {
		reasons = e.Reasons
	}
	for _, reason := range reasons {
		sh.say("CLI_REPORT_REASON", "code", reason.Code, "text", reason.In(sh.lang))
	}
	sh.say("CLI_REPORT_REASON", "code", e.Advice.Code, "text", e.Advice.In(sh.lang))
	sh.fields([2]string{"CLI_HEAD_STAGE", sh.word(string(e.Stage))}, [2]string{"CLI_HEAD_CAUSE", beneath(e.Cause, reasons)}, [2]string{"CLI_HEAD_SUPPORT", e.Support})
	for i := range e.Decisions {
		sh.explained(&e.Decisions[i], rules)
	}
}

// explained prints one decision: the rules, whether each held, what it saw and used.
func (sh *shell) explained(d *run.Explained, rules bool) {
	decision := sh.word(string(d.Decision))
	if d.ByPeople {
		decision += " · " + sh.text("CLI_REVIEW_BY_PEOPLE")
	}
	sh.say("CLI_RUN_EXPLAINED", "point", d.Point, "decision", decision, "profile", d.Profile.Name, "revision", d.Policy.String())
	var rows [][]string
	for _, rule := range d.Rules {
		outcome := sh.text("CLI_RULE_PASSED")
		if !rule.Held {
			outcome = sh.text("CLI_RULE_FAILED")
		}
		rows = append(rows, []string{rule.Rule, outcome, pairsOf(rule.Facts), pairsOf(rule.Numbers), rule.Place})
	}
	if len(rows) > 0 {
		heads := []string{"CLI_HEAD_RULE", "CLI_HEAD_OUTCOME", "CLI_HEAD_FACTS", "CLI_HEAD_NUMBERS", "CLI_HEAD_PLACE"}
		for i, head := range heads {
			heads[i] = sh.text(head)
		}
		term.Table(sh.out, heads, rows)
	}
	for _, rule := range d.Rules {
		if rules {
			sh.say("CLI_RUN_STAGE", "stage", rule.Text+"\n")
		}
	}
}

func pairsOf(values map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, name+"="+values[name])
	}
	return strings.Join(pairs, " ")
}
