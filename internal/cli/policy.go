package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) policyCommand() *cobra.Command {
	var files bool
	var profile string
	show := &cobra.Command{
		Use: "show", Short: sh.text("CLI_POLICY_SHOW"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			policy, err := c.Policy(ctx)
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
	show.Flags().BoolVar(&files, "files", false, sh.text("CLI_POLICY_FILES"))
	return sh.group("policy", "CLI_POLICY", show)
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
