package history

import "slices"

// shift is by how much published numbers would change if a row's value were another one.
type shift struct {
	at []int32
	by []int64
}

func (v *shift) add(at []int32, by int64) {
	for _, p := range at {
		if i := slices.Index(v.at, p); i >= 0 {
			v.by[i] += by
			continue
		}
		v.at, v.by = append(v.at, p), append(v.by, by)
	}
}

func (v *shift) clone() shift { return shift{slices.Clone(v.at), slices.Clone(v.by)} }

// into adds it to a span, unless it is in it.
func (v *shift) into(span *echelon) (added bool) {
	for i, p := range v.at {
		span.take(p, span.whole(v.by[i]))
	}
	return span.settle()
}

func (v *shift) clear() { v.at, v.by = v.at[:0], v.by[:0] }

// nothing reports whether no number changes, of which there may be some that are added and taken away.
func (v *shift) nothing() bool {
	return !slices.ContainsFunc(v.by, func(by int64) bool { return by != 0 })
}

// opens are what somebody who reads the tables would see another of by a shift.
type opens struct{ class, amount bool }

// shifter says what shifts there are. It is for one goroutine.
type shifter struct {
	*told
	shift shift
	list  []int32
	// null, if it is set, has shifts left out that do not change a weighted sum: by table, and full-table cell and number, what the weights are of the positions
	// that a row counts in. For a column of which no sums are published.
	null  [][]uint64
	field *field
}

func (s *told) shifter() *shifter { return &shifter{told: s} }

// of visits a row's shifts: for each other value that is told apart one, or two where it can be more or less, and those that are not told apart.
// What is visited is the shifter's.
func (s *shifter) of(row int, visit func(v *shift, opens opens)) {
	counts := s.counts(row)
	bound := counts && s.bound(row)
	for _, direction := range [...]int32{1, 2} {
		if room := s.room(row); counts && room&direction != 0 {
			s.move(row, direction)
			visit(&s.shift, opens{amount: bound})
		}
	}
	if !s.apart {
		return
	}
	own, amount, most := s.value(row), s.amount(row), -1
	before := s.weight(row, own)
	for other := range int32(len(s.ends)) { //nolint:gosec // at most the intervals
		ends := s.ends[other]
		if other == own || s.summed && ends[0] > ends[1] || s.null != nil && s.weight(row, other) == before {
			continue // nobody has it, or it changes nothing
		}
		if most < 0 {
			most = s.most(row, own)
		}
		shows := s.shows(row, own, other)
		for i, to := range ends {
			if i == 1 && (!s.summed || ends[0] == ends[1]) {
				break
			}
			if s.exchange(row, other, to); !s.shift.nothing() {
				visit(&s.shift, opens{class: shows == most && shows > 0, amount: bound && to != amount})
			}
		}
	}
}

// weight is the weighted sum of the positions that a row counts in if its value is of a number.
func (s *shifter) weight(row int, number int32) (sum uint64) {
	if s.null == nil {
		return 0
	}
	for _, t := range s.speak {
		if cell := s.cell(t, row); cell != None {
			sum = s.field.add(sum, s.null[t][int(cell)*len(s.ends)+int(number)])
		}
	}
	return sum
}

// counts is whether a row counts in any published sum.
func (s *shifter) counts(row int) bool {
	return slices.ContainsFunc(s.speak, func(t int) bool {
		return t%2 == 0 && s.cell(t, row) != None && len(s.matrix.tables[t].lists[s.cell(t, row)]) > 0
	})
}

// asks is whether somebody could learn of a row what it has at all.
func (s *shifter) asks(row int) bool {
	if s.bound(row) {
		return true
	}
	return s.apart && slices.ContainsFunc(s.speak, func(t int) bool { return t%2 == 1 && s.cell(t, row) != None })
}

// shows is how many tables would have a row in another class if its value were the other one.
func (s *shifter) shows(row int, own, other int32) (tables int) {
	for _, t := range s.speak {
		if class := s.tables[t].class; t%2 == 1 && class[own] != class[other] && s.cell(t, row) != None {
			tables++
		}
	}
	return tables
}

// most is the most that any value shows.
func (s *shifter) most(row int, own int32) (most int) {
	for other := range s.ends {
		most = max(most, s.shows(row, own, int32(other)))
	}
	return most
}

// move is the shift of a row whose amount is more, or less, and is told as it was: how much does not matter, as shifts count in parts.
func (s *shifter) move(row int, direction int32) {
	by := int64(1)
	if direction == 2 {
		by = -1
	}
	s.shift.clear()
	for _, t := range s.speak {
		if cell := s.cell(t, row); t%2 == 0 && cell != None {
			s.shift.add(s.matrix.tables[t].lists[cell], by)
		}
	}
}

// exchange is the shift of a row of which the value is another one, and counts as so much.
func (s *shifter) exchange(row int, other int32, to int64) {
	own, from := s.value(row), s.amount(row)
	s.shift.clear()
	for _, t := range s.speak {
		cell := s.cell(t, row)
		if cell == None {
			continue
		}
		table, less, more := &s.tables[t], int64(1), int64(1)
		if t%2 == 0 {
			less, more = from, to
			s.shift.add(table.rest[cell], to-from)
		}
		if table.class == nil || table.class[own] == table.class[other] && less == more {
			continue
		}
		block := s.by(t).Block[cell]
		s.list = table.append(s.list[:0], block, table.class[own])
		s.shift.add(s.list, -less)
		s.list = table.append(s.list[:0], block, table.class[other])
		s.shift.add(s.list, more)
	}
}

// place appends what rows have in common whose values would count in the same cells if they were the same.
func (s *shifter) place(key []int32, row int) []int32 {
	for _, t := range s.speak {
		cell := s.cell(t, row)
		if cell != None && s.tables[t].class != nil {
			cell = s.by(t).Block[cell]
		}
		key = append(key, cell)
	}
	return key
}

// swap visits what shifts of a row could be made backwards by another one in the same place: to the value of that one, if it is told apart, which could have
// this one's, or to more, if one of the two can have more and one less.
func (s *shifter) swap(row, other int, visit func(v *shift)) {
	same := s.value(row) == s.value(other)
	if room := s.room(row); room == 3 || same && room|s.room(other) == 3 {
		s.move(row, 1)
		visit(&s.shift)
	}
	if !same {
		s.exchange(row, s.value(other), s.amount(other))
		visit(&s.shift)
	}
}
