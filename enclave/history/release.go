package history

import (
	"slices"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// None stands in Release.Cells for a row that is in no cell: dropped, or of a version that the release did not see.
const None int32 = -1

// Release is what one exact table says of the rows, or would say. The audit keeps its slices and never writes to them; nor may
// anybody else once it was handed over.
type Release struct {
	// Cells is the cell of the full table that each row fell into, or None. Rows beyond its end are in none, so a release stays as
	// it is when rows are appended later.
	Cells []int32
	// Published lists, for each cell of the full table, the published cells that contain it: itself if it is published, and the
	// published margins over it. Published cells are numbered from 0 in an order that is the caller's own, margins among them.
	// A suppressed cell stands in no list.
	Published [][]int32
	// missing is Published for what rests have less of.
	missing [][]int32
}

// check verifies that a release speaks of the history's rows, and returns how many numbers of published cells it uses.
func (r *Release) check(rows int) (cells int, err error) {
	if len(r.Cells) > rows {
		return 0, malformed("rows", len(r.Cells))
	}
	for row, cell := range r.Cells {
		if cell != None && uint32(cell) >= uint32(len(r.Published)) { //nolint:gosec // a negative number becomes a large one, as meant
			return 0, malformed("row", row)
		}
	}
	for full, list := range r.Published {
		for i, cell := range list {
			if cell < 0 || cell > maxCell || slices.Contains(list[:i], cell) {
				return 0, malformed("cell", full)
			}
			cells = max(cells, int(cell)+1)
		}
	}
	return cells, nil
}

// maxCell bounds the numbers of published cells, which arrays are indexed by.
const maxCell = 1 << 24

func malformed(place string, number int) error {
	return enclave.Internalf("history: a release does not fit: %s %s", place, strconv.Itoa(number))
}

// Without is the release with some of its published cells suppressed. Published cells keep their numbers.
func (r *Release) Without(suppressed []int32) *Release {
	left := make([][]int32, len(r.Published))
	for full, list := range r.Published {
		for _, cell := range list {
			if !slices.Contains(suppressed, cell) {
				left[full] = append(left[full], cell)
			}
		}
	}
	return &Release{Cells: r.Cells, Published: left}
}

// weigh counts the distinct people of each published cell. It walks people, so one whose rows stand apart counts once.
func (r *Release) weigh(p *people, cells int) []int32 {
	parts := inParts(0, p.count, func(from, to int32) []int32 {
		sizes, last := make([]int32, cells), make([]int32, cells)
		for person := from; person < to; person++ {
			p.eachRow(person, func(row int) {
				if row >= len(r.Cells) || r.Cells[row] == None {
					return
				}
				for _, cell := range r.Published[r.Cells[row]] {
					if last[cell] != person+1 {
						last[cell] = person + 1
						sizes[cell]++
					}
				}
			})
		}
		return sizes
	})
	for _, part := range parts[1:] {
		for cell, size := range part {
			parts[0][cell] += size
		}
	}
	return parts[0]
}
