package treat

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// suppression decides the fates of a table's cells.
//
// The attacker is assumed to know every published cell exactly (rounding is not relied on), and which cells have no rows. Every
// published margin is then an equation over the suppressed atoms under it. What the attacker can compute without guessing is the
// span of these equations. Each pass looks there for something that must not be known, a violation, and suppresses one more cell
// that takes part in its computation, until a pass finds nothing. Each step suppresses a cell, so the passes end.
type suppression struct {
	*lattice
	*work
	profile *enclave.Profile
	fates   []enclave.Fate
	alike   *alike
	bounds  *bounds
}

func newSuppression(l *lattice, profile *enclave.Profile, risks []enclave.Risk) *suppression {
	s := &suppression{lattice: l, profile: profile, fates: make([]enclave.Fate, len(risks))}
	for i, r := range risks {
		if r == enclave.RiskHistory {
			s.fates[i] = enclave.Forbidden
		} else if r != 0 {
			s.fates[i] = enclave.Primary
		}
	}
	s.alike, s.bounds = newAlike(s, risks), newBounds(s)
	return s
}

// run sees to bounds first, since what that suppresses protects from most else, and repeats the passes to a fixed point: first the lines,
// which are cheap and find most violations, then the whole system, then what would follow about groups that are alike.
func (s *suppression) run(ctx context.Context) error {
	s.work = &work{ctx, elimination}
	if err := s.bounds.repair(); err != nil {
		return err
	}
	for again := true; again; {
		if err := s.repairLines(); err != nil {
			return err
		}
		var err error
		if again, err = s.repairSpan(); err != nil {
			return err
		}
		if !again {
			if again, err = s.alike.repair(); err != nil {
				return err
			}
		}
	}
	s.work = &work{ctx, relenting}
	return s.relent()
}

// relent publishes complements again that turn out not to be needed, since later ones do their work: those with most subjects first.
// It ends early, with whatever is clean by then, when its work is spent.
func (s *suppression) relent() error {
	var complements []int
	for i, f := range s.fates {
		if f == enclave.Complement {
			complements = append(complements, i)
		}
	}
	slices.SortStableFunc(complements, func(a, b int) int {
		return cmp.Compare(s.table.Cells[b].Subjects, s.table.Cells[a].Subjects)
	})
	for _, c := range complements {
		s.fates[c] = enclave.Published
		clean, err := s.clean()
		if !clean || err != nil {
			s.fates[c] = enclave.Complement
		}
		if s.left < 0 {
			return s.ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// clean reports whether a pass would find nothing.
func (s *suppression) clean() (bool, error) {
	if err := s.spend(len(s.table.Cells)); err != nil {
		return false, err
	}
	for i := range s.lines {
		if _, bad := s.lineViolation(&s.lines[i]); bad {
			return false, nil
		}
	}
	if clean, err := s.alike.clean(); err != nil || !clean {
		return false, err
	}
	if clean, err := s.bounds.clean(); err != nil || !clean {
		return false, err
	}
	p, err := newSpan(s)
	if err != nil {
		return false, err
	}
	found, err := p.violations()
	return len(found) == 0, err
}

func (s *suppression) published(cell int) bool { return s.fates[cell] == enclave.Published }

// violation is something that follows from published cells and must not: a combination of suppressed atoms, or a suppressed margin.
type violation struct {
	margin int            // the suppressed margin, or -1
	how    map[int]uint64 // published margins, with the factors by which they combine to it
	group  *group         // for a combination: what its suppressed atoms are together
	line   bool           // the combination is a line's
}

// repair suppresses the published cell that spoils the computation of v at the least cost. An atom spoils it if it does not cancel
// out there, so that it would be one more unknown; a margin, if it takes part. It does nothing if that has happened since the unknowns
// were listed (nil: just now).
func (s *suppression) repair(v violation, unknown map[int]int) {
	effect := map[int]uint64{}
	if v.margin >= 0 {
		for _, a := range s.under[v.margin] {
			effect[a] = 1
		}
	}
	for m, factor := range v.how {
		for _, a := range s.under[m] {
			effect[a] = subtract(effect[a], factor)
		}
	}
	for m := range v.how {
		if !s.published(m) {
			return
		}
	}
	best := choice{cell: -1}
	for a, e := range effect {
		if _, listed := unknown[a]; e != 0 && unknown != nil && !listed && !s.published(a) {
			return
		}
		if e != 0 && s.published(a) {
			best.offer(s.atomChoice(a, v.group))
		}
	}
	if best.cell < 0 || best.clears || !v.line {
		for m := range v.how {
			best.offer(s.marginChoice(m))
		}
	}
	s.fates[best.cell] = enclave.Complement
}

// choice is a cell that could be suppressed. The order of offers does not matter.
type choice struct {
	cell   int
	clears bool  // it alone is enough, as far as can be told
	cost   int64 // less is better among those that clear
	gain   int64 // more is better among those that do not
}

func (c *choice) offer(other choice) {
	var better bool
	switch {
	case c.cell < 0 || other.clears != c.clears:
		better = c.cell < 0 || other.clears
	case other.clears && other.cost != c.cost:
		better = other.cost < c.cost
	case !other.clears && other.gain != c.gain:
		better = other.gain > c.gain
	default:
		better = other.cell < c.cell
	}
	if better {
		*c = other
	}
}

// atomChoice offers an atom. For a combination, it may be too little alone.
func (s *suppression) atomChoice(atom int, of *group) choice {
	cell := &s.table.Cells[atom]
	c := choice{cell: atom, clears: true, cost: s.cost(atom)}
	if of != nil {
		joined := of.with(atom)
		c.clears = !s.unsafe(&joined)
		c.gain = cell.Subjects
		for j := range cell.Sums {
			c.gain = max(c.gain, cell.Sums[j].Absolute)
		}
	}
	return c
}

// marginChoice offers a margin. If all atoms under it are published, one of them will have to go too.
func (s *suppression) marginChoice(margin int) choice {
	return choice{cell: margin, clears: true, cost: s.cost(margin) + s.company(s.under[margin], -1)}
}

// cost of a cell is its weight, and that of the company it will need in each line where it would be the only suppressed cell.
func (s *suppression) cost(cell int) int64 {
	cost := s.weight(cell)
	for _, l := range s.within[cell] {
		if margin := s.lines[l].margin; s.published(margin) {
			cost += min(s.company(s.lines[l].inner, cell), s.weight(margin))
		}
	}
	return cost
}

// company is the weight of the least other cell of some; 0 if one of them is suppressed.
func (s *suppression) company(cells []int, cell int) int64 {
	least := int64(math.MaxInt64 / 4)
	for _, c := range cells {
		if !s.published(c) {
			return 0
		}
		if c != cell {
			least = min(least, s.weight(c))
		}
	}
	return least
}

// weight of a cell is its subjects: a margin has more than the cells under it anyway.
func (s *suppression) weight(cell int) int64 { return s.table.Cells[cell].Subjects }
