package sdk

import (
	"context"
	"iter"
	"strings"
	"time"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// GrantState is where a grant stands.
type GrantState string

// The states of a grant.
const (
	GrantApplied   GrantState = "applied"   // the authority assesses next
	GrantAssessed  GrantState = "assessed"  // the source departments confirm next
	GrantActive    GrantState = "active"    // runs may use it
	GrantSuspended GrantState = "suspended" // stopped for now
	GrantRejected  GrantState = "rejected"  // the authority or a source said no
	GrantRevoked   GrantState = "revoked"   // ended by the authority
	GrantExpired   GrantState = "expired"   // its term is over
)

// Scope is one dataset of a grant, with the columns that it covers.
type Scope struct {
	Dataset string
	Columns []string
}

// Application asks for a grant.
type Application struct {
	Scenario string   // the named purpose (场景), [a-z][a-z0-9-]*
	Purpose  string   // in the operator's words, at most 2000 bytes
	Scopes   []Scope  // 1 to 32
	Forms    []string // of modules; empty means "aggregate"
	TermDays int      // 1 to 1096
}

// Grant (授权) lets an operator use columns of datasets for one scenario, for a term.
type Grant struct {
	ID       string
	Operator string
	Scenario string
	Purpose  string
	Scopes   []Scope
	Forms    []string
	Start    time.Time
	End      time.Time
	State    GrantState
	Waiting  []string // source departments that have still to confirm
	Note     string   // reason of the last decision
}

// ApplyGrant asks for a grant for the caller's organisation.
func (c *Client) ApplyGrant(ctx context.Context, a Application) (Grant, error) {
	r, err := c.grants.ApplyGrant(ctx, &darkroomv1.ApplyGrantRequest{
		Scenario: a.Scenario, Purpose: a.Purpose, Forms: a.Forms, TermDays: int32(min(max(a.TermDays, -1), 1<<20)),
		Scopes: each(a.Scopes, func(s Scope) *darkroomv1.Scope {
			return &darkroomv1.Scope{Dataset: in("datasets", s.Dataset), Columns: s.Columns}
		}),
	})
	return toGrant(r.GetGrant()), received(err)
}

// GetGrant returns one.
func (c *Client) GetGrant(ctx context.Context, id string) (Grant, error) {
	r, err := c.grants.GetGrant(ctx, &darkroomv1.GetGrantRequest{Name: in("grants", id)})
	return toGrant(r.GetGrant()), received(err)
}

// ListGrants iterates over those that the caller may see, newest first.
func (c *Client) ListGrants(ctx context.Context) iter.Seq2[Grant, error] {
	return pages(func(token string) ([]Grant, string, error) {
		r, err := c.grants.ListGrants(ctx, &darkroomv1.ListGrantsRequest{PageToken: token})
		return each(r.GetGrants(), toGrant), r.GetNextPageToken(), err
	})
}

// AssessGrant is the authority's yes or no to an application. A no needs a note.
func (c *Client) AssessGrant(ctx context.Context, id string, approve bool, note string) (Grant, error) {
	r, err := c.grants.AssessGrant(ctx, &darkroomv1.AssessGrantRequest{Name: in("grants", id), Approve: approve, Note: note})
	return toGrant(r.GetGrant()), received(err)
}

// ConfirmGrant is a source department's yes or no to an assessed grant of its data. A no needs a note.
func (c *Client) ConfirmGrant(ctx context.Context, id string, approve bool, note string) (Grant, error) {
	r, err := c.grants.ConfirmGrant(ctx, &darkroomv1.ConfirmGrantRequest{Name: in("grants", id), Approve: approve, Note: note})
	return toGrant(r.GetGrant()), received(err)
}

// SuspendGrant stops a grant for now: no further run starts and none under way releases.
func (c *Client) SuspendGrant(ctx context.Context, id, note string) (Grant, error) {
	r, err := c.grants.SuspendGrant(ctx, &darkroomv1.SuspendGrantRequest{Name: in("grants", id), Note: note})
	return toGrant(r.GetGrant()), received(err)
}

// ResumeGrant makes a suspended grant active again.
func (c *Client) ResumeGrant(ctx context.Context, id, note string) (Grant, error) {
	r, err := c.grants.ResumeGrant(ctx, &darkroomv1.ResumeGrantRequest{Name: in("grants", id), Note: note})
	return toGrant(r.GetGrant()), received(err)
}

// RevokeGrant ends a grant for good.
func (c *Client) RevokeGrant(ctx context.Context, id, note string) (Grant, error) {
	r, err := c.grants.RevokeGrant(ctx, &darkroomv1.RevokeGrantRequest{Name: in("grants", id), Note: note})
	return toGrant(r.GetGrant()), received(err)
}

func toGrant(g *darkroomv1.Grant) Grant {
	return Grant{
		ID: last(g.GetName()), Operator: g.GetOperator(), Scenario: g.GetScenario(), Purpose: g.GetPurpose(),
		Scopes: each(g.GetScopes(), func(s *darkroomv1.Scope) Scope {
			return Scope{Dataset: last(s.GetDataset()), Columns: s.GetColumns()}
		}),
		Forms: g.GetForms(), Start: at(g.GetStartTime()), End: at(g.GetExpireTime()),
		State: GrantState(word(g.GetState().String(), "GRANT_STATE_")), Waiting: g.GetWaitingFor(), Note: g.GetNote(),
	}
}

// word turns the name of an enum's value into our word for it: ("RUN_OUTCOME_HELD", "RUN_OUTCOME_") is "held", the unspecified one "".
func word(value, prefix string) string {
	w := strings.ToLower(strings.TrimPrefix(value, prefix))
	if w == "unspecified" {
		return ""
	}
	return w
}
