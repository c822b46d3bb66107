package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) policyCommand() *cobra.Command {
	var files bool
	show := &cobra.Command{
		Use: "show", Short: sh.text("CLI_POLICY_SHOW"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			policy, err := c.Policy(ctx)
			if err != nil {
				return err
			}
			sh.say("CLI_POLICY_REVISION", "revision", policy.Revision)
			for _, profile := range policy.Profiles {
				fmt.Fprintf(sh.out, "%s\n  %s\n", profile.Name, profile.Numbers)
			}
			if files {
				for _, file := range policy.Files {
					fmt.Fprintf(sh.out, "\n=== %s\n%s", file.Path, file.Text)
				}
			}
			return nil
		}),
	}
	show.Flags().BoolVar(&files, "files", false, sh.text("CLI_POLICY_FILES"))
	return sh.group("policy", "CLI_POLICY", show)
}
