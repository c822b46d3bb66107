package review_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/review"
)

// TestTwoPeopleReleaseAProgramsOutput walks the whole way, and reads what each sees on it and what the ledger keeps of it.
func TestTwoPeopleReleaseAProgramsOutput(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), fresh(t)
	w.rooms.places = []enclave.Place{{Fact: "identifiers", Row: 1, Column: 0}}
	id := w.held()
	if _, err := w.runs.Result(ctx, id); err == nil {
		t.Error("a held output can be fetched")
	}
	c := w.show(chen, id)
	if c.State != review.Open || c.Round != 1 || c.Operator != "acme" || c.Source != "census" || c.Purpose != "to plan" || c.Manifest.Output.Behind != "everybody" ||
		c.Facts.Leak.Identifiers != 1 || c.Profile.Name != "strict" || len(c.Places) != 1 || c.Reasons[0].Code != "OUTPUT_CRAFTED" || len(c.Similar) != 0 {
		t.Errorf("the case is %+v", c)
	}
	want := [][]review.Cell{{{Text: "first"}, {Text: "0.00"}, {}}, {{Masked: true}, {Text: "0.01"}, {Text: "x"}}}
	if p := c.Preview; p.Total != 2 || !slices.Equal(p.Columns, []string{"label", "share", "kind"}) || !slices.EqualFunc(p.Rows, want, slices.Equal) {
		t.Errorf("the preview is %+v", p)
	}
	first, err := w.Vote(ctx, chen, id, ballot(c, enclave.ChooseRelease))
	if err != nil || first.State != review.Open || first.Voted != 1 || len(first.Votes) != 1 || first.Votes[0].Private != "private release" {
		t.Errorf("after one vote %+v, %v", first, err)
	}
	last := w.voted(wang, id, enclave.ChooseRelease, review.Released)
	if last.Voted != 2 || len(last.Votes) != 2 || last.Outcome != enclave.Released {
		t.Errorf("after two %+v", last)
	}
	result, err := w.runs.Result(ctx, id)
	if err != nil || enclave.DigestOf(result) != c.Output {
		t.Errorf("the result is not what was looked at: %v", err)
	}
	if w.version() != 1 {
		t.Errorf("the history is at %d", w.version())
	}
	acts := w.acts(id)
	if got := w.verbs(id); !slices.Equal(got, []string{"run.submit", "run.hold", "review.view", "review.vote", "review.view", "review.vote", "run.release"}) {
		t.Errorf("the ledger has %v", got)
	}
	release := acts[6]
	if release.Detail["voters"] != "2" || release.Detail["votes"] == "" || release.Detail["result"] != c.Output.String() {
		t.Errorf("the release says %v", release.Detail)
	}
	for name, value := range release.Detail { // its operator has it as a receipt
		if strings.Contains(value, "chen") || strings.Contains(value, "wang") || strings.Contains(name, "round") {
			t.Errorf("the release tells of those who voted: %s %s", name, value)
		}
	}
	var receipt string
	raw, err := w.runs.Receipt(ctx, id)
	ok(t, err)
	if ok(t, json.Unmarshal(raw, &receipt)); receipt != release.ID {
		t.Error("the receipt is of another act")
	}
	if views := w.awaited; !slices.Equal(views, []string{acts[2].ID, acts[4].ID}) {
		t.Errorf("awaited %v before a case was shown", views)
	}
	if acts[3].Detail["choices"] != "" || acts[5].Detail["choices"] != "bureau/chen=release census/wang=release" || acts[3].Detail["ballot"] == acts[5].Detail["ballot"] {
		t.Errorf("votes are recorded as %v, %v", acts[3].Detail, acts[5].Detail)
	}
	for _, act := range acts {
		for name, value := range act.Detail {
			if strings.Contains(value, "public") || strings.Contains(value, "private") {
				t.Errorf("%s tells a comment in %s: %s", act.Verb, name, value)
			}
		}
	}
	decision, err := w.runs.Decision(ctx, id)
	if err != nil || !decision.ByPeople || !strings.Contains(decision.Evidence, `"places":[{"fact":"identifiers"`) ||
		!strings.Contains(decision.Evidence, `"votes":[{"voter":{"role":"authority","org":"bureau","name":"chen"}`) {
		t.Errorf("decided %+v, %v", decision, err)
	}

	// The next case of the same data names it.
	w.rooms.places = nil
	exact := w.ran(globex, table(40, false), enclave.Released)
	again := w.show(zhao, w.held())
	if s := again.Similar; len(s) != 2 || s[0].Run != id || !s[0].ByPeople || s[0].Released.IsZero() || s[1].Run != exact || s[1].ByPeople || s[1].Operator != "globex" {
		t.Errorf("similar are %+v", s)
	}
	if w.version() != 2 {
		t.Errorf("the history is at %d", w.version())
	}
}

// TestACraftedTableJoinsTheHistory: what people release counts like any other release, and is audited once more when they do.
func TestACraftedTableJoinsTheHistory(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), fresh(t)
	first := w.ran(acme, table(30, true), enclave.Held)
	w.voted(chen, first, enclave.ChooseRelease, review.Open)
	w.voted(wang, first, enclave.ChooseRelease, review.Released)
	w.ran(globex, table(31, false), enclave.Denied) // with the first it tells how many are 30 years old: two or three

	// A release that came while the second waited: what was clean when it was held is not any more.
	w = fresh(t)
	held := w.ran(acme, table(30, true), enclave.Held)
	w.ran(globex, table(31, false), enclave.Released)
	w.voted(chen, held, enclave.ChooseRelease, review.Open)
	closed := w.voted(wang, held, enclave.ChooseRelease, review.Closed)
	got, err := w.store.Runs().Get(ctx, held) // with the reason that its operator does not see
	if err != nil || closed.Outcome != enclave.Denied || got.Outcome != enclave.Denied || got.Reasons[0].Code != "HISTORY" || w.version() != 1 {
		t.Errorf("the gate let it be %+v, %+v, %v", closed, got, err)
	}
	if c := w.show(chen, held); c.Preview.Rows != nil {
		t.Error("a denied output has a preview")
	}
}

// TestTheRulesInForceCount: votes do not release what the rules, as they are by then, would not hold any more.
func TestTheRulesInForceCount(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), fresh(t)
	id := w.held()
	w.voted(chen, id, enclave.ChooseRelease, review.Open)
	w.policies.active = strict{}
	closed := w.voted(wang, id, enclave.ChooseRelease, review.Closed)
	got, err := w.store.Runs().Get(ctx, id)
	if err != nil || closed.Outcome != enclave.Denied || len(got.Reasons) != 1 || got.Reasons[0].Code != "FORM_NOT_ALLOWED" || w.version() != 0 {
		t.Errorf("the gate let it be %+v, %+v, %v", closed, got, err)
	}
	player{world: w, id: id}.consistent(enclave.Denied)
}
