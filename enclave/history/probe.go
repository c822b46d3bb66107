package history

// probe multiplies columns by a vector y of weights of positions. It is for one goroutine.
type probe struct {
	*reader
	field *field
	y     []uint64
	sums  [][]uint64 // for sums: of y over a full-table cell's positions, by release and cell+1, where 0 is None
}

// sums prepares y for the matrix; the result can be shared.
func (m *matrix) sums(f *field, y []uint64) [][]uint64 {
	if m.distinct {
		return nil
	}
	all := make([][]uint64, len(m.tables))
	for t := range m.tables {
		all[t] = make([]uint64, len(m.tables[t].lists)+1)
		for full, list := range m.tables[t].lists {
			sum := uint64(0)
			for _, p := range list {
				sum = f.add(sum, y[p])
			}
			all[t][full+1] = sum
		}
		for full, list := range m.tables[t].minus {
			for _, p := range list {
				all[t][full+1] = f.subtract(all[t][full+1], y[p])
			}
		}
	}
	return all
}

func (m *matrix) probe(f *field, y []uint64) *probe {
	return &probe{reader: m.reader(), field: f, y: y, sums: m.sums(f, y)}
}

// of is a probe of the same vector, which it follows, for another goroutine or other people.
func (p *probe) of(m *matrix) *probe {
	return &probe{reader: m.reader(), field: p.field, y: p.y, sums: p.sums}
}

// hit reports whether y·column is other than 0 for a column of the person.
func (p *probe) hit(person int32) bool {
	if p.distinct {
		found := false
		p.columns(person, func(positions []int32) { found = p.dot(positions) != 0 })
		return found
	}
	for n := range p.people.stretches(person) {
		first, end := p.people.stretch(person, n)
		for row := first; row < end; row++ {
			sum := uint64(0)
			for t := range p.tables {
				if cells := p.tables[t].cells; row < len(cells) {
					sum = p.field.add(sum, p.sums[t][cells[row]+1])
				}
			}
			if sum != 0 {
				return true
			}
		}
	}
	return false
}

// hitBlock is of how many rows hits looks at once.
const hitBlock = 1 << 11

// hits are the people from from to to−1 of whom hit is true. Where everybody's rows stand together it goes through one release after the other, for some rows at once, which takes a third of
// the time.
func (p *probe) hits(from, to int32) (hits []int32) {
	if p.distinct || p.people.runsOf != nil {
		for person := from; person < to; person++ {
			if p.hit(person) {
				hits = append(hits, person)
			}
		}
		return hits
	}
	var sums [hitBlock]uint64
	starts, person := p.people.starts, from
	for first, last := int(starts[from]), int(starts[to]); first < last; first += hitBlock {
		some := sums[:min(hitBlock, last-first)]
		p.rowSums(some, first)
		for i, sum := range some {
			if sum == 0 {
				continue
			}
			for int(starts[person+1]) <= first+i {
				person++
			}
			if len(hits) == 0 || hits[len(hits)-1] != person {
				hits = append(hits, person)
			}
		}
	}
	return hits
}

// rowSums are y·column of rows from the first on.
func (p *probe) rowSums(sums []uint64, first int) {
	clear(sums)
	added := 0
	for t := range p.tables {
		cells := p.tables[t].cells
		if first >= len(cells) {
			continue
		}
		of := p.sums[t]
		for i, cell := range cells[first:min(first+len(sums), len(cells))] {
			sums[i] += of[cell+1]
		}
		if added++; added == 6 { // and what there was: no more than fits
			p.field.reduce(sums)
			added = 0
		}
	}
	p.field.reduce(sums)
}

// move changes the weight of a position.
func (p *probe) move(position int, by uint64) {
	if p.distinct {
		return
	}
	for _, at := range p.holders[position] {
		sum := &p.sums[at.table][at.cell+1]
		if at.minus {
			*sum = p.field.subtract(*sum, by)
		} else {
			*sum = p.field.add(*sum, by)
		}
	}
}

func (p *probe) dot(positions []int32) uint64 { return p.field.dot(p.y, positions) }

// dot is the product of a vector with a column.
func (f *field) dot(y []uint64, column []int32) (sum uint64) {
	for _, at := range column {
		if at < 0 {
			sum = f.subtract(sum, y[^at])
		} else {
			sum = f.add(sum, y[at])
		}
	}
	return sum
}
