package aggregate

// slot is the position of a cell's accumulators. In a small key space it is the cell's place; in others, cells that a worker has met stand
// side by side. Slot 0 collects the rows that fell into no cell, so that loops need no branch for them; it is left out of the result.
type slot = int32

const (
	outside   slot = 0
	firstCell slot = 1
)

// fewCells is up to which key space every cell has its slot from the beginning, unless rows are few: its accumulators stay in the
// second-level cache.
const fewCells = 1 << 12

// direct reports whether the slot of a cell is its place.
func direct(cells int32, rows int64) bool { return cells <= fewCells && int64(cells) <= rows/16 }

// newIndex makes an index: of each place, its slot and one more, 0 if no row came to it yet. Key spaces are small enough
// ([enclave.MaxCells]) for an array: of a wide one, 16 MiB of addresses, only the pages that are met take memory.
func newIndex(cells int32) []slot {
	index := make([]slot, cells+1)
	index[0] = outside + 1
	return index
}

// find turns places into slots. Cells that no row came to before are given to meet, which returns their slot.
func find(index, places []slot, meet func(number int32) slot) {
	for i, at := range places {
		s := index[at]
		if s == 0 {
			s = meet(at-1) + 1
			index[at] = s
		}
		places[i] = s - 1
	}
}
