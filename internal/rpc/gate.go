package rpc

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/identity"
)

// gate says who a caller is and what it may reach.
type gate struct {
	access Access
	clock  func() time.Time
}

// isHealth reports whether a method answers without a credential.
func isHealth(method string) bool {
	return strings.HasPrefix(method, "/"+healthv1.Health_ServiceDesc.ServiceName+"/")
}

// authenticate finds the caller in the peer's certificate, which TLS has verified against the domain's CA when the connection began. A
// connection may live longer than a certificate: its end is checked at every call.
func (g *gate) authenticate(ctx context.Context, method string, next func(context.Context) error) error {
	if isHealth(method) {
		return next(ctx)
	}
	from, _ := peer.FromContext(ctx)
	var info credentials.TLSInfo
	if from != nil {
		info, _ = from.AuthInfo.(credentials.TLSInfo)
	}
	if len(info.State.VerifiedChains) == 0 {
		return enclave.Fail(enclave.Unauthenticated, "CREDENTIAL_MISSING")
	}
	certificate := info.State.VerifiedChains[0][0]
	if g.clock().After(certificate.NotAfter) {
		return enclave.Fail(enclave.Unauthenticated, "CREDENTIAL_EXPIRED", "date", certificate.NotAfter.UTC().Format(time.DateOnly))
	}
	who, err := identity.CallerOf(certificate)
	if err != nil {
		return err
	}
	callOf(ctx).caller = &who
	return next(ctx)
}

// authorise asks whether the caller's role may call the method at all: for an object of its own, or one that is not, and that concerns it.
func (g *gate) authorise(ctx context.Context, method string, next func(context.Context) error) error {
	if isHealth(method) {
		return next(ctx)
	}
	who := callerOf(ctx)
	ok, err := g.mayCall(ctx, who, method)
	if err != nil {
		return err
	}
	if ok {
		return next(ctx)
	}
	var others []string
	for _, role := range enclave.Roles() {
		other := who
		if other.Role = role; role == who.Role {
			continue
		}
		may, err := g.mayCall(ctx, other, method)
		if err != nil {
			return err
		}
		if may {
			others = append(others, string(role))
		}
	}
	name := method[strings.LastIndexByte(method, '/')+1:]
	return enclave.Fail(enclave.Refused, "METHOD_FORBIDDEN", "method", name, "role", string(who.Role), "roles", strings.Join(others, ", "))
}

// mayCall reports whether somebody may call a method at all.
func (g *gate) mayCall(ctx context.Context, who enclave.Caller, method string) (bool, error) {
	mine := []string{who.Org}
	ok, err := g.asks(ctx, who, method, target{owner: who.Org, parties: mine})
	if err != nil || ok {
		return ok, err
	}
	return g.asks(ctx, who, method, target{parties: mine})
}

// target is whose an object is, and whom else it concerns.
type target struct {
	owner   string
	parties []string
}

func (g *gate) allows(ctx context.Context, method string, t target) (bool, error) {
	return g.asks(ctx, callerOf(ctx), method, t)
}

func (g *gate) asks(ctx context.Context, who enclave.Caller, method string, t target) (bool, error) {
	ok, err := g.access.Access(ctx, AccessRequest{Caller: who, Method: method, Owner: t.owner, Parties: t.parties})
	if err != nil {
		return false, enclave.Internalf("access policy: %w", err)
	}
	return ok, nil
}

// reach ends a look-up: the object is for this caller, or the error is missing, whether it is not there or not the caller's.
func reach[T any](ctx context.Context, g *gate, object T, err error, whose func(T) target, missing *enclave.Error) (T, error) {
	var none T
	if err != nil {
		if enclave.KindOf(err) == enclave.NotFound {
			return none, missing
		}
		return none, err
	}
	ok, err := g.allows(ctx, callOf(ctx).method, whose(object))
	if err != nil {
		return none, err
	}
	if !ok {
		return none, missing
	}
	return object, nil
}

// viewer answers for the objects of a list whether the caller could get them one by one, asking for each owner once.
func (g *gate) viewer(ctx context.Context, get string) func(target) (bool, error) {
	known := map[string]bool{}
	return func(t target) (bool, error) {
		key := strings.Join(slices.Concat([]string{t.owner}, t.parties), " ")
		if ok, there := known[key]; there {
			return ok, nil
		}
		ok, err := g.allows(ctx, get, t)
		if err == nil {
			known[key] = ok
		}
		return ok, err
	}
}

// scope is the organisation whose objects a register should list: an operator's own, anyone's ("") for the other roles. It spares
// reading; what is shown is decided object by object.
func scope(who enclave.Caller) string {
	if who.Role == enclave.Operator {
		return who.Org
	}
	return ""
}
