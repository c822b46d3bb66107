package enclave

// Total stands in Cell.Codes for a key that the cell's grouping set sums over.
const Total int32 = -1

// Table is what execution computed: every group that has at least one row, for every grouping set.
type Table struct {
	Plan     *Plan
	Rows     int64  // rows that fell into a cell
	Subjects int64  // distinct subjects of those rows
	Cells    []Cell // by set, then by codes
	Places   *Places
}

// Cell is one group: its keys and the facts that trusted code computed of it. A cell of a margin is computed from rows, not from
// other cells.
type Cell struct {
	Set      int     // position in Plan.Sets
	Codes    []int32 // one for each of Plan.Keys; Total for keys that are summed over
	Rows     int64
	Subjects int64 // distinct
	// Group is the fewest distinct subjects of a group that the cell says a protected value of, see [Plan.Groups]; 0 if it says none.
	Group int64
	Sums  []SumFacts
}

// SumFacts is a column's sum over a cell with what dominance needs. Totals are of subjects: all rows of one subject in the cell
// together. Empty values count as 0. Where values may be negative, shares are of absolute subject totals.
type SumFacts struct {
	Sum      int64 // exact, in stored units
	Absolute int64 // sum of the absolute subject totals
	Largest  int64 // largest absolute subject total
	Second   int64 // second largest
	Least    int64 // value of a row
	Greatest int64 // value of a row
}

// Risk is why a cell may not be published as it is; a set of bits.
type Risk uint8

// The primary risks (SDC handbook: threshold rule, (n,k) dominance, p% rule, group disclosure), and what only the history shows.
const (
	RiskThreshold   Risk = 1 << iota // fewer distinct subjects than the threshold
	RiskDominance                    // the n largest subject totals reach the share k
	RiskPPercent                     // the second largest could estimate the largest within p %
	RiskHomogeneity                  // it says of everybody in a group that they share a protected value
	RiskHistory                      // with the releases before it, it would let something follow about too few subjects
)

// Measured is a table with the primary risks of each cell.
type Measured struct {
	Table *Table
	Risks []Risk // one for each cell
}

// Fate is what treatment decided of a cell.
type Fate uint8

// The fates of a cell. A cell that is not published is absent from the output, like a cell without rows.
const (
	Published  Fate = iota
	Primary         // suppressed for a risk of its own
	Complement      // suppressed because published cells would determine it or another one
	Forbidden       // suppressed since the audit of all releases asks for it, and for nothing else
)

// Treated is the output that would leave: the released bytes, and what was decided to make them.
type Treated struct {
	Table  *Table // nil of a program's output
	Fates  []Fate // one for each cell
	Bytes  []byte // Arrow IPC stream; its digest binds the verdict
	Format string // media type of Bytes
	// Witnesses are one for each suppressed cell whose count must have wide bounds: see [Profile.Protection]. They are for measurement alone.
	Witnesses []Witness
}

// MediaArrow is the media type of an Arrow IPC stream.
const MediaArrow = "application/vnd.apache.arrow.stream"
