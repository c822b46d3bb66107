package history

import (
	"encoding/binary"
	"math"
)

// weights are of positions: [floating] or [modular].
type weights interface {
	// difference names by how much the sum of the weights of some positions is more than that of others.
	difference(more, less []int32) uint64
}

// floating are weights in floating point, of published numbers times units.
type floating struct{ of, units []float64 }

// alike is to how much sums of such weights have to agree.
const alike = 1e-8

func (w *floating) difference(more, less []int32) uint64 {
	sum := 0.0
	for _, p := range more {
		sum += w.of[p]
	}
	for _, p := range less {
		sum -= w.of[p]
	}
	return uint64(int64(math.Round(sum / alike))) //nolint:gosec // its bits
}

// pull is by how much a shift changes the weighted sum, if the most that it changes is 1.
func (w *floating) pull(v *shift) float64 {
	sum, most := 0.0, 0.0
	for i, p := range v.at {
		by := float64(v.by[i]) * w.units[p]
		sum, most = sum+w.of[p]*by, max(most, math.Abs(by))
	}
	if most == 0 {
		return 0
	}
	return sum / most
}

// modular are weights in a field.
type modular struct {
	*field
	by []uint64
}

func (w *modular) difference(more, less []int32) (sum uint64) {
	for _, p := range more {
		sum = w.add(sum, w.by[p])
	}
	for _, p := range less {
		sum = w.subtract(sum, w.by[p])
	}
	return sum
}

func (w *modular) pull(v *shift) (sum uint64) {
	for i, p := range v.at {
		sum = w.add(sum, w.multiply(w.by[p], w.whole(v.by[i])))
	}
	return sum
}

// ofClasses are the sums of weights by table, and full-table cell and number, of the positions of classes.
func (s *told) ofClasses(w *modular) [][]uint64 {
	sums := make([][]uint64, len(s.tables))
	for _, t := range s.speak {
		for cell := range s.matrix.tables[t].lists {
			sums[t] = append(sums[t], s.means(w, t, int32(cell))...)
		}
	}
	return sums
}

// patterns number what full-table cells mean to some weights of positions, by table: those of the same number are the same to them.
type patterns struct{ of [][]int32 }

// patterns numbers them.
func (s *told) patterns(all ...weights) *patterns {
	p := &patterns{of: make([][]int32, len(s.tables))}
	for _, t := range s.speak {
		numbers := map[string]int32{}
		for cell := range s.matrix.tables[t].lists {
			var name []byte
			for _, w := range all {
				for _, v := range s.means(w, t, int32(cell)) {
					name = binary.LittleEndian.AppendUint64(name, v)
				}
			}
			number, met := numbers[string(name)]
			if !met {
				number = int32(len(numbers)) //nolint:gosec // at most the cells
				numbers[string(name)] = number
			}
			p.of[t] = append(p.of[t], number)
		}
	}
	return p
}

// key appends what tells a row's shifts from others' to those weights.
func (p *patterns) key(key []int32, s *told, row int) []int32 {
	key = s.key(key, row)
	for _, t := range s.speak {
		number := s.cell(t, row)
		if number != None {
			number = p.of[t][number]
		}
		key = append(key, number)
	}
	return key
}
