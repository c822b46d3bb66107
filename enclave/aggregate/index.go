package aggregate

// slot is the position of a cell among those that a worker has met. Slot 0 collects dropped rows, so that loops need no branch for
// them; it is left out of the result.
type slot = int32

// denseCells is up to which key space a worker finds slots in an array (4 MiB) rather than a hash map.
const denseCells = 1 << 20

// index finds the slot of a cell number.
type index struct {
	dense  []slot // by number+1; 0 if not met yet
	sparse map[int64]slot
}

func newIndex(cells int64) index {
	if cells <= denseCells {
		return index{dense: make([]slot, cells+1)}
	}
	return index{sparse: map[int64]slot{dropped: 0}}
}

// find fills in the slots of numbers. New numbers are given to add, which returns their slot.
func (x *index) find(numbers []int64, slots []slot, add func(int64) slot) {
	if x.dense != nil {
		for i, n := range numbers {
			s := x.dense[n+1]
			if s == 0 && n != dropped {
				s = add(n)
				x.dense[n+1] = s
			}
			slots[i] = s
		}
		return
	}
	last, lastSlot := int64(dropped), slot(0) // rows of one subject often share a cell
	for i, n := range numbers {
		if n != last {
			s, met := x.sparse[n]
			if !met {
				s = add(n)
				x.sparse[n] = s
			}
			last, lastSlot = n, s
		}
		slots[i] = lastSlot
	}
}
