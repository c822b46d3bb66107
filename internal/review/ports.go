package review

import (
	"context"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

// Record is a review as the store has it.
type Record struct {
	Run      enclave.Run // with its outcome, and the digest of its output
	Source   string      // department that owns the dataset
	Held     time.Time   // coarse
	History  int64       // present version of the dataset's release history
	File     File
	Revision int64 // grows with every change
}

// Scope says whose reviews to list. Empty fields do not matter.
type Scope struct {
	Operator string // organisation that submitted the run
	Source   string // department that owns the data
	Not      string // organisation that did not submit it
}

// Store keeps reviews: the record of a held run begins one, in its own transaction. A change and its acts MUST be one transaction. A
// record MUST be read in one moment: its file, its run and the history's version together. It MUST be safe for concurrent use.
type Store interface {
	// Get fails with RUN_NOT_FOUND if the run was never held.
	Get(ctx context.Context, run string) (Record, error)
	// List sorts newest first. The string is After of the next page, "" at the end.
	List(ctx context.Context, scope Scope, page enclave.Page) ([]Record, string, error)
	// In lists the runs of the reviews in a state, oldest first.
	In(ctx context.Context, state State) ([]string, error)
	// Update replaces the file of a review that still has the revision, which grows by one; else REVIEW_CHANGED. A held run's
	// question becomes what the file asks; it gets the outcome of an ending that is not nil, and MUST then be held: else RUN_ENDED.
	Update(ctx context.Context, record Record, ending *run.Ending, acts ...enclave.Act) error
	// Similar lists at most limit other releases of the run's dataset, those of the same module first, each newest first.
	Similar(ctx context.Context, run enclave.Run, limit int) ([]Similar, error)
}

// Runs is what a review needs of the register of runs.
type Runs interface {
	// Held is a held output with what is recorded of it, also when it was released since; without bytes when it was denied since.
	Held(ctx context.Context, run string) (*enclave.HeldOutput, []enclave.Reason, error)
	// ReleaseHeld takes it out through the gate (see [enclave.Enclave.ReleaseHeld]); nil once the release is recorded.
	ReleaseHeld(ctx context.Context, run string, votes []enclave.Vote) error
	// Changed tells those who watch a run to look again.
	Changed(run string)
}

// Grants finds grants.
type Grants interface {
	Get(ctx context.Context, id string) (enclave.Grant, error)
	// List lists an organisation's.
	List(ctx context.Context, operator string, page enclave.Page) ([]enclave.Grant, string, error)
}

// Modules finds the manifest of a module that an organisation uploaded.
type Modules interface {
	Manifest(ctx context.Context, owner string, digest enclave.Digest) (*enclave.Manifest, error)
}

// Text reads the beginning of an output: names of columns, at most limit rows, nil for an empty value, and the number of all rows.
type Text func(content []byte, limit int) (columns []string, rows [][]*string, total int64, err error)
