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
	content := []byte("held")
	vote := func(role enclave.Role, org, name string) enclave.Vote {
		return enclave.Vote{
			Voter: enclave.Caller{Role: role, Org: org, Name: name}, Choice: enclave.ChooseRelease, Output: enclave.DigestOf(content), History: 7,
		}
	}
	one, two := vote(enclave.Reviewer, "data-authority", "chen"), vote(enclave.SourceOrg, "health", "wang")
	for name, c := range map[string]struct {
		spoil func(held *enclave.HeldOutput, votes []enclave.Vote) []enclave.Vote
		opens bool
	}{
		"two":            {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote { return v }, true},
		"one":            {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote { return v[:1] }, false},
		"none":           {func(*enclave.HeldOutput, []enclave.Vote) []enclave.Vote { return nil }, false},
		"the same twice": {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote { return []enclave.Vote{v[0], v[0]} }, false},
		"the same in another role": {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote {
			v[1] = vote(enclave.Authority, "data-authority", "chen")
			return v
		}, false},
		"one rejects": {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote {
			v[1].Choice = enclave.ChooseReject
			return v
		}, false},
		"a third rejects": {func(_ *enclave.HeldOutput, v []enclave.Vote) []enclave.Vote {
			third := vote(enclave.Reviewer, "data-authority", "zhou")
			third.Choice = enclave.ChooseReject
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
			h.order.Run.Submitter, h.order.Run.Outcome = enclave.Caller{Role: enclave.Operator, Org: "insurer", Name: "li"}, enclave.Held
			held := &enclave.HeldOutput{Run: h.order.Run, Dataset: h.order.Dataset, Bytes: content, Footprint: &enclave.Footprint{}}
			votes := c.spoil(held, []enclave.Vote{one, two})
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

// TestALateVoteIsMeasuredAgain: what was released since an output was held may forbid it, or come first.
func TestALateVoteIsMeasuredAgain(t *testing.T) {
	for name, spoil := range map[string]func(h *house, held *enclave.HeldOutput){
		"HISTORY": func(h *house, held *enclave.HeldOutput) {
			h.unsafe, held.Footprint.Over = []int32{0}, [][]int32{{0}}
		},
		"HISTORY_MOVED": func(h *house, _ *enclave.HeldOutput) { h.moves = 1 },
		"FAULT": func(h *house, _ *enclave.HeldOutput) {
			h.fail = map[string]error{"audit": enclave.Fail(enclave.State, "FAULT")}
		},
	} {
		h := newHouse(t)
		content := []byte("held")
		h.order.Run.Submitter, h.order.Run.Outcome = enclave.Caller{Role: enclave.Operator, Org: "insurer", Name: "li"}, enclave.Held
		held := &enclave.HeldOutput{Run: h.order.Run, Dataset: h.order.Dataset, Bytes: content, Footprint: &enclave.Footprint{}}
		spoil(h, held)
		var votes []enclave.Vote
		for _, person := range []string{"chen", "zhou"} {
			votes = append(votes, enclave.Vote{
				Voter: enclave.Caller{Role: enclave.Reviewer, Org: "data-authority", Name: person}, Choice: enclave.ChooseRelease,
				Output: enclave.DigestOf(content), History: h.history,
			})
		}
		if err := h.rooms().ReleaseHeld(t.Context(), held, votes); enclave.AsError(err).Reason != name || len(h.released) != 0 {
			t.Errorf("%s: %v, released %v", name, err, h.released)
		}
	}
}
