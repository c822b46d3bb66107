package releases

import (
	"encoding/binary"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// A footprint's file, little endian:
//
//	5 bytes   "DRFP" 3
//	1         1 if counts of distinct subjects are published, else 0
//	1         1 if the blocks are there, else 0
//	1         0
//	32        digest of the snapshot
//	8         rows
//	4         cells of the full table
//	4         bytes of a place, 1, 2 or 4
//	rows × width   places, one more than the cell, 0 for none
//	for each cell of the full table:
//	    4         published cells that contain it
//	    × 4       their positions in the table
//	if the blocks are there, for each cell of the full table:
//	    4         blocks around it
//	    × 4       their numbers
//	4         columns that are summed
//	for each:
//	    4         bytes of its name
//	    × 1       the name
//	4         protected columns that are told of
//	for each:
//	    4, × 1    its name
//	    4, × 8    intervals of values: the least of each
//	    4, × 4    their classes
//	    4         one more than the class of empty values, 0 for none
//	    4, × 4    blocks, by cell of the full table
//	    4         grouping sets
//	    for each:
//	        4, × 4    the set's blocks, by block
//	        4, × 4    its classes, by class
//	        4, × 4    published cells: block, class, position, of one after the other
const (
	magic    = "DRFP\x03"
	headSize = len(magic) + 3 + 32 + 8 + 4 + 4
)

func encode(f *enclave.Footprint) []byte {
	width := 4
	if len(f.Over) < 1<<8-1 {
		width = 1
	} else if len(f.Over) < 1<<16-1 {
		width = 2
	}
	size := headSize + width*f.Places.Rows()
	for _, list := range slices.Concat(f.Over, f.Blocks) {
		size += 4 + 4*len(list)
	}
	raw := make([]byte, 0, size)
	raw = append(raw, magic...)
	raw = append(raw, bit(f.Distinct), bit(f.Blocks != nil), 0)
	raw = append(raw, f.Snapshot[:]...)
	raw = binary.LittleEndian.AppendUint64(raw, uint64(f.Places.Rows())) //nolint:gosec // not negative
	raw = binary.LittleEndian.AppendUint32(raw, uint32(len(f.Over)))     //nolint:gosec // at most the rows
	raw = binary.LittleEndian.AppendUint32(raw, uint32(width))
	for row := range f.Places.Rows() {
		value := uint32(f.Places.At(row) + 1) //nolint:gosec // NoCell becomes 0
		switch width {
		case 1:
			raw = append(raw, byte(value)) //nolint:gosec // below 2^8 by the width
		case 2:
			raw = binary.LittleEndian.AppendUint16(raw, uint16(value)) //nolint:gosec // below 2^16 by the width
		default:
			raw = binary.LittleEndian.AppendUint32(raw, value)
		}
	}
	for _, list := range slices.Concat(f.Over, f.Blocks) {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(len(list))) //nolint:gosec // at most one a grouping set
		for _, cell := range list {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(cell)) //nolint:gosec // a position
		}
	}
	raw = appendCount(raw, len(f.Summed))
	for _, name := range f.Summed {
		raw = append(appendCount(raw, len(name)), name...)
	}
	raw = appendCount(raw, len(f.Tells))
	for i := range f.Tells {
		raw = appendTelling(raw, &f.Tells[i])
	}
	return raw
}

func appendTelling(raw []byte, t *enclave.Telling) []byte {
	raw = append(appendCount(raw, len(t.Column)), t.Column...)
	raw = appendCount(raw, len(t.Starts))
	for _, start := range t.Starts {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(start)) //nolint:gosec // its bits
	}
	raw = appendNumbers(raw, t.Class)
	raw = appendCount(raw, int(t.Empty)+1)
	raw = appendNumbers(raw, t.Block)
	raw = appendCount(raw, len(t.Sets))
	for _, set := range t.Sets {
		raw = appendNumbers(appendNumbers(raw, set.Block), set.Class)
		cells := make([]int32, 0, 3*len(set.Cells))
		for _, c := range set.Cells {
			cells = append(cells, c.Block, c.Class, c.Cell)
		}
		raw = appendNumbers(raw, cells)
	}
	return raw
}

func appendCount(raw []byte, count int) []byte {
	return binary.LittleEndian.AppendUint32(raw, uint32(count)) //nolint:gosec // of parts of a table: at most its cells, some times over
}

// appendNumbers writes numbers that are not negative, after how many they are.
func appendNumbers(raw []byte, numbers []int32) []byte {
	raw = appendCount(raw, len(numbers))
	for _, n := range numbers {
		raw = appendCount(raw, int(n))
	}
	return raw
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// decode reads what encode wrote. Files are named by their digest and so are what was written, or are not found; still nothing here
// trusts a length.
func decode(raw []byte) (*enclave.Footprint, error) {
	bad := enclave.Internalf("a footprint cannot be read")
	if len(raw) < headSize || string(raw[:len(magic)]) != magic {
		return nil, bad
	}
	head := raw[len(magic):]
	if head[0] > 1 || head[1] > 1 || head[2] != 0 {
		return nil, bad
	}
	blocks := head[1] == 1
	f := &enclave.Footprint{Distinct: head[0] == 1, Snapshot: enclave.Digest(head[3:35])}
	head = head[35:]
	rows, cells, width := binary.LittleEndian.Uint64(head), binary.LittleEndian.Uint32(head[8:]), uint64(binary.LittleEndian.Uint32(head[12:]))
	raw = raw[headSize:]
	if width != 1 && width != 2 && width != 4 || rows > uint64(len(raw))/width || uint64(cells) > uint64(len(raw))/4 {
		return nil, bad
	}
	places := make([]int32, rows)
	for i := range places {
		value := uint32(raw[0])
		switch width {
		case 2:
			value = uint32(binary.LittleEndian.Uint16(raw))
		case 4:
			value = binary.LittleEndian.Uint32(raw)
		}
		if value > cells {
			return nil, bad
		}
		places[i], raw = int32(value)-1, raw[width:] //nolint:gosec // at most cells
	}
	f.Places = enclave.PlacesOf(places)
	rest := reader{raw}
	f.Over = rest.lists(cells)
	if blocks {
		f.Blocks = rest.lists(cells)
	}
	for range rest.count(4) {
		f.Summed = append(f.Summed, rest.name())
	}
	for range rest.count(4) {
		f.Tells = append(f.Tells, rest.telling())
	}
	if rest.raw == nil || len(rest.raw) != 0 {
		return nil, bad
	}
	for i := range f.Tells {
		if !fits(&f.Tells[i], len(f.Over)) {
			return nil, bad
		}
	}
	return f, nil
}

// reader reads parts of a file. Once one is not there, raw is nil, and nothing that follows is.
type reader struct{ raw []byte }

// take are the next bytes.
func (r *reader) take(count int) []byte {
	if r.raw == nil || count > len(r.raw) {
		r.raw = nil
		return nil
	}
	taken := r.raw[:count]
	r.raw = r.raw[count:]
	return taken
}

// number is one that is not negative.
func (r *reader) number() int32 {
	taken := r.take(4)
	if taken == nil {
		return 0
	}
	n := int32(binary.LittleEndian.Uint32(taken)) //nolint:gosec // a negative one is refused next
	if n < 0 {
		r.raw, n = nil, 0
	}
	return n
}

// count is of how many parts, of so many bytes at least.
func (r *reader) count(each int) int {
	n := int(r.number())
	if n > len(r.raw)/each {
		r.raw, n = nil, 0
	}
	return n
}

func (r *reader) numbers() []int32 {
	numbers := make([]int32, 0, r.count(4))
	for range cap(numbers) {
		numbers = append(numbers, r.number())
	}
	return numbers
}

func (r *reader) name() string { return string(r.take(r.count(1))) }

// lists is a list for each cell of the full table.
func (r *reader) lists(cells uint32) [][]int32 {
	all := make([][]int32, cells)
	for i := range all {
		if numbers := r.numbers(); len(numbers) > 0 {
			all[i] = numbers
		}
	}
	return all
}

func (r *reader) telling() (t enclave.Telling) {
	t.Column = r.name()
	for range r.count(8) {
		if taken := r.take(8); taken != nil {
			t.Starts = append(t.Starts, int64(binary.LittleEndian.Uint64(taken))) //nolint:gosec // its bits
		}
	}
	t.Class = r.numbers()
	t.Empty = r.number() - 1
	t.Block = r.numbers()
	for range r.count(12) {
		set := enclave.TellingSet{Block: r.numbers(), Class: r.numbers()}
		cells := r.numbers()
		for ; len(cells) > 2; cells = cells[3:] {
			set.Cells = append(set.Cells, enclave.TellingCell{Block: cells[0], Class: cells[1], Cell: cells[2]})
		}
		if len(cells) > 0 {
			r.raw = nil
		}
		t.Sets = append(t.Sets, set)
	}
	return t
}

// fits reports whether what is told refers to nothing that is not there.
func fits(t *enclave.Telling, cells int) bool {
	if len(t.Class) == 0 || len(t.Class) != len(t.Starts) || len(t.Block) != cells || !slices.IsSorted(t.Starts) {
		return false
	}
	blocks := slices.Max(append(slices.Clip(t.Block), -1))
	return !slices.ContainsFunc(t.Sets, func(set enclave.TellingSet) bool {
		return int(blocks) >= len(set.Block) || t.Classes() > len(set.Class) ||
			slices.ContainsFunc(set.Cells, func(c enclave.TellingCell) bool { return int(c.Class) >= len(set.Class) })
	})
}
