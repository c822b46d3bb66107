package history

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// trial is the judgement of one table: steps 2 to 6.
type trial struct {
	k      int
	scale  scale
	first  int // the new releases: this one and those after it
	random *stream
	field  *field

	all    *matrix // with every cell that was asked for
	seen   *looks  // nil until it is needed
	pool   []int32
	now    *search // of the matrix without what was suppressed and what is redundant
	closed int     // groups that left no question open
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
	if clean, named, err = t.whole(ctx); err != nil || clean || len(named) > 0 {
		return clean, named, err
	}
	if t.pool == nil {
		t.all = t.all.peeled(t.k)
		t.pool = t.all.pool(t.k)
	}
	found, err := t.settle(ctx, t.all, t.pool)
	if err != nil {
		return false, nil, err
	}
	if t.now, t.closed = found.search, found.closed; len(found.stuck) == 0 {
		return true, nil, nil
	}
	return false, t.name(t.now.matrix, found.stuck), nil
}

// settled is what was found out of a matrix.
type settled struct {
	*search          // without what is redundant
	basis   *group   // of everybody, positions numbered old ones first
	closed  int      // of k groups, those that left no question open
	stuck   []*stuck // where it got stuck; none if the promise holds
}

// settle finds the rank of a matrix, then k groups, and proofs for those that left questions open.
//
// What follows from the earlier releases alone is out and settled, whether the same was promised of them or less: the only questions are
// combinations with a new cell in them. So old cells that are hard to pack never stand in the way of new ones (step 5).
func (t *trial) settle(ctx context.Context, m *matrix, pool []int32) (found *settled, err error) {
	found = &settled{}
	if found.search, found.basis, err = rank(ctx, m, pool, t.field, t.random); err != nil {
		return nil, err
	}
	groups, err := found.pack(t.k, found.since(t.first))
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if g.closed() {
			found.closed++
		}
		more, err := found.refine(g, nil, t.k)
		if err != nil {
			return nil, err
		}
		found.stuck = append(found.stuck, more...)
	}
	return found, nil
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

// name finds cells that have to go now: those without which nothing is left that is about fewer than k people; only if there are none, the first quarter of those of which nothing
// is known. Without these the rest may work out.
func (t *trial) name(m *matrix, stuck []*stuck) (named []Suppression) {
	var proven, unproven []Suppression
	for _, c := range m.culprits(t.field, stuck, m.since(t.first)) {
		s := Suppression{m.cells[c.position].cell, c.people}
		if c.people > 0 {
			proven = append(proven, s)
		} else {
			unproven = append(unproven, s)
		}
	}
	t.result.Proven += len(proven)
	t.result.Unproven += len(unproven)
	if len(proven) == 0 {
		return unproven[:(len(unproven)+3)/4]
	}
	return proven
}

func (t *trial) finish() {
	r := t.result
	r.Clean = !r.Refused && len(r.Suppressed) == 0
	r.Rank, r.Cells = len(t.now.cells), len(t.all.cells)
	r.Groups = t.closed
	r.Refined, r.search, r.all = t.now.refined, t.now, t.all
}
