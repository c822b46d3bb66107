package enclave

import "math/bits"

// Protection is the upper protection level of a suppressed cell: how many more rows and subjects it must be possible for the cell to have,
// going by the published counts of its table. It is asked of a cell below the threshold alone, since how many others are is no secret; 0
// asks nothing.
//
// It reaches the threshold, so that nobody can be sure that the cell is below it, and is at least IntervalPercent of the rows, rounded up, and
// a step of RoundCount, since otherwise the count rounded would tell as little as the cell suppressed.
//
// The term is that of Fischetti and Salazar, "Models and Algorithms for Optimizing Cell Suppression in Tabular Data with Linear
// Constraints", JASA 95, 2000.
func (p *Profile) Protection(c *Cell) int64 {
	if p.IntervalPercent <= 0 || c.Subjects >= p.Threshold {
		return 0
	}
	high, low := bits.Mul64(uint64(max(c.Rows, 0)), uint64(min(p.IntervalPercent, 100)))
	low, carry := bits.Add64(low, 99, 0)
	share, _ := bits.Div64(high+carry, low, 100)                   // at most Rows
	return max(p.Threshold-c.Subjects, int64(share), p.RoundCount) //nolint:gosec // at most Rows
}

// Witness shows that a cell's count has no narrower bounds than it may have: another table that could be behind what is published, as what
// it has more or less of in some cells.
type Witness struct {
	Cell    int // that is suppressed, below the threshold
	Changes []Change
}

// Change is so many rows, each of one subject, that a cell of the full table has more in a [Witness] than in truth, less if negative.
type Change struct {
	Cell int
	By   int64
}
