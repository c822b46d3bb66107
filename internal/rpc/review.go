package rpc

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/run"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// reviews serves what people decide of held outputs.
type reviews struct {
	darkroomv1.UnimplementedReviewServiceServer
	Config
	gate *gate
}

// reviewTarget is the operator's, and concerns the source department whose data it is.
func reviewTarget(r review.Review) target {
	return target{owner: r.Operator, parties: []string{r.Source}}
}

// find looks a review up for a caller. A run that was never held looks like one that is not there.
func (s *reviews) find(ctx context.Context, resource string) (review.Review, error) {
	id := last(resource)
	found, err := s.Reviews.Get(ctx, callerOf(ctx), id)
	return reach(ctx, s.gate, found, err, reviewTarget, run.NotFound(id))
}

func (s *reviews) ListReviews(ctx context.Context, r *darkroomv1.ListReviewsRequest) (*darkroomv1.ListReviewsResponse, error) {
	visible := s.gate.viewer(ctx, darkroomv1.ReviewService_GetReview_FullMethodName)
	list, next, err := gather(r, lightPart,
		func(page enclave.Page) ([]review.Review, string, error) {
			return s.Reviews.List(ctx, callerOf(ctx), page)
		},
		func(item review.Review) (*darkroomv1.Review, bool, error) {
			ok, err := visible(reviewTarget(item))
			return seenReview(&item), ok, err
		})
	return &darkroomv1.ListReviewsResponse{Reviews: list, NextPageToken: next}, err
}

func (s *reviews) GetReview(ctx context.Context, r *darkroomv1.GetReviewRequest) (*darkroomv1.GetReviewResponse, error) {
	found, err := s.find(ctx, r.GetRun())
	if err != nil {
		return nil, err
	}
	return &darkroomv1.GetReviewResponse{Review: seenReview(&found)}, nil
}

func (s *reviews) GetCase(ctx context.Context, r *darkroomv1.GetCaseRequest) (*darkroomv1.GetCaseResponse, error) {
	found, err := s.find(ctx, r.GetRun())
	if err != nil {
		return nil, err
	}
	shown, err := s.Reviews.Show(ctx, callerOf(ctx), found.Run)
	if err != nil {
		return nil, err
	}
	seen, err := seenCase(&shown)
	if err != nil {
		return nil, err
	}
	return &darkroomv1.GetCaseResponse{Case: seen}, nil
}

func (s *reviews) CastVote(ctx context.Context, r *darkroomv1.CastVoteRequest) (*darkroomv1.CastVoteResponse, error) {
	found, err := s.find(ctx, r.GetRun())
	if err != nil {
		return nil, err
	}
	output, err := enclave.ParseDigest(r.GetOutputDigest())
	if err != nil {
		return nil, err
	}
	voted, err := s.Reviews.Vote(ctx, callerOf(ctx), found.Run, review.Ballot{
		Choice: choiceFrom(r.GetChoice()), Output: output, History: r.GetHistory(), Public: r.GetPublicComment(), Private: r.GetPrivateComment(),
	})
	if err != nil {
		return nil, err
	}
	return &darkroomv1.CastVoteResponse{Review: seenReview(&voted)}, nil
}

func (s *reviews) AnswerQuestion(ctx context.Context, r *darkroomv1.AnswerQuestionRequest) (*darkroomv1.AnswerQuestionResponse, error) {
	found, err := s.find(ctx, r.GetRun())
	if err != nil {
		return nil, err
	}
	answered, err := s.Reviews.Answer(ctx, callerOf(ctx), found.Run, r.GetText())
	if err != nil {
		return nil, err
	}
	return &darkroomv1.AnswerQuestionResponse{Review: seenReview(&answered)}, nil
}
