package leak

import "slices"

// sequence is values as numbers, of which only matters where they are equal, with what comparisons need of it: made when it is asked for, once.
type sequence struct {
	values []int32
	firsts []*groups
	counts []int
}

// groups are the first places of a sequence, those of equal values side by side.
type groups struct {
	ids      []int32 // of each place: its group
	order    []int32 // places, group by group
	starts   []int32 // of each group in order; and the end
	repeated int     // places whose value occurs more than once
	scratch  []int32
}

func (s *sequence) first(n int) *groups {
	for _, g := range s.firsts {
		if len(g.ids) == n {
			return g
		}
	}
	g := &groups{ids: make([]int32, n), order: make([]int32, n)}
	known := map[int32]int32{}
	for i, value := range s.values[:n] {
		g.ids[i] = number(known, value)
	}
	g.starts, g.scratch = make([]int32, len(known)+1), make([]int32, len(known))
	for _, id := range g.ids {
		g.starts[id+1]++
	}
	for id, size := range g.starts[1:] {
		if size > 1 {
			g.repeated += int(size)
		}
		g.starts[id+1] += g.starts[id]
	}
	for i, id := range g.ids {
		g.order[g.starts[id]+g.scratch[id]] = int32(i)
		g.scratch[id]++
	}
	clear(g.scratch)
	s.firsts = append(s.firsts, g)
	return g
}

// determines reports whether places with equal values here have equal values there, but for one in twenty, with evidence enough: only repeated
// values tell.
func (g *groups) determines(there *groups, least int) bool {
	different := len(g.starts) - 1
	if different < least || len(g.ids)-different < least {
		return false
	}
	disagreeing := 0
	for id := range different {
		places := g.order[g.starts[id]:g.starts[id+1]]
		if len(places) < 2 {
			continue
		}
		most := int32(0)
		for _, at := range places {
			there.scratch[there.ids[at]]++
			most = max(most, there.scratch[there.ids[at]])
		}
		for _, at := range places {
			there.scratch[there.ids[at]] = 0
		}
		if disagreeing += len(places) - int(most); 20*disagreeing > g.repeated {
			return false
		}
	}
	return true
}

// spectrum is how often each value occurs, most frequent first.
func (s *sequence) spectrum() []int {
	if s.counts == nil {
		counts := map[int32]int{}
		for _, value := range s.values {
			counts[value]++
		}
		s.counts = make([]int, 0, len(counts))
		for _, n := range counts {
			s.counts = append(s.counts, n)
		}
		slices.Sort(s.counts)
		slices.Reverse(s.counts)
	}
	return s.counts
}
