package sdk_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/sdk"
)

// Policy held a result, because its module was shown protected columns. Two people look at it, an expert and one of the source department,
// and each votes on exactly what they were shown.
func ExampleClient_CastVote() {
	ctx := context.Background()
	operator, reviewers, held, stop := enclaveWithHeldRun(ctx)
	defer stop()

	for _, reviewer := range reviewers { // two people, each with a credential of their own
		shown, err := reviewer.GetCase(ctx, held) // that they looked is recorded
		check(err)
		fmt.Println(shown.Reasons[0].Code, shown.Preview.Columns, shown.Preview.Total)
		review, err := reviewer.CastVote(ctx, held, sdk.Ballot{Choice: sdk.ChooseRelease, Seen: shown.Seen, Private: "no group is small"})
		check(err)
		fmt.Println(review.State)
	}
	run, err := operator.GetRun(ctx, held)
	check(err)
	fmt.Println(run.Outcome)
	// Output:
	// OUTPUT_CRAFTED [age_band visits] 4
	// open
	// OUTPUT_CRAFTED [age_band visits] 4
	// released
	// released
}

// A question comes back with the run, and the reviewers have the answer before them when they vote anew.
func ExampleClient_AnswerQuestion() {
	ctx := context.Background()
	operator, reviewers, held, stop := enclaveWithHeldRun(ctx)
	defer stop()
	for _, reviewer := range reviewers {
		shown, err := reviewer.GetCase(ctx, held)
		check(err)
		_, err = reviewer.CastVote(ctx, held, sdk.Ballot{Choice: sdk.ChooseReturn, Seen: shown.Seen, Public: "Why costs?"})
		check(err)
	}

	run, err := operator.GetRun(ctx, held)
	check(err)
	fmt.Printf("%s: %q\n", run.Outcome, run.Question)
	review, err := operator.AnswerQuestion(ctx, held, "To leave out visits that cost nothing.")
	check(err)
	fmt.Println(review.State, review.Answers[0].Text)
	// Output:
	// held: "Why costs?\n\nWhy costs?"
	// open To leave out visits that cost nothing.
}

// enclaveWithHeldRun starts an enclave, and runs a module that asks to be shown what others spent.
func enclaveWithHeldRun(ctx context.Context) (operator *sdk.Client, reviewers []*sdk.Client, held string, stop func()) {
	domain, grant, stop := startEnclave(ctx, "district", "birth_year", "cost")
	code, err := scaffold.AgeBand.Wasm()
	check(err)
	module, err := admit.Attach(code, &enclave.Manifest{
		Darkroom: 1, Name: "visits-by-age", Version: "1.0.0", Form: enclave.Aggregate,
		Inputs:   []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"district", "birth_year", "cost"}, Show: []string{"cost"}}},
		Params:   []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2026, Default: "2024"}},
		Keys:     []enclave.ManifestKey{{Name: "age_band", Values: []string{"0-17", "18-44", "45-64", "65+"}}},
		Measures: []enclave.ManifestMeasure{{Name: "visits", Op: enclave.Count}},
	})
	check(err)
	operator = domain.Clients[sdk.Operator]
	uploaded, err := operator.UploadModule(ctx, bytes.NewReader(module))
	check(err)
	check(domain.Approve(ctx, uploaded.Digest, "visits")) // since it sees rows
	run, err := operator.Submit(ctx, sdk.Order{Grant: grant, Module: uploaded.Digest})
	check(err)
	run, err = operator.Wait(ctx, run.ID)
	check(err)
	return operator, []*sdk.Client{domain.Clients[sdk.Reviewer], domain.Clients[sdk.Source]}, run.ID, stop
}
