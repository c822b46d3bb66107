package cli

import (
	"context"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/sdk"
)

// maxLast is how many outputs can be judged anew at once.
const maxLast = 1000

func (sh *shell) policyDryRun() *cobra.Command {
	var last int
	var exact bool
	var out string
	c := &cobra.Command{
		Use: "dry-run BUNDLE|PROFILE.KEY=VALUE", Short: sh.text("CLI_POLICY_DRY_RUN"), Long: sh.text("CLI_POLICY_DRY_RUN_LONG"),
		Args: sh.bundleOrNumber, Example: "darkroom policy dry-run person.scenarios.insurance-pricing.threshold=20 --last 50",
		RunE: sh.client(func(ctx context.Context, client *sdk.Client, args []string) error {
			if last < 1 || last > maxLast {
				return flagBad("last", "1 … "+strconv.Itoa(maxLast))
			}
			arg := strings.Join(args, "=")
			archive, err := sh.candidate(ctx, client, arg)
			if err != nil {
				return err
			}
			if exact {
				sh.note("CLI_POLICY_DRY_RUN_EXACT")
			}
			raw, err := client.DryRunPolicy(ctx, archive, last, exact)
			if err != nil {
				return err
			}
			if err := tell(sh, raw, out, sh.whatIf); err != nil {
				return err
			}
			place, _, _ := strings.Cut(arg, "=")
			return sh.unknownScenario(ctx, client, place)
		}),
	}
	c.Flags().IntVar(&last, "last", 100, sh.text("CLI_POLICY_LAST", "limit", strconv.Itoa(maxLast)))
	c.Flags().BoolVar(&exact, "exact", false, sh.text("CLI_POLICY_EXACT"))
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_RUN_REPORT_OUT"))
	return c
}

// bundleOrNumber takes a file or folder, or one number, also as two arguments.
func (sh *shell) bundleOrNumber(cmd *cobra.Command, args []string) error {
	if len(args) == 2 || len(args) == 1 && isPlace(args[0]) {
		return sh.oneNumber(cmd, args)
	}
	return sh.exactly("BUNDLE|PROFILE.KEY=VALUE")(cmd, args)
}

// isPlace reports whether an argument begins as the place of a number does, and is no file.
func isPlace(arg string) bool {
	kind, _, dotted := strings.Cut(arg, ".")
	_, err := os.Stat(arg)
	return dotted && err != nil && (kind == string(enclave.Person) || kind == string(enclave.Organisation))
}

// candidate is the bundle that somebody wants to try: a file or folder, or the rules in force with one number changed.
func (sh *shell) candidate(ctx context.Context, client *sdk.Client, arg string) ([]byte, error) {
	var files []policy.File
	place, value, isNumber := strings.Cut(arg, "=")
	if isNumber {
		var err error
		if files, err = sh.withNumber(ctx, client, place, value); err != nil {
			return nil, err
		}
	} else {
		var err error
		if files, err = sh.bundle(arg); err != nil {
			return nil, err
		}
	}
	return policy.EncodeArchive(files)
}

// whatIf prints what other rules would have decided: how many, by which rule and of whom, and one line a run.
func (sh *shell) whatIf(w *run.WhatIf) {
	sh.say("CLI_POLICY_WHAT_IF", "judged", strconv.Itoa(w.Judged), "changed", strconv.Itoa(w.Changed), "revision", w.Revision.String())
	if w.Approximate > 0 {
		sh.say("CLI_POLICY_APPROXIMATE", "count", strconv.Itoa(w.Approximate))
	}
	var rules [][]string
	for _, rule := range slices.Sorted(maps.Keys(w.Rules)) {
		for _, operator := range slices.Sorted(maps.Keys(w.Rules[rule])) {
			rules = append(rules, []string{rule, operator, strconv.Itoa(w.Rules[rule][operator])})
		}
	}
	if len(rules) > 0 {
		term.Table(sh.out, []string{sh.text("CLI_HEAD_RULE"), sh.text("CLI_HEAD_OPERATOR"), sh.text("CLI_HEAD_OUTPUTS")}, rules)
	}
	if gone := lostCells(w); gone > 0 {
		sh.say("CLI_POLICY_RELEASED_BEFORE", "count", strconv.Itoa(gone))
	}
	var rows [][]string
	for i := range w.Runs {
		r := &w.Runs[i]
		rows = append(rows, []string{"runs/" + r.Run, r.Operator, r.Scenario, sh.word(string(r.Before)), sh.afterwards(r), sh.output(r)})
	}
	if len(rows) > 0 {
		heads := []string{"CLI_HEAD_RUN", "CLI_HEAD_OPERATOR", "CLI_HEAD_SCENARIO", "CLI_HEAD_BEFORE", "CLI_HEAD_AFTER", "CLI_HEAD_OUTPUT"}
		for i, head := range heads {
			heads[i] = sh.text(head)
		}
		term.Table(sh.out, heads, rows)
	}
}

// lostCells counts the outputs that left with cells that would be left out now, or that would be denied whole.
func lostCells(w *run.WhatIf) (outputs int) {
	for i := range w.Runs {
		r := &w.Runs[i]
		if r.Before == enclave.Release && (r.After == enclave.Deny || r.Suppressed > 0 || r.Cells != nil && r.Cells[1] < r.Cells[0]) {
			outputs++
		}
	}
	return outputs
}

func (sh *shell) afterwards(r *run.WhatIfRun) string {
	word := sh.word(string(r.After))
	if r.After == "" {
		word = sh.text("CLI_POLICY_NO_DECISION")
	}
	if r.Approximate {
		word = "≈ " + word
	}
	var codes []string
	for _, reason := range r.Reasons {
		codes = append(codes, reason.Code)
	}
	if len(codes) > 0 {
		word += " (" + strings.Join(codes, ", ") + ")"
	}
	return word
}

func (sh *shell) output(r *run.WhatIfRun) string {
	switch {
	case r.Exact && r.SameOutput:
		return sh.text("CLI_POLICY_SAME_OUTPUT")
	case r.Cells != nil:
		return sh.text("CLI_POLICY_CELLS", "before", strconv.FormatInt(r.Cells[0], 10), "after", strconv.FormatInt(r.Cells[1], 10))
	case r.Suppressed > 0:
		return sh.text("CLI_POLICY_MORE_LEFT_OUT", "count", strconv.FormatInt(r.Suppressed, 10))
	case r.Approximate:
		return sh.text("CLI_POLICY_OTHER_OUTPUT")
	}
	return ""
}
