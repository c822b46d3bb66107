package history

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
)

const (
	// maxRefined bounds the spans that refine looks at in one pass, for each of the k groups, leastRefined those that it looks at however much that takes, and enoughRefined those
	// after which it does not go on if it got stuck.
	maxRefined, leastRefined, enoughRefined = 256, 16, 4
	// maxLooks is how often it may look at people and positions for a group: some seconds.
	maxLooks = 1 << 24
)

// refine looks at a group that left questions open. A sum that is about nobody in it is orthogonal to its span; if all of those
// that answer a question touch k people nevertheless, the group is as good as a closed one. It returns where that is not so, or it took too long to find out.
func (s *search) refine(base *group, k int) ([]*stuck, error) {
	return (&remainder{group: base, k: k}).refine(s)
}

// remainder is what a span leaves open, of which it is to be shown that it touches so many people of some.
type remainder struct {
	*group
	k       int
	touched int    // others, who count already
	some    *crowd // nobody else is asked; nil are all
}

// refine completes the span with disjoint sets of people: what is open touches each set that closes it, so it is about so many people, or it is orthogonal to one of the other sets. These
// spans leave less open and are looked at in their turn. If there are not enough people to have somebody in each set, all that is open is about no others, so it gets stuck only where
// the promise is broken, unless it takes too long.
func (r *remainder) refine(s *search) (open []*stuck, err error) {
	if r.closed() || s.met(r) {
		return nil, nil
	}
	s.refined++
	if all := r.k + r.touched; s.stuck && s.refined > enoughRefined*all {
		return nil, nil // there is something to name, and more will be found without that
	} else if s.refined > maxRefined*all || s.refined > leastRefined*all && s.looks > maxLooks {
		s.stuck = true
		return []*stuck{{slices.Collect(r.nullVectors()), 0}}, nil
	}
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	clear(s.owner)
	r.number = 0 // so that everyone is free
	s.refresh(r.group)
	if r.some == nil {
		if pool := s.hit(r.group, s.pool); len(pool.who) >= r.k {
			if len(s.complete(r, pool)) == 0 {
				return nil, nil
			}
			clear(s.owner)
		}
		r.some = s.gather(s.scan(r.group, 0, s.people.count))
	} else {
		r.some = s.hit(r.group, r.some)
	}
	s.looks += (len(r.some.who) + len(r.lines)) * r.k
	if len(r.some.who) < r.k {
		s.stuck = true
		return []*stuck{{slices.Collect(r.nullVectors()), r.touched + len(r.some.who)}}, nil
	}
	rest, open, divided := s.parts(r)
	if !divided {
		rest = s.without(r, s.complete(r, r.some))
	}
	for _, part := range rest {
		more, err := part.refine(s)
		if err != nil {
			return nil, err
		}
		open = append(open, more...)
	}
	return open, nil
}

// met reports whether just that was left open before, and looked at. It is asked of little only.
func (s *search) met(r *remainder) bool {
	const most = 1 << 4
	if r.touched > 0 || len(r.lines)-r.rank > most {
		return false
	}
	sum := sha256.New()
	for y := range r.nullVectors() {
		for _, weight := range y {
			s.word = binary.LittleEndian.AppendUint64(s.word[:0], weight)
			sum.Write(s.word)
		}
	}
	name := [sha256.Size]byte(sum.Sum(nil))
	if s.known == nil {
		s.known = map[[sha256.Size]byte]bool{}
	}
	met := s.known[name]
	s.known[name] = true
	return met
}

// complete returns sets of people that do not close what is open, those that do left out. All have as much of it as the others: what they leave open is little then, and whom there is will do for it again. Where some
// had everything and the rest nothing, that would be looked at over and over.
func (s *search) complete(r *remainder, people *crowd) (open []*group) {
	sets := make([]*group, r.k)
	for i := range sets {
		sets[i] = s.extend(r.group, uint8(i+1), r.questions) //nolint:gosec // k is at most 255
	}
	s.share(sets, people)
	return slices.DeleteFunc(sets, func(set *group) bool { return set.closed() })
}

// without are the remainders of sets that are not closed: whatever is not about k people is orthogonal to the first of them that it does not touch. Where there is one person in each, those before it count, and
// others are looked for; otherwise everybody is free again.
func (s *search) without(r *remainder, sets []*group) (rest []*remainder) {
	single := !slices.ContainsFunc(sets, func(set *group) bool { return len(set.members) != 1 })
	before := map[int32]bool{}
	for _, set := range sets {
		next := &remainder{group: set, k: r.k, touched: r.touched, some: r.some}
		if single {
			next.k, next.touched = r.k-len(before), r.touched+len(before)
			next.some = r.some.but(before)
			before[set.members[0]] = true
		}
		rest = append(rest, next)
	}
	return rest
}

// parts divides what is open into parts that nobody is in two of; so if each of them touches k people, all that is open does. Parts that are about fewer are stuck, and those of one dimension that are not are done with. It
// is not divided if it is one part, or too much to look at.
func (s *search) parts(r *remainder) (parts []*remainder, open []*stuck, divided bool) {
	var free []int
	for p := range r.lines {
		if !r.lines[p].there {
			free = append(free, p)
		}
	}
	if len(free) == 1 || len(free)*max(len(r.some.who), len(r.lines)) > maxCopied {
		return nil, nil, false
	}
	basis := slices.Collect(r.nullVectors())
	joined, touches := s.touching(basis, r.some)
	of := map[int32][]int{} // basis vectors, by part
	for i := range basis {
		root := joined.root(int32(i))
		of[root] = append(of[root], i)
	}
	if len(of) == 1 {
		return nil, nil, false
	}
	people := map[int32]int{}
	for _, i := range touches {
		people[joined.root(i)]++
	}
	for _, root := range slices.Sorted(maps.Keys(of)) {
		var some [][]uint64
		for _, i := range of[root] {
			some = append(some, basis[i])
		}
		asked := slices.ContainsFunc(some, func(y []uint64) bool {
			return slices.ContainsFunc(r.questions, func(p int) bool { return y[p] != 0 })
		})
		switch {
		case !asked:
		case people[root] < r.k:
			s.stuck = true
			open = append(open, &stuck{some, r.touched + people[root]})
		case len(some) > 1:
			part := s.extend(r.group, 0, r.questions)
			for i, p := range free {
				if joined.root(int32(i)) != root {
					part.take(int32(p), part.one) //nolint:gosec // positions are numbered in int32
					part.settle()
				}
			}
			parts = append(parts, &remainder{part, r.k, r.touched, r.some})
		}
	}
	return parts, open, true
}

// touching joins vectors that touch the same people, and says of each of some people a vector that touches them.
func (s *search) touching(vectors [][]uint64, some *crowd) (joined forest, touches []int32) {
	joined = newForest(int32(len(vectors))) //nolint:gosec // no more than positions
	read := s.among(some).reader()
	for _, seat := range some.seats {
		first := int32(-1)
		read.columns(seat, func(column []int32) {
			for i, y := range vectors {
				if s.field.dot(y, column) == 0 {
					continue
				}
				if first < 0 {
					first = int32(i)
				}
				joined.join(first, int32(i))
			}
		})
		if first >= 0 {
			touches = append(touches, first)
		}
	}
	return joined, touches
}

// hit are those of a crowd whom a span's null vector hits.
func (s *search) hit(base *group, some *crowd) *crowd {
	probe := base.probe.of(s.among(some))
	return some.those(probe.hit)
}
