package cli

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/sdk"
)

// changing are the flags of commands that propose a change.
type changing struct{ note, key string }

func (sh *shell) changing(c *cobra.Command, signs bool) *changing {
	flags := &changing{}
	c.Flags().StringVar(&flags.note, "note", "", sh.text("CLI_POLICY_NOTE"))
	if signs {
		c.Flags().StringVar(&flags.key, "key", "", sh.text("CLI_POLICY_KEY"))
	}
	return flags
}

func (sh *shell) policySet() *cobra.Command {
	c := &cobra.Command{
		Use: "set PROFILE.KEY=VALUE", Short: sh.text("CLI_POLICY_SET"), Long: sh.text("CLI_POLICY_SET_LONG"), Args: sh.oneNumber,
		Example: "darkroom policy set person.scenarios.insurance-pricing.threshold=20",
	}
	flags := sh.changing(c, true)
	c.RunE = sh.client(func(ctx context.Context, client *sdk.Client, args []string) error {
		place, value, _ := strings.Cut(strings.Join(args, "="), "=")
		files, err := sh.withNumber(ctx, client, place, value)
		if err != nil {
			return err
		}
		if err := sh.propose(ctx, client, files, flags); err != nil {
			return err
		}
		return sh.unknownScenario(ctx, client, place)
	})
	return c
}

// oneNumber takes PROFILE.KEY=VALUE, also as two arguments.
func (sh *shell) oneNumber(cmd *cobra.Command, args []string) error {
	if len(args) == 2 && !strings.Contains(args[0], "=") || len(args) == 1 && strings.Contains(args[0], "=") {
		return nil
	}
	if len(args) == 1 {
		return misuse("CLI_POLICY_NO_VALUE", "place", args[0], "usage", usageLine(cmd))
	}
	return sh.exactly("PROFILE.KEY=VALUE")(cmd, args)
}

// withNumber is the rules in force with one number changed.
func (sh *shell) withNumber(ctx context.Context, client *sdk.Client, place, value string) ([]policy.File, error) {
	files, _, err := sh.rulesOf(ctx, client, "")
	if err != nil {
		return nil, err
	}
	return policy.Set(files, place, value)
}

// unknownScenario says so where a place names a scenario that no grant is for, as one does that is spelled wrong.
func (sh *shell) unknownScenario(ctx context.Context, client *sdk.Client, place string) error {
	steps := strings.Split(strings.TrimPrefix(place, "profiles."), ".")
	if len(steps) != 4 || steps[1] != "scenarios" {
		return nil
	}
	known, err := grantedFor(ctx, client, "")
	if err == nil && !slices.Contains(known, steps[2]) {
		sh.note("CLI_POLICY_NO_SCENARIO", "scenario", steps[2], "known", strings.Join(known, ", "))
	}
	return err
}

// grantedFor are the scenarios of the grants that the caller sees and that have not ended, of those on a dataset if one is named.
func grantedFor(ctx context.Context, client *sdk.Client, dataset string) ([]string, error) {
	known := map[string]bool{}
	for grant, err := range client.ListGrants(ctx) {
		if err != nil {
			return nil, err
		}
		on := func(s sdk.Scope) bool { return dataset == "" || s.Dataset == dataset }
		if ended := []sdk.GrantState{sdk.GrantRejected, sdk.GrantRevoked, sdk.GrantExpired}; !slices.Contains(ended, grant.State) && slices.ContainsFunc(grant.Scopes, on) {
			known[grant.Scenario] = true
		}
	}
	return slices.Sorted(maps.Keys(known)), nil
}

// propose signs files and hands them in.
func (sh *shell) propose(ctx context.Context, client *sdk.Client, files []policy.File, flags *changing) error {
	if _, err := policy.LoadFiles(files); err != nil { //nolint:contextcheck // compiling rules is not interrupted
		return err // before the key is asked for
	}
	archive, err := sh.signed(files, flags.key)
	if err != nil {
		return err
	}
	change, err := client.ProposePolicy(ctx, archive, flags.note)
	if err != nil {
		return err
	}
	sh.proposed(&change)
	return nil
}

// signed packs files with a signature by the key in a file: the one named, that of DARKROOM_POLICY_KEY, or policy.pem beside the credential.
func (sh *shell) signed(files []policy.File, key string) ([]byte, error) {
	key = cmp.Or(key, os.Getenv("DARKROOM_POLICY_KEY"))
	if credential := sh.credentialFile(); key == "" && credential != "" {
		beside := filepath.Join(filepath.Dir(credential), "policy.pem")
		if _, err := os.Stat(beside); !errors.Is(err, fs.ErrNotExist) {
			key = beside
		}
	}
	if key == "" {
		return nil, misuse("CLI_POLICY_NO_KEY")
	}
	private, err := sh.read(key, maxKey)
	if err != nil {
		return nil, err
	}
	if files, err = policy.Sign(files, private); err != nil {
		return nil, err
	}
	return policy.EncodeArchive(files)
}

func (sh *shell) proposed(c *sdk.PolicyChange) {
	sh.changed(c)
	sh.next("darkroom policy agree " + c.Revision)
}

// changed prints a change: where it stands, and what it changes.
func (sh *shell) changed(c *sdk.PolicyChange) {
	sh.say("CLI_STATE", "name", "policyChanges/"+c.ID, "state", sh.word(string(c.State)))
	sh.fields([2]string{"CLI_HEAD_REVISION", c.Revision}, [2]string{"CLI_HEAD_BASE", c.Base}, [2]string{"CLI_HEAD_PROPOSER", personName(c.Proposer)},
		[2]string{"CLI_HEAD_DECIDER", personName(c.Decider)}, [2]string{"CLI_HEAD_NOTE", c.Note})
	var rows [][]string
	for _, d := range c.Differences {
		rows = append(rows, []string{strings.TrimPrefix(d.Place, "profiles."), shortened(d.Before), shortened(d.After)})
	}
	if len(rows) > 0 && c.Base != "" {
		term.Table(sh.out, []string{sh.text("CLI_HEAD_PLACE"), sh.text("CLI_HEAD_BEFORE"), sh.text("CLI_HEAD_AFTER")}, rows)
	}
}

// shortened is a number whole, and the beginning of a digest.
func shortened(value string) string {
	if digestForm().MatchString(value) {
		return value[:12]
	}
	return cmp.Or(value, "–")
}

func digestForm() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{64}$`) }

func personName(i sdk.Identity) string {
	if i == (sdk.Identity{}) {
		return ""
	}
	return i.Org + "/" + i.Name
}

func (sh *shell) policyPropose() *cobra.Command {
	c := &cobra.Command{
		Use: "propose BUNDLE", Short: sh.text("CLI_POLICY_PROPOSE"), Long: sh.text("CLI_POLICY_PROPOSE_LONG"), Args: sh.exactly("BUNDLE"),
		Example: "darkroom policy propose bundle.tar.gz",
	}
	flags := sh.changing(c, false)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		archive, err := sh.read(args[0], policy.MaxArchive)
		if err != nil {
			return err
		}
		return sh.client(func(ctx context.Context, client *sdk.Client, _ []string) error {
			change, err := client.ProposePolicy(ctx, archive, flags.note)
			if err != nil {
				return err
			}
			sh.proposed(&change)
			return nil
		})(cmd, args)
	}
	return c
}

func (sh *shell) policyRollback() *cobra.Command {
	c := &cobra.Command{
		Use: "rollback REVISION", Short: sh.text("CLI_POLICY_ROLLBACK"), Long: sh.text("CLI_POLICY_ROLLBACK_LONG"), Args: sh.exactly("REVISION"),
	}
	flags := sh.changing(c, true)
	c.RunE = sh.client(func(ctx context.Context, client *sdk.Client, args []string) error {
		was, err := sh.find(ctx, client, args[0], func(c *sdk.PolicyChange) bool { return c.State == sdk.PolicyReplaced || c.State == sdk.PolicyActive })
		if err != nil {
			return err
		}
		files, _, err := sh.rulesOf(ctx, client, was.Revision)
		if err != nil {
			return err
		}
		return sh.propose(ctx, client, files, flags)
	})
	return c
}

func (sh *shell) policyAgree() *cobra.Command { return sh.decide("agree", "CLI_POLICY_AGREE", true) }

func (sh *shell) policyReject() *cobra.Command {
	return sh.decide("reject", "CLI_POLICY_REJECT", false)
}

func (sh *shell) decide(use, text string, agree bool) *cobra.Command {
	return &cobra.Command{
		Use: use + " REVISION", Short: sh.text(text), Args: sh.exactly("REVISION"),
		RunE: sh.client(func(ctx context.Context, client *sdk.Client, args []string) error {
			waits, err := sh.find(ctx, client, args[0], func(c *sdk.PolicyChange) bool { return c.State == sdk.PolicyWaiting || c.State == sdk.PolicyActive })
			if err != nil {
				return err
			}
			if waits.State == sdk.PolicyActive {
				return enclave.Fail(enclave.State, "CLI_POLICY_ACTIVE", "revision", waits.Revision)
			}
			change, err := client.DecidePolicyChange(ctx, waits.ID, agree)
			if err != nil {
				return err
			}
			sh.changed(&change)
			return nil
		}),
	}
}

// find is the latest change to a revision, which may be shortened to 8 characters or more, in a state.
func (sh *shell) find(ctx context.Context, client *sdk.Client, revision string, in func(*sdk.PolicyChange) bool) (*sdk.PolicyChange, error) {
	if !regexp.MustCompile(`^[0-9a-f]{8,64}$`).MatchString(revision) {
		return nil, misuse("CLI_POLICY_REVISION_BAD", "argument", revision)
	}
	var found *sdk.PolicyChange
	for change, err := range client.ListPolicyChanges(ctx) {
		if err != nil {
			return nil, err
		}
		if !in(&change) || len(change.Revision) < len(revision) || change.Revision[:len(revision)] != revision {
			continue
		}
		if found != nil && found.Revision != change.Revision {
			return nil, misuse("CLI_ARG_BAD", "argument", revision, "expected", change.Revision+", "+found.Revision)
		}
		if found == nil {
			found = &change
		}
	}
	if found == nil {
		return nil, enclave.Fail(enclave.NotFound, "CLI_POLICY_NO_CHANGE", "revision", revision)
	}
	return found, nil
}

// revision is a revision as a person types it: whole, or shortened as the history prints it.
func (sh *shell) revision(ctx context.Context, client *sdk.Client, typed string) (string, error) {
	if digestForm().MatchString(typed) {
		return typed, nil
	}
	found, err := sh.find(ctx, client, typed, func(*sdk.PolicyChange) bool { return true })
	if err != nil {
		return "", err
	}
	return found.Revision, nil
}

func (sh *shell) policyHistory() *cobra.Command {
	return &cobra.Command{
		Use: "history", Short: sh.text("CLI_POLICY_HISTORY"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, client *sdk.Client, _ []string) error {
			heads := []string{"CLI_HEAD_REVISION", "CLI_HEAD_STATE", "CLI_HEAD_PROPOSER", "CLI_HEAD_DECIDER", "CLI_HEAD_TIME", "CLI_HEAD_CHANGES"}
			return list(sh, client.ListPolicyChanges(ctx), heads, func(c sdk.PolicyChange) []string {
				when := c.Proposed
				if !c.Decided.IsZero() {
					when = c.Decided
				}
				changes := strconv.Itoa(len(c.Differences))
				switch {
				case c.Base == "": // the first
					changes = ""
				case len(c.Differences) == 1:
					d := c.Differences[0]
					changes = strings.TrimPrefix(d.Place, "profiles.") + ": " + shortened(d.Before) + " → " + shortened(d.After)
				}
				return []string{
					c.Revision[:12], sh.word(string(c.State)), cmp.Or(personName(c.Proposer), sh.text("CLI_POLICY_BUILT_IN")), personName(c.Decider),
					when.Local().Format(time.DateTime), changes,
				}
			})
		}),
	}
}
