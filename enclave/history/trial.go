package history

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// trial is the judgement of one table: steps 2 to 6.
type trial struct {
	k int
	// wholeFrom is of how many cells on there may be a way without elimination.
	wholeFrom int
	first     int // the new releases: this one and those after it
	random    *stream
	field     *field

	all    *matrix         // with every cell that was asked for
	prints [][]fingerprint // of all tables; nil until they are needed
	pool   []int32
	now    *search // of the matrix without what was suppressed and what is redundant
	groups []*group
	closed int // groups that left no question open
	result *Result
}

// maxPasses is more than there are: each names a cell.
const maxPasses = math.MaxInt

// run repeats packing and repair until a pass is clean, or no new cell can be named, or so many passes have named some.
func (t *trial) run(ctx context.Context, passes int) error {
	for {
		stuck, err := t.settle(ctx)
		if err != nil {
			return err
		}
		t.result.Passes++
		if len(stuck) == 0 {
			t.finish()
			return nil
		}
		named := t.explain(t.now.culprits(stuck, t.fresh()))
		if len(named) == 0 {
			t.result.Refused = true
			t.finish()
			return nil
		}
		t.suppress(named)
		if t.result.Passes == passes {
			t.finish()
			return nil
		}
	}
}

// settle does one pass over the matrix as it is: its rank, then k groups, and proofs for those that left questions open. It returns
// the spans where it got stuck; none if the promise holds.
//
// What follows from the earlier releases alone is out and settled, whether the same was promised of them or less: the only questions are
// combinations with a new cell in them. So old cells that are hard to pack never stand in the way of new ones (step 5).
func (t *trial) settle(ctx context.Context) (stuck []*group, err error) {
	if whole, err := t.whole(ctx); err != nil || whole != nil {
		t.now, t.groups, t.closed = &search{matrix: whole}, nil, t.k
		return nil, err
	}
	if t.pool == nil {
		t.all = t.all.peeled(t.k)
		t.pool = t.all.pool(t.k)
	}
	if t.now, err = rank(ctx, t.all, t.pool, t.field, t.random); err != nil {
		return nil, err
	}
	if t.groups, err = t.now.pack(t.k, t.fresh()); err != nil {
		return nil, err
	}
	t.closed = 0
	for _, g := range t.groups {
		if g.closed() {
			t.closed++
		}
		more, err := t.now.refine(g, t.k)
		if err != nil {
			return nil, err
		}
		stuck = append(stuck, more...)
	}
	return stuck, nil
}

// fresh are the positions of new cells.
func (t *trial) fresh() []int { return t.now.since(t.first) }

// suppress takes cells out of the matrix.
func (t *trial) suppress(named []culprit) {
	gone := map[int32]bool{}
	for _, c := range named {
		gone[t.now.cells[c.position].cell] = true
	}
	t.all = t.all.only(func(p int) bool { c := t.all.cells[p]; return c.release < t.first || !gone[c.cell] })
}

// maxExplained is how many combinations of cells are traced back to the people whom they are about.
const maxExplained = 64

// explain notes what each named cell would complete, and returns the cells that have to go now: those whose disclosure is proven; only
// if there are none, the first quarter of those of which nothing is known. Without these the rest may work out.
func (t *trial) explain(named []culprit) []culprit {
	var proven, unproven []culprit
	for _, c := range named {
		if c.people = t.about(c.weights); c.people > 0 {
			proven = append(proven, c)
		} else {
			unproven = append(unproven, c)
		}
	}
	if len(proven) == 0 {
		proven = unproven[:(len(unproven)+3)/4]
	}
	for _, c := range proven {
		t.result.Suppressed = append(t.result.Suppressed, Suppression{t.now.cells[c.position].cell, c.people})
	}
	slices.SortFunc(t.result.Suppressed, func(a, b Suppression) int { return cmp.Compare(a.Cell, b.Cell) })
	return proven
}

// about counts the people whom a combination is about: 0 if they are k or more, or were not counted any more.
func (t *trial) about(weights []uint64) int {
	if t.result.explained++; t.result.explained > maxExplained {
		t.result.Unproven++
		return 0
	}
	people := t.now.support(weights, t.k)
	if people == t.k {
		t.result.Unproven++
		return 0
	}
	t.result.Proven++
	return people
}

func (t *trial) finish() {
	r := t.result
	r.Clean = !r.Refused && len(r.Suppressed) == 0
	r.Rank, r.Cells = len(t.now.cells), len(t.all.cells)
	r.Groups = t.closed
	r.Refined, r.search, r.all = t.now.refined, t.now, t.all
}
