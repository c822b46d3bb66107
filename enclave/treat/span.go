package treat

import (
	"cmp"
	"slices"
)

// span is the system of equations that the published margins are, over the suppressed atoms. Atoms with many subjects come first,
// so they become pivots; a row whose pivot is a small atom has nothing but small atoms.
type span struct {
	*suppression
	atoms    []int       // unknown → atom
	unknown  map[int]int // atom → unknown
	equation *echelon    // named by margin
}

func newSpan(s *suppression) *span {
	p := &span{suppression: s, unknown: map[int]int{}, equation: newEchelon()}
	for _, a := range s.lattice.atoms {
		if !s.published(a) {
			p.atoms = append(p.atoms, a)
		}
	}
	slices.SortStableFunc(p.atoms, func(a, b int) int { return cmp.Compare(p.size(b), p.size(a)) })
	for u, a := range p.atoms {
		p.unknown[a] = u
	}
	type named struct {
		margin int
		terms  []term
	}
	var rows []named
	for m := range s.under {
		if s.under[m] != nil && s.published(m) {
			if terms := p.terms(m); len(terms) > 0 {
				rows = append(rows, named{m, terms})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b named) int { return cmp.Compare(len(a.terms), len(b.terms)) })
	for _, r := range rows {
		p.equation.insert(r.margin, r.terms)
	}
	return p
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

// repairSpan looks at everything that follows from all published margins together. Violations that have no margin in common are
// repaired in one pass. It reports whether it suppressed anything.
func (s *suppression) repairSpan() bool {
	violations := newSpan(s).violations()
	touched := map[int]bool{}
	for _, v := range violations {
		apart := true
		for m := range v.how {
			apart = apart && !touched[m]
			touched[m] = true
		}
		if apart {
			s.repair(v)
		}
	}
	return len(violations) > 0
}

// violations are what follows and must not; small combinations are looked for only where no cell follows exactly.
func (p *span) violations() []violation {
	if found := p.exact(); len(found) > 0 {
		return found
	}
	return p.small()
}

// exact finds the suppressed cells, atoms and margins, whose value follows.
func (p *span) exact() []violation {
	var found []violation
	values := p.equation.solution(len(p.atoms))
	for u := range values {
		if values[u] == 0 {
			found = append(found, p.follows(-1, []term{{u, 1}}))
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
			found = append(found, p.follows(m, terms))
		}
	}
	return found
}

// follows writes something that is known to follow as a combination of published margins.
func (p *span) follows(margin int, terms []term) violation {
	_, steps := p.equation.reduce(terms)
	return violation{margin: margin, how: p.equation.combination(steps)}
}

// small looks for combinations of atoms, in whatever lines, that have fewer subjects than the threshold together. It finds the ones
// that a bounded search comes across; see [lightVector].
func (p *span) small() []violation {
	var found []violation
	for _, component := range p.components() {
		if v := p.light(component); v != nil {
			found = append(found, p.follows(-1, v))
		}
	}
	return found
}

// components groups the rows of small atoms by shared atoms, in a fixed order. Each combination of small atoms is one of such rows,
// and the lightest ones lie within a component.
func (p *span) components() [][]int {
	parent := make([]int, len(p.equation.rows))
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	first, members := map[int]int{}, make([][]int, len(parent))
	for i := range parent {
		parent[i] = i
	}
	isSmall := func(row int) bool {
		return p.size(p.atoms[p.equation.rows[row].terms[0].unknown]) < p.profile.Threshold
	}
	for i := range parent {
		if !isSmall(i) {
			continue
		}
		for _, t := range p.equation.rows[i].terms {
			if j, met := first[t.unknown]; met {
				parent[root(i)] = root(j)
			} else {
				first[t.unknown] = i
			}
		}
	}
	for i := range parent {
		if isSmall(i) {
			members[root(i)] = append(members[root(i)], i)
		}
	}
	return slices.DeleteFunc(members, func(m []int) bool { return len(m) == 0 })
}
