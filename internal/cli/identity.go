package cli

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) identityCommand() *cobra.Command {
	return sh.group("identity", "CLI_IDENTITY", sh.identityIssue(), sh.identityShow())
}

func (sh *shell) identityIssue() *cobra.Command {
	var who sdk.Identity
	var role, out string
	var days int
	c := &cobra.Command{
		Use: "issue --role ROLE --org ORG --name NAME", Short: sh.text("CLI_IDENTITY_ISSUE"), Args: sh.exactly(),
		Example: "darkroom identity issue --role operator --org acme-analytics --name li --out li.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			who.Role = sdk.Role(role)
			switch {
			case !slices.Contains([]sdk.Role{sdk.Operator, sdk.Authority, sdk.Source, sdk.Reviewer, sdk.Auditor}, who.Role):
				return flagBad("role", "operator, authority, source, reviewer, auditor")
			case !enclave.ValidName(who.Org):
				return flagBad("org", nameForm)
			case !enclave.ValidName(who.Name):
				return flagBad("name", nameForm)
			case days < 1 || days > maxDays:
				return flagBad("days", "1 … 1096")
			}
			out = cmp.Or(out, who.Name+".json")
			if err := missing(out); err != nil { // before a certificate is issued whose key has no place
				return err
			}
			return sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
				credential, err := c.IssueIdentity(ctx, who, days)
				if err != nil {
					return err
				}
				if err := credential.WriteFile(out); err != nil {
					return err
				}
				sh.say("CLI_IDENTITY_ISSUED", "role", sh.word(role), "org", who.Org, "name", who.Name, "file", out)
				return nil
			})(cmd, args)
		},
	}
	c.Flags().StringVar(&role, "role", "", sh.text("CLI_IDENTITY_ROLE"))
	c.Flags().StringVar(&who.Org, "org", "", sh.text("CLI_IDENTITY_ORG"))
	c.Flags().StringVar(&who.Name, "name", "", sh.text("CLI_IDENTITY_NAME"))
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_IDENTITY_OUT"))
	c.Flags().IntVar(&days, "days", 365, sh.text("CLI_IDENTITY_DAYS"))
	require(c, "role", "org", "name")
	return c
}

// maxDays is the longest that a certificate or a grant lasts.
const maxDays = 1096

func (sh *shell) identityShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: sh.text("CLI_IDENTITY_SHOW"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			me, err := c.WhoAmI(ctx)
			if err != nil {
				return err
			}
			credential, err := sh.readCredential()
			if err != nil {
				return err
			}
			sh.fields(
				[2]string{"CLI_HEAD_ROLE", sh.word(string(me.Role))},
				[2]string{"CLI_HEAD_ORG", me.Org},
				[2]string{"CLI_HEAD_NAME", me.Name},
				[2]string{"CLI_HEAD_EXPIRES", day(credential.Expires())},
				[2]string{"CLI_HEAD_ADDRESS", credential.Address},
			)
			return nil
		}),
	}
}
