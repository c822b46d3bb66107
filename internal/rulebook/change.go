// Package rulebook is the register of the rules: which revision is in force, who proposed and who agreed, and every revision there was.
//
// A change of the rules is a signed bundle. Whoever of the authority proposes it waits for somebody else of the authority to agree; the enclave
// has verified, compiled and tested it before anybody is asked, and does so again when they agree. From then on it is in force for runs that are
// submitted; those under way keep the revision that they were pinned to. Whatever fails leaves the rules in force as they are.
package rulebook

import (
	"context"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/policy"
)

// State is where a change stands.
type State string

// The states. One change is active; replaced and rejected are final, but a revision that was replaced may be proposed again.
const (
	Waiting  State = "waiting"
	Active   State = "active"
	Replaced State = "replaced"
	Rejected State = "rejected"
)

// Change is a change of the rules.
type Change struct {
	ID         string
	Revision   enclave.Digest // of the bundle's files
	Base       enclave.Digest // the revision in force when it was proposed; zero of the first
	Archive    enclave.Digest // of the bundle's file
	State      State
	Proposer   enclave.Caller // the enclave itself of rules that came with the program
	Decider    enclave.Caller // who agreed or rejected; zero while it waits
	Note       string         // why, in the proposer's words
	Difference []policy.Change
	Proposed   time.Time
	Decided    time.Time // zero while it waits
}

// NotFound is the error for a change that is missing.
func NotFound(id string) *enclave.Error {
	return enclave.Fail(enclave.NotFound, "POLICY_CHANGE_NOT_FOUND", "change", id)
}

// Store keeps changes. A change and its act MUST be one transaction. It MUST be safe for concurrent use.
type Store interface {
	// Insert adds a change. An active one takes the place of the active one with the revision change.Base, if there is any; else POLICY_CHANGE_STALE.
	Insert(ctx context.Context, change Change, act enclave.Act) error
	// Decide writes State, Decider and Decided of a change that waits; else POLICY_CHANGE_DECIDED. One that becomes active takes the place of
	// the active one, which must have the revision change.Base; else POLICY_CHANGE_STALE.
	Decide(ctx context.Context, change Change, act enclave.Act) error
	// Get fails with POLICY_CHANGE_NOT_FOUND (see NotFound).
	Get(ctx context.Context, id string) (Change, error)
	// List sorts newest first. The string is After of the next page, "" at the end.
	List(ctx context.Context, page enclave.Page) ([]Change, string, error)
	// Active is the change in force; POLICY_CHANGE_NOT_FOUND if there never was one.
	Active(ctx context.Context) (Change, error)
}

// Files keeps bytes by digest, durably before Put returns.
type Files interface {
	Put(content []byte) (enclave.Digest, error)
	Get(digest enclave.Digest) ([]byte, error)
}
