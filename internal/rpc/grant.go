package rpc

import (
	"context"
	"maps"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/grant"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// grants serves the register of grants.
type grants struct {
	darkroomv1.UnimplementedGrantServiceServer
	Config
	gate *gate
}

// grantTarget is the operator's, and concerns every source department that has confirmed or is waited for: together they are the
// owners of the grant's datasets.
func grantTarget(g enclave.Grant) target {
	return target{owner: g.Operator, parties: slices.Sorted(maps.Keys(sources(g)))}
}

func sources(g enclave.Grant) map[string]bool {
	orgs := map[string]bool{}
	for _, org := range g.Waiting {
		orgs[org] = true
	}
	for org := range g.Confirmations {
		orgs[org] = true
	}
	return orgs
}

// find looks a grant up for a caller.
func (g *grants) find(ctx context.Context, resource string) (enclave.Grant, error) {
	id := last(resource)
	found, err := g.Grants.Get(ctx, id)
	return reach(ctx, g.gate, found, err, grantTarget, grant.NotFound(id))
}

func (g *grants) ApplyGrant(ctx context.Context, r *darkroomv1.ApplyGrantRequest) (*darkroomv1.ApplyGrantResponse, error) {
	application := grant.Application{Scenario: r.GetScenario(), Purpose: r.GetPurpose(), TermDays: int(r.GetTermDays())}
	for _, s := range r.GetScopes() {
		application.Scopes = append(application.Scopes, enclave.Scope{Dataset: last(s.GetDataset()), Columns: s.GetColumns()})
	}
	for _, f := range r.GetForms() {
		application.Forms = append(application.Forms, enclave.Form(f))
	}
	applied, err := g.Grants.Apply(ctx, callerOf(ctx), application)
	if err != nil {
		return nil, err
	}
	return &darkroomv1.ApplyGrantResponse{Grant: seenGrant(applied)}, nil
}

func (g *grants) GetGrant(ctx context.Context, r *darkroomv1.GetGrantRequest) (*darkroomv1.GetGrantResponse, error) {
	found, err := g.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	return &darkroomv1.GetGrantResponse{Grant: seenGrant(found)}, nil
}

func (g *grants) ListGrants(ctx context.Context, r *darkroomv1.ListGrantsRequest) (*darkroomv1.ListGrantsResponse, error) {
	visible := g.gate.viewer(ctx, darkroomv1.GrantService_GetGrant_FullMethodName)
	list, next, err := gather(r, lightPart,
		func(page enclave.Page) ([]enclave.Grant, string, error) {
			return g.Grants.List(ctx, scope(callerOf(ctx)), page)
		},
		func(item enclave.Grant) (*darkroomv1.Grant, bool, error) {
			ok, err := visible(grantTarget(item))
			return seenGrant(item), ok, err
		})
	return &darkroomv1.ListGrantsResponse{Grants: list, NextPageToken: next}, err
}

func (g *grants) AssessGrant(ctx context.Context, r *darkroomv1.AssessGrantRequest) (*darkroomv1.AssessGrantResponse, error) {
	changed, err := g.decide(ctx, g.Grants.Assess, r)
	return &darkroomv1.AssessGrantResponse{Grant: changed}, err
}

func (g *grants) ConfirmGrant(ctx context.Context, r *darkroomv1.ConfirmGrantRequest) (*darkroomv1.ConfirmGrantResponse, error) {
	changed, err := g.decide(ctx, g.Grants.Confirm, r)
	return &darkroomv1.ConfirmGrantResponse{Grant: changed}, err
}

func (g *grants) SuspendGrant(ctx context.Context, r *darkroomv1.SuspendGrantRequest) (*darkroomv1.SuspendGrantResponse, error) {
	changed, err := g.change(ctx, g.Grants.Suspend, r)
	return &darkroomv1.SuspendGrantResponse{Grant: changed}, err
}

func (g *grants) ResumeGrant(ctx context.Context, r *darkroomv1.ResumeGrantRequest) (*darkroomv1.ResumeGrantResponse, error) {
	changed, err := g.change(ctx, g.Grants.Resume, r)
	return &darkroomv1.ResumeGrantResponse{Grant: changed}, err
}

func (g *grants) RevokeGrant(ctx context.Context, r *darkroomv1.RevokeGrantRequest) (*darkroomv1.RevokeGrantResponse, error) {
	changed, err := g.change(ctx, g.Grants.Revoke, r)
	return &darkroomv1.RevokeGrantResponse{Grant: changed}, err
}

// noted is a request that changes a grant and says why.
type noted interface {
	GetName() string
	GetNote() string
}

// change does one of the authority's acts on a grant that the caller may reach.
func (g *grants) change(
	ctx context.Context, act func(context.Context, enclave.Caller, string, string) (enclave.Grant, error), r noted,
) (*darkroomv1.Grant, error) {
	found, err := g.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	changed, err := act(ctx, callerOf(ctx), found.ID, r.GetNote())
	if err != nil {
		return nil, err
	}
	return seenGrant(changed), nil
}

// decide is change with a yes or no.
func (g *grants) decide(
	ctx context.Context, act func(context.Context, enclave.Caller, string, bool, string) (enclave.Grant, error),
	r interface {
		noted
		GetApprove() bool
	},
) (*darkroomv1.Grant, error) {
	return g.change(ctx, func(ctx context.Context, who enclave.Caller, id, note string) (enclave.Grant, error) {
		return act(ctx, who, id, r.GetApprove(), note)
	}, r)
}
