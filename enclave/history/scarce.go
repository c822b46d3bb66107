package history

import (
	"encoding/binary"
	"iter"
	"slices"
)

// scarce are rests that few people are in, with everybody in these: a matrix of its own.
type scarce struct {
	*rests
	place  map[coordinate]int32 // the positions
	people []int32              // everybody
	matrix *matrix
}

// scarce are some positions.
func (r *rests) scarce(some []bool) *scarce {
	s := &scarce{rests: r, place: map[coordinate]int32{}}
	for p, is := range some {
		if is {
			s.place[r.cells[p]] = int32(p)
		}
	}
	if len(s.place) > 0 {
		cells := r.cellsOf(func(p int32) bool { return some[p] })
		s.people = slices.Concat(inParts(0, r.matrix.people.count, func(from, to int32) (in []int32) {
			read := r.reader()
			for person := from; person < to; person++ {
				if cells.hold(person) && slices.ContainsFunc(read.touched(person), func(p int32) bool { return some[p] }) {
					in = append(in, person)
				}
			}
			return in
		})...)
	}
	s.write(some)
	return s
}

// write writes the matrix: of each table a release whose full cells are what rows have more and less of, so that it can be read as any other.
func (s *scarce) write(some []bool) {
	s.matrix = &matrix{people: &people{starts: []int32{0}}, newest: s.newest, releases: make([]*Release, len(s.tables))}
	known := make([]map[string]int32, len(s.tables))
	for t := range s.matrix.releases {
		s.matrix.releases[t], known[t] = &Release{missing: [][]int32{}}, map[string]int32{}
	}
	in, rows, read := make([]int32, len(s.cells)), s.matrix.people, s.reader()
	more, fewer := make([][]int32, len(s.tables)), make([][]int32, len(s.tables))
	for _, person := range s.people {
		read.columns(person, func(has, lacks []int32) {
			for t := range more {
				more[t], fewer[t] = more[t][:0], fewer[t][:0]
			}
			split := func(to [][]int32, positions []int32) {
				for _, p := range positions {
					if some[p] {
						c := s.cells[p]
						to[c.release] = append(to[c.release], c.cell)
						in[p]++
					}
				}
			}
			split(more, has)
			split(fewer, lacks)
			for t := range more {
				s.matrix.releases[t].append(known[t], more[t], fewer[t])
			}
			rows.rows++
		})
		rows.starts = append(rows.starts, int32(rows.rows)) //nolint:gosec // no more than all
		rows.count++
	}
	order := slices.DeleteFunc(s.of.positions(), func(p int) bool { return !some[p] })
	slices.SortStableFunc(order, func(a, b int) int { return int(in[a] - in[b]) })
	for _, p := range order {
		s.matrix.cells = append(s.matrix.cells, s.cells[p])
	}
	s.matrix.index()
}

// append appends a row that has some published cells, and is missing from others, to a release of such rows.
func (r *Release) append(known map[string]int32, more, fewer []int32) {
	if len(more)+len(fewer) == 0 {
		r.Cells = append(r.Cells, None)
		return
	}
	name := string(append(binary.LittleEndian.AppendUint32(key(more), 1<<31), key(fewer)...))
	cell, there := known[name]
	if !there {
		cell = int32(len(r.Published)) //nolint:gosec // fewer than rows
		known[name], r.Published, r.missing = cell, append(r.Published, slices.Clone(more)), append(r.missing, slices.Clone(fewer))
	}
	r.Cells = append(r.Cells, cell)
}

// everybody are all of the matrix's people.
func (s *scarce) everybody() []int32 {
	all := make([]int32, s.matrix.people.count)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

// original are combinations of positions of the matrix, which are numbered as some cells are, as combinations of all positions as they were.
func (s *scarce) original(f *field, cells []coordinate, of iter.Seq[[]uint64]) iter.Seq[[]uint64] {
	rows := make([]mixture, len(cells))
	for i, c := range cells {
		rows[i] = s.row(s.place[c])
	}
	return func(yield func([]uint64) bool) {
		for weights := range of {
			sum := make([]uint64, len(s.cells))
			for i, weight := range weights {
				if weight == 0 {
					continue
				}
				for q, times := range rows[i] {
					sum[q] = f.add(sum[q], f.multiply(weight, f.whole(times)))
				}
			}
			if !yield(sum) {
				return
			}
		}
	}
}
