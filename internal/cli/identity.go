package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) identityCommand() *cobra.Command {
	var who sdk.Identity
	var role, out string
	var days int
	issue := &cobra.Command{
		Use: "issue --role ROLE --org ORG --name NAME", Short: sh.text("CLI_IDENTITY_ISSUE"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			who.Role = sdk.Role(role)
			if out == "" {
				out = who.Name + ".json"
			}
			credential, err := c.IssueIdentity(ctx, who, days)
			if err != nil {
				return err
			}
			if err := credential.WriteFile(out); err != nil {
				return err
			}
			sh.say("CLI_IDENTITY_ISSUED", "role", role, "org", who.Org, "name", who.Name, "file", out)
			return nil
		}),
	}
	issue.Flags().StringVar(&role, "role", "", sh.text("CLI_IDENTITY_ROLE"))
	issue.Flags().StringVar(&who.Org, "org", "", sh.text("CLI_IDENTITY_ORG"))
	issue.Flags().StringVar(&who.Name, "name", "", sh.text("CLI_IDENTITY_NAME"))
	issue.Flags().StringVar(&out, "out", "", sh.text("CLI_OUT_FLAG"))
	issue.Flags().IntVar(&days, "days", 365, sh.text("CLI_IDENTITY_DAYS"))
	for _, name := range []string{"role", "org", "name"} {
		must(issue.MarkFlagRequired(name))
	}
	show := &cobra.Command{
		Use: "show", Short: sh.text("CLI_IDENTITY_SHOW"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			me, err := c.WhoAmI(ctx)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(sh.out, "%s %s %s\n", me.Role, me.Org, me.Name)
			return err
		}),
	}
	return sh.group("identity", "CLI_IDENTITY", issue, show)
}
