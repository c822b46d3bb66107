package treat

import (
	"cmp"
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
	profile *enclave.Profile
	fates   []enclave.Fate
}

func newSuppression(l *lattice, profile *enclave.Profile, risks []enclave.Risk) *suppression {
	s := &suppression{lattice: l, profile: profile, fates: make([]enclave.Fate, len(risks))}
	for i, r := range risks {
		if r != 0 {
			s.fates[i] = enclave.Primary
		}
	}
	return s
}

// run repeats the passes to a fixed point: first the lines, which are cheap and find most violations, then the whole system.
func (s *suppression) run() {
	for s.repairLines() || s.repairSpan() {
	}
	s.relent()
}

// relentWork bounds the effort of relent: complements tried times cells.
const relentWork = 300_000

// relent publishes complements again that turn out not to be needed, since later ones do their work: those with most subjects first.
// Nothing that is needed now becomes needless later, so one try for each is enough.
func (s *suppression) relent() {
	var complements []int
	for i, f := range s.fates {
		if f == enclave.Complement {
			complements = append(complements, i)
		}
	}
	if len(complements)*len(s.fates) > relentWork {
		return
	}
	slices.SortStableFunc(complements, func(a, b int) int {
		return cmp.Compare(s.table.Cells[b].Subjects, s.table.Cells[a].Subjects)
	})
	for _, c := range complements {
		s.fates[c] = enclave.Published
		if !s.clean() {
			s.fates[c] = enclave.Complement
		}
	}
}

// clean reports whether a pass would find nothing.
func (s *suppression) clean() bool {
	for i := range s.lines {
		if _, bad := s.lineViolation(&s.lines[i]); bad {
			return false
		}
	}
	return len(newSpan(s).violations()) == 0
}

func (s *suppression) published(cell int) bool { return s.fates[cell] == enclave.Published }

// violation is something that follows from published cells and must not: a combination of suppressed atoms, or a suppressed margin.
type violation struct {
	margin int            // the suppressed margin, or -1
	how    map[int]uint64 // published margins, with the factors by which they combine to it
	line   *group         // for a line: what its suppressed atoms are together
}

// repair suppresses the published cell that spoils the computation of v at the least cost. An atom spoils it if it does not cancel
// out there, so that it would be one more unknown; a margin, if it takes part.
func (s *suppression) repair(v violation) {
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
	best := choice{cell: -1}
	for a, e := range effect {
		if e != 0 && s.published(a) {
			best.offer(s.atomChoice(a, v.line))
		}
	}
	if best.cell < 0 || best.clears {
		for m := range v.how {
			best.offer(s.marginChoice(m))
		}
	}
	if best.cell >= 0 { // else another repair of this pass has spoiled it already
		s.fates[best.cell] = enclave.Complement
	}
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

// atomChoice offers an atom. For a line, it may be too little alone.
func (s *suppression) atomChoice(atom int, line *group) choice {
	cell := &s.table.Cells[atom]
	c := choice{cell: atom, clears: true, cost: s.cost(atom)}
	if line != nil {
		joined := line.clone()
		joined.add(cell)
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

// weight of a cell is its subjects; a margin, which a reader looks at first, counts twice.
func (s *suppression) weight(cell int) int64 {
	if s.under[cell] != nil {
		return 2 * s.table.Cells[cell].Subjects
	}
	return s.table.Cells[cell].Subjects
}
