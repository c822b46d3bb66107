package history

import "context"

// rank finds the true rank of a matrix: a basis among all columns (step 3). The result is a search over the matrix without its
// redundant cells, whose rows are independent. Every column of a redundant cell is a
// fixed combination of the others', so a set of columns has the same rank without it. A new cell that follows from earlier ones is redundant, and
// not one of these: it asks nothing that was not out.
func rank(ctx context.Context, m *matrix, pool []int32, f *field, random *stream) (*search, error) {
	first := m.oldFirst()
	old := m.ordered(first)
	s := &search{matrix: old, ctx: ctx, field: f, random: random, pool: old.gather(old.inOrder(pool)), owner: make([]uint8, m.people.count)}
	basis := s.extend(nil, 1, old.positions())
	if err := s.fill(basis); err != nil {
		return nil, err
	}
	independent := make([]bool, len(m.cells))
	for i, position := range first {
		independent[position] = basis.lines[i].there
	}
	s.matrix = m.only(func(p int) bool { return independent[p] })
	s.pool = s.gather(s.inOrder(pool))
	clear(s.owner)
	return s, nil
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

// maxRefined bounds the spans that refine looks at in one pass, for each of the k groups.
const maxRefined = 16

// refine looks at a group that left questions open. A sum that is about nobody in it is orthogonal to its span; if all of those
// that answer a question touch k people nevertheless, the group is as good as a closed one. To show it, everyone is free again, and
// the span is completed k times with disjoint sets of people: what is orthogonal to the span touches each set that is closed. Where a
// set is not, it is looked at in the same way in its turn; it has left less open. refine returns the spans to which somebody can be added
// for fewer than k sets.
func (s *search) refine(base *group, k int) (stuck []*group, err error) {
	return s.refineAmong(nil, base, k)
}

// refineAmong is refine where nobody but some people, of whom a smaller span is known to leave others out, can add to the span; nil are all.
func (s *search) refineAmong(some *crowd, base *group, k int) (stuck []*group, err error) {
	if base.closed() {
		return nil, nil
	}
	if s.refined++; s.refined > maxRefined*k {
		return []*group{base}, nil
	}
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	clear(s.owner)
	who := s.adders(some, base)
	var sets []*group
	for number := 1; number <= k; number++ {
		set := s.extend(base, uint8(number), base.questions)
		s.consider(set, who.pool)
		if !set.closed() {
			if err := who.find(s); err != nil {
				return nil, err
			}
			s.consider(set, who.all)
		}
		if set.rank == base.rank {
			return []*group{base}, nil
		}
		sets = append(sets, set)
	}
	for _, set := range sets {
		more, err := s.refineAmong(who.all, set, k)
		if err != nil {
			return nil, err
		}
		stuck = append(stuck, more...)
	}
	return stuck, nil
}

// adders is who can add to a span.
type adders struct {
	base      *group
	some      *crowd // nobody else can; nil are all
	pool, all *crowd
}

func (s *search) adders(some *crowd, base *group) *adders {
	base.number = 0 // so that everyone is free
	s.refresh(base)
	return &adders{base: base, some: some, pool: s.hit(base, s.pool)}
}

// hit are those of a crowd whom a span's null vector hits.
func (s *search) hit(base *group, some *crowd) *crowd {
	probe := base.probe.of(s.among(some))
	return some.those(probe.hit)
}

// find looks beyond the pool, once.
func (o *adders) find(s *search) error {
	switch {
	case o.all != nil:
	case o.some != nil:
		o.all = s.hit(o.base, o.some)
	default:
		owner := s.owner
		s.owner = make([]uint8, len(owner))
		o.all = s.gather(s.scan(o.base, 0, s.people.count))
		s.owner = owner
	}
	return s.ctx.Err()
}
