package treat

import "slices"

// searchSteps bounds the search for light vectors in one component. It is enough to be exhaustive for some dozens of cells.
const searchSteps = 20_000

// light is a combination of the rows of a component, other than 0, whose atoms have fewer subjects together than the threshold
// (those in several atoms counted for each); nil if the search finds none.
func (p *span) light(component []int) []term {
	s := lightSearch{span: p, steps: searchSteps}
	rows := make([]lightRow, len(component))
	for i, row := range component {
		rows[i] = lightRow{terms: p.equation.rows[row].terms}
	}
	slices.SortFunc(rows, func(a, b lightRow) int { return a.lead() - b.lead() })
	return s.search(rows, p.profile.Threshold-1)
}

// lightSearch decides the unknowns in ascending order, so the largest atoms first: each either must be 0, or may be in the vector and
// is paid for. Rows are in echelon form over the undecided unknowns, so the first of these is in one row only, which falls away with
// it.
type lightSearch struct {
	*span
	steps int
}

// lightRow is a vector; its first unknowns, up to decided, are paid for.
type lightRow struct {
	terms   []term
	decided int
}

// lead is the row's first undecided unknown.
func (r *lightRow) lead() int { return r.terms[r.decided].unknown }

func (s *lightSearch) search(rows []lightRow, budget int64) []term {
	for ; len(rows) > 0 && s.steps > 0; rows = rows[1:] {
		s.steps--
		first := rows[0]
		size := s.size(s.atoms[first.lead()])
		if size > budget {
			continue
		}
		first.decided++
		joined, ok := join(rows[1:], first)
		if !ok {
			return joined[0].terms
		}
		if v := s.search(joined, budget-size); v != nil {
			return v
		}
	}
	return nil
}

// join brings a row back into echelon form with the others. If nothing undecided remains of it, it is what was looked for: the result
// is that row alone, and false.
func join(rows []lightRow, row lightRow) ([]lightRow, bool) {
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
			row.terms = minus(row.terms, factor, other.terms)
			row.decided, _ = slices.BinarySearchFunc(row.terms, lead, func(t term, u int) int { return t.unknown - u })
		}
	}
	if row.decided == len(row.terms) {
		return []lightRow{row}, false
	}
	return slices.Concat(rows, []lightRow{row}), true
}
