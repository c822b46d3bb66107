package enclave

import (
	"slices"
	"time"
)

// GrantState is where a grant stands: applied → assessed → active, then suspended and back, or revoked, rejected, expired.
type GrantState string

// The states of a grant.
const (
	GrantApplied   GrantState = "applied"   // the operator asked; the authority assesses next
	GrantAssessed  GrantState = "assessed"  // the authority agreed; each source department confirms next
	GrantActive    GrantState = "active"    // runs may use it
	GrantSuspended GrantState = "suspended" // stopped for now; the authority may resume it
	GrantRejected  GrantState = "rejected"  // the authority or a source said no; final
	GrantRevoked   GrantState = "revoked"   // ended by the authority; final
	GrantExpired   GrantState = "expired"   // its term is over; final
)

// Scope is one dataset of a grant, with the columns it covers.
type Scope struct {
	Dataset string   `json:"dataset"`
	Columns []string `json:"columns"`
}

// Grant (授权) lets an operator use columns of datasets for one scenario, in some forms, for a term. Nothing runs without one.
type Grant struct {
	ID            string            `json:"id"`
	Operator      string            `json:"operator"` // organisation
	Scenario      string            `json:"scenario"` // [a-z][a-z0-9-]*: the named purpose (场景)
	Purpose       string            `json:"purpose"`  // in the operator's words
	Scopes        []Scope           `json:"scopes"`
	Forms         []Form            `json:"forms"`
	NotBefore     time.Time         `json:"not_before"`
	NotAfter      time.Time         `json:"not_after"`
	State         GrantState        `json:"state"`
	Confirmations map[string]string `json:"confirmations,omitempty"` // source organisation → who confirmed
	Waiting       []string          `json:"waiting,omitempty"`       // source organisations still to confirm, sorted
	Note          string            `json:"note,omitempty"`          // the last decision's reason
	Revision      int64             `json:"revision"`                // grows with every change
}

// StateAt is the state at a moment: an active or suspended grant whose term is over has expired.
func (g *Grant) StateAt(now time.Time) GrantState {
	if (g.State == GrantActive || g.State == GrantSuspended) && now.After(g.NotAfter) {
		return GrantExpired
	}
	return g.State
}

// Permits reports why a grant does not cover a form over columns of a dataset at a moment, or nil.
func (g *Grant) Permits(now time.Time, form Form, dataset string, columns []string) error {
	if state := g.StateAt(now); state != GrantActive || now.Before(g.NotBefore) {
		return Fail(State, "GRANT_NOT_ACTIVE", "grant", g.ID, "state", string(state))
	}
	if !slices.Contains(g.Forms, form) {
		return Fail(Refused, "GRANT_FORM", "grant", g.ID, "form", string(form))
	}
	i := slices.IndexFunc(g.Scopes, func(s Scope) bool { return s.Dataset == dataset })
	if i < 0 {
		return Fail(Refused, "GRANT_DATASET", "grant", g.ID, "dataset", dataset)
	}
	for _, column := range columns {
		if !slices.Contains(g.Scopes[i].Columns, column) {
			return Fail(Refused, "GRANT_COLUMN", "grant", g.ID, "dataset", dataset, "column", column)
		}
	}
	return nil
}
