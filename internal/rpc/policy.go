package rpc

import (
	"context"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// policies shows the rules.
type policies struct {
	darkroomv1.UnimplementedPolicyServiceServer
	Config
}

func (p *policies) GetPolicy(context.Context, *darkroomv1.GetPolicyRequest) (*darkroomv1.GetPolicyResponse, error) {
	rules := p.Policy.Show()
	seen := &darkroomv1.Policy{Revision: rules.Revision.String()}
	for _, f := range rules.Files {
		seen.Files = append(seen.Files, &darkroomv1.PolicyFile{Path: f.Path, Text: f.Text})
	}
	for _, f := range rules.Profiles {
		seen.Profiles = append(seen.Profiles, &darkroomv1.PolicyProfile{Name: f.Name, NumbersJson: f.Numbers})
	}
	return &darkroomv1.GetPolicyResponse{Policy: seen}, nil
}
