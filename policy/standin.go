package policy

import (
	"errors"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// errStandIn is why a stand-in judges nothing.
var errStandIn = errors.New("the rules in force cannot be read by this version of the program: nothing is judged until others are put in force")

// StandIn is an engine in the place of a revision that this program cannot read, one of an older program, say, that lacks a number. It goes by that
// revision's name, lets callers do nothing but change the rules, as far as e's own rules allow that, and denies whatever it is asked to judge.
func (e *Engine) StandIn(revision enclave.Digest) *Engine {
	in, named := *e, *e.bundle
	named.revision = revision
	in.bundle, in.standIn = &named, true
	return &in
}

// StandsIn reports whether the engine is a stand-in.
func (e *Engine) StandsIn() bool { return e.standIn }

// open reports whether a stand-in lets a call through to the rules: what it takes to put others in force, and to see that it was recorded.
func open(method string) bool {
	return slices.Contains([]string{
		"/darkroom.v1.IdentityService/WhoAmI",
		"/darkroom.v1.LedgerService/GetCheckpoint",
		"/darkroom.v1.LedgerService/GetConsistencyProof",
		"/darkroom.v1.LedgerService/GetEntry",
		"/darkroom.v1.LedgerService/GetInclusionProof",
		"/darkroom.v1.PolicyService/DecidePolicyChange",
		"/darkroom.v1.PolicyService/GetPolicy",
		"/darkroom.v1.PolicyService/ListPolicyChanges",
		"/darkroom.v1.PolicyService/ProposePolicy",
	}, method)
}
