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

	all    *matrix // with every cell that was asked for
	seen   *looks  // nil until it is needed
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
		clean, named, err := t.pass(ctx)
		if err != nil {
			return err
		}
		t.result.Passes++
		if t.result.Refused = !clean && len(named) == 0; clean || t.result.Refused {
			break
		}
		if t.suppress(named); t.result.Passes == passes {
			break
		}
	}
	t.finish()
	return nil
}

// pass judges the matrix as it is, and names cells that have to go if it is not clean, as far as any could be named.
func (t *trial) pass(ctx context.Context) (clean bool, named []Suppression, err error) {
	whole, named, err := t.whole(ctx)
	if err != nil || len(named) > 0 {
		t.result.Proven += len(named)
		return false, named, err
	}
	if whole != nil {
		t.now, t.groups, t.closed = &search{matrix: whole}, nil, t.k
		return true, nil, nil
	}
	stuck, err := t.settle(ctx)
	if err != nil || len(stuck) == 0 {
		return err == nil, nil, err
	}
	return false, t.explain(t.now.culprits(stuck, t.now.since(t.first))), nil
}

// settle does one pass over the matrix as it is: its rank, then k groups, and proofs for those that left questions open. It returns
// the spans where it got stuck; none if the promise holds.
//
// What follows from the earlier releases alone is out and settled, whether the same was promised of them or less: the only questions are
// combinations with a new cell in them. So old cells that are hard to pack never stand in the way of new ones (step 5).
func (t *trial) settle(ctx context.Context) (stuck []*group, err error) {
	if t.pool == nil {
		t.all = t.all.peeled(t.k)
		t.pool = t.all.pool(t.k)
	}
	if t.now, err = rank(ctx, t.all, t.pool, t.field, t.random); err != nil {
		return nil, err
	}
	if t.groups, err = t.now.pack(t.k, t.now.since(t.first)); err != nil {
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

// suppress notes cells that have to go and takes them out of the matrix.
func (t *trial) suppress(named []Suppression) {
	gone := map[int32]bool{}
	for _, s := range named {
		gone[s.Cell] = true
	}
	t.result.Suppressed = append(t.result.Suppressed, named...)
	slices.SortFunc(t.result.Suppressed, func(a, b Suppression) int { return cmp.Compare(a.Cell, b.Cell) })
	t.all = t.all.only(func(p int) bool { c := t.all.cells[p]; return c.release < t.first || !gone[c.cell] })
}

// maxExplained is how many combinations of cells are traced back to the people whom they are about.
const maxExplained = 64

// explain finds out what each named cell would complete, and returns the cells that have to go now: those whose disclosure is proven; only
// if there are none, the first quarter of those of which nothing is known. Without these the rest may work out.
func (t *trial) explain(named []culprit) (suppressed []Suppression) {
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
		suppressed = append(suppressed, Suppression{t.now.cells[c.position].cell, c.people})
	}
	return suppressed
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
