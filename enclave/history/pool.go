package history

import (
	"cmp"
	"slices"
)

// poolPerGroup is how many people of each published cell the pool holds for each group that has to be built.
const poolPerGroup = 4

// pool chooses people that bases will most likely be found among: for every published cell some, or all where there are few.
// Whatever is not found here is looked for among everyone, so the choice matters for time only.
func (m *matrix) pool(groups int) []int32 {
	enough := int32(poolPerGroup * max(groups, 2)) //nolint:gosec // groups are at most 255
	have := make([]int32, len(m.cells))
	scarce := make([][]bool, len(m.tables)) // full cells that may be in a published cell without enough
	for t := range m.tables {
		scarce[t] = make([]bool, len(m.tables[t].lists))
		for full := range scarce[t] {
			scarce[t][full] = true
		}
	}
	wanted := func(row int) bool {
		found := false
		for t := range m.tables {
			table := &m.tables[t]
			if row >= len(table.cells) {
				continue
			}
			full := table.cells[row]
			if full == None || !scarce[t][full] {
				continue
			}
			if slices.ContainsFunc(table.lists[full], func(p int32) bool { return have[p] < enough }) {
				found = true
			} else {
				scarce[t][full] = false
			}
		}
		return found
	}
	var pool []int32
	read := m.reader()
	for person := range int32(m.people.count) { //nolint:gosec // fewer than rows
		if m.people.anyRow(person, wanted) {
			pool = append(pool, person)
			for _, p := range read.touched(person) {
				have[p]++
			}
		}
	}
	return pool
}

// inOrder sorts people so that those in large cells only come first, and those that are also in a small one as late as they can:
// people of small cells are scarce, and each group needs one.
func (m *matrix) inOrder(pool []int32) {
	read := m.reader()
	key := make(map[int32]uint64, len(pool))
	for _, person := range pool {
		first, second := uint64(len(m.cells)), uint64(len(m.cells))
		if touched := read.touched(person); len(touched) > 1 {
			first, second = uint64(touched[0]), uint64(touched[1]) //nolint:gosec // positions are not negative
		} else if len(touched) == 1 {
			first = uint64(touched[0]) //nolint:gosec // positions are not negative
		}
		key[person] = first<<32 | second
	}
	slices.SortFunc(pool, func(a, b int32) int { return cmp.Or(cmp.Compare(key[b], key[a]), cmp.Compare(a, b)) })
}

// anyRow reports whether one of a person's rows is as asked.
func (p *people) anyRow(person int32, asked func(row int) bool) bool {
	for n := range p.stretches(person) {
		first, end := p.stretch(person, n)
		for row := first; row < end; row++ {
			if asked(row) {
				return true
			}
		}
	}
	return false
}
