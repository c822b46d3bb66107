package enclave

import "time"

// Report is everything that is known of how a run came to its end. Of a run in [Dev] it is its operator's, who mends the module with
// it; of a run in [Prod] it is for the authority and auditors alone, and has no Rehearsal.
type Report struct {
	Version     int         `json:"version"` // 1
	Run         string      `json:"run"`
	Environment Environment `json:"environment"`
	Outcome     Outcome     `json:"outcome"`
	Stage       Stage       `json:"stage"`             // where it ended
	Reasons     []Reason    `json:"reasons,omitempty"` // as they are, none left out
	Support     string      `json:"support"`           // what the operator was told to quote
	Cause       string      `json:"cause,omitempty"`   // the error with all that caused it, in English; of failures alone
	Facts       *Facts      `json:"facts,omitempty"`   // what policy judged, if it came to that
	Places      []Place     `json:"places,omitempty"`  // of a program's output: where its facts were found
	Profile     *Profile    `json:"profile,omitempty"` // the numbers that applied
	// Admission is what the policy refused at admission, if it did; Passed are the rules that held of its decision, or of that about the output.
	Admission *AdmissionFacts `json:"admission,omitempty"`
	Passed    []string        `json:"passed,omitempty"`
	Rehearsal *Rehearsal      `json:"rehearsal,omitempty"`
}

// Rehearsal is what happened on synthetic rows.
type Rehearsal struct {
	Sample   Sample      `json:"sample"`
	Decision Decision    `json:"decision,omitempty"` // what policy said; "" if it was not asked
	Times    []StageTime `json:"times"`              // in order; a stage that is walked again stands there again
	Said     string      `json:"said,omitempty"`     // what the guest wrote, its beginning
	Fuel     *FuelUse    `json:"fuel,omitempty"`     // what the guest burnt; nil if none ran
	// Of an aggregate's table: what became of its cells, how many each rule left out, and which these were, the first thousand.
	Cells      CellCounts       `json:"cells,omitzero"`
	Rules      map[string]int64 `json:"rules,omitempty"`
	Suppressed []SuppressedCell `json:"suppressed,omitempty"`
	Advice     []Reason         `json:"advice,omitempty"` // why, and what would mend it
	// Result is the output as it would leave, if it is at most 256 KiB, and Format its media type.
	Result []byte `json:"result,omitempty"`
	Format string `json:"format,omitempty"`
}

// FuelUse is what a module's guest burnt in a rehearsal, in units, against what it may; see [DefaultFuel]. There is no such thing of real rows.
type FuelUse struct {
	// Row is the most that an instance burnt for each row that it had been shown, rounded up, whenever a call ended: of an aggregate for each
	// row of its batch, of a program for each row up to then. What it burnt before its first row is not counted.
	Row     int64 `json:"row"`
	Allowed int64 `json:"allowed"` // for each row, by the manifest
	Start   int64 `json:"start"`   // the most before the first row; BaseFuel is there for it
	// Needed is the least that a manifest may ask for each row to have enough on these rows; 0 if the run failed at its guest, so that
	// it is not known.
	Needed int64 `json:"needed,omitempty"`
}

// StageTime is how long a stage took.
type StageTime struct {
	Stage Stage         `json:"stage"`
	Took  time.Duration `json:"took"` // nanoseconds
}

// SuppressedCell is a cell of a table that was left out.
type SuppressedCell struct {
	Labels   []string `json:"labels"` // by key of the plan
	Rows     int64    `json:"rows"`
	Subjects int64    `json:"subjects"`
	Rules    []string `json:"rules"` // threshold, dominance, p_percent, homogeneity, history, complement
}
