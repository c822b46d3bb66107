package rpc

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/approval"
	"github.com/darkroom-project/darkroom/internal/catalog"
	"github.com/darkroom-project/darkroom/internal/grant"
	"github.com/darkroom-project/darkroom/internal/module"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/rulebook"
	"github.com/darkroom-project/darkroom/internal/run"
)

// Catalog is the register of datasets. See [catalog.Register] for each method's contract; so for the registers below.
type Catalog interface {
	Create(ctx context.Context, caller enclave.Caller, dataset *enclave.Dataset) (catalog.Entry, error)
	Get(ctx context.Context, name string) (catalog.Entry, error)
	List(ctx context.Context, page enclave.Page) ([]catalog.Entry, string, error)
	Load(ctx context.Context, caller enclave.Caller, dataset, format, path string) (enclave.Snapshot, error)
	Snapshot(ctx context.Context, dataset string, digest enclave.Digest) (enclave.Snapshot, error)
	Snapshots(ctx context.Context, dataset string, page enclave.Page) ([]enclave.Snapshot, string, error)
}

// Grants is the register of grants.
type Grants interface {
	Apply(ctx context.Context, caller enclave.Caller, application grant.Application) (enclave.Grant, error)
	Get(ctx context.Context, id string) (enclave.Grant, error)
	List(ctx context.Context, operator string, page enclave.Page) ([]enclave.Grant, string, error)
	Assess(ctx context.Context, caller enclave.Caller, id string, approve bool, note string) (enclave.Grant, error)
	Confirm(ctx context.Context, caller enclave.Caller, id string, approve bool, note string) (enclave.Grant, error)
	Suspend(ctx context.Context, caller enclave.Caller, id, note string) (enclave.Grant, error)
	Resume(ctx context.Context, caller enclave.Caller, id, note string) (enclave.Grant, error)
	Revoke(ctx context.Context, caller enclave.Caller, id, note string) (enclave.Grant, error)
}

// Modules is the register of modules. Owner "" means anyone's.
type Modules interface {
	Upload(ctx context.Context, caller enclave.Caller, wasm []byte) (module.Entry, error)
	Get(ctx context.Context, owner string, digest enclave.Digest) (module.Entry, error)
	List(ctx context.Context, owner string, page enclave.Page) ([]module.Entry, string, error)
}

// Approvals is the register of what people let run.
type Approvals interface {
	Propose(ctx context.Context, caller enclave.Caller, module enclave.Digest, dataset string, archive []byte) (approval.Proposal, error)
	Get(ctx context.Context, id string) (approval.Proposal, error)
	List(ctx context.Context, operator string, page enclave.Page) ([]approval.Proposal, string, error)
	Review(ctx context.Context, caller enclave.Caller, proposal approval.Proposal) (*approval.Material, error)
	File(ctx context.Context, caller enclave.Caller, proposal approval.Proposal, wantSource bool) ([]byte, error)
	Vote(ctx context.Context, caller enclave.Caller, id string, choice approval.Choice, public, private string) (approval.Proposal, error)
	Withdraw(ctx context.Context, caller enclave.Caller, id, note string) (approval.Proposal, error)
}

// Runs is the register of runs.
type Runs interface {
	Submit(ctx context.Context, caller enclave.Caller, request run.Request) (enclave.Run, error)
	Get(ctx context.Context, id string) (enclave.Run, error)
	List(ctx context.Context, operator string, page enclave.Page) ([]enclave.Run, string, error)
	Cancel(ctx context.Context, caller enclave.Caller, id string) (enclave.Run, error)
	Watch(ctx context.Context, id string, send func(enclave.Run) error) error
	Result(ctx context.Context, id string) ([]byte, error)
	Receipt(ctx context.Context, id string) ([]byte, error)
	Explain(ctx context.Context, caller enclave.Caller, id string) (*run.Explanation, error)
	Report(ctx context.Context, caller enclave.Caller, id string) ([]byte, error)
	Releases(ctx context.Context, dataset string) (*run.Releases, error)
	Replay(ctx context.Context, caller enclave.Caller, id string, workers int) (run.Replayed, error)
}

// Reviews is the register of what people decide of held outputs. It shows each caller no more than that one may see.
type Reviews interface {
	List(ctx context.Context, caller enclave.Caller, page enclave.Page) ([]review.Review, string, error)
	Get(ctx context.Context, caller enclave.Caller, run string) (review.Review, error)
	Show(ctx context.Context, caller enclave.Caller, run string) (review.Case, error)
	Vote(ctx context.Context, caller enclave.Caller, run string, ballot review.Ballot) (review.Review, error)
	Answer(ctx context.Context, caller enclave.Caller, run, text string) (review.Review, error)
}

var (
	_ Catalog   = (*catalog.Register)(nil)
	_ Grants    = (*grant.Register)(nil)
	_ Modules   = (*module.Register)(nil)
	_ Approvals = (*approval.Register)(nil)
	_ Runs      = (*run.Register)(nil)
	_ Reviews   = (*review.Register)(nil)
	_ Rulebook  = (*rulebook.Register)(nil)
)

// Rules is a revision of the policy, as it is shown.
type Rules struct {
	Revision enclave.Digest
	Files    []RuleFile
	Profiles []RuleProfile
}

// RuleFile is one file of the policy's bundle.
type RuleFile struct{ Path, Text string }

// RuleProfile is the numbers of one profile, JSON.
type RuleProfile struct{ Name, Numbers string }

// Policy shows the rules.
type Policy interface {
	// Show shows a revision, zero for the one in force, or fails with POLICY_REVISION_GONE.
	Show(revision enclave.Digest) (Rules, error)
}

// Rulebook is the register of the rules. See [rulebook.Register].
type Rulebook interface {
	Propose(ctx context.Context, caller enclave.Caller, archive []byte, note string) (rulebook.Change, error)
	Agree(ctx context.Context, caller enclave.Caller, id string) (rulebook.Change, error)
	Reject(ctx context.Context, caller enclave.Caller, id string) (rulebook.Change, error)
	List(ctx context.Context, page enclave.Page) ([]rulebook.Change, string, error)
}

// Ledger proves what was recorded. Index and sizes were checked against each other, not against the log's size.
type Ledger interface {
	// Checkpoint is the newest signed checkpoint.
	Checkpoint(ctx context.Context) ([]byte, error)
	// PublicKey is the domain's key as a note verifier key.
	PublicKey() string
	// Entry is the record of an act and its salt. Kind NotFound if there is none, or it was destroyed.
	Entry(ctx context.Context, index uint64) (body string, salt []byte, err error)
	// Inclusion is an RFC 6962 audit path.
	Inclusion(ctx context.Context, index, size uint64) ([][]byte, error)
	// Consistency is an RFC 6962 consistency proof.
	Consistency(ctx context.Context, from, to uint64) ([][]byte, error)
}

// AccessRequest is one question to the access policy.
type AccessRequest struct {
	Caller enclave.Caller
	// Method is the full gRPC method, "/darkroom.v1.RunService/SubmitRun".
	Method string
	// Owner is the organisation that owns the object addressed: a dataset and its snapshots are their source department's; grants,
	// modules, runs, results, receipts and reviews their operator's; a ledger entry is its actor's. "" if it is nobody's.
	Owner string
	// Parties are other organisations that the object concerns: of a grant, the source departments of its datasets; of a review, the
	// source department of its dataset.
	Parties []string
}

// Access is the access policy. An error is as good as no.
type Access interface {
	Access(ctx context.Context, request AccessRequest) (bool, error)
}
