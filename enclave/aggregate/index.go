package aggregate

// slot is the position of a cell among those that a worker has met, so that its accumulators stand side by side however wide the key
// space is.
type slot = int32

// The first slots are no cells.
const (
	unmet   slot = iota // of a number that no row had yet
	outside             // collects the rows that fell into no cell, so that loops need no branch for them; it is left out of the result
	firstCell
)

// newIndex makes an index: the slot of each number of a cell, after that of dropped rows. Key spaces are small enough
// ([enclave.MaxCells]) for an array: of a wide one, 16 MiB of addresses, only the pages that are met take memory.
func newIndex(cells int32) []slot {
	index := make([]slot, cells+1)
	index[0] = outside
	return index
}

// find fills in the slots of numbers. New numbers are given to meet, which returns their slot.
func find(index []slot, numbers []int32, slots []slot, meet func(int32) slot) {
	slots = slots[:len(numbers)]
	for i, n := range numbers {
		at := max(n, -1) + 1
		s := index[at]
		if s == unmet {
			s = meet(n)
			index[at] = s
		}
		slots[i] = s
	}
}
