package rpc

import (
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/review"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// The register of reviews has decided what of a review the caller sees, before it comes here.

func seenReview(r *review.Review) *darkroomv1.Review {
	seen := &darkroomv1.Review{
		Run: runName(r.Run), Operator: r.Operator, Grant: grantName(r.Grant), Scenario: r.Scenario, Dataset: datasetName(r.Dataset),
		Source: r.Source, Module: moduleName(r.Module), State: reviewStates()[r.State], Outcome: outcomes()[r.Outcome],
		Round: int32(r.Round), Voted: int32(r.Voted), //nolint:gosec // a handful
		OutputDigest: seenDigest(r.Output), History: r.History, HoldTime: seenTime(enclave.Coarse(r.Held)), Question: r.Question,
	}
	for _, a := range r.Answers {
		seen.Answers = append(seen.Answers, &darkroomv1.Answer{
			Round: int32(a.Round), Text: a.Text, Author: seenIdentity(a.By), AnswerTime: seenTime(a.Time), //nolint:gosec // a handful
		})
	}
	for _, v := range r.Votes {
		seen.Votes = append(seen.Votes, &darkroomv1.Vote{
			Voter: seenIdentity(v.Voter), Choice: choiceOf(v.Choice), OutputDigest: seenDigest(v.Output), History: v.History,
			PublicComment: v.Public, PrivateComment: v.Private, Round: int32(v.Round), VoteTime: seenTime(v.Time), //nolint:gosec // a handful
		})
	}
	return seen
}

func seenDigest(d enclave.Digest) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func seenCase(c *review.Case) (*darkroomv1.Case, error) {
	seen := &darkroomv1.Case{Review: seenReview(&c.Review), Purpose: c.Purpose, Preview: seenPreview(&c.Preview), Params: seenParams(c.Params)}
	var err error
	if seen.ManifestJson, err = toJSON(c.Manifest); err != nil {
		return nil, err
	}
	if seen.FactsJson, err = toJSON(c.Facts); err != nil {
		return nil, err
	}
	if seen.ProfileJson, err = toJSON(c.Profile); err != nil {
		return nil, err
	}
	for _, reason := range c.Reasons {
		seen.Reasons = append(seen.Reasons, seenReason(reason))
	}
	for _, p := range c.Places {
		seen.Places = append(seen.Places, &darkroomv1.Place{Fact: p.Fact, Row: p.Row, Column: p.Column})
	}
	for _, s := range c.Similar {
		seen.Similar = append(seen.Similar, &darkroomv1.SimilarRelease{
			Run: runName(s.Run), Operator: s.Operator, Scenario: s.Scenario, Module: moduleName(s.Module),
			ReleaseTime: seenTime(enclave.Coarse(s.Released)), ByPeople: s.ByPeople,
		})
	}
	return seen, nil
}

// seenPreview keeps the text of a masked cell from leaving, whatever stands there.
func seenPreview(p *review.Preview) *darkroomv1.Preview {
	seen := &darkroomv1.Preview{Columns: p.Columns, Total: p.Total}
	for _, row := range p.Rows {
		cells := make([]*darkroomv1.PreviewCell, len(row))
		for i, cell := range row {
			cells[i] = &darkroomv1.PreviewCell{Text: cell.Text, Masked: cell.Masked}
			if cell.Masked {
				cells[i].Text = ""
			}
		}
		seen.Rows = append(seen.Rows, &darkroomv1.PreviewRow{Cells: cells})
	}
	return seen
}

func reviewStates() map[review.State]darkroomv1.ReviewState {
	return map[review.State]darkroomv1.ReviewState{
		review.Open:     darkroomv1.ReviewState_REVIEW_STATE_OPEN,
		review.Differ:   darkroomv1.ReviewState_REVIEW_STATE_DIFFER,
		review.Returned: darkroomv1.ReviewState_REVIEW_STATE_RETURNED,
		review.Agreed:   darkroomv1.ReviewState_REVIEW_STATE_AGREED,
		review.Released: darkroomv1.ReviewState_REVIEW_STATE_RELEASED,
		review.Rejected: darkroomv1.ReviewState_REVIEW_STATE_REJECTED,
		review.Closed:   darkroomv1.ReviewState_REVIEW_STATE_CLOSED,
	}
}

// The enum's numbers are the choices' places in this list, from 1.
func choices() []enclave.Choice {
	return []enclave.Choice{"", enclave.ChooseRelease, enclave.ChooseReject, enclave.ChooseReturn}
}

func choiceOf(c enclave.Choice) darkroomv1.Choice {
	return darkroomv1.Choice(max(0, slices.Index(choices(), c))) //nolint:gosec // a place in a short list
}

func choiceFrom(c darkroomv1.Choice) enclave.Choice {
	if int(c) < 0 || int(c) >= len(choices()) {
		return ""
	}
	return choices()[c]
}
