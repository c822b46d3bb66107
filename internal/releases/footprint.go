package releases

import (
	"encoding/binary"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// A footprint's file, little endian:
//
//	5 bytes   "DRFP" 2
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
const (
	magic    = "DRFP\x02"
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
	raw = binary.LittleEndian.AppendUint32(raw, uint32(len(f.Summed))) //nolint:gosec // at most a manifest's
	for _, name := range f.Summed {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(len(name))) //nolint:gosec // at most a description's
		raw = append(raw, name...)
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
	var there bool
	if f.Over, raw, there = lists(raw, cells); there && blocks {
		f.Blocks, raw, there = lists(raw, cells)
	}
	if there {
		f.Summed, raw, there = names(raw)
	}
	if !there || len(raw) != 0 {
		return nil, bad
	}
	return f, nil
}

// lists reads a list for each cell of the full table, and returns what comes after them.
func lists(raw []byte, cells uint32) (all [][]int32, rest []byte, there bool) {
	if uint64(cells) > uint64(len(raw))/4 {
		return nil, nil, false
	}
	all = make([][]int32, cells)
	for i := range all {
		if len(raw) < 4 {
			return nil, nil, false
		}
		count := binary.LittleEndian.Uint32(raw)
		if raw = raw[4:]; uint64(count) > uint64(len(raw))/4 {
			return nil, nil, false
		}
		for range count {
			number := int32(binary.LittleEndian.Uint32(raw)) //nolint:gosec // a negative one is refused next
			if number < 0 {
				return nil, nil, false
			}
			all[i], raw = append(all[i], number), raw[4:]
		}
	}
	return all, raw, true
}

// names reads texts, and returns what comes after them.
func names(raw []byte) (all []string, rest []byte, there bool) {
	if len(raw) < 4 {
		return nil, nil, false
	}
	count := binary.LittleEndian.Uint32(raw)
	raw = raw[4:]
	for range count {
		if len(raw) < 4 {
			return nil, nil, false
		}
		size := uint64(binary.LittleEndian.Uint32(raw))
		if raw = raw[4:]; size > uint64(len(raw)) {
			return nil, nil, false
		}
		all, raw = append(all, string(raw[:size])), raw[size:]
	}
	return all, raw, true
}
