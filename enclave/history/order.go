package history

import (
	"cmp"
	"slices"
)

// An order of positions decides how long it takes to find groups, and nothing else. A person whose column begins at a position that no line has joins a span
// without any arithmetic, so there should be people beginning at each position, and nearly all are in large cells of each table only. Ordered by size alone, a
// table of cells of one size, which everybody is in, would leave no other table's larger cells to anyone. So tables are put into each other by a cell's share:
// how many of its release's people are in smaller cells. And what matters is combinations with new cells in them, so those stand as far
// back as there are people enough who are in nothing before: then their columns close the questions, and all that is before stays out of it.

// sampled is of how many people it is looked at which cells they are in.
const sampled = 1 << 14

// arrange puts the published cells of all releases in order, for so many groups.
func arrange(p *people, distinct bool, releases []*Release, sizes [][]int32, groups int) *matrix {
	m := &matrix{people: p, releases: releases, distinct: distinct, newest: len(releases) - 1}
	shares := make([][]float64, len(releases))
	for t, release := range releases {
		shares[t] = release.shares(sizes[t])
		for cell, size := range sizes[t] {
			if size > 0 {
				m.cells = append(m.cells, coordinate{t, int32(cell), size})
			}
		}
	}
	from := m.whereNewBegin(shares, groups)
	for cell, share := range shares[m.newest] {
		shares[m.newest][cell] = from + (1-from)*share
	}
	slices.SortFunc(m.cells, func(a, b coordinate) int {
		return cmp.Or(cmp.Compare(shares[a.release][a.cell], shares[b.release][b.cell]), cmp.Compare(a.size, b.size), cmp.Compare(a.release, b.release),
			cmp.Compare(a.cell, b.cell))
	})
	m.index()
	return m
}

// shares are for each published cell how many of the people, as a share, are in none as large, about: who is in several counts in the smallest.
func (r *Release) shares(sizes []int32) []float64 {
	smallest := make([]bool, len(sizes))
	for _, list := range r.Published {
		if len(list) > 0 {
			smallest[slices.MinFunc(list, func(a, b int32) int { return cmp.Or(cmp.Compare(sizes[a], sizes[b]), cmp.Compare(a, b)) })] = true
		}
	}
	order := make([]int32, len(sizes))
	for cell := range order {
		order[cell] = int32(cell) //nolint:gosec // cells are numbered in int32
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Or(cmp.Compare(sizes[a], sizes[b]), cmp.Compare(a, b)) })
	shares, before := make([]float64, len(sizes)), 0.0
	for _, cell := range order {
		if shares[cell] = before; smallest[cell] {
			before += float64(sizes[cell])
		}
	}
	for cell := range shares {
		shares[cell] /= max(before, 1)
	}
	return shares
}

// whereNewBegin is the largest share such that there are about as many people in no earlier release's smaller cells as the pool takes for the positions from there on.
func (m *matrix) whereNewBegin(shares [][]float64, groups int) float64 {
	each := max(1, m.people.count/sampled)
	var people []float64 // the share of the smallest cell of each that is looked at
	for person := 0; person < m.people.count; person += each {
		least := 1.0
		m.people.eachRow(int32(person), func(row int) { //nolint:gosec // fewer than rows
			for t, release := range m.releases[:m.newest] {
				if row < len(release.Cells) && release.Cells[row] != None {
					for _, cell := range release.Published[release.Cells[row]] {
						least = min(least, shares[t][cell])
					}
				}
			}
		})
		people = append(people, least)
	}
	var cells []float64
	behind := 0 // cells that are
	for _, c := range m.cells {
		if c.release < m.newest {
			cells = append(cells, shares[c.release][c.cell])
		} else {
			behind++
		}
	}
	slices.Sort(people)
	slices.Sort(cells)
	for i := len(cells) - 1; i >= 0; i-- {
		first, _ := slices.BinarySearch(people, cells[i])
		if behind++; (len(people)-first)*each >= poolFor(groups)*behind {
			return cells[i]
		}
	}
	return 0
}
