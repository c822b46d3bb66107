package history

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// maxRefined bounds the spans that refine looks at in one pass, for each of the k groups.
const maxRefined = 256

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
	if s.refined++; s.refined > maxRefined*(r.k+r.touched) {
		return []*stuck{{slices.Collect(r.nullVectors()), 0}}, nil
	}
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	clear(s.owner)
	r.number = 0 // so that everyone is free
	s.refresh(r.group)
	if r.some == nil {
		if pool := s.hit(r.group, s.pool); len(s.complete(r, pool)) == 0 {
			return nil, nil
		}
		clear(s.owner)
		r.some = s.gather(s.scan(r.group, 0, s.people.count))
	} else {
		r.some = s.hit(r.group, r.some)
	}
	rest := s.parts(r)
	if rest == nil {
		sets := s.complete(r, r.some)
		if len(r.some.who) < r.k {
			return []*stuck{{slices.Collect(r.nullVectors()), r.touched + len(r.some.who)}}, nil
		}
		rest = s.without(r, sets)
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

// complete returns sets that do not close what is open, those that do left out: as many do as can, so that there is somebody in each of the others.
func (s *search) complete(r *remainder, people *crowd) (open []*group) {
	sets := make([]*group, 0, r.k)
	begin := func() *group {
		sets = append(sets, s.extend(r.group, uint8(len(sets)+1), r.questions)) //nolint:gosec // k is at most 255
		return sets[len(sets)-1]
	}
	closed := 0
	for closed < r.k {
		set := begin()
		if s.consider(set, people); !set.closed() {
			s.dissolve(set)
			sets = sets[:closed]
			break
		}
		closed++
	}
	if closed == r.k {
		return nil
	}
	free := func() (n int) {
		for _, person := range people.who {
			if s.owner[person] == 0 {
				n++
			}
		}
		return n
	}
	for ; closed > 0 && free() < r.k-closed; closed-- {
		s.dissolve(sets[closed-1])
	}
	for sets = sets[:closed]; len(sets) < r.k; {
		begin()
	}
	s.share(sets[closed:], people)
	return sets[closed:]
}

// dissolve has the members of a set free again.
func (s *search) dissolve(set *group) {
	for _, person := range set.members {
		s.owner[person] = 0
	}
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

// parts are spans that leave open a part each of what a span does, which is about nobody whom another part is about; so if all parts touch k people, all that the span leaves open does.
// It is nil if it is not divided, or too much is open.
func (s *search) parts(r *remainder) (parts []*remainder) {
	const most = 1 << 8
	base := r.group
	if free := len(base.lines) - base.rank; free > most || free*len(r.some.who) > maxCopied {
		return nil
	}
	var open []int
	for p := range base.lines {
		if !base.lines[p].there {
			open = append(open, p)
		}
	}
	var probes []*probe
	for y := range base.nullVectors() {
		probes = append(probes, s.probe(s.field, y).of(s.among(r.some)))
	}
	joined := newForest(int32(len(open))) //nolint:gosec // few
	for _, seat := range r.some.seats {
		first := -1
		for i, probe := range probes {
			if !probe.hit(seat) {
				continue
			}
			if first < 0 {
				first = i
			}
			joined.join(int32(first), int32(i))
		}
	}
	for i := range open {
		root := joined.root(int32(i))
		if root != int32(i) {
			continue
		}
		part := s.extend(base, 0, base.questions)
		for k, p := range open {
			if joined.root(int32(k)) != root {
				part.take(int32(p), part.one) //nolint:gosec // positions are numbered in int32
				part.settle()
			}
		}
		parts = append(parts, &remainder{part, r.k, r.touched, r.some})
	}
	if len(parts) == 1 {
		return nil
	}
	return parts
}

// hit are those of a crowd whom a span's null vector hits.
func (s *search) hit(base *group, some *crowd) *crowd {
	probe := base.probe.of(s.among(some))
	return some.those(probe.hit)
}
