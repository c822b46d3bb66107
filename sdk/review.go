package sdk

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"time"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// ReviewState is where the review of a held output stands.
type ReviewState string

// The states of a review.
const (
	ReviewOpen     ReviewState = "open"     // waits for votes
	ReviewDiffer   ReviewState = "differ"   // the votes differed: they are shown, and a new round waits for votes
	ReviewReturned ReviewState = "returned" // waits for the operator's answer to a question
	ReviewAgreed   ReviewState = "agreed"   // people agreed on release; the gate opens next, or finds that their votes are void
	ReviewReleased ReviewState = "released" // final
	ReviewRejected ReviewState = "rejected" // people agreed that it stays inside; final
	ReviewClosed   ReviewState = "closed"   // the operator withdrew the run, or the gate refused what people agreed on; final
)

// Choice is what a reviewer wants done with a held output.
type Choice string

// The choices.
const (
	ChooseRelease Choice = "release" // let it out
	ChooseReject  Choice = "reject"  // keep it inside for good
	ChooseReturn  Choice = "return"  // ask the operator a question first
)

// Review is where the review of a held output stands, as far as the caller may see.
type Review struct {
	Run      string
	Operator string // organisation that submitted the run
	Grant    string
	Scenario string
	Dataset  string
	Source   string // source department of the dataset
	Module   string // digest
	State    ReviewState
	Outcome  Outcome   // of the run; "" while a release waits for the ledger
	Round    int       // of the votes, from 1; it grows when votes differ and when the operator answers
	Seen     Seen      // what a vote binds to; the zero value for the operator
	Held     time.Time // rounded up to 10 seconds
	Question string    // the latest; kept after it was answered
	Answers  []Answer  // oldest first
	Votes    []Vote    // that the caller may see, oldest first: always its own; others' once they need no longer stay secret
	Voted    int       // votes of this round that the caller may know of; one that still has to stay secret is not counted
}

// Seen is what a reviewer was shown: exactly this output, beside exactly these releases. A vote is bound to both.
type Seen struct {
	Output  string // SHA-256 of the held bytes
	History int64  // version of the dataset's release history
}

// Vote is what one reviewer said. The operator is told neither who voted, nor when, nor what they had seen.
type Vote struct {
	Voter   Identity
	Choice  Choice
	Seen    Seen
	Public  string // for the operator too; of a return, the question
	Private string // for reviewers and auditors
	Round   int
	Time    time.Time
}

// Answer is what the operator said to a question.
type Answer struct {
	Round int // of the votes that asked
	Text  string
	By    Identity
	Time  time.Time
}

// Case is everything that a reviewer judges by.
type Case struct {
	Review
	Purpose  string          // of the grant, in the operator's words
	Manifest json.RawMessage // what the module says of itself, of its output and of each column
	Params   map[string]string
	Facts    json.RawMessage // what the enclave measured, in the form in which the ledger's evidence has it
	Profile  json.RawMessage // the numbers that the facts were judged by, likewise
	Reasons  []Reason        // why policy held it
	Places   []Place         // where facts were found, at most 1000
	Preview  Preview         // the beginning of the output
	Similar  []Similar       // earlier releases of the same data, the most similar first
}

// Place is where in an output a fact was found.
type Place struct {
	Fact   string // as the facts name it
	Row    int    // from 0; -1 is the whole column
	Column int    // from 0; -1 is the whole row
}

// Preview is the beginning of an output, as the enclave wrote it for people; there is none of one that was rejected.
type Preview struct {
	Columns []string
	Rows    [][]Cell
	Total   int64 // rows of the whole output
}

// Cell is one value of a preview. What does not print was escaped, what is long was cut off. The text of a masked one is "".
type Cell struct {
	Text   string
	Masked bool // not shown, because a fact was found there
}

// Similar is an earlier release of the same data.
type Similar struct {
	Run      string
	Operator string
	Scenario string
	Module   string // digest
	Released time.Time
	ByPeople bool // people released it, not policy alone
}

// Ballot is a vote to cast. Seen MUST be what [Client.GetCase] showed to the person who votes, not what the review says now: that is what
// keeps a vote from letting out what nobody looked at.
type Ballot struct {
	Choice  Choice
	Seen    Seen
	Public  string // for the operator too; a rejection and a return need one
	Private string // for reviewers and auditors
}

// ListReviews iterates over the held outputs that the caller may see, newest first: a reviewer's to decide on, an operator's own.
func (c *Client) ListReviews(ctx context.Context) iter.Seq2[Review, error] {
	return pages(func(token string) ([]Review, string, error) {
		r, err := c.reviews.ListReviews(ctx, &darkroomv1.ListReviewsRequest{PageToken: token})
		return each(r.GetReviews(), toReview), r.GetNextPageToken(), err
	})
}

// GetReview returns where the review of a held run stands. Errors: REVIEW_NOT_FOUND.
func (c *Client) GetReview(ctx context.Context, run string) (Review, error) {
	r, err := c.reviews.GetReview(ctx, &darkroomv1.GetReviewRequest{Run: in("runs", run)})
	return toReview(r.GetReview()), received(err)
}

// GetCase returns everything that a reviewer judges by. The enclave records that the caller looked, and takes no vote of anybody who did
// not. Errors: REVIEW_NOT_FOUND.
func (c *Client) GetCase(ctx context.Context, run string) (Case, error) {
	r, err := c.reviews.GetCase(ctx, &darkroomv1.GetCaseRequest{Run: in("runs", run)})
	if err != nil {
		return Case{}, received(err)
	}
	return toCase(r.GetCase()), nil
}

// CastVote votes on a held output, and returns the review after it: the vote that completes an agreement on release releases. Errors of
// kind [State]: another release came first or the output is another one (look again with GetCase), or the review takes no votes now.
func (c *Client) CastVote(ctx context.Context, run string, b Ballot) (Review, error) {
	r, err := c.reviews.CastVote(ctx, &darkroomv1.CastVoteRequest{
		Run: in("runs", run), Choice: darkroomv1.Choice(darkroomv1.Choice_value["CHOICE_"+strings.ToUpper(string(b.Choice))]),
		OutputDigest: b.Seen.Output, History: b.Seen.History, PublicComment: b.Public, PrivateComment: b.Private,
	})
	return toReview(r.GetReview()), received(err)
}

// AnswerQuestion is the operator's answer to the question of a returned review; reviewers vote anew with it.
func (c *Client) AnswerQuestion(ctx context.Context, run, text string) (Review, error) {
	r, err := c.reviews.AnswerQuestion(ctx, &darkroomv1.AnswerQuestionRequest{Run: in("runs", run), Text: text})
	return toReview(r.GetReview()), received(err)
}

func toReview(r *darkroomv1.Review) Review {
	return Review{
		Run: last(r.GetRun()), Operator: r.GetOperator(), Grant: last(r.GetGrant()), Scenario: r.GetScenario(), Dataset: last(r.GetDataset()),
		Source: r.GetSource(), Module: last(r.GetModule()), State: ReviewState(word(r.GetState().String(), "REVIEW_STATE_")),
		Round: int(r.GetRound()), Seen: Seen{Output: r.GetOutputDigest(), History: r.GetHistory()}, Held: at(r.GetHoldTime()),
		Outcome: Outcome(word(r.GetOutcome().String(), "RUN_OUTCOME_")), Question: r.GetQuestion(), Votes: each(r.GetVotes(), toVote), Voted: int(r.GetVoted()),
		Answers: each(r.GetAnswers(), func(a *darkroomv1.Answer) Answer {
			return Answer{Round: int(a.GetRound()), Text: a.GetText(), By: toIdentity(a.GetAuthor()), Time: at(a.GetAnswerTime())}
		}),
	}
}

func toVote(v *darkroomv1.Vote) Vote {
	return Vote{
		Voter: toIdentity(v.GetVoter()), Choice: Choice(word(v.GetChoice().String(), "CHOICE_")),
		Seen: Seen{Output: v.GetOutputDigest(), History: v.GetHistory()}, Public: v.GetPublicComment(), Private: v.GetPrivateComment(),
		Round: int(v.GetRound()), Time: at(v.GetVoteTime()),
	}
}

func toCase(c *darkroomv1.Case) Case {
	return Case{
		Review: toReview(c.GetReview()), Purpose: c.GetPurpose(), Manifest: json.RawMessage(c.GetManifestJson()), Params: c.GetParams(),
		Facts: json.RawMessage(c.GetFactsJson()), Profile: json.RawMessage(c.GetProfileJson()), Reasons: each(c.GetReasons(), reasonOf),
		Places: each(c.GetPlaces(), func(p *darkroomv1.Place) Place {
			return Place{Fact: p.GetFact(), Row: int(p.GetRow()), Column: int(p.GetColumn())}
		}),
		Preview: Preview{
			Columns: c.GetPreview().GetColumns(), Total: c.GetPreview().GetTotal(),
			Rows: each(c.GetPreview().GetRows(), func(r *darkroomv1.PreviewRow) []Cell {
				return each(r.GetCells(), func(c *darkroomv1.PreviewCell) Cell { return Cell{Text: c.GetText(), Masked: c.GetMasked()} })
			}),
		},
		Similar: each(c.GetSimilar(), func(s *darkroomv1.SimilarRelease) Similar {
			return Similar{
				Run: last(s.GetRun()), Operator: s.GetOperator(), Scenario: s.GetScenario(), Module: last(s.GetModule()),
				Released: at(s.GetReleaseTime()), ByPeople: s.GetByPeople(),
			}
		}),
	}
}
