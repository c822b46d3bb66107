package sdk

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// Policy is one revision of the rules.
type Policy struct {
	Revision string // SHA-256 over the bundle's files
	Files    []PolicyFile
	Profiles []PolicyProfile
}

// PolicyFile is one file of the bundle.
type PolicyFile struct{ Path, Text string }

// PolicyProfile is the numbers for one kind of subject, grade or scenario, JSON.
type PolicyProfile struct {
	Name    string
	Numbers json.RawMessage
}

// Policy returns the rules in force.
func (c *Client) Policy(ctx context.Context) (Policy, error) { return c.PolicyAt(ctx, "") }

// PolicyAt returns a revision that is or was in force or proposed; "" means the one in force.
func (c *Client) PolicyAt(ctx context.Context, revision string) (Policy, error) {
	r, err := c.policy.GetPolicy(ctx, &darkroomv1.GetPolicyRequest{Name: "policy", Revision: revision})
	if err != nil {
		return Policy{}, received(err)
	}
	p := r.GetPolicy()
	return Policy{
		Revision: p.GetRevision(),
		Files:    each(p.GetFiles(), func(f *darkroomv1.PolicyFile) PolicyFile { return PolicyFile{f.GetPath(), f.GetText()} }),
		Profiles: each(p.GetProfiles(), func(f *darkroomv1.PolicyProfile) PolicyProfile {
			return PolicyProfile{f.GetName(), json.RawMessage(f.GetNumbersJson())}
		}),
	}, nil
}

// PolicyChangeState is where a change of the rules stands.
type PolicyChangeState string

// The states of a change.
const (
	PolicyWaiting  PolicyChangeState = "waiting"  // a second person of the authority has to agree
	PolicyActive   PolicyChangeState = "active"   // in force
	PolicyReplaced PolicyChangeState = "replaced" // was in force
	PolicyRejected PolicyChangeState = "rejected" // somebody rejected it, or its proposer took it back
)

// PolicyChange is a change of the rules.
type PolicyChange struct {
	ID          string
	Revision    string // that it brings in force
	Base        string // that it was proposed against; "" of the first
	State       PolicyChangeState
	Proposer    Identity // the zero value for rules that came with the program
	Decider     Identity // who agreed or rejected; the zero value while it waits
	Note        string   // why
	Differences []PolicyDifference
	Proposed    time.Time
	Decided     time.Time // zero while it waits
}

// PolicyDifference is one thing that a change changes: a number by its place in the data, or a file of rules. Before and After are the number as
// JSON, or the file's digest; "" where there is none.
type PolicyDifference struct{ Place, Before, After string }

// ProposePolicy hands in a signed bundle of rules, an OPA bundle tarball. The enclave verifies, compiles and tests it at once; then it waits for a
// second person of the authority.
func (c *Client) ProposePolicy(ctx context.Context, bundle []byte, note string) (PolicyChange, error) {
	r, err := c.policy.ProposePolicy(ctx, &darkroomv1.ProposePolicyRequest{Bundle: bundle, Note: note})
	return toPolicyChange(r.GetChange()), received(err)
}

// DecidePolicyChange agrees with a change that somebody else proposed, which puts it in force, or rejects one.
func (c *Client) DecidePolicyChange(ctx context.Context, id string, agree bool) (PolicyChange, error) {
	r, err := c.policy.DecidePolicyChange(ctx, &darkroomv1.DecidePolicyChangeRequest{Name: in("policyChanges", id), Agree: agree})
	return toPolicyChange(r.GetChange()), received(err)
}

// ListPolicyChanges iterates over all changes of the rules, newest first.
func (c *Client) ListPolicyChanges(ctx context.Context) iter.Seq2[PolicyChange, error] {
	return pages(func(token string) ([]PolicyChange, string, error) {
		r, err := c.policy.ListPolicyChanges(ctx, &darkroomv1.ListPolicyChangesRequest{PageToken: token})
		return each(r.GetChanges(), toPolicyChange), r.GetNextPageToken(), err
	})
}

// DryRunPolicy says, as JSON, what a bundle would have decided of the last outputs, 1 to 1000; it need not be signed, and nothing comes in force.
// Exact runs those again that it would treat otherwise.
func (c *Client) DryRunPolicy(ctx context.Context, bundle []byte, last int, exact bool) ([]byte, error) {
	r, err := c.policy.DryRunPolicy(ctx, &darkroomv1.DryRunPolicyRequest{Bundle: bundle, Last: int32(max(min(last, 1<<20), -1)), Exact: exact})
	return []byte(r.GetReportJson()), received(err)
}

func toPolicyChange(c *darkroomv1.PolicyChange) PolicyChange {
	return PolicyChange{
		ID: last(c.GetName()), Revision: c.GetRevision(), Base: c.GetBaseRevision(), Note: c.GetNote(),
		State:    PolicyChangeState(word(c.GetState().String(), "POLICY_CHANGE_STATE_")),
		Proposer: person(c.GetProposer()), Decider: person(c.GetDecider()),
		Differences: each(c.GetDifferences(), func(d *darkroomv1.PolicyDifference) PolicyDifference {
			return PolicyDifference{d.GetPlace(), d.GetBefore(), d.GetAfter()}
		}),
		Proposed: at(c.GetCreateTime()), Decided: at(c.GetDecideTime()),
	}
}

// person is an identity that may not be there.
func person(i *darkroomv1.Identity) Identity {
	if i == nil {
		return Identity{}
	}
	return toIdentity(i)
}
