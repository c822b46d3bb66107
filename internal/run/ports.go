package run

import (
	"context"
	"encoding/json"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Progress is how far a run has come durably. Finer stages are kept in memory alone.
type Progress string

// The steps of progress.
const (
	Queued   Progress = "queued"
	Running  Progress = "running"
	Recorded Progress = "recorded" // judged for release; becomes fetchable when a signed checkpoint covers its act
	Ended    Progress = "ended"    // has an outcome
)

// State is a run with what only the enclave knows of it.
type State struct {
	enclave.Run
	Progress Progress
	Attempts int // how often its execution began
}

// Decision is what the gate decided of a run, as it is recorded.
type Decision struct {
	Run      string
	Grant    string
	Dataset  string
	Act      string    // id of the act that records it
	Time     time.Time // coarse, so that the last seconds of a grant may not count
	Decision enclave.Decision
	Reasons  []enclave.Reason
	Policy   enclave.Digest
	Profile  enclave.Profile
	Evidence string // JSON of Evidence: for auditors and reviewers, never for operators
	Result   enclave.Digest
	Format   string // media type of the result
	History  int64  // version of the dataset's release history that was measured against
	// Footprint names the file by which later tables are audited against this release, once it is one; zero of a denied output, and of a
	// program's.
	Footprint enclave.Digest
	ByPeople  bool // two people released what policy had held
	Approval  bool // the module must stand approved for the dataset; not kept
}

// Evidence is the facts that a decision was made from. The salt keeps the digests that the ledger's record names from being guessed:
// facts are a few small numbers that come from data, and there are few people who vote.
type Evidence struct {
	Salt   string               `json:"salt"`
	Facts  enclave.Facts        `json:"facts"`
	Before *enclave.BeforeFacts `json:"before,omitempty"` // of a table, before it was treated
	Passed []string             `json:"passed,omitempty"` // names of the rules that held
	Places []enclave.Place      `json:"places,omitempty"` // where in a program's output they were found
	Votes  []enclave.Vote       `json:"votes,omitempty"`  // of the people who released it
}

// evidence is what the decision was made from.
func (d *Decision) evidence() (e Evidence, err error) {
	if err := json.Unmarshal([]byte(d.Evidence), &e); err != nil {
		return e, enclave.Internalf("decode the evidence of run %s: %w", d.Run, err)
	}
	return e, nil
}

// votesDigest is what a receipt tells of the votes beside their number: their names are for auditors, in the acts of voting and here.
func (e *Evidence) votesDigest() (enclave.Digest, error) {
	return enclave.DigestJSON(Evidence{Salt: e.Salt, Votes: e.Votes})
}

// Ending is an outcome that is not the gate's: denied before judgement, failed, canceled.
type Ending struct {
	Outcome enclave.Outcome
	Stage   enclave.Stage
	Reasons []enclave.Reason
	Time    time.Time // coarse
	Report  string    // JSON of [enclave.Report], what is known beside the rest; "" if nothing is
	Denials int64     // of a denial in production: with so many of them the grant is suspended; 0 if that is not known
}

// Budget bounds what a grant may ask of a dataset in production; the zero value bounds nothing. What each run tells may be chosen by its module
// (A21, A23), and one module with parameters is as many questions as they have values (A39): only numbers bound all of them together.
type Budget struct {
	Counts   bool // the run is in production
	SeesRows bool // its module sees rows
	// How many there may be, whatever became of each: runs, runs of modules that see rows, and different questions, which are modules with
	// values of their parameters.
	Runs, RowRuns, Questions int64
}

// Store keeps runs, decisions and the release histories. A change and its act MUST be one transaction, durable when the method
// returns nil, without effect otherwise. It MUST be safe for concurrent use.
type Store interface {
	// Insert adds a queued run, unless the budget is spent: BUDGET_SPENT, whichever number it was.
	Insert(ctx context.Context, run enclave.Run, budget Budget, act enclave.Act) error
	// Get fails with RUN_NOT_FOUND (see NotFound).
	Get(ctx context.Context, id string) (State, error)
	// List sorts newest first; operator "" means all. The string is After of the next page, "" at the end.
	List(ctx context.Context, operator string, page enclave.Page) ([]State, string, error)
	// In lists the runs at a step of progress, oldest first.
	In(ctx context.Context, progress Progress) ([]State, error)
	// Held lists the runs whose output waits for people, oldest first.
	Held(ctx context.Context) ([]State, error)
	// Begin makes a queued or running run running and counts the attempt; else RUN_ENDED.
	Begin(ctx context.Context, id string) error
	// Yield makes a running run queued and does not count the attempt; else RUN_ENDED.
	Yield(ctx context.Context, id string) error
	// End gives a queued or running run its outcome; else RUN_ENDED. So many denials of the grant on the dataset since it was last resumed as
	// Denials says suspend it, in the same transaction, by an act of its own; so does Decide by the number in decision.Profile.
	End(ctx context.Context, id string, ending Ending, act enclave.Act) error
	// Report is Ending.Report of a run, "" if it has none.
	Report(ctx context.Context, id string) (string, error)
	// Withdraw gives a held run its outcome and closes its review; else RUN_ENDED.
	Withdraw(ctx context.Context, id string, ending Ending, act enclave.Act) error
	// Decide writes a decision about a running run: recorded for a release, else ended. A run that was ended meanwhile, or that is not in
	// Prod, fails with RUN_CANCELED, a grant that is not active at decision.Time with GRANT_NOT_ACTIVE, a decision with Approval about a
	// module that is not approved with MODULE_NOT_APPROVED, and a release whose dataset's history is no longer at decision.History with
	// HISTORY_MOVED; a release advances the history by one. A run that is held begins a review. A decision by people is about a held run
	// whose review is agreed, else RUN_ENDED, and ends the review.
	Decide(ctx context.Context, decision Decision, act enclave.Act) error
	// Release makes a recorded run released. It is idempotent.
	Release(ctx context.Context, id string, at time.Time) error
	// History is the version of a dataset's release history, 0 at first.
	History(ctx context.Context, dataset string) (int64, error)
	// Decision is the latest about a run, or fails with RUN_NOT_FOUND.
	Decision(ctx context.Context, run string) (Decision, error)
	// LastJudged lists the runs of the last decisions that a path made, newest first.
	LastJudged(ctx context.Context, limit int) ([]string, error)
	// Released lists the runs of a dataset's releases, oldest first.
	Released(ctx context.Context, dataset string) ([]string, error)
	// Judged is the first about a run, which its path made, or fails with RUN_NOT_FOUND. People may have decided after it.
	Judged(ctx context.Context, run string) (Decision, error)
	// Names reports whether anything names a file: a module, or a decision that keeps its output. Both may share a folder.
	Names(ctx context.Context, file enclave.Digest) (bool, error)
}

// Results keeps outputs by digest, durably before Put returns. Sweep removes those that nothing names and that
// were not put within the last while; with 0 it is for when nobody puts any.
type Results interface {
	Put(content []byte) (enclave.Digest, error)
	Get(digest enclave.Digest) ([]byte, error)
	Sweep(within time.Duration, named func(enclave.Digest) (bool, error)) error
}

// Ledger is what a release needs of the ledger.
type Ledger interface {
	// AwaitSigned returns when a signed checkpoint covers an act.
	AwaitSigned(ctx context.Context, act string) error
	// Receipt is the signed statement of an act with its place in the ledger, as JSON.
	Receipt(ctx context.Context, act string) ([]byte, error)
}

// Footprints keeps the footprints of releases, and of outputs that people may release, durably before Keep returns.
type Footprints interface {
	Keep(footprint *enclave.Footprint) (enclave.Digest, error)
	Load(digest enclave.Digest) (*enclave.Footprint, error)
}

// Recorder records acts that change nothing.
type Recorder interface {
	Record(ctx context.Context, act enclave.Act) error
}

// Path is the path of a run (see [enclave.Enclave]).
type Path interface {
	Run(ctx context.Context, order *enclave.Order, progress func(enclave.Stage)) error
	ReleaseHeld(ctx context.Context, held *enclave.HeldOutput, votes []enclave.Vote) error
}

// Rehearsal walks the path of a run in dev, on rows made from the description alone and with a release history of its own. Nothing that
// it does MUST last.
type Rehearsal interface {
	// Snapshot is what the rows of a sample are called: the same for everybody.
	Snapshot(dataset *enclave.Dataset, sample enclave.Sample) (enclave.Snapshot, error)
	// Rehearse walks the path. The report is never nil, also beside an error; it holds the reasons of a decision, and what else is in
	// Facts, Profile and Rehearsal.
	Rehearse(ctx context.Context, order *enclave.Order, progress func(enclave.Stage)) (*enclave.Report, error)
}

// Policies finds the policy of a revision, so that a run keeps the one it was pinned to.
type Policies interface {
	Active() enclave.Policy
	Revision(revision enclave.Digest) (enclave.Policy, error)
}

// Grants finds grants, or fails with GRANT_NOT_FOUND.
type Grants interface {
	Get(ctx context.Context, id string) (enclave.Grant, error)
}

// Modules finds modules, or fails with MODULE_NOT_FOUND.
type Modules interface {
	Manifest(ctx context.Context, owner string, digest enclave.Digest) (*enclave.Manifest, error)
	Module(ctx context.Context, digest enclave.Digest) (*enclave.Module, error)
}

// Datasets finds datasets and snapshots.
type Datasets interface {
	Dataset(ctx context.Context, name string) (*enclave.Dataset, error)
	Snapshot(ctx context.Context, dataset string, digest enclave.Digest) (enclave.Snapshot, error)
	Newest(ctx context.Context, dataset string) (enclave.Snapshot, error)
}

// Approvals says what people let run.
type Approvals interface {
	// Approved reports whether two people approved an operator's module for a dataset, and nobody withdrew that.
	Approved(ctx context.Context, operator string, module enclave.Digest, dataset string) (bool, error)
}
