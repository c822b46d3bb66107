package rpc_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/review"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
	"github.com/darkroom-project/darkroom/sdk"
)

// Whatever their certificate says, people of the organisation that asked do not see what is reviewed.
func TestNobodyReviewsForTheirOwnOrganisation(t *testing.T) {
	d := start(t)
	all, requests := methods(t), valid(t)
	for _, role := range []enclave.Role{enclave.Reviewer, enclave.Authority, enclave.SourceOrg, enclave.Auditor} {
		conn := d.connect(t, enclave.Caller{Role: role, Org: "acme", Name: "li"})
		for _, name := range []string{"ReviewService/GetReview", "ReviewService/GetCase", "ReviewService/CastVote"} {
			_, forbidden := call(t, conn, all[name], requests[name]...)
			if role == enclave.Auditor && name == "ReviewService/CastVote" {
				continue // no auditor votes at all
			}
			if status.Code(forbidden) != codes.NotFound {
				t.Errorf("%s by a %s of the organisation that asked: %v", name, role, forbidden)
			}
			d.set(func(f *fakes) { f.gone = true })
			_, missing := call(t, conn, all[name], requests[name]...)
			d.set(func(f *fakes) { f.gone = false })
			if !proto.Equal(status.Convert(forbidden).Proto(), status.Convert(missing).Proto()) {
				t.Errorf("%s: forbidden %v, missing %v", name, forbidden, missing)
			}
		}
		listed, err := call(t, conn, all["ReviewService/ListReviews"], requests["ReviewService/ListReviews"]...)
		if err != nil || proto.Size(listed[0]) != 0 {
			t.Errorf("a %s of the organisation that asked lists %v, err %v", role, listed, err)
		}
	}
}

// That somebody voted is no business of other voters, also where they read the ledger.
func TestAVotesEntryIsTheVotersOwn(t *testing.T) {
	d := start(t)
	for name, c := range map[string]struct {
		who  enclave.Caller
		want codes.Code
	}{
		"the voter":            {enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "chen"}, codes.OK},
		"a colleague":          {enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "zhou"}, codes.NotFound},
		"one of the same name": {enclave.Caller{Role: enclave.Authority, Org: "office", Name: "chen"}, codes.NotFound},
		"an auditor":           {enclave.Caller{Role: enclave.Auditor, Org: "audit", Name: "qi"}, codes.OK},
	} {
		client := darkroomv1.NewLedgerServiceClient(d.connect(t, c.who))
		request := &darkroomv1.GetEntryRequest{Name: "entries/9"}
		_, err := client.GetEntry(t.Context(), request)
		if status.Code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		d.set(func(f *fakes) { f.gone = true })
		_, missing := client.GetEntry(t.Context(), request)
		d.set(func(f *fakes) { f.gone = false })
		if c.want == codes.NotFound && !proto.Equal(status.Convert(err).Proto(), status.Convert(missing).Proto()) {
			t.Errorf("%s: forbidden %v, missing %v", name, err, missing)
		}
	}
}

// What the register leaves away for an operator does not come back as something else.
func TestAnOperatorsReview(t *testing.T) {
	d := start(t)
	client := darkroomv1.NewReviewServiceClient(d.connect(t, acme))
	answered, err := client.AnswerQuestion(t.Context(), &darkroomv1.AnswerQuestionRequest{Run: "runs/" + runID, Text: "so that"})
	if err != nil || d.answer != "so that" || answered.GetReview().GetQuestion() != "why?" {
		t.Errorf("answered %q, %v, err %v", d.answer, answered, err)
	}
	d.set(func(f *fakes) { f.public = true })
	got, err := client.GetReview(t.Context(), &darkroomv1.GetReviewRequest{Run: "runs/" + runID})
	if r := got.GetReview(); err != nil || r.GetOutputDigest() != "" || len(r.GetVotes()) != 1 || r.GetVotes()[0].GetOutputDigest() != "" || r.GetVotes()[0].GetVoteTime() != nil {
		t.Errorf("got %v, err %v", got, err)
	}
	for _, text := range []string{"", strings.Repeat("a", review.MaxAnswer+1)} {
		if _, err := client.AnswerQuestion(t.Context(), &darkroomv1.AnswerQuestionRequest{Run: "runs/" + runID, Text: text}); reasonOf(err) != "INVALID_REQUEST" {
			t.Errorf("an answer of %d bytes: %v", len(text), err)
		}
	}
}

// Everything that the register shows arrives at the SDK, and a ballot at the register; but for what is masked.
func TestReviewThroughTheSDK(t *testing.T) {
	d := start(t)
	client, err := sdk.Dial(t.Context(), d.credential(t, health))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	got, err := client.GetCase(t.Context(), runID)
	if err != nil {
		t.Fatal(err)
	}
	seen := sdk.Seen{Output: enclave.DigestOf([]byte("held")).String(), History: 7}
	who := func(c enclave.Caller) sdk.Identity {
		return sdk.Identity{Role: sdk.Role(c.Role), Org: c.Org, Name: c.Name}
	}
	shown, err := fakeReviews{d.fakes}.Show(t.Context(), health, runID)
	if err != nil {
		t.Fatal(err)
	}
	want := sdk.Case{
		Review: sdk.Review{
			Run: runID, Operator: "acme", Grant: grantID, Scenario: "insurance", Dataset: "visits", Source: "health", Module: moduleDigest.String(),
			State: sdk.ReviewDiffer, Outcome: sdk.RunHeld, Round: 2, Seen: seen, Held: loadedAt.Add(10 * time.Second), Question: "why?",
			Answers: []sdk.Answer{{Round: 1, Text: "that", By: who(acme), Time: loadedAt}}, Voted: 1,
			Votes: []sdk.Vote{
				{Voter: who(panel), Choice: sdk.ChooseReject, Seen: seen, Public: "said", Private: "thought", Round: 1, Time: loadedAt},
				{Voter: who(health), Choice: sdk.ChooseRelease, Seen: seen, Round: 1, Time: loadedAt},
			},
		},
		Purpose: "pricing", Manifest: asJSON(t, shown.Manifest), Params: map[string]string{"as_of": "2024"},
		Facts: asJSON(t, shown.Facts), Profile: asJSON(t, shown.Profile), Reasons: got.Reasons,
		Places:  []sdk.Place{{Fact: "verbatim", Row: 1, Column: -1}},
		Preview: sdk.Preview{Columns: []string{"a"}, Rows: [][]sdk.Cell{{{Text: "1"}}, {{Masked: true}}}, Total: 9},
		Similar: []sdk.Similar{{
			Run: runID, Operator: "rival", Scenario: "other", Module: moduleDigest.String(), Released: loadedAt, ByPeople: true,
		}},
	}
	if !reflect.DeepEqual(got, want) || len(got.Reasons) != 1 || got.Reasons[0].Code != "OUTPUT_CRAFTED" {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for choice, meant := range map[sdk.Choice]enclave.Choice{
		sdk.ChooseRelease: enclave.ChooseRelease, sdk.ChooseReject: enclave.ChooseReject, sdk.ChooseReturn: enclave.ChooseReturn,
	} {
		voted, err := client.CastVote(t.Context(), runID, sdk.Ballot{Choice: choice, Seen: seen, Public: "p", Private: "q"})
		if err != nil || !reflect.DeepEqual(voted, want.Review) {
			t.Errorf("voted %+v, err %v", voted, err)
		}
		if cast := (review.Ballot{Choice: meant, Output: enclave.DigestOf([]byte("held")), History: 7, Public: "p", Private: "q"}); d.ballot != cast {
			t.Errorf("the register got %+v, not %+v", d.ballot, cast)
		}
	}
	for _, bad := range []sdk.Ballot{{Seen: seen}, {Choice: "maybe", Seen: seen}, {Choice: sdk.ChooseRelease}, {Choice: sdk.ChooseRelease, Seen: sdk.Seen{Output: seen.Output, History: -1}}} {
		if _, err := client.CastVote(t.Context(), runID, bad); !errors.Is(err, &sdk.Error{Reason: "INVALID_REQUEST"}) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	for r, err := range client.ListReviews(t.Context()) {
		if err != nil || !reflect.DeepEqual(r, want.Review) {
			t.Errorf("listed %+v, err %v", r, err)
		}
	}
	if r, err := client.GetReview(t.Context(), runID); err != nil || !reflect.DeepEqual(r, want.Review) {
		t.Errorf("got %+v, err %v", r, err)
	}
}

func asJSON(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
