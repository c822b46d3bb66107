package enclave

import (
	"crypto/rand"
	"strconv"
	"time"
)

// Stage is a step of the path of a run. Its name is all the progress that an operator sees.
type Stage string

// The stages, in order.
const (
	StageQueued  Stage = "queued"
	StageAdmit   Stage = "admit"
	StageLoad    Stage = "load"
	StageExecute Stage = "execute"
	StageMeasure Stage = "measure"
	StageTreat   Stage = "treat"
	StageJudge   Stage = "judge"
	StageRecord  Stage = "record"
	StageRelease Stage = "release"
)

// Stages lists the path of a run in order.
func Stages() []Stage {
	return []Stage{StageAdmit, StageLoad, StageExecute, StageMeasure, StageTreat, StageJudge, StageRecord, StageRelease}
}

// Outcome is how a run ended; one of a handful, because an outcome is an output too.
type Outcome string

// The outcomes. A run that has none is under way.
const (
	Released Outcome = "released"
	Held     Outcome = "held"   // waits for a person
	Denied   Outcome = "denied" // policy said no
	Failed   Outcome = "failed" // the module or the enclave could not finish it
	Stopped  Outcome = "canceled"
	// Rehearsed is how a run in Dev ends that policy would release or hold. It is an outcome of its own, so that nothing that looks for
	// releases or held outputs ever finds one that was made from synthetic rows.
	Rehearsed Outcome = "rehearsed"
)

// Environment says what rows a run reads, and so how much of it an operator may see.
type Environment string

// The environments.
const (
	Prod Environment = "prod" // the snapshot; its operator sees an outcome and little else
	Dev  Environment = "dev"  // synthetic rows, made from the dataset's description alone; its operator sees everything
)

// Sample is how many rows and subjects are made for a run in Dev; zero in Prod.
type Sample struct {
	Rows     int64 `json:"rows"`
	Subjects int64 `json:"subjects"`
}

// Limits of samples, and what they are if the caller does not say.
const (
	MaxSampleRows         = 1_000_000
	DefaultSampleRows     = 100_000
	DefaultSampleSubjects = 20_000
)

// Filled returns s with its defaults, or SAMPLE_SIZE. A sample has at least one row for each subject.
func (s Sample) Filled() (Sample, error) {
	if s.Rows == 0 {
		s.Rows = max(DefaultSampleRows, min(s.Subjects, MaxSampleRows))
	}
	if s.Subjects == 0 {
		s.Subjects = min(DefaultSampleSubjects, s.Rows)
	}
	if s.Rows < 1 || s.Rows > MaxSampleRows || s.Subjects < 1 || s.Subjects > s.Rows {
		return Sample{}, Fail(Invalid, "SAMPLE_SIZE", "limit", strconv.Itoa(MaxSampleRows))
	}
	return s, nil
}

// Run is one execution, with everything that it depends on pinned by digest at submission.
type Run struct {
	ID        string            `json:"id"`
	Grant     string            `json:"grant"`
	Scenario  string            `json:"scenario"`
	Module    Digest            `json:"module"`
	Dataset   string            `json:"dataset"`
	Snapshot  Digest            `json:"snapshot"` // in Dev the digest of the synthetic rows
	Params    map[string]Scalar `json:"params,omitempty"`
	Policy    Digest            `json:"policy"` // revision
	Submitter Caller            `json:"submitter"`
	Submitted time.Time         `json:"submitted"`

	Environment Environment `json:"environment"`
	Sample      Sample      `json:"sample,omitzero"`

	Fuel int64 `json:"fuel"` // reserved for the module; see ReservedFuel

	Stage    Stage     `json:"stage"`
	Outcome  Outcome   `json:"outcome,omitempty"`
	Reasons  []Reason  `json:"reasons,omitempty"`
	Result   Digest    `json:"result"`             // of the treated bytes; zero before judgement
	Finished time.Time `json:"finished"`           // see Coarse
	Question string    `json:"question,omitempty"` // of a held run: what a reviewer asks, until the operator answers
	Revision int64     `json:"revision"`
	Support  string    `json:"support"` // once it ended: what to quote when asking the authority what happened
}

// Order is a run with what its digests name, as the path takes it up.
type Order struct {
	Run      Run
	Grant    Grant
	Module   *Module
	Dataset  *Dataset
	Snapshot Snapshot
	Policy   Policy
	Approved bool // two people approved the module
}

// Act is one entry of the ledger: who did what to which object. It never holds data; details are names, digests and counts of
// descriptions.
type Act struct {
	ID     string            `json:"id"`
	Time   time.Time         `json:"time"` // UTC, whole milliseconds
	Actor  Caller            `json:"actor"`
	Verb   string            `json:"verb"`   // "grant.confirm"
	Object string            `json:"object"` // resource name, "grants/k3…"
	Detail map[string]string `json:"detail,omitempty"`
}

// TimeStep is how coarse the times are that say when the enclave came to an end with a run.
const TimeStep = 10 * time.Second

// Coarse rounds a time up to the next whole [TimeStep]: how long a run took must not tell what it met (A35). Every time that the enclave
// writes down of a run's decision or end goes through it, so that the run, its receipt and the ledger say the same. The zero time stays.
func Coarse(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	whole := t.UTC().Truncate(TimeStep)
	if whole.Before(t) {
		whole = whole.Add(TimeStep)
	}
	return whole
}

// NewAct makes an act with a fresh id. Detail are pairs of name and value.
func NewAct(now time.Time, actor Caller, verb, object string, detail ...string) Act {
	return Act{
		ID: NewID(), Time: now.UTC().Truncate(time.Millisecond),
		Actor: actor, Verb: verb, Object: object, Detail: pairs(detail),
	}
}

// NewID is a random identifier of 26 characters [a-z2-7], 128 bits.
func NewID() string {
	text := []byte(rand.Text())
	for i, c := range text {
		if c >= 'A' && c <= 'Z' {
			text[i] = c + 'a' - 'A'
		}
	}
	return string(text)
}
