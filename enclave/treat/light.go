package treat

import (
	"cmp"
	"slices"
)

// searchSteps and repeatedSteps bound the search for light vectors in one component, where subjects are in one atom each and where
// they may be in several.
const (
	searchSteps   = 20_000
	repeatedSteps = 2_000
)

// light is a combination of the vectors of a component, other than 0, whose atoms cannot be shown to have as many subjects together as
// the threshold asks; nil if the search finds none. If it ends without an answer where subjects may be in several atoms, so that a
// handful of people could be all that many atoms have, that is any: the shortest vector.
func (p *span) light(component [][]term) ([]term, error) {
	s := lightSearch{span: p, steps: searchSteps, paid: map[int]int64{}}
	if !p.disjoint {
		s.steps = repeatedSteps
	}
	rows := make([]lightRow, len(component))
	for i, vector := range component {
		rows[i] = lightRow{terms: vector}
	}
	slices.SortFunc(rows, func(a, b lightRow) int { return a.lead() - b.lead() })
	v := s.search(rows)
	if err := p.spend(s.touched); err != nil {
		return nil, err
	}
	if v == nil && s.steps == 0 && !p.disjoint {
		v = slices.MinFunc(component, func(a, b []term) int { return cmp.Compare(len(a), len(b)) })
	}
	return v, nil
}

// lightSearch decides the unknowns in ascending order, so the largest atoms first: each either must be 0, or may be in the vector and
// is paid for. Rows are in echelon form over the undecided unknowns, so the first of these is in one row only, which falls away with
// it.
type lightSearch struct {
	*span
	steps   int
	touched int
	paid    map[int]int64 // margin → subjects of the atoms under it that are paid for
}

// pay counts an atom and reports whether enough subjects are certain now. Under each margin, those who were counted before are not
// more than its repeated ones.
func (s *lightSearch) pay(atom int) (enough bool) {
	for _, m := range s.above[atom] {
		s.paid[m] += s.size(atom)
		enough = enough || s.paid[m]-s.repeated[m] >= s.profile.Threshold
	}
	return enough
}

func (s *lightSearch) takeBack(atom int) {
	for _, m := range s.above[atom] {
		s.paid[m] -= s.size(atom)
	}
}

func (s *lightSearch) search(rows []lightRow) []term {
	for ; len(rows) > 0 && s.steps > 0; rows = rows[1:] {
		s.steps--
		s.touched += len(rows)
		first := rows[0]
		atom := s.atoms[first.lead()]
		if !s.pay(atom) {
			first.decided++
			joined, ok := s.join(rows[1:], first)
			if !ok {
				return joined[0].terms
			}
			if v := s.search(joined); v != nil {
				return v
			}
		}
		s.takeBack(atom)
	}
	return nil
}

// lightRow is a vector; its first unknowns, up to decided, are paid for.
type lightRow struct {
	terms   []term
	decided int
}

// lead is the row's first undecided unknown.
func (r *lightRow) lead() int { return r.terms[r.decided].unknown }

// join brings a row back into echelon form with the others. If nothing undecided remains of it, it is what was looked for: the result
// is that row alone, and false.
func (s *lightSearch) join(rows []lightRow, row lightRow) ([]lightRow, bool) {
	for at, other := range rows {
		if row.decided == len(row.terms) {
			return []lightRow{row}, false
		}
		if other.lead() > row.lead() {
			return slices.Concat(rows[:at], []lightRow{row}, rows[at:]), true
		}
		if other.lead() == row.lead() {
			lead := row.lead()
			factor := multiply(row.terms[row.decided].coefficient, invert(other.terms[other.decided].coefficient))
			s.touched += len(row.terms) + len(other.terms)
			row.terms = minus(row.terms, factor, other.terms)
			row.decided, _ = slices.BinarySearchFunc(row.terms, lead, func(t term, u int) int { return t.unknown - u })
		}
	}
	if row.decided == len(row.terms) {
		return []lightRow{row}, false
	}
	return slices.Concat(rows, []lightRow{row}), true
}
