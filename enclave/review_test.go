package enclave_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// TestAProgramIsInspectedAndHeld walks the path of the other form: inspected while the rows are open, presented, never released by rules.
func TestAProgramIsInspectedAndHeld(t *testing.T) {
	h := newHouse(t)
	h.order.Module.Manifest.Form = enclave.Program
	h.release = enclave.Judgement{Decision: enclave.Hold, Reasons: []enclave.Reason{{Code: "A"}}}
	if err := h.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := h.decided[0]
	if !slices.Equal(h.stages, enclave.Stages()) || d.Decision != enclave.Hold || string(d.Bytes) != "product" || d.Facts.Leak.Rows != 3 || d.Footprint != nil {
		t.Errorf("stages %v, decided %+v", h.stages, d)
	}
	if !reflect.DeepEqual(d.Places, []enclave.Place{{Fact: "records", Row: 1, Column: -1}}) || d.Facts.Form != enclave.Program {
		t.Errorf("decided %+v", d)
	}
	h = newHouse(t)
	h.order.Module.Manifest.Form = enclave.Program
	if err := h.run(t.Context()); err != nil || h.decided[0].Decision != enclave.Deny || h.decided[0].Reasons[0].Code != "GATE_FLOOR" {
		t.Errorf("rules released a program's output: %+v, %v", h.decided, err)
	}
	for _, call := range []string{"perform", "inspect", "present"} {
		h = newHouse(t)
		h.order.Module.Manifest.Form = enclave.Program
		fault := errors.New("fault")
		h.fail = map[string]error{call: fault}
		if err := h.run(t.Context()); !errors.Is(err, fault) || h.closed != 1 || len(h.decided) != 0 {
			t.Errorf("%s: %v, rows closed %d times, decided %d times", call, err, h.closed, len(h.decided))
		}
	}
}

// TestVotesOpenTheGate says exactly which votes do: each case spoils one thing of two good ones.
func TestVotesOpenTheGate(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(held *enclave.HeldOutput, votes []enclave.Vote) []enclave.Vote
		opens bool
	}{
		"two":            {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote { return v }, true},
		"one":            {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote { return v[:1] }, false},
		"none":           {func(*enclave.HeldOutput, []enclave.Vote) []enclave.Vote { return nil }, false},
		"the same twice": {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote { return []enclave.Vote{v[0], v[0]} }, false},
		"the same in another role": {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote {
			v[1].Voter = enclave.Caller{Role: enclave.Authority, Org: "data-authority", Name: "chen"}
			return v
		}, false},
		"one rejects": {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote {
			v[1].Choice = enclave.ChooseReject
			return v
		}, false},
		"a third rejects": {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote {
			third := v[0]
			third.Voter.Name, third.Choice = "zhou", enclave.ChooseReject
			return append(v, third)
		}, false},
		"other bytes":            {func(h *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote { h.Bytes = []byte("Held"); return v }, false},
		"an older history":       {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote { v[0].History = 6; return v }, false},
		"the submitter's people": {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote { v[0].Voter.Org = "insurer"; return v }, false},
		"a rival operator": {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote {
			v[0].Voter.Role = enclave.Operator
			return v
		}, false},
		"an auditor": {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote {
			v[0].Voter.Role = enclave.Auditor
			return v
		}, false},
		"another source": {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote { v[1].Voter.Org = "tax"; return v }, false},
		"no longer held": {func(h *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote { h.Run.Outcome = enclave.Denied; return v }, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			held, votes := h.held()
			votes = c.spoil(held, votes)
			err := h.rooms().ReleaseHeld(t.Context(), held, votes)
			switch opened := len(h.decided) == 1 && len(h.released) == 1; {
			case c.opens != opened, c.opens != (err == nil):
				t.Fatalf("opened: %v, %v", opened, err)
			case !c.opens && enclave.AsError(err).Reason != "VOTES_NOT_ENOUGH":
				t.Errorf("got %v", err)
			case c.opens && (h.decided[0].Decision != enclave.Release || h.decided[0].History != 7 || len(h.decided[0].Votes) != 2):
				t.Errorf("decided %+v", h.decided[0])
			}
		})
	}
}

// TestALateVoteIsJudgedAgain: what was released since an output was held may forbid it, or come first, and so may what the rules, the
// numbers and the approval of the module are by now.
func TestALateVoteIsJudgedAgain(t *testing.T) {
	t.Parallel()
	withdrawn := func(review int64, crafted bool, form enclave.Form) func(*house, *enclave.HeldOutput) {
		return func(h *house, held *enclave.HeldOutput) {
			h.profile.ModuleReview, held.Facts.Crafted, held.Facts.Form = review, crafted, form
		}
	}
	tightened := func(change func(*enclave.Profile)) func(*house, *enclave.HeldOutput) {
		return func(h *house, _ *enclave.HeldOutput) { change(&h.profile) }
	}
	for name, c := range map[string]struct {
		spoil  func(h *house, held *enclave.HeldOutput)
		kind   enclave.Kind
		reason string // "" if it is released
	}{
		"as it was":            {func(*house, *enclave.HeldOutput) {}, "", ""},
		"forbidden beside new": {func(h *house, held *enclave.HeldOutput) { h.unsafe, held.Footprint.Over = []int32{0}, [][]int32{{0}} }, enclave.Refused, "HISTORY"},
		"not clean beside new": {func(h *house, _ *enclave.HeldOutput) { h.account.Clean = false }, enclave.Refused, "HISTORY"},
		"another comes first":  {func(h *house, _ *enclave.HeldOutput) { h.moves = 1 }, enclave.State, "HISTORY_MOVED"},
		"the audit fails": {
			func(h *house, _ *enclave.HeldOutput) {
				h.fail = map[string]error{"audit": enclave.Fail(enclave.State, "FAULT")}
			}, enclave.State, "FAULT",
		},
		"the profile fails": {
			func(h *house, _ *enclave.HeldOutput) {
				h.fail = map[string]error{"profile": enclave.Fail(enclave.Refused, "FAULT")}
			}, enclave.Refused, "FAULT",
		},
		"the rules fail": {
			func(h *house, _ *enclave.HeldOutput) {
				h.fail = map[string]error{"judge": enclave.Fail(enclave.Canceled, "FAULT")}
			}, enclave.Canceled, "FAULT",
		},
		"the rules deny": {
			func(h *house, _ *enclave.HeldOutput) {
				h.release.Decision, h.release.Reasons[0].Code = enclave.Deny, "HISTORY_BUDGET"
			}, enclave.Refused, "HISTORY_BUDGET",
		},
		"the rules release an exact one": {func(h *house, held *enclave.HeldOutput) {
			h.release.Decision = enclave.Release
			held.Facts = enclave.Facts{Form: enclave.Aggregate, Cells: enclave.CellCounts{Published: 1}}
		}, "", ""},
		"more people":             {tightened(func(p *enclave.Profile) { p.Reviewers = 3 }), enclave.Refused, "PROFILE_CHANGED"},
		"as few people":           {tightened(func(p *enclave.Profile) { p.Reviewers = 1 }), "", ""},
		"the rules release":       {func(h *house, _ *enclave.HeldOutput) { h.release.Decision = enclave.Release }, enclave.Refused, "A"},
		"the rules say naught":    {func(h *house, _ *enclave.HeldOutput) { h.release = enclave.Judgement{} }, enclave.Refused, "POLICY_FAULT"},
		"a larger threshold":      {tightened(func(p *enclave.Profile) { p.Threshold++ }), enclave.Refused, "PROFILE_CHANGED"},
		"more dominate":           {tightened(func(p *enclave.Profile) { p.DominanceN++ }), enclave.Refused, "PROFILE_CHANGED"},
		"sooner dominated":        {tightened(func(p *enclave.Profile) { p.DominancePercent++ }), enclave.Refused, "PROFILE_CHANGED"},
		"a larger p":              {tightened(func(p *enclave.Profile) { p.PPercent++ }), enclave.Refused, "PROFILE_CHANGED"},
		"less alike":              {tightened(func(p *enclave.Profile) { p.HomogeneityPercent++ }), enclave.Refused, "PROFILE_CHANGED"},
		"wider bounds":            {tightened(func(p *enclave.Profile) { p.IntervalPercent++ }), enclave.Refused, "PROFILE_CHANGED"},
		"withdrawn, a program":    {withdrawn(1, false, enclave.Program), enclave.Refused, "MODULE_NOT_APPROVED"},
		"withdrawn, a table":      {withdrawn(1, true, enclave.Aggregate), enclave.Refused, "MODULE_NOT_APPROVED"},
		"withdrawn, saw no rows":  {withdrawn(1, false, enclave.Aggregate), "", ""},
		"withdrawn, all asked":    {withdrawn(2, false, enclave.Aggregate), enclave.Refused, "MODULE_NOT_APPROVED"},
		"withdrawn, nobody asked": {withdrawn(0, true, enclave.Program), "", ""},
		"approved": {func(h *house, held *enclave.HeldOutput) {
			h.profile.ModuleReview, held.Approved, held.Facts.Crafted = 1, true, true
		}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			held, votes := h.held()
			c.spoil(h, held)
			err := h.rooms().ReleaseHeld(t.Context(), held, votes)
			if c.reason == "" {
				if err != nil || len(h.released) != 1 {
					t.Errorf("%v, released %v", err, h.released)
				}
				return
			}
			if e := enclave.AsError(err); e == nil || e.Reason != c.reason || e.Kind != c.kind || len(h.decided) != 0 || len(h.released) != 0 {
				t.Errorf("%v, released %v", err, h.released)
			}
		})
	}
}

// TestWhatPeopleReleaseIsRecordedAsItIsNow: under the rules that were asked now, with the account of all releases up to now.
func TestWhatPeopleReleaseIsRecordedAsItIsNow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	held, votes := h.held()
	held.Policy, held.Approved = enclave.DigestOf([]byte("an earlier one")), true
	h.release.Revision, h.profile.RankPercent, h.profile.ModuleReview = enclave.DigestOf([]byte("a later one")), 4, 2
	h.account = enclave.HistoryFacts{Clean: true, Releases: 3, Rank: 5, Subjects: 100}
	if err := h.rooms().ReleaseHeld(t.Context(), held, votes); err != nil {
		t.Fatal(err)
	}
	d := h.decided[0]
	if d.Policy != h.release.Revision || d.Profile.RankPercent != 4 || d.Facts.History != h.account || !d.Approval || len(d.Reasons) != 0 {
		t.Errorf("decided %+v", d)
	}
	if asked := h.judged[0]; asked.History != h.account {
		t.Errorf("the rules were asked about %+v", asked)
	}
}
