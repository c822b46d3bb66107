package history

import "slices"

const (
	// maxRefined bounds the spans that refine looks at in one pass, for each of the k groups; leastRefined those that it looks at however much that takes, and those after which it looks no further if it got stuck before them.
	maxRefined, leastRefined = 256, 16
	// maxLooks is how often it may look at people and positions for a group: some seconds.
	maxLooks = 1 << 24
)

// refine looks at a span that leaves questions open. A sum that is about nobody in it is orthogonal to it; if all of those that answer a question touch k people nevertheless, it is as good as closed. To show that, it is completed with k disjoint
// sets of people: what is open touches all of them, or it is orthogonal to a set that does not close it, which leaves less open and is looked at in its turn. If there are not enough people to have somebody in each set,
// all that is open is about no others. So where it got stuck, which it returns, the promise is broken, unless it took too long. Nobody is asked but some, nil for all.
func (s *search) refine(span *group, some *crowd, k int) (where []*stuck, err error) {
	for _, p := range s.out {
		span.take(p, span.one)
		span.settle()
	}
	if span.closed() {
		return nil, nil
	}
	s.refined++
	if len(s.out) > 0 && s.refined > s.found+leastRefined*k {
		return nil, nil // there is something to name, and what else there is will be found without that
	} else if s.refined > maxRefined*k || s.refined > leastRefined*k && s.looks > maxLooks {
		return s.giveUp(span, 0), nil
	}
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	clear(s.owner)
	span.number = 0 // so that everyone is free
	s.refresh(span)
	if some == nil {
		if pool := s.hit(span, s.pool); len(pool.who) >= k {
			if len(s.complete(span, pool, k)) == 0 {
				return nil, nil
			}
			clear(s.owner)
		}
		some = s.gather(s.scan(span, 0, s.people.count))
	} else {
		some = s.hit(span, some)
	}
	s.looks += (len(some.who) + len(span.lines)) * k
	if len(some.who) < k {
		return s.giveUp(span, len(some.who)), nil
	}
	for _, open := range s.complete(span, some, k) {
		more, err := s.refine(open, some, k)
		if err != nil {
			return nil, err
		}
		where = append(where, more...)
	}
	return where, nil
}

// giveUp is what a span leaves open, of which it is known how many people it is about, fewer than k, or 0 if it is not. Spans that are looked at from now on are without positions that it takes, and so find other things.
func (s *search) giveUp(span *group, people int) []*stuck {
	s.found = s.refined
	where := &stuck{slices.Collect(span.nullVectors()), people}
	for _, p := range s.field.pivots(where.basis, s.smallestFirst(span.questions)) {
		s.out = append(s.out, int32(p)) //nolint:gosec // positions are numbered in int32
	}
	return []*stuck{where}
}

// complete returns those of k sets that do not close what a span leaves open, with its people and their own. All sets have as much of it as the others: what they leave open is little then, and whom there is will do for it again. Where some
// had everything and the rest nothing, that would be looked at over and over.
func (s *search) complete(span *group, people *crowd, k int) (open []*group) {
	sets := make([]*group, k)
	for i := range sets {
		sets[i] = s.extend(span, uint8(i+1), span.questions)
	}
	s.share(sets, people)
	return slices.DeleteFunc(sets, func(set *group) bool { return set.closed() })
}

// hit are those of a crowd whom a span's null vector hits.
func (s *search) hit(base *group, some *crowd) *crowd {
	probe := base.probe.of(s.among(some))
	return some.those(probe.hit)
}
