package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) grantCommand() *cobra.Command {
	return sh.group("grant", "CLI_GRANT", sh.grantApply(), sh.grantList(), sh.grantShow(),
		sh.grantDecide("assess", "CLI_GRANT_ASSESS", (*sdk.Client).AssessGrant),
		sh.grantDecide("confirm", "CLI_GRANT_CONFIRM", (*sdk.Client).ConfirmGrant),
		sh.grantChange("suspend", "CLI_GRANT_SUSPEND", (*sdk.Client).SuspendGrant),
		sh.grantChange("resume", "CLI_GRANT_RESUME", (*sdk.Client).ResumeGrant),
		sh.grantChange("revoke", "CLI_GRANT_REVOKE", (*sdk.Client).RevokeGrant))
}

func (sh *shell) grantApply() *cobra.Command {
	var application sdk.Application
	var scopes []string
	c := &cobra.Command{
		Use: "apply --scenario NAME --purpose TEXT --dataset NAME:column,column", Short: sh.text("CLI_GRANT_APPLY"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			for _, scope := range scopes {
				dataset, columns, ok := strings.Cut(scope, ":")
				if !ok || dataset == "" || columns == "" {
					return enclave.Fail(enclave.Invalid, "CLI_FLAG_BAD", "flag", "dataset", "expected", "NAME:column,column")
				}
				application.Scopes = append(application.Scopes, sdk.Scope{Dataset: dataset, Columns: strings.Split(columns, ",")})
			}
			grant, err := c.ApplyGrant(ctx, application)
			if err != nil {
				return err
			}
			sh.say("CLI_GRANT_APPLIED", "name", "grants/"+grant.ID)
			return nil
		}),
	}
	c.Flags().StringVar(&application.Scenario, "scenario", "", sh.text("CLI_GRANT_SCENARIO"))
	c.Flags().StringVar(&application.Purpose, "purpose", "", sh.text("CLI_GRANT_PURPOSE"))
	c.Flags().StringArrayVar(&scopes, "dataset", nil, sh.text("CLI_GRANT_SCOPE"))
	c.Flags().IntVar(&application.TermDays, "days", 365, sh.text("CLI_GRANT_DAYS"))
	for _, name := range []string{"scenario", "purpose", "dataset"} {
		must(c.MarkFlagRequired(name))
	}
	return c
}

func (sh *shell) grantList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: sh.text("CLI_GRANT_LIST"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			return list(sh, c.ListGrants(ctx), []string{"NAME", "OWNER", "SCENARIO", "STATE", "EXPIRES"}, func(g sdk.Grant) []string {
				return []string{"grants/" + g.ID, g.Operator, g.Scenario, string(g.State), day(g.End)}
			})
		}),
	}
}

func (sh *shell) grantShow() *cobra.Command {
	return &cobra.Command{
		Use: "show GRANT", Short: sh.text("CLI_GRANT_SHOW"), Args: sh.exactly("GRANT"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			g, err := c.GetGrant(ctx, args[0])
			if err != nil {
				return err
			}
			sh.grantState(g)
			fmt.Fprintf(sh.out, "%s · %s\n%s\n", g.Operator, g.Scenario, g.Purpose)
			for _, s := range g.Scopes {
				fmt.Fprintf(sh.out, "%s: %s\n", s.Dataset, strings.Join(s.Columns, ", "))
			}
			fmt.Fprintf(sh.out, "%s – %s\n", day(g.Start), day(g.End))
			if g.Note != "" {
				fmt.Fprintln(sh.out, g.Note)
			}
			return nil
		}),
	}
}

// grantDecide is a yes or no of the authority or of a source department.
func (sh *shell) grantDecide(use, short string, decide func(*sdk.Client, context.Context, string, bool, string) (sdk.Grant, error)) *cobra.Command {
	var reject bool
	var note string
	c := &cobra.Command{
		Use: use + " GRANT", Short: sh.text(short), Args: sh.exactly("GRANT"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			grant, err := decide(c, ctx, args[0], !reject, note)
			if err != nil {
				return err
			}
			sh.grantState(grant)
			return nil
		}),
	}
	c.Flags().BoolVar(&reject, "reject", false, sh.text("CLI_GRANT_REJECT"))
	c.Flags().StringVar(&note, "note", "", sh.text("CLI_GRANT_NOTE"))
	return c
}

// grantChange is an act of the authority on a grant that exists.
func (sh *shell) grantChange(use, short string, change func(*sdk.Client, context.Context, string, string) (sdk.Grant, error)) *cobra.Command {
	var note string
	c := &cobra.Command{
		Use: use + " GRANT --note TEXT", Short: sh.text(short), Args: sh.exactly("GRANT"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			grant, err := change(c, ctx, args[0], note)
			if err != nil {
				return err
			}
			sh.grantState(grant)
			return nil
		}),
	}
	c.Flags().StringVar(&note, "note", "", sh.text("CLI_GRANT_NOTE"))
	must(c.MarkFlagRequired("note"))
	return c
}

func (sh *shell) grantState(g sdk.Grant) {
	sh.say("CLI_GRANT_STATE", "name", "grants/"+g.ID, "state", string(g.State))
	if len(g.Waiting) > 0 {
		sh.say("CLI_GRANT_WAITING", "orgs", strings.Join(g.Waiting, ", "))
	}
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

func second(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}
