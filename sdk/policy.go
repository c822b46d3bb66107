package sdk

import (
	"context"
	"encoding/json"

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
func (c *Client) Policy(ctx context.Context) (Policy, error) {
	r, err := c.policy.GetPolicy(ctx, &darkroomv1.GetPolicyRequest{Name: "policy"})
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
