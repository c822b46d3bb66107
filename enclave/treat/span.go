package treat

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// span is the system of equations that the published margins are, over the suppressed atoms. Atoms with many subjects come first,
// so they become pivots; a vector whose pivot is a small atom has nothing but small atoms.
type span struct {
	*suppression
	before  []enclave.Fate // when the equations were made
	atoms   []int          // unknown → atom
	unknown map[int]int    // atom → unknown
	hidden  map[int]int    // margin → suppressed atoms under it
	through map[int]int    // margin → the line of its equation
	echelon *echelon       // named by margin
}

func newSpan(s *suppression) (*span, error) {
	p := &span{suppression: s, before: slices.Clone(s.fates), unknown: map[int]int{}, hidden: map[int]int{}, through: map[int]int{}}
	for _, a := range s.lattice.atoms {
		if !s.published(a) {
			p.atoms = append(p.atoms, a)
			for _, m := range s.above[a] {
				p.hidden[m]++
			}
		}
	}
	slices.SortStableFunc(p.atoms, func(a, b int) int { return cmp.Compare(p.size(b), p.size(a)) })
	for u, a := range p.atoms {
		p.unknown[a] = u
	}
	p.echelon = newEchelon(len(p.atoms), s.work)
	var rows []equation
	for m := range s.under {
		if s.under[m] != nil && s.published(m) {
			if e := p.equationOf(m); len(e.terms) > 0 {
				rows = append(rows, e)
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b equation) int { return cmp.Compare(len(a.terms), len(b.terms)) })
	for _, r := range rows {
		p.through[r.margin] = r.through
		if err := p.echelon.insert(r.margin, r.terms); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// equation is what a published margin says: the sum of some suppressed atoms. They are those under it, less those under the published
// cells of one of its lines, whichever leaves fewest; none are left if the margin says nothing that finer ones do not say.
type equation struct {
	margin  int
	through int // the line
	terms   []term
}

func (p *span) equationOf(margin int) equation {
	e, least := equation{margin: margin, through: -1}, math.MaxInt
	for _, l := range p.linesOf[margin] {
		left := 0
		for _, c := range p.lines[l].inner {
			switch {
			case p.published(c):
			case p.under[c] == nil:
				left++
			default:
				left += p.hidden[c]
			}
		}
		if left < least {
			e.through, least = l, left
		}
	}
	for _, c := range p.lines[e.through].inner {
		switch {
		case p.published(c):
		case p.under[c] == nil:
			e.terms = append(e.terms, term{p.unknown[c], 1})
		default:
			e.terms = append(e.terms, p.terms(c)...)
		}
	}
	slices.SortFunc(e.terms, func(a, b term) int { return cmp.Compare(a.unknown, b.unknown) })
	return e
}

func (p *span) size(atom int) int64 { return p.table.Cells[atom].Subjects }

// terms are the suppressed atoms under a margin.
func (p *span) terms(margin int) []term {
	var terms []term
	for _, a := range p.under[margin] {
		if u, ok := p.unknown[a]; ok {
			terms = append(terms, term{u, 1})
		}
	}
	slices.SortFunc(terms, func(a, b term) int { return cmp.Compare(a.unknown, b.unknown) })
	return terms
}

// repairSpan looks at everything that follows from all published margins together. What a repair of this pass has spoiled already
// needs none. It reports whether it suppressed anything.
func (s *suppression) repairSpan() (bool, error) {
	p, err := newSpan(s)
	if err != nil {
		return false, err
	}
	found, err := p.violations()
	if err != nil {
		return false, err
	}
	for _, f := range found {
		v := violation{margin: f.margin, group: f.group}
		if v.how, err = p.how(f.terms); err != nil {
			return false, err
		}
		s.repair(v, p.unknown)
	}
	return len(found) > 0, nil
}

// target is something that follows and must not; how is found only if it is to be repaired.
type target struct {
	margin int // the suppressed margin, or -1
	terms  []term
	group  *group
}

// violations are what follows and must not; combinations are looked at only where no cell follows exactly.
func (p *span) violations() ([]target, error) {
	found, err := p.exact()
	if err != nil || len(found) > 0 {
		return found, err
	}
	form, err := p.echelon.reduced()
	if err != nil {
		return nil, err
	}
	for _, vector := range form {
		if err := p.spend(4 * len(vector)); err != nil {
			return nil, err
		}
		if g := p.together(vector); p.unsafe(&g) {
			found = append(found, target{-1, vector, &g})
		}
	}
	return found, nil
}

// exact finds the suppressed cells, atoms and margins, whose value follows.
func (p *span) exact() ([]target, error) {
	var found []target
	values := p.echelon.solution()
	for u := range values {
		if values[u] == 0 {
			found = append(found, target{-1, []term{{u, 1}}, nil})
		}
	}
	for m := range p.under {
		if p.under[m] == nil || p.published(m) {
			continue
		}
		terms, value := p.terms(m), uint64(0)
		for _, t := range terms {
			value = add(value, values[t.unknown])
		}
		if value == 0 {
			found = append(found, target{m, terms, nil})
		}
	}
	return found, p.spend(len(values))
}

// how writes something that is known to follow as a combination of published margins.
func (p *span) how(terms []term) (map[int]uint64, error) {
	_, steps, err := p.echelon.reduce(terms)
	if err != nil {
		return nil, err
	}
	how := map[int]uint64{}
	combination, touched := p.echelon.combination(steps)
	for m, factor := range combination {
		how[m] = add(how[m], factor)
		for _, c := range p.lines[p.through[m]].inner {
			if p.under[c] != nil && p.before[c] == enclave.Published {
				how[c] = subtract(how[c], factor)
			}
		}
		touched += len(p.lines[p.through[m]].inner) + len(p.under[m])
	}
	maps.DeleteFunc(how, func(_ int, factor uint64) bool { return factor == 0 })
	return how, p.spend(16 * touched) // maps are slower than vectors
}

// together is what is certain of the atoms of a vector. Its factors are whole numbers wherever tables are concerned that we know of;
// others are taken for 1.
func (p *span) together(vector []term) group {
	atoms, factors := make([]int, len(vector)), make([]int64, len(vector))
	for i, t := range vector {
		atoms[i], factors[i] = p.atoms[t.unknown], whole(t.coefficient)
	}
	return newGroup(p.lattice, atoms, factors)
}
