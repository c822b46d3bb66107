package history

import (
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Secret is a column of which releases tell something: in which of the classes that their cells tell apart its values are, or what values add up to, or both.
type Secret struct {
	Values []int64            // by row of the history, as stored; [enclave.EmptyValue] where it is empty, which counts as 0 in sums
	By     []*enclave.Telling // by release, the table in question last: the classes; nil of those that tell none
	Summed []bool             // by release, likewise: whether sums are published
	Low    int64              // what is summed is known to be no less
	High   int64              // and no more
}

// doubled is the matrix of the cells that tell of the column. Each release stands in it twice, since a cell can tell of it in two ways: at 2t what its
// sums are, at 2t+1 how many rows are of a class.
func (s *Secret) doubled(all *matrix) *matrix {
	m := &matrix{people: all.people, newest: 2 * all.newest}
	classes := make([]map[int32]bool, len(all.releases))
	for t, r := range all.releases {
		m.releases = append(m.releases, r, r)
		classes[t] = map[int32]bool{}
		if t < len(s.By) && s.By[t] != nil {
			for _, set := range s.By[t].Sets {
				for _, c := range set.Cells {
					classes[t][c.Cell] = true
				}
			}
		}
	}
	for _, c := range all.cells {
		if c.release < len(s.Summed) && s.Summed[c.release] {
			m.cells = append(m.cells, coordinate{2 * c.release, c.cell, c.size})
		}
		if classes[c.release][c.cell] {
			m.cells = append(m.cells, coordinate{2*c.release + 1, c.cell, c.size})
		}
	}
	m.index()
	return m
}

// told is the column as the published cells tell it.
type told struct {
	*Secret
	*matrix            // as doubled makes it
	summed  bool       // any of it
	apart   bool       // and values are told apart
	numbers []int32    // by row: of its value; those that no cell tells apart have the same, and so do those of which nothing is published. Nil where all have 0
	ends    [][2]int64 // by number: between what the value is
	tables  []toldTable
}

// toldTable is how a table tells values apart.
type toldTable struct {
	class []int32 // by number; −1 of which nothing is published. Nil if it tells none apart
	sets  []toldSet
	rest  [][]int32 // by full-table cell: positions that are of all classes
}

// toldSet is where the published cells of a table's grouping set stand.
type toldSet struct {
	*enclave.TellingSet
	classes int
	at      []int32 // positions, by the set's block times classes plus its class; −1 of what is not published
}

func (s *Secret) told(m *matrix) *told {
	all := &told{Secret: s, matrix: m, tables: make([]toldTable, len(m.tables))}
	seen := make([][]bool, len(m.tables)) // by table and class: whether anything is published of it
	for _, t := range m.speak {
		all.summed = all.summed || t%2 == 0
		all.tables[t].rest = m.tables[t].lists
		if by := all.by(t); by != nil {
			seen[t] = all.tables[t].tell(by, m, t)
		}
	}
	all.tellApart(seen)
	all.apart = len(all.ends) > 1
	return all
}

// by is how a table tells classes; nil if it does not.
func (s *told) by(t int) *enclave.Telling {
	if t/2 < len(s.By) {
		return s.By[t/2]
	}
	return nil
}

// tell finds where a table's cells of classes stand, and of which classes there are any.
func (t *toldTable) tell(by *enclave.Telling, m *matrix, number int) (seen []bool) {
	positions := map[int32]int32{}
	for p, c := range m.cells {
		if c.release == number {
			positions[c.cell] = int32(p)
		}
	}
	seen = make([]bool, by.Classes())
	of := map[int32]bool{} // positions of classes
	for s := range by.Sets {
		set := toldSet{TellingSet: &by.Sets[s]}
		blocks := 0
		for _, block := range set.Block {
			blocks = max(blocks, int(block)+1)
		}
		for _, class := range set.Class {
			set.classes = max(set.classes, int(class)+1)
		}
		set.at = slices.Repeat([]int32{-1}, blocks*set.classes)
		told := make([]bool, set.classes)
		for _, c := range set.Cells {
			if p, there := positions[c.Cell]; there {
				set.at[int(c.Block)*set.classes+int(c.Class)], told[c.Class], of[p] = p, true, true
			}
		}
		t.sets = append(t.sets, set)
		for class, of := range set.Class {
			seen[class] = seen[class] || told[of]
		}
	}
	t.rest = make([][]int32, len(m.tables[number].lists))
	for cell, list := range m.tables[number].lists {
		t.rest[cell] = slices.DeleteFunc(slices.Clone(list), func(p int32) bool { return of[p] })
	}
	return seen
}

// tellApart numbers the values that published cells tell apart.
func (s *told) tellApart(seen [][]bool) {
	starts := []int64{s.Low}
	var telling []int
	for _, t := range s.speak {
		if by := s.by(t); by != nil {
			telling = append(telling, t)
			starts = append(starts, by.Starts...)
			if by.Empty >= 0 {
				starts = append(starts, enclave.EmptyValue)
			}
		}
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	numbers, of := map[string]int32{}, make([]int32, len(starts))
	for i, start := range starts {
		classes := make([]int32, 0, len(telling))
		for _, t := range telling {
			if class := s.by(t).Of(start); class >= 0 && seen[t][class] {
				classes = append(classes, class+1)
			} else {
				classes = append(classes, 0)
			}
		}
		low, high := start, s.High
		if i+1 < len(starts) {
			high = min(high, starts[i+1]-1)
		}
		if start == enclave.EmptyValue {
			low, high = 0, 0
		}
		number, met := numbers[string(key(classes))]
		if !met {
			number = int32(len(numbers)) //nolint:gosec // at most the intervals
			numbers[string(key(classes))] = number
			for i, t := range telling {
				s.tables[t].class = append(s.tables[t].class, classes[i]-1)
			}
			s.ends = append(s.ends, [2]int64{low, high})
		}
		of[i] = number
		s.ends[number] = [2]int64{min(s.ends[number][0], low), max(s.ends[number][1], high)}
	}
	if len(s.ends) == 1 {
		return
	}
	s.numbers = make([]int32, len(s.Values))
	inParts(0, len(s.Values), func(from, to int32) any {
		for row := from; row < to; row++ {
			at, exact := slices.BinarySearch(starts, s.Values[row])
			if !exact {
				at--
			}
			s.numbers[row] = of[max(at, 0)]
		}
		return nil
	})
}

// value is the number of a row's.
func (s *told) value(row int) int32 {
	if s.numbers == nil {
		return 0
	}
	return s.numbers[row]
}

// amount is what a row's value counts as in sums.
func (s *told) amount(row int) int64 {
	if v := s.Values[row]; v != enclave.EmptyValue {
		return v
	}
	return 0
}

// room is 1 if a row's value could be more and still be told as it is, 2 if it could be less, or both together.
func (s *told) room(row int) (room int32) {
	if !s.summed {
		return 0
	}
	amount, ends := s.amount(row), s.ends[s.value(row)]
	if amount < ends[1] {
		room++
	}
	if amount > ends[0] {
		room += 2
	}
	return room
}

// bound is whether a row's value is the least or the greatest that there is. What others are the numbers alone tell nobody for whom they do not add up to it.
func (s *told) bound(row int) bool {
	amount := s.amount(row)
	return s.summed && (amount == s.Low || amount == s.High)
}

// key appends what shifts of a row depend on but for the cells that it is in.
func (s *told) key(key []int32, row int) []int32 {
	key = append(key, s.value(row))
	if s.summed {
		room := s.room(row)
		if s.bound(row) {
			room += 4
		}
		key = append(key, room)
		if s.apart {
			amount := s.amount(row)
			key = append(key, int32(amount), int32(amount>>32)) //nolint:gosec // its bits
		}
	}
	return key
}

// means is what a full-table cell means to weights: rows in cells that mean the same, and of the same key, can change their sum in the same ways.
func (s *told) means(w weights, t int, cell int32) (sums []uint64) {
	table := &s.tables[t]
	if t%2 == 0 {
		sums = append(sums, w.difference(table.rest[cell], nil))
	}
	if table.class == nil {
		return sums
	}
	var first, list []int32
	for number := range s.ends {
		list = table.append(list[:0], s.by(t).Block[cell], table.class[number])
		if number == 0 && t%2 == 1 { // of a count only what differs matters
			first = slices.Clone(list)
		}
		sums = append(sums, w.difference(list, first))
	}
	return sums
}

// append appends the positions that somebody of a block and a class counts in.
func (t *toldTable) append(positions []int32, block, class int32) []int32 {
	if class < 0 {
		return positions
	}
	for i := range t.sets {
		set := &t.sets[i]
		if p := set.at[int(set.Block[block])*set.classes+int(set.Class[class])]; p >= 0 {
			positions = append(positions, p)
		}
	}
	return positions
}
