package history

import "fmt"

// Result is the judgement of one table against one version of the history. It never says who; still its counts derive from data
// and are for reviewers and auditors, not for an operator.
type Result struct {
	Version uint64
	// Clean: the table may join the history as it is.
	Clean bool
	// Refused: the table may not join it, whatever is suppressed: no cell of it could be named, though there should be one. Otherwise it may
	// without Suppressed.
	Refused    bool
	Suppressed []Suppression // by cell; for a refused table those named before it was given up

	Rank  int // true rank of the history together with what may be published of the table; of a look that names cells a bound above it
	Cells int // published cells, likewise; those above Rank follow from others
	// Groups is how many of the k disjoint groups left no question open. Refined is how many spans of fewer dimensions had to be
	// looked at besides, where groups did.
	Groups, Refined int

	// Proven counts cells that were named since something about fewer than k subjects would follow with them; Unproven those of which it took too long
	// to find out.
	Proven, Unproven int
	Passes           int // until nothing changed

	audit   *Audit
	release *Release
	sizes   []int32
	search  *search
	all     *matrix
}

// Suppression is a published cell of the table that has to go.
type Suppression struct {
	Cell int32
	// Subjects is how many subjects, fewer than k, something that follows with this cell is about at most; 0 if that was not found out.
	Subjects int
}

// Release is the table without what was suppressed: what would be published.
func (r *Result) Release() *Release { return r.release }

// String is a summary without the people behind it.
func (r *Result) String() string {
	return fmt.Sprintf("clean %t, refused %t, suppressed %v, rank %d of %d cells, %d groups closed, %d spans refined, "+
		"%d proven, %d unproven, %d passes", r.Clean, r.Refused, r.Suppressed, r.Rank, r.Cells, r.Groups, r.Refined,
		r.Proven, r.Unproven, r.Passes)
}

func (r *Result) cells() []int32 {
	cells := make([]int32, len(r.Suppressed))
	for i, s := range r.Suppressed {
		cells[i] = s.Cell
	}
	return cells
}
