package app

import (
	"fmt"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/rpc"
	"github.com/darkroom-project/darkroom/policy"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// TestAccessRemembersWhatPolicySays asks everything twice, in an order that would show an answer given to another question.
func TestAccessRemembersWhatPolicySays(t *testing.T) {
	rules, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	a, allowed := newAccess(func() *policy.Engine { return rules }), 0
	for range 2 {
		for _, role := range []enclave.Role{enclave.Operator, enclave.Auditor, enclave.Reviewer} {
			for _, owner := range []string{"acme", "rival", ""} {
				for _, parties := range [][]string{nil, {"acme"}, {"rival", "acme"}} {
					for _, method := range []string{
						darkroomv1.RunService_SubmitRun_FullMethodName, darkroomv1.RunService_GetRun_FullMethodName, darkroomv1.GrantService_AssessGrant_FullMethodName,
					} {
						who := enclave.Caller{Role: role, Org: "acme", Name: "li"}
						want, err1 := rules.Access(t.Context(), policy.AccessInput{Caller: who, Method: method, Owner: owner, Parties: parties})
						got, err2 := a.Access(t.Context(), rpc.AccessRequest{Caller: who, Method: method, Owner: owner, Parties: parties})
						if err1 != nil || err2 != nil || got != want {
							t.Errorf("%v %q %v %s: %v, %v, %v, %v", who, owner, parties, method, got, want, err1, err2)
						}
						if want {
							allowed++
						}
					}
				}
			}
		}
	}
	if len(a.allowed) == 0 || 2*len(a.allowed) != allowed {
		t.Errorf("%d remembered of %d", len(a.allowed), allowed)
	}
	for n := range maxAllowed {
		a.allowed[fmt.Sprint(n)] = true // others' answers
	}
	who := enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "zhou"}
	ok, err := a.Access(t.Context(), rpc.AccessRequest{Caller: who, Method: darkroomv1.RunService_GetRun_FullMethodName, Owner: "acme"})
	if err != nil || !ok || len(a.allowed) != 1 {
		t.Errorf("%v, %v, %d remembered where there is no room", ok, err, len(a.allowed))
	}
}
