package grant

import (
	"reflect"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// TestEveryStateAndVerb holds the whole table of the state machine: what stands not here is refused.
func TestEveryStateAndVerb(t *testing.T) {
	t.Parallel()
	allowed := map[enclave.GrantState]map[Verb]enclave.GrantState{
		enclave.GrantApplied:   {Approve: enclave.GrantAssessed, Decline: enclave.GrantRejected},
		enclave.GrantAssessed:  {Confirm: enclave.GrantActive, Refuse: enclave.GrantRejected, Revoke: enclave.GrantRevoked},
		enclave.GrantActive:    {Suspend: enclave.GrantSuspended, Revoke: enclave.GrantRevoked},
		enclave.GrantSuspended: {Resume: enclave.GrantActive, Revoke: enclave.GrantRevoked},
	}
	states := []enclave.GrantState{
		enclave.GrantApplied, enclave.GrantAssessed, enclave.GrantActive, enclave.GrantSuspended,
		enclave.GrantRejected, enclave.GrantRevoked, enclave.GrantExpired, "", "unheard-of",
	}
	caller := enclave.Caller{Org: "health", Name: "wang"}
	for _, state := range states {
		for _, verb := range append(Verbs(), "", "unheard-of") {
			g := enclave.Grant{ID: "g", State: state, Waiting: []string{"health"}, NotBefore: begin, NotAfter: begin.Add(time.Hour)}
			got, err := apply(g, begin, verb, caller, "why")
			want, ok := allowed[state][verb]
			switch {
			case ok && (err != nil || got.State != want || got.Note != "why"):
				t.Errorf("%s, %s: %v, %v; want %s", state, verb, got.State, err, want)
			case !ok && (enclave.AsError(err) == nil || enclave.AsError(err).Reason != "GRANT_STATE"):
				t.Errorf("%s, %s: got %v, want GRANT_STATE", state, verb, err)
			case !ok && !reflect.DeepEqual(got, g):
				t.Errorf("%s, %s: refused, and changed the grant", state, verb)
			}
		}
	}
}

func TestTheClockExpiresGrants(t *testing.T) {
	t.Parallel()
	for _, state := range []enclave.GrantState{enclave.GrantActive, enclave.GrantSuspended} {
		for _, verb := range Verbs() {
			g := enclave.Grant{State: state, Waiting: []string{"health"}, NotAfter: begin}
			if _, err := apply(g, begin.Add(time.Millisecond), verb, enclave.Caller{Org: "health"}, "why"); enclave.KindOf(err) != enclave.State {
				t.Errorf("%s after the term: %s gives %v", state, verb, err)
			}
		}
	}
}

func TestEverySourceConfirms(t *testing.T) {
	t.Parallel()
	health, tax := enclave.Caller{Org: "health", Name: "wang"}, enclave.Caller{Org: "tax", Name: "zhao"}
	g := enclave.Grant{
		ID: "g", State: enclave.GrantAssessed, Waiting: []string{"health", "tax"}, NotBefore: begin, NotAfter: begin.Add(24 * time.Hour),
	}
	later := begin.Add(10 * time.Hour)
	one, err := apply(g, later, Confirm, health, "")
	if err != nil || one.State != enclave.GrantAssessed || !reflect.DeepEqual(one.Waiting, []string{"tax"}) || !one.NotBefore.Equal(begin) {
		t.Fatalf("first: %+v, %v", one, err)
	}
	if len(g.Waiting) != 2 || g.Waiting[0] != "health" || g.Confirmations != nil {
		t.Fatalf("the grant before it changed: %+v", g)
	}
	for _, verb := range []Verb{Confirm, Refuse} {
		if _, err := apply(one, later, verb, health, "x"); enclave.AsError(err).Reason != "GRANT_CONFIRMED" {
			t.Errorf("twice: %v", err)
		}
		if _, err := apply(one, later, verb, enclave.Caller{Org: "police"}, "x"); enclave.KindOf(err) != enclave.NotFound {
			t.Errorf("a department that is not asked: %v", err)
		}
	}
	both, err := apply(one, later, Confirm, tax, "")
	if err != nil || both.State != enclave.GrantActive || len(both.Waiting) != 0 {
		t.Fatalf("last: %+v, %v", both, err)
	}
	if !both.NotBefore.Equal(later) || !both.NotAfter.Equal(later.Add(24*time.Hour)) {
		t.Errorf("the term runs from %v to %v", both.NotBefore, both.NotAfter)
	}
	if want := map[string]string{"health": "wang", "tax": "zhao"}; !reflect.DeepEqual(both.Confirmations, want) {
		t.Errorf("confirmed by %v", both.Confirmations)
	}
	for _, verb := range []Verb{Decline, Refuse} {
		no := g
		if verb == Decline {
			no.State = enclave.GrantApplied
		}
		if _, err := apply(no, later, verb, health, ""); enclave.AsError(err).Reason != "GRANT_NOTE_REQUIRED" {
			t.Errorf("%s without a note: %v", verb, err)
		}
	}
}
