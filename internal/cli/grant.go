package cli

import (
	"context"
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
		Use: "apply --scenario NAME --purpose TEXT --dataset DATASET:COLUMN,COLUMN", Short: sh.text("CLI_GRANT_APPLY"), Args: sh.exactly(),
		Example: `darkroom grant apply --scenario insurance-pricing --purpose "Fair premiums by district" --dataset visits:district,birth_year,cost`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, scope := range scopes {
				dataset, columns, _ := strings.Cut(scope, ":")
				if !enclave.ValidName(dataset) || columns == "" {
					return flagBad("dataset", "DATASET:COLUMN,COLUMN")
				}
				application.Scopes = append(application.Scopes, sdk.Scope{Dataset: dataset, Columns: strings.Split(columns, ",")})
			}
			if !enclave.ValidName(application.Scenario) {
				return flagBad("scenario", nameForm)
			}
			for _, form := range application.Forms {
				if form != string(enclave.Aggregate) && form != string(enclave.Program) {
					return flagBad("form", "aggregate, program")
				}
			}
			if application.TermDays < 1 || application.TermDays > maxDays {
				return flagBad("days", "1 … 1096")
			}
			return sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
				grant, err := c.ApplyGrant(ctx, application)
				if err != nil {
					return err
				}
				sh.say("CLI_GRANT_APPLIED", "name", "grants/"+grant.ID)
				sh.next("darkroom grant show grants/" + grant.ID)
				return nil
			})(cmd, args)
		},
	}
	c.Flags().StringVar(&application.Scenario, "scenario", "", sh.text("CLI_GRANT_SCENARIO"))
	c.Flags().StringVar(&application.Purpose, "purpose", "", sh.text("CLI_GRANT_PURPOSE"))
	c.Flags().StringArrayVar(&scopes, "dataset", nil, sh.text("CLI_GRANT_SCOPE"))
	c.Flags().StringSliceVar(&application.Forms, "form", nil, sh.text("CLI_GRANT_FORM"))
	c.Flags().IntVar(&application.TermDays, "days", 365, sh.text("CLI_GRANT_DAYS"))
	require(c, "scenario", "purpose", "dataset")
	return c
}

func (sh *shell) grantList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: sh.text("CLI_GRANT_LIST"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			heads := []string{"CLI_HEAD_NAME", "CLI_HEAD_OPERATOR", "CLI_HEAD_SCENARIO", "CLI_HEAD_STATE", "CLI_HEAD_EXPIRES"}
			return list(sh, c.ListGrants(ctx), heads, func(g sdk.Grant) []string {
				return []string{"grants/" + g.ID, g.Operator, g.Scenario, sh.word(string(g.State)), day(g.End)}
			})
		}),
	}
}

func (sh *shell) grantShow() *cobra.Command {
	return &cobra.Command{
		Use: "show GRANT", Short: sh.text("CLI_GRANT_SHOW"), Args: sh.exactly("GRANT"),
		RunE: sh.on("grants", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			g, err := c.GetGrant(ctx, id)
			if err != nil {
				return err
			}
			sh.grantState(g)
			fields := [][2]string{
				{"CLI_HEAD_OPERATOR", g.Operator},
				{"CLI_HEAD_SCENARIO", g.Scenario},
				{"CLI_HEAD_PURPOSE", g.Purpose},
			}
			for _, s := range g.Scopes {
				fields = append(fields, [2]string{"CLI_HEAD_SCOPE", s.Dataset + ": " + strings.Join(s.Columns, ", ")})
			}
			fields = append(fields, [2]string{"CLI_HEAD_FORMS", strings.Join(g.Forms, ", ")})
			sh.fields(append(fields, [2]string{"CLI_HEAD_TERM", day(g.Start) + " – " + day(g.End)}, [2]string{"CLI_HEAD_NOTE", g.Note})...)
			return nil
		}),
	}
}

// grantDecide is a yes or no of the authority or of a source department.
func (sh *shell) grantDecide(use, short string, decide func(*sdk.Client, context.Context, string, bool, string) (sdk.Grant, error)) *cobra.Command {
	var reject bool
	var note string
	c := &cobra.Command{
		Use: use + " GRANT [--reject --note TEXT]", Short: sh.text(short), Args: sh.exactly("GRANT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reject && note == "" {
				return misuse("CLI_FLAG_MISSING", "flags", "--note", "usage", usageLine(cmd))
			}
			return sh.on("grants", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
				grant, err := decide(c, ctx, id, !reject, note)
				if err != nil {
					return err
				}
				sh.grantState(grant)
				return nil
			})(cmd, args)
		},
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
		RunE: sh.on("grants", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			grant, err := change(c, ctx, id, note)
			if err != nil {
				return err
			}
			sh.grantState(grant)
			return nil
		}),
	}
	c.Flags().StringVar(&note, "note", "", sh.text("CLI_GRANT_NOTE"))
	require(c, "note")
	return c
}

// grantState says where a grant stands and who has to act next.
func (sh *shell) grantState(g sdk.Grant) {
	sh.say("CLI_STATE", "name", "grants/"+g.ID, "state", sh.word(string(g.State)))
	switch g.State { //nolint:exhaustive // the states in which somebody has to act
	case sdk.GrantApplied:
		sh.note("CLI_GRANT_WAITING_ASSESS", "command", "darkroom grant assess grants/"+g.ID)
	case sdk.GrantAssessed:
		sh.note("CLI_GRANT_WAITING_CONFIRM", "orgs", strings.Join(g.Waiting, ", "), "command", "darkroom grant confirm grants/"+g.ID)
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
