package history

import "context"

// rank finds the true rank of a matrix: a basis among all columns (step 3), in which positions are numbered old ones first; and a search over the matrix without its
// redundant cells, whose rows are independent. Every column of a redundant cell is a
// fixed combination of the others', so a set of columns has the same rank without it. A new cell that follows from earlier ones is redundant, and
// not one of these: it asks nothing that was not out.
func rank(ctx context.Context, m *matrix, pool []int32, f *field, random *stream) (s *search, basis *group, err error) {
	first := m.oldFirst()
	old := m.ordered(first)
	s = &search{matrix: old, ctx: ctx, field: f, random: random, pool: old.gather(old.inOrder(pool)), owner: make([]uint8, m.people.count)}
	basis = s.extend(nil, 1, old.positions())
	if err := s.fill(basis); err != nil {
		return nil, nil, err
	}
	independent := make([]bool, len(m.cells))
	for i, position := range first {
		independent[position] = basis.lines[i].there
	}
	s.matrix = m.only(func(p int) bool { return independent[p] })
	s.pool = s.gather(s.inOrder(pool))
	clear(s.owner)
	return s, basis, nil
}

// pack builds k disjoint groups that close the questions asked (step 4).
func (s *search) pack(k int, questions []int) (groups []*group, err error) {
	clear(s.owner)
	for number := 1; number <= k; number++ {
		g := s.extend(nil, uint8(number), questions)
		if err := s.fill(g); err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}
