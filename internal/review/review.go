// Package review is the register of reviews (出域审核): what policy held waits here for two people, who look at it and vote, each
// without seeing the other's vote. Silence never releases.
//
// # The states
//
//	open ──two release──→ agreed ──the gate──→ released
//	 │ └──two reject───→ rejected
//	 ├──they differ────→ differ ──the same two vote again──→ …
//	 └──one returns────→ returned ──the operator answers──→ open
//
// A vote for release is bound to the exact bytes and to the version of the dataset's release history that the voter was shown: when the
// history moves, it is void, and whoever cast it looks and votes again. Other votes stand, and so does it that the same two people decide
// who differed. Whatever else ends a held run closes its review.
package review

import (
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// State is where a review stands.
type State string

// The states of a review.
const (
	Open     State = "open"     // waits for votes; nobody sees another's
	Differ   State = "differ"   // one would release, the other reject: the same two see both votes, and vote again
	Returned State = "returned" // waits for the operator's answer to a question
	Agreed   State = "agreed"   // two people would release; the gate does so next, or voids the votes
	Released State = "released" // final
	Rejected State = "rejected" // by two people; final
	Closed   State = "closed"   // the operator withdrew the run, or the gate refused what people agreed on: see Outcome; final
)

// Limits of what people write, in bytes.
const (
	MaxComment = 4000 // a public or a private comment
	MaxAnswer  = 4000
)

// Review is one held run, as a caller may see it. To the operator whose run it is it has no Output, no History, and of votes, once
// they stand, what is public, without the names.
type Review struct {
	Run      string
	Operator string // organisation that submitted the run
	Grant    string
	Scenario string
	Dataset  string
	Source   string // department that owns the dataset
	Module   enclave.Digest
	State    State
	Outcome  enclave.Outcome // of the run; "" while a release waits for the ledger
	Round    int             // from 1; grows when votes differ and when the operator answers
	Output   enclave.Digest  // what a ballot must name
	History  int64           // present version of the dataset's release history; what a ballot must name
	Held     time.Time       // coarse
	Question string          // the latest public question; kept after it was answered
	Answers  []Answer        // oldest first
	Votes    []enclave.Vote  // that the caller may see: always the own of the round
	Voted    int             // votes of the round that the caller may know of; a vote that still has to stay secret is not counted
}

// Answer is what the operator said to a question.
type Answer struct {
	Round int            `json:"round"` // of the votes that asked; for the operator, which of its answers it is
	Text  string         `json:"text"`
	By    enclave.Caller `json:"by"`
	Time  time.Time      `json:"time"`
}

// Case is all that a reviewer sees of a held output. Of one that was rejected or closed there is no Preview.
type Case struct {
	Review
	Purpose  string // of the grant, in the operator's words
	Manifest *enclave.Manifest
	Params   map[string]enclave.Scalar
	Facts    enclave.Facts   // that policy judged
	Profile  enclave.Profile // by which it judged
	Reasons  []enclave.Reason
	Places   []enclave.Place // where in the output hits were found; rows are those of the whole output
	Preview  Preview
	Similar  []Similar
}

// Preview is the beginning of an output, made safe to show: see [Cell].
type Preview struct {
	Columns []string
	Rows    [][]Cell // at most PreviewRows, each with a cell for each column
	Total   int64    // rows of the whole output
}

// PreviewRows is how many rows a reviewer sees.
const PreviewRows = 50

// Cell is one value. Its text has no control, format or markup characters: such a character is written as \u{202e}, a backslash as \\.
// Text beyond 200 characters is cut off with "…". Of a hit the text is not shown.
type Cell struct {
	Text   string
	Masked bool
}

// Similar is an earlier release of the same data.
type Similar struct {
	Run      string
	Operator string
	Scenario string
	Module   enclave.Digest
	Released time.Time // coarse
	ByPeople bool      // after a review
}

// MaxSimilar is how many earlier releases a case names.
const MaxSimilar = 20

// Ballot is a vote as it is cast. Output and History are those of the case that the voter looked at. Rejecting and returning need a
// public comment; a public comment is for the operator too, once the round is over, a private one for reviewers and auditors alone.
type Ballot struct {
	Choice  enclave.Choice
	Output  enclave.Digest
	History int64
	Public  string
	Private string
}
