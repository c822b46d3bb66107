package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) policyCommand() *cobra.Command {
	return sh.group("policy", "CLI_POLICY", sh.policyShow(), sh.policyNumbers(), sh.policySet(), sh.policyPropose(), sh.policyAgree(), sh.policyReject(), sh.policyRollback(),
		sh.policyHistory(), sh.policyDryRun(), sh.policyCheck(), sh.policyTest(), sh.policyBuild(), sh.policySign())
}

// policyNumbers says what each number is. It asks no enclave: the numbers are those of this program.
func (sh *shell) policyNumbers() *cobra.Command {
	return &cobra.Command{
		Use: "numbers", Short: sh.text("CLI_POLICY_NUMBERS"), Args: sh.exactly(),
		RunE: func(*cobra.Command, []string) error {
			var rows [][]string
			for _, n := range policy.Numbers() {
				stricter := "CLI_POLICY_LARGER"
				if !n.Larger {
					stricter = "CLI_POLICY_SMALLER"
				}
				rows = append(rows, []string{
					n.Name, strconv.FormatInt(n.Min, 10) + "–" + strconv.FormatInt(n.Max, 10), sh.text(stricter), sh.text(n.Text),
				})
			}
			sh.table("", []string{"CLI_HEAD_NUMBER", "CLI_HEAD_RANGE", "CLI_HEAD_STRICTER", "CLI_HEAD_MEANING"}, rows)
			return nil
		},
	}
}

func (sh *shell) policyShow() *cobra.Command {
	var files bool
	var profile, grant, revision string
	show := &cobra.Command{
		Use: "show", Short: sh.text("CLI_POLICY_SHOW"), Args: sh.exactly(),
		Example: "darkroom policy show --grant GRANT",
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			if grant != "" {
				return sh.origins(ctx, c, grant)
			}
			if revision != "" {
				whole, err := sh.revision(ctx, c, revision)
				if err != nil {
					return err
				}
				revision = whole
			}
			policy, err := c.PolicyAt(ctx, revision)
			if err != nil {
				return err
			}
			if profile != "" {
				return sh.profile(policy.Profiles, profile)
			}
			sh.say("CLI_POLICY_REVISION", "revision", policy.Revision)
			if err := sh.profiles(policy.Profiles); err != nil {
				return err
			}
			if files {
				for _, file := range policy.Files {
					fmt.Fprintf(sh.out, "\n=== %s\n%s", file.Path, file.Text)
				}
			}
			return nil
		}),
	}
	show.Flags().StringVar(&profile, "profile", "", sh.text("CLI_POLICY_PROFILE"))
	show.Flags().StringVar(&grant, "grant", "", sh.text("CLI_POLICY_GRANT"))
	show.Flags().StringVar(&revision, "revision", "", sh.text("CLI_POLICY_AT"))
	show.Flags().BoolVar(&files, "files", false, sh.text("CLI_POLICY_FILES"))
	return show
}

// origins prints the numbers that apply to each dataset of a grant, and where each comes from.
func (sh *shell) origins(ctx context.Context, c *sdk.Client, name string) error {
	grantID, err := id("grants", name)
	if err != nil {
		return err
	}
	grant, err := c.GetGrant(ctx, grantID)
	if err != nil {
		return err
	}
	_, rules, err := sh.rulesOf(ctx, c, "")
	if err != nil {
		return err
	}
	sh.say("CLI_POLICY_REVISION", "revision", rules.Revision().String())
	heads := []string{sh.text("CLI_HEAD_NUMBER"), sh.text("CLI_HEAD_VALUE"), sh.text("CLI_HEAD_FROM"), sh.text("CLI_HEAD_FLOOR")}
	for _, scope := range grant.Scopes {
		dataset, err := remoteDataset(ctx, c, scope.Dataset)
		if err != nil {
			return err
		}
		origins, err := rules.Origins(dataset.Subject.Kind, dataset.Grade, grant.Scenario)
		if err != nil {
			return err
		}
		sh.say("CLI_POLICY_FOR", "dataset", scope.Dataset, "kind", string(dataset.Subject.Kind), "grade", strconv.Itoa(dataset.Grade), "scenario", grant.Scenario)
		var rows [][]string
		for _, o := range origins {
			rows = append(rows, []string{o.Number, o.Value, o.From, o.Floor})
		}
		term.Table(sh.out, heads, rows)
	}
	return nil
}

// rulesOf fetches a revision, "" for the one in force, and compiles it here.
func (sh *shell) rulesOf(ctx context.Context, c *sdk.Client, revision string) ([]policy.File, *policy.Engine, error) {
	remote, err := c.PolicyAt(ctx, revision)
	if err != nil {
		return nil, nil, err
	}
	files := make([]policy.File, len(remote.Files))
	for i, f := range remote.Files {
		files[i] = policy.File{Path: f.Path, Text: f.Text}
	}
	rules, err := policy.LoadFiles(files, policy.WithLogger(sh.logger())) //nolint:contextcheck // compiling rules is not interrupted
	if err != nil {
		return nil, nil, err
	}
	if rules.Revision().String() != remote.Revision {
		return nil, nil, enclave.Internalf("the rules that came are of revision %s, not %s", rules.Revision(), remote.Revision)
	}
	return files, rules, nil
}

// profile prints one profile as JSON, for 'module test --profile'.
func (sh *shell) profile(profiles []sdk.PolicyProfile, name string) error {
	var names []string
	for _, p := range profiles {
		if names = append(names, p.Name); p.Name == name {
			fmt.Fprintln(sh.out, string(p.Numbers))
			return nil
		}
	}
	return flagBad("profile", strings.Join(names, ", "))
}

// profiles prints the numbers of all profiles side by side, one line a number.
func (sh *shell) profiles(profiles []sdk.PolicyProfile) error {
	header, numbers := []string{sh.text("CLI_HEAD_PROFILE")}, map[string][]string{}
	for i, profile := range profiles {
		header = append(header, profile.Name)
		var values map[string]json.RawMessage
		if err := json.Unmarshal(profile.Numbers, &values); err != nil {
			return err
		}
		delete(values, "name")
		for name, value := range values {
			if numbers[name] == nil {
				numbers[name] = make([]string, len(profiles))
			}
			numbers[name][i] = string(value)
		}
	}
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		rows = append(rows, append([]string{name}, numbers[name]...))
	}
	fmt.Fprintln(sh.out)
	term.Table(sh.out, header, rows)
	return nil
}
