package history

import (
	"cmp"
	"slices"
)

// poolPerGroup is how many people the pool holds, for each group that has to be built, of those whose columns begin at the same position.
const poolPerGroup = 4

func poolFor(groups int) int { return poolPerGroup * max(groups, 2) }

// pool chooses people that bases will most likely be found among: for every position some of those who begin there.
// A column that is the first for its first position joins a span without any arithmetic and stays short, so the rare people who begin
// late are worth finding. Whoever is not in the pool is looked for when it does not do; it matters for time only.
func (m *matrix) pool(groups int) []int32 {
	none := int32(len(m.cells)) //nolint:gosec // positions are numbered in int32
	begins := make([][]int32, len(m.tables))
	for t := range m.tables {
		for _, list := range m.tables[t].lists {
			first := none
			if len(list) > 0 {
				first = list[0]
			}
			begins[t] = append(begins[t], first)
		}
	}
	type candidate struct{ first, person int32 }
	// The first ones of all are among the first ones of each stretch.
	parts := inParts(0, m.people.count, func(from, to int32) (found []candidate) {
		taken := m.quota(groups)
		for person := from; person < to; person++ {
			first := none
			m.people.eachRow(person, func(row int) {
				for _, t := range m.speak {
					if cell := m.cell(t, row); cell != None {
						first = min(first, begins[t][cell])
					}
				}
			})
			if first < none && taken.take(first) {
				found = append(found, candidate{first, person})
			}
		}
		return found
	})
	var pool []int32
	taken := m.quota(groups)
	for _, part := range parts {
		for _, c := range part {
			if taken.take(c.first) {
				pool = append(pool, c.person)
			}
		}
	}
	return pool
}

// quota is how many more people the pool takes of each position.
type quota []int32

func (m *matrix) quota(groups int) quota {
	return slices.Repeat(quota{int32(poolFor(groups))}, len(m.cells)) //nolint:gosec // groups are at most 255
}

func (q quota) take(position int32) bool {
	if q[position] == 0 {
		return false
	}
	q[position]--
	return true
}

// inOrder are people in another order: those who begin last come first, so that whoever is in early positions too is taken as late as can be:
// combinations in question are settled by those who begin late, and early cells have the fewest people.
func (m *matrix) inOrder(pool []int32) []int32 {
	type keyed struct {
		key    uint64
		person int32
	}
	keys := slices.Concat(inParts(0, len(pool), func(from, to int32) (keys []keyed) {
		read := m.reader()
		for _, person := range pool[from:to] {
			first, second := uint64(len(m.cells)), uint64(len(m.cells))
			touched := read.touched(person)
			if len(touched) > 0 {
				first = uint64(touched[0]) //nolint:gosec // positions are not negative
			}
			if len(touched) > 1 {
				second = uint64(touched[1]) //nolint:gosec // positions are not negative
			}
			keys = append(keys, keyed{first<<32 | second, person})
		}
		return keys
	})...)
	slices.SortFunc(keys, func(a, b keyed) int { return cmp.Or(cmp.Compare(b.key, a.key), cmp.Compare(a.person, b.person)) })
	ordered := make([]int32, len(keys))
	for i, k := range keys {
		ordered[i] = k.person
	}
	return ordered
}

// eachRow visits a person's rows.
func (p *people) eachRow(person int32, visit func(row int)) {
	for n := range p.stretches(person) {
		first, end := p.stretch(person, n)
		for row := first; row < end; row++ {
			visit(row)
		}
	}
}
