package enclave

// NoCell is the place of a row that fell into no cell.
const NoCell int32 = -1

// Places says of each row of a snapshot, in its order, which cell of the full table it fell into. It is all that a run keeps of every row,
// so it takes as few bytes a row as the key space allows: 1, 2 or 4. Rows hold the number of a cell in the key space, plus one; which
// position in Table.Cells that is, is known at the end. It never leaves the enclave. Nil has no rows.
type Places struct {
	one  []uint8 // by row; one of these three is there
	two  []uint16
	four []uint32

	positions []int32 // by number, plus one: a position in Table.Cells, or NoCell
}

// NewPlaces makes places for cells with numbers below a number. All rows are in no cell, and nothing may be asked before Resolve.
func NewPlaces(rows, numbers int64) *Places {
	switch {
	case numbers < 1<<8:
		return &Places{one: make([]uint8, rows)}
	case numbers < 1<<16:
		return &Places{two: make([]uint16, rows)}
	}
	return &Places{four: make([]uint32, rows)}
}

// PlacesOf are places that are known: for each row a position, or NoCell.
func PlacesOf(cells []int32) *Places {
	numbers := int32(0)
	for _, c := range cells {
		numbers = max(numbers, c+1)
	}
	p, positions, places := NewPlaces(int64(len(cells)), int64(numbers)), make([]int32, numbers), make([]int32, len(cells))
	for i := range positions {
		positions[i] = int32(i)
	}
	for row, c := range cells {
		places[row] = c + 1
	}
	p.Put(0, places)
	p.Resolve(positions)
	return p
}

// Window is where the numbers plus one of some rows are kept, the first of which is row first: one of the three. Different rows may be
// written at the same time.
func (p *Places) Window(first int64, rows int) (one []uint8, two []uint16, four []uint32) {
	last := first + int64(rows)
	switch {
	case p.one != nil:
		return p.one[first:last], nil, nil
	case p.two != nil:
		return nil, p.two[first:last], nil
	}
	return nil, nil, p.four[first:last]
}

// Put notes the cells of some rows, the first of which is row first: their numbers plus one, 0 for none. Calls for different rows may run at
// the same time.
func (p *Places) Put(first int64, numbers []int32) {
	switch {
	case p.one != nil:
		put(p.one[first:], numbers)
	case p.two != nil:
		put(p.two[first:], numbers)
	default:
		put(p.four[first:], numbers)
	}
}

func put[T uint8 | uint16 | uint32](into []T, numbers []int32) {
	into = into[:len(numbers)]
	for i, n := range numbers {
		into[i] = T(n)
	}
}

// Resolve says which position in Table.Cells each number stands for, NoCell where there is no such cell.
func (p *Places) Resolve(positions []int32) {
	p.positions = append([]int32{NoCell}, positions...)
}

// Rows is the number of rows.
func (p *Places) Rows() int {
	if p == nil {
		return 0
	}
	return len(p.one) + len(p.two) + len(p.four)
}

// At is the position in Table.Cells of a row's cell, or NoCell.
func (p *Places) At(row int) int32 {
	switch {
	case p.one != nil:
		return p.positions[p.one[row]]
	case p.two != nil:
		return p.positions[p.two[row]]
	}
	return p.positions[p.four[row]]
}

// All are the positions of every row, written out.
func (p *Places) All() []int32 {
	all := make([]int32, p.Rows())
	for row := range all {
		all[row] = p.At(row)
	}
	return all
}
