package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) reviewCommand() *cobra.Command {
	return sh.group("review", "CLI_REVIEW", sh.reviewList(), sh.reviewShow(), sh.reviewVote(), sh.reviewAnswer())
}

func (sh *shell) reviewList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: sh.text("CLI_REVIEW_LIST"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			heads := []string{"CLI_HEAD_NAME", "CLI_HEAD_OPERATOR", "CLI_HEAD_SCENARIO", "CLI_HEAD_DATASET", "CLI_HEAD_STATE", "CLI_HEAD_HELD"}
			return list(sh, c.ListReviews(ctx), heads, func(r sdk.Review) []string {
				return []string{"runs/" + r.Run, r.Operator, r.Scenario, r.Dataset, sh.word(string(r.State)), second(r.Held)}
			})
		}),
	}
}

func (sh *shell) reviewShow() *cobra.Command {
	return &cobra.Command{
		Use: "show RUN", Short: sh.text("CLI_REVIEW_SHOW"), Args: sh.exactly("RUN"),
		RunE: sh.on("runs", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			shown, err := c.GetCase(ctx, id)
			if sdk.ReasonOf(err) != "METHOD_FORBIDDEN" {
				if err == nil {
					err = sh.showCase(shown)
				}
				return err
			}
			review, err := c.GetReview(ctx, id) // what everybody may see of it who is no reviewer
			if err == nil {
				sh.showReview(review)
			}
			return err
		}),
	}
}

func (sh *shell) reviewVote() *cobra.Command {
	var seen string
	var ballot sdk.Ballot
	c := &cobra.Command{
		Use:  "vote RUN release|reject|return --seen OUTPUT:HISTORY [--public TEXT] [--private TEXT]",
		Long: sh.text("CLI_REVIEW_VOTE_LONG"), Short: sh.text("CLI_REVIEW_VOTE"), Args: sh.exactly("RUN", "CHOICE"),
		Example: `darkroom review vote RUN return --seen OUTPUT:HISTORY --public "Who are the 12 subjects of the last row?"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if ballot.Seen, err = readSeen(seen); err != nil {
				return err
			}
			ballot.Choice = sdk.Choice(args[1])
			if all := []sdk.Choice{sdk.ChooseRelease, sdk.ChooseReject, sdk.ChooseReturn}; !slices.Contains(all, ballot.Choice) {
				return misuse("CLI_ARG_BAD", "argument", args[1], "expected", "release, reject, return")
			}
			if ballot.Choice != sdk.ChooseRelease && ballot.Public == "" {
				return misuse("CLI_FLAG_MISSING", "flags", "--public", "usage", usageLine(cmd))
			}
			return sh.on("runs", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
				review, err := c.CastVote(ctx, id, ballot)
				if err != nil {
					if sdk.ReasonOf(err) == "REVIEW_MOVED" {
						sh.next("darkroom review show runs/" + id)
					}
					return err
				}
				sh.say("CLI_REVIEW_VOTED", "choice", sh.word(string(ballot.Choice)), "output", ballot.Seen.Output, "history", strconv.FormatInt(ballot.Seen.History, 10))
				sh.showReview(review)
				return nil
			})(cmd, args)
		},
	}
	c.Flags().StringVar(&seen, "seen", "", sh.text("CLI_REVIEW_SEEN"))
	c.Flags().StringVar(&ballot.Public, "public", "", sh.text("CLI_REVIEW_PUBLIC"))
	c.Flags().StringVar(&ballot.Private, "private", "", sh.text("CLI_REVIEW_PRIVATE"))
	require(c, "seen")
	return c
}

// seenForm is how show writes what a vote binds to.
const seenForm = "OUTPUT:HISTORY"

func readSeen(text string) (sdk.Seen, error) {
	output, history, _ := strings.Cut(text, ":")
	version, err := strconv.ParseInt(history, 10, 64)
	if err != nil || version < 0 || !form("modules").MatchString(output) {
		return sdk.Seen{}, flagBad("seen", seenForm)
	}
	return sdk.Seen{Output: output, History: version}, nil
}

func (sh *shell) reviewAnswer() *cobra.Command {
	var text string
	c := &cobra.Command{
		Use: "answer RUN --text TEXT", Short: sh.text("CLI_REVIEW_ANSWER"), Args: sh.exactly("RUN"),
		RunE: sh.on("runs", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			review, err := c.AnswerQuestion(ctx, id, text)
			if err == nil {
				sh.showReview(review)
			}
			return err
		}),
	}
	c.Flags().StringVar(&text, "text", "", sh.text("CLI_REVIEW_TEXT"))
	require(c, "text")
	return c
}

// showReview prints where a review stands, and what comes next.
func (sh *shell) showReview(r sdk.Review) {
	sh.reviewState(r)
	sh.exchange(r)
	sh.after(r)
}

func (sh *shell) reviewState(r sdk.Review) {
	sh.say("CLI_REVIEW_STATE", "name", "runs/"+r.Run, "state", sh.word(string(r.State)), "round", strconv.Itoa(r.Round))
}

// exchange prints what was asked, answered and voted, as far as the caller may see it.
func (sh *shell) exchange(r sdk.Review) {
	if r.Question == "" && len(r.Answers) == 0 && len(r.Votes) == 0 {
		return
	}
	sh.section("CLI_REVIEW_EXCHANGE")
	fields := [][2]string{{"CLI_HEAD_QUESTION", r.Question}}
	for _, a := range r.Answers {
		fields = append(fields, [2]string{"CLI_HEAD_ANSWER", a.Text})
	}
	for _, v := range r.Votes {
		voter := v.Voter.Org
		if v.Voter.Name != "" { // an operator is told the organisation alone
			voter += "/" + v.Voter.Name
		}
		vote := sh.text("CLI_REVIEW_VOTE_LINE", "choice", sh.word(string(v.Choice)), "round", strconv.Itoa(v.Round), "voter", voter)
		fields = append(fields, [2]string{"CLI_HEAD_VOTE", vote}, [2]string{"CLI_HEAD_PUBLIC", v.Public}, [2]string{"CLI_HEAD_PRIVATE", v.Private})
	}
	sh.fields(fields...)
}

// after says who has to act next, and how.
func (sh *shell) after(r sdk.Review) {
	run, operator := "runs/"+r.Run, r.Seen == sdk.Seen{}
	switch r.State { //nolint:exhaustive // nothing is to be done in the others
	case sdk.ReviewReturned:
		if operator {
			sh.next("darkroom review answer " + run + ` --text "…"`)
		} else {
			sh.note("CLI_REVIEW_WAITS_OPERATOR")
		}
	case sdk.ReviewOpen, sdk.ReviewDiffer, sdk.ReviewAgreed:
		switch {
		case operator:
			sh.note("CLI_REVIEW_WAITS_PEOPLE")
		case hasVoted(r):
			sh.note("CLI_REVIEW_WAITS_ANOTHER")
		default:
			sh.next("darkroom review show " + run)
		}
	case sdk.ReviewReleased:
		if operator {
			sh.next("darkroom run fetch " + run)
		}
	}
}

// hasVoted reports whether the caller voted in this round: while it lasts, nobody sees another's vote.
func hasVoted(r sdk.Review) bool {
	return slices.ContainsFunc(r.Votes, func(v sdk.Vote) bool { return v.Round == r.Round })
}
