package leak

// table counts the subjects that have one of a set of combinations of values, by hash: open addressing, at most half full. Two combinations
// of one hash would be counted as one, which happens among 2^24 once in 2^17 tables.
type table struct {
	slots []int32 // position in entries + 1, 0 is free
	entry []entry
}

type entry struct {
	hash     uint64
	last     uint32
	subjects int32 // distinct, counted up to the threshold
}

func newTable(atMost int) table {
	size := 16
	for size < 2*atMost {
		size *= 2
	}
	return table{slots: make([]int32, size)}
}

func (t *table) slot(hash uint64) int {
	mask := len(t.slots) - 1
	at := int(mix(hash)>>1) & mask
	for t.slots[at] != 0 && t.entry[t.slots[at]-1].hash != hash {
		at = (at + 1) & mask
	}
	return at
}

// add enters a combination and returns its place.
func (t *table) add(hash uint64) int32 {
	at := t.slot(hash)
	if t.slots[at] == 0 {
		t.entry = append(t.entry, entry{hash: hash})
		t.slots[at] = int32(len(t.entry)) //nolint:gosec // bounded by the sample
	}
	return t.slots[at] - 1
}

// see counts a subject that has a combination, if it is one of those sought. Rows of one subject come side by side.
func (t *table) see(hash uint64, subject uint32, threshold int32) {
	at := t.slots[t.slot(hash)]
	if at == 0 {
		return
	}
	if e := &t.entry[at-1]; e.subjects == 0 || e.last != subject {
		e.last, e.subjects = subject, min(e.subjects+1, threshold)
	}
}

// few reports whether some subjects have a combination, but fewer than the threshold.
func (t *table) few(place, threshold int32) bool {
	n := t.entry[place].subjects
	return n > 0 && n < threshold
}
