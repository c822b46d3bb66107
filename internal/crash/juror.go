package main

import (
	"context"
	"time"

	"github.com/darkroom-project/darkroom/sdk"
)

// juror is one of those who decide on held outputs. All of them want the same of the same run, so that two suffice.
type juror struct {
	domain  *domain
	journal *journal
	org     string
}

const (
	// session is how long a juror rests between two looks at what is held.
	session = 20 * time.Millisecond
	// docket is how many of the newest a juror looks at.
	docket = 30
)

// work votes until ctx ends.
func (r *juror) work(ctx context.Context) error {
	for ctx.Err() == nil && !r.journal.broken() {
		client, err := r.domain.client(ctx, r.org)
		if err != nil {
			return unlessEnded(ctx, err)
		}
		for err == nil && ctx.Err() == nil {
			err = r.sit(ctx, client)
			pause(ctx.Done(), session)
		}
		_ = client.Close()
		if unlessEnded(ctx, err) != nil && !passing(err) {
			r.journal.violated("%s was told %v", r.org, err)
		}
	}
	return nil
}

// sit votes on what waits.
func (r *juror) sit(ctx context.Context, client *sdk.Client) error {
	looked := 0
	for review, err := range client.ListReviews(ctx) {
		if err != nil {
			return err
		}
		if looked++; looked > docket {
			return nil
		}
		if review.State != sdk.ReviewOpen && review.State != sdk.ReviewDiffer {
			continue
		}
		shown, err := client.GetCase(ctx, review.Run)
		if err == nil {
			_, err = client.CastVote(ctx, review.Run, ballot(review.Run, shown.Seen))
		}
		switch e := asError(err); {
		case e == nil:
			r.journal.count(&r.journal.votes)
		case e.Kind == sdk.State || e.Kind == sdk.Refused: // voted already, or something came first
		default:
			return err
		}
	}
	return nil
}

// ballot is what everybody wants of a run: most are released.
func ballot(run string, seen sdk.Seen) sdk.Ballot {
	if run[len(run)-1] < 'e' {
		return sdk.Ballot{Choice: sdk.ChooseReject, Seen: seen, Public: "Not this one."}
	}
	return sdk.Ballot{Choice: sdk.ChooseRelease, Seen: seen}
}
