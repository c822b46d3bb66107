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
type floating struct {
	of, units []float64
	names     []uint64 // the same where both are, and 0 where the weight is
}

// alike is to how much such weights have to agree.
const alike = 1e-8

func newFloating(of, units []float64, random *stream) *floating {
	w, known := &floating{of: of, units: units, names: make([]uint64, len(of))}, map[[2]float64]uint64{}
	for p, weight := range of {
		looks := [2]float64{math.Round(weight / alike), units[p]}
		if looks[0] == 0 {
			continue
		}
		if _, met := known[looks]; !met {
			known[looks] = random.uint64()
		}
		w.names[p] = known[looks]
	}
	return w
}

func (w *floating) difference(more, less []int32) (name uint64) {
	for _, p := range more {
		name += w.names[p]
	}
	for _, p := range less {
		name -= w.names[p]
	}
	return name
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
