package enclave

import "context"

// Profile is the typed numbers of a policy for one kind of subject, grade and scenario; the strictest where grades mix. Percentages
// are whole numbers, so that a boundary is exact.
type Profile struct {
	Name             string `json:"name"`
	Threshold        int64  `json:"threshold"`         // 3 to 255: a cell is unsafe with fewer distinct subjects, and so is what follows from releases
	DominanceN       int    `json:"dominance_n"`       // 1 or 2: how many largest subject totals
	DominancePercent int64  `json:"dominance_percent"` // unsafe if their share of the sum is at least this
	PPercent         int64  `json:"p_percent"`         // unsafe if (sum − t1 − t2) / t1 is below this; by all releases together nobody can estimate another closer
	// HomogeneityPercent is 51 to 100: a protected value is unsafe to tell if at least this share of a group's subjects have it.
	HomogeneityPercent int64 `json:"homogeneity_percent"`
	// IntervalPercent asks that published counts leave room for a cell below the threshold to have so many percent more; 0 asks for no room.
	// See [Profile.Protection].
	IntervalPercent int64 `json:"interval_percent"`
	RoundCount      int64 `json:"round_count"`  // counts are rounded to multiples of this
	RoundSum        int64 `json:"round_sum"`    // sums, in whole units of the column, likewise
	RankPercent     int64 `json:"rank_percent"` // independent sums that all releases may publish, per 100 subjects
	// GuessPercent is 51 to 100: how often somebody who knows all releases and nothing else may be right with a guess at whether one subject has
	// something (可推断性). 100 tolerates every guess, and none is measured.
	GuessPercent   int64 `json:"guess_percent"`
	MaxModuleBytes int64 `json:"max_module_bytes"`
	MaxDataBytes   int64 `json:"max_data_bytes"` // in data segments
	MaxCells       int64 `json:"max_cells"`      // size of the key space
	// Of a program's output: bits that it may carry and parameters that a model may have, per 100 subjects, and how many of its values may
	// stand in a protected column, in percent.
	BitsPercent      int64 `json:"bits_percent"`
	ParameterPercent int64 `json:"parameter_percent"`
	VerbatimPercent  int64 `json:"verbatim_percent"`
	// Shown is what may be shown to guests: 1 open and quasi columns, 2 measures too, 3 sensitive ones too. Whatever a guest makes of columns beyond 1
	// waits for people.
	Shown int64 `json:"shown"`
	// ReplayPercent is how many of the batches that a guest sees rows of are shown to it again, in another order and among other rows; the first always is.
	ReplayPercent int64 `json:"replay_percent"`
	// ModuleReview says which modules run only once two people approved them: 1 those that see rows, 2 all that have code.
	ModuleReview int64 `json:"module_review"`
	// OutputReview says which outputs wait for people: 1 those of programs and of guests that see rows, 2 all.
	OutputReview int64 `json:"output_review"`
	// Reviewers is how many people must agree before an output is released that waits for them: 2 to 5.
	Reviewers int64 `json:"reviewers"`
	// RowRuns is how many runs of modules that see rows a grant has on a dataset, whatever becomes of them: how each of them ends may tell
	// a bit that the module chose.
	RowRuns int64 `json:"row_runs"`
	// What else a grant has on a dataset: runs, whatever becomes of them; different questions, which are modules with values of their
	// parameters; and denials, beyond which it is suspended.
	Runs      int64  `json:"runs"`
	Questions int64  `json:"questions"`
	Denials   int64  `json:"denials"`
	HeldDays  int64  `json:"held_days"` // for how long an output is kept that waits for people; then it is withdrawn
	Forms     []Form `json:"forms"`
}

// Deciders is [Profile.Reviewers], and never fewer than [Approvals].
func (p *Profile) Deciders() int { return max(Approvals, int(p.Reviewers)) }

// Facts is what trusted code measured about a treated output: the only thing that the release policy judges.
type Facts struct {
	Version     int         `json:"version"` // 1
	Form        Form        `json:"form"`
	Operator    string      `json:"operator"`
	Scenario    string      `json:"scenario"`
	Dataset     string      `json:"dataset"`
	Grade       int         `json:"grade"`
	SubjectKind SubjectKind `json:"subject_kind"`
	Crafted     bool        `json:"crafted"`
	Cells       CellCounts  `json:"cells"`
	// Of the published cells. MinSubjects is 0 if there is none.
	MinSubjects int64      `json:"min_subjects"`
	Unsafe      RiskCounts `json:"unsafe"`
	// Derivable counts suppressed cells that the table's published cells determine, and groups of them whose sum these determine and
	// that are unsafe by what cells tell: too few subjects even if each is counted in every cell, or perhaps dominated. How many
	// distinct subjects anything that follows is about is not here but in History. It counts as well the suppressed cells of whose counts
	// no [Witness] shows that they have bounds as wide as they must, and the groups of whom it follows what they share.
	Derivable  int64        `json:"derivable"`
	History    HistoryFacts `json:"history"`     // what it determines together with the releases before it
	RoundCount int64        `json:"round_count"` // what the numbers were rounded to
	RoundSum   int64        `json:"round_sum"`
	Bytes      int64        `json:"bytes"`         // size of the output
	Leak       LeakFacts    `json:"leak,omitzero"` // of a program's output; what is above about cells is empty there, and this of an aggregate's
}

// BeforeFacts is what was measured of a table before treatment: what a change of the rules would have to deal with. They are kept beside a
// decision and judge nothing.
type BeforeFacts struct {
	Cells  int64      `json:"cells"`  // with rows
	Unsafe RiskCounts `json:"unsafe"` // by primary risk, under the numbers in force then
	// Below counts the cells with fewer subjects than each of Thresholds.
	Below []int64 `json:"below"`
}

// Thresholds are those that cells are counted by before treatment.
func Thresholds() []int64 { return []int64{3, 5, 10, 15, 20, 30, 50, 100, 255} }

// before measures a table before treatment.
func (m *Measured) before() *BeforeFacts {
	thresholds := Thresholds()
	f := &BeforeFacts{Cells: int64(len(m.Table.Cells)), Below: make([]int64, len(thresholds))}
	for i := range m.Table.Cells {
		f.Unsafe.count(m.Risks[i])
		for at, threshold := range thresholds {
			if m.Table.Cells[i].Subjects < threshold {
				f.Below[at]++
			}
		}
	}
	return f
}

// CellCounts says what treatment did with the cells that had rows.
type CellCounts struct {
	Published  int64 `json:"published"`
	Primary    int64 `json:"primary"`    // left out for a risk of their own
	Complement int64 `json:"complement"` // left out since published cells would determine them or others
	History    int64 `json:"history"`    // left out for what would follow with the releases before, which no cell tells by itself
}

// LeftOut is how many of the cells are not published.
func (c *CellCounts) LeftOut() int64 { return c.Primary + c.Complement + c.History }

// RiskCounts counts published cells by primary risk. After treatment each is 0, or policy denies.
type RiskCounts struct {
	Threshold   int64 `json:"threshold"`
	Dominance   int64 `json:"dominance"`
	PPercent    int64 `json:"p_percent"`
	Homogeneity int64 `json:"homogeneity"`
}

// count adds a cell with these risks.
func (c *RiskCounts) count(risks Risk) {
	if risks&RiskThreshold != 0 {
		c.Threshold++
	}
	if risks&RiskDominance != 0 {
		c.Dominance++
	}
	if risks&RiskPPercent != 0 {
		c.PPercent++
	}
	if risks&RiskHomogeneity != 0 {
		c.Homogeneity++
	}
}

// Decision is what policy says.
type Decision string

// The decisions. Whatever is not clearly one of them is Deny.
const (
	Release Decision = "release"
	Hold    Decision = "hold"
	Deny    Decision = "deny"
)

// Reason is a stable code with the values that fill its catalogue text in.
type Reason struct {
	Code string            `json:"code"`
	Args map[string]string `json:"args,omitempty"`
}

// In is the reason's text in a language.
func (r Reason) In(lang Lang) string { return Message(lang, r.Code, r.Args) }

// Judgement is what a decision point answered. Revision is the digest of the policy that spoke. A Judgement alone opens nothing:
// only the gate turns one into a [Verdict].
type Judgement struct {
	Decision Decision `json:"decision"`
	Reasons  []Reason `json:"reasons,omitempty"`
	Passed   []string `json:"passed,omitempty"` // names of the rules that held, sorted
	Revision Digest   `json:"revision"`
}

// RuleAccount is what one rule of a decision was: whether it held, the facts that it saw, the numbers that it used. For people who may see
// facts, never for operators.
type RuleAccount struct {
	Rule    string            `json:"rule"` // name, as in [Judgement.Passed]
	Held    bool              `json:"held"`
	Facts   map[string]string `json:"facts,omitempty"`   // JSON by path
	Numbers map[string]string `json:"numbers,omitempty"` // likewise, of the profile
	Place   string            `json:"place"`             // file and line in the bundle
	Text    string            `json:"text"`              // the rule
}

// AdmissionError is the cause of a refusal at admission: what was judged. It is for the report of the run, never for its operator in prod.
type AdmissionError struct {
	Facts   AdmissionFacts
	Profile Profile
	Passed  []string
}

func (*AdmissionError) Error() string { return "refused at admission" }

// Policy is the authority's rules, of one fixed revision, so that a run in flight keeps the one it was pinned to. Whatever goes wrong inside
// is Deny with the reason POLICY_FAULT, not an error: the error result is for a cancelled context alone. Safe for concurrent use.
type Policy interface {
	Revision() Digest
	// Profile chooses the numbers for a dataset and scenario.
	Profile(dataset *Dataset, scenario string) (Profile, error)
	// Admission judges what a module asks for. Release here means: may run.
	Admission(ctx context.Context, facts AdmissionFacts, profile Profile) (Judgement, error)
	// Release judges a treated output.
	Release(ctx context.Context, facts Facts, profile Profile) (Judgement, error)
}
