package grant

import (
	"maps"
	"slices"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Verb is what can be done to a grant after its application.
type Verb string

// The verbs; as acts of the ledger they stand after "grant.".
const (
	Approve Verb = "approve" // the authority's yes to an application
	Decline Verb = "decline" // the authority's no
	Confirm Verb = "confirm" // a source department's yes
	Refuse  Verb = "refuse"  // a source department's no
	Suspend Verb = "suspend"
	Resume  Verb = "resume"
	Revoke  Verb = "revoke"
)

// Verbs lists every verb.
func Verbs() []Verb { return []Verb{Approve, Decline, Confirm, Refuse, Suspend, Resume, Revoke} }

// next is the state machine of grants. Whatever stands in no case is GRANT_STATE. A confirmation leads on only when it is the last.
func next(state enclave.GrantState, verb Verb) (enclave.GrantState, bool) {
	switch state {
	case enclave.GrantApplied:
		switch verb { //nolint:exhaustive // every other verb is refused
		case Approve:
			return enclave.GrantAssessed, true
		case Decline:
			return enclave.GrantRejected, true
		}
	case enclave.GrantAssessed:
		switch verb { //nolint:exhaustive // every other verb is refused
		case Confirm:
			return enclave.GrantActive, true
		case Refuse:
			return enclave.GrantRejected, true
		case Revoke:
			return enclave.GrantRevoked, true
		}
	case enclave.GrantActive:
		switch verb { //nolint:exhaustive // every other verb is refused
		case Suspend:
			return enclave.GrantSuspended, true
		case Revoke:
			return enclave.GrantRevoked, true
		}
	case enclave.GrantSuspended:
		switch verb { //nolint:exhaustive // every other verb is refused
		case Resume:
			return enclave.GrantActive, true
		case Revoke:
			return enclave.GrantRevoked, true
		}
	case enclave.GrantRejected, enclave.GrantRevoked, enclave.GrantExpired:
	}
	return state, false
}

// apply returns a grant after a verb at a moment, sharing nothing with g. A no needs a note (GRANT_NOTE_REQUIRED). Confirm and refuse
// are for an organisation that the grant waits for: for one that confirmed already it is GRANT_CONFIRMED, for any other the grant
// looks missing.
func apply(g enclave.Grant, now time.Time, verb Verb, caller enclave.Caller, note string) (enclave.Grant, error) {
	if verb == Confirm || verb == Refuse {
		if _, done := g.Confirmations[caller.Org]; done {
			return g, enclave.Fail(enclave.State, "GRANT_CONFIRMED", "grant", g.ID)
		}
		if !slices.Contains(g.Waiting, caller.Org) {
			return g, NotFound(g.ID)
		}
	}
	state, ok := next(g.StateAt(now), verb)
	if !ok {
		return g, enclave.Fail(enclave.State, "GRANT_STATE", "grant", g.ID, "state", string(g.StateAt(now)), "act", string(verb))
	}
	if note == "" && (verb == Decline || verb == Refuse) {
		return g, enclave.Fail(enclave.Invalid, "GRANT_NOTE_REQUIRED")
	}
	g.Confirmations, g.Waiting = maps.Clone(g.Confirmations), slices.Clone(g.Waiting)
	if verb == Confirm {
		if g.Confirmations == nil {
			g.Confirmations = map[string]string{}
		}
		g.Confirmations[caller.Org] = caller.Name
		g.Waiting = slices.DeleteFunc(g.Waiting, func(org string) bool { return org == caller.Org })
		if len(g.Waiting) > 0 {
			state = enclave.GrantAssessed
		} else {
			// The term was counted from the application; it starts now, at full length.
			g.NotBefore, g.NotAfter = now, now.Add(g.NotAfter.Sub(g.NotBefore))
		}
	}
	g.State, g.Note = state, note
	return g, nil
}
