package lab_test

import "math/big"

// space is the sums that follow from others: vectors over groups, in reduced echelon form, with fractions. Zeros are nil.
type space struct {
	width int
	rows  map[int][]*big.Rat // by their first column
}

func newSpace(width int) *space { return &space{width, map[int][]*big.Rat{}} }

// vector is the sum of some groups.
func (s *space) vector(groups []int) []*big.Rat {
	v := make([]*big.Rat, s.width)
	for _, g := range groups {
		v[g] = big.NewRat(1, 1)
	}
	return v
}

// reduce takes from a vector what is in the space, in place, and says where it begins then, or -1.
func (s *space) reduce(v []*big.Rat) int {
	first := -1
	for c := range v {
		if v[c] == nil {
			continue
		}
		row := s.rows[c]
		if row == nil {
			if first < 0 {
				first = c
			}
			continue
		}
		factor := new(big.Rat).Set(v[c])
		for i := c; i < s.width; i++ {
			if row[i] == nil {
				continue
			}
			if v[i] == nil {
				v[i] = new(big.Rat)
			}
			if v[i].Sub(v[i], new(big.Rat).Mul(factor, row[i])).Sign() == 0 {
				v[i] = nil
			}
		}
	}
	return first
}

func (s *space) add(groups []int) { s.put(s.vector(groups)) }

func (s *space) put(v []*big.Rat) {
	first := s.reduce(v)
	if first < 0 {
		return
	}
	inverse := new(big.Rat).Inv(v[first])
	for i := range v {
		if v[i] != nil {
			v[i] = new(big.Rat).Mul(v[i], inverse)
		}
	}
	s.rows[first] = v
}

// has reports whether the sum of some groups follows.
func (s *space) has(groups []int) bool { return s.reduce(s.vector(groups)) < 0 }

// reaches reports whether anything follows that is about these groups alone: then the space has fewer dimensions without their columns.
func (s *space) reaches(groups []int) bool {
	rest := newSpace(s.width)
	for _, row := range s.rows {
		v := make([]*big.Rat, s.width)
		for i := range row {
			if row[i] != nil {
				v[i] = new(big.Rat).Set(row[i])
			}
		}
		for _, g := range groups {
			v[g] = nil
		}
		rest.put(v)
	}
	return len(rest.rows) < len(s.rows)
}
