package sandbox

// region is a part of a guest's memory.
type region struct {
	start, size uint32
}

func (r region) end() uint64 { return uint64(r.start) + uint64(r.size) }

// check reports whether a region that a guest returned can be one: not at zero, inside the memory, apart from the others.
func (r region) check(memory uint32, others []region) error {
	if r.start == 0 || r.end() > uint64(memory) {
		return breach("an address outside the memory")
	}
	for _, o := range others {
		if uint64(r.start) < o.end() && uint64(o.start) < r.end() {
			return breach("a region that overlaps another")
		}
	}
	return nil
}

// aligned is the part of a region of size bytes that starts at a multiple of windowAlign.
func (r region) aligned(size uint32) (region, error) {
	start := (uint64(r.start) + windowAlign - 1) &^ (windowAlign - 1)
	if start+uint64(size) > r.end() {
		return region{}, breach("no room to align in")
	}
	return region{start: uint32(start), size: size}, nil //nolint:gosec // below end, which is inside a memory of 32 bits
}
