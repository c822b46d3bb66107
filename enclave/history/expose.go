package history

import "slices"

// maxDeficit is the largest deficit that exposed works through.
const maxDeficit = 64

// exposed counts the people of whom alone a sum follows (step 7), exactly; −1 if there are too many to tell.
//
// The people of first have full rank between them, so whatever follows touches it. Everyone else is put into one second group. If that has full rank
// too, nothing is about one person alone. Otherwise weights that are 0 on all of them remain, and what these make of the first
// group's columns is a small matrix of full row rank. A sum is about one person alone exactly if this matrix has a lower rank without
// that person's columns; so the person is in every basis of its columns.
func (s *search) exposed(first []int32) (int, error) {
	clear(s.owner)
	for _, person := range first {
		s.owner[person] = 1
	}
	others := s.extend(nil, 2, s.positions())
	if err := s.fill(others); err != nil {
		return 0, err
	}
	weights := slices.Collect(others.nullVectors())
	if len(weights) == 0 {
		return 0, nil
	}
	if len(weights) > maxDeficit {
		return -1, nil
	}
	small := make([][][]uint64, len(first)) // columns by member
	read := s.reader()
	for i, person := range first {
		read.columns(person, func(positions []int32) {
			column, zero := make([]uint64, len(weights)), true
			for w, y := range weights {
				for _, p := range positions {
					column[w] = s.field.add(column[w], y[p])
				}
				zero = zero && column[w] == 0
			}
			if !zero {
				small[i] = append(small[i], column)
			}
		})
	}
	count := 0
	_, candidates := s.dense(small, -1, len(weights))
	for _, candidate := range candidates {
		if rank, _ := s.dense(small, candidate, len(weights)); rank < len(weights) {
			count++
		}
	}
	return count, nil
}

// dense is the rank of the small matrix without one member's columns, and the members of a basis.
func (s *search) dense(small [][][]uint64, without, dimensions int) (rank int, basis []int) {
	lines := make([][]uint64, dimensions) // by pivot
	for member, columns := range small {
		before := rank
		for _, column := range columns {
			if member != without && rank < dimensions && s.reduceDense(lines, slices.Clone(column)) {
				rank++
			}
		}
		if rank > before {
			basis = append(basis, member)
		}
	}
	return rank, basis
}

// reduceDense adds a column to dense lines in echelon form and reports whether it was independent.
func (s *search) reduceDense(lines [][]uint64, column []uint64) bool {
	for p, v := range column {
		if v == 0 {
			continue
		}
		if lines[p] == nil {
			scale := s.field.invert(v)
			for q := p; q < len(column); q++ {
				column[q] = s.field.multiply(column[q], scale)
			}
			lines[p] = column
			return true
		}
		for q := len(column) - 1; q >= p; q-- {
			column[q] = s.field.subtract(column[q], s.field.multiply(v, lines[p][q]))
		}
	}
	return false
}
