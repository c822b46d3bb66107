package aggregate

import (
	"math"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// dropped is the code, and the cell number, of a row that belongs to no cell.
const dropped = -1

// guestCodes checks what the guest emitted for one key and takes the key's offset from it. The guest's -1 drops the row, even in a
// range of numbers that -1 belongs to.
func guestCodes(key *enclave.Key, emitted, codes []int32) error {
	offset, size, strange := key.Offset, uint64(len(key.Labels)), false
	for i, c := range emitted {
		code := int64(c) - offset
		if c == dropped {
			code = dropped
		} else if uint64(code) >= size { //nolint:gosec // a negative number becomes a large one, which is the check
			strange = true
			code = dropped
		}
		codes[i] = int32(code)
	}
	if strange {
		return enclave.Fail(enclave.Invalid, "MODULE_CODE_RANGE", "key", key.Name)
	}
	return nil
}

// columnCodes evaluates a key of the enclave's own over the first len(codes) rows of a column.
func columnCodes(key *enclave.Key, column *enclave.Vector, codes []int32) error {
	switch {
	case column.Narrow != nil && key.Lookup != nil:
		if !lookUp(key.Lookup, column.Narrow[:len(codes)], codes) {
			return enclave.Internalf("a code of key %s is outside its code list", key.Name)
		}
	case column.Narrow != nil:
		cut(key.Cuts, column.Narrow[:len(codes)], codes)
	case column.Wide != nil && key.Lookup == nil:
		cut(key.Cuts, column.Wide[:len(codes)], codes)
	default:
		return enclave.Internalf("key %s does not fit its column", key.Name)
	}
	missing(key.Missing, column.Valid, codes)
	return nil
}

// lookUp reports whether every value was in the table.
func lookUp(table, values, codes []int32) bool {
	inside := true
	for i, v := range values {
		if uint32(v) >= uint32(len(table)) { //nolint:gosec // a negative number becomes a large one, which is the check
			inside = false
			continue
		}
		codes[i] = table[v]
	}
	return inside
}

// fewCuts is up to where counting all cuts is faster than searching.
const fewCuts = 12

// cut counts the cuts that are not above each value. Cuts ascend; a key of every number of a range has one at each.
func cut[T int32 | int64](cuts []int64, values []T, codes []int32) {
	last := len(cuts) - 1
	switch {
	case last > 0 && cuts[0] > math.MinInt64 && uint64(cuts[last])-uint64(cuts[0]) == uint64(last): //nolint:gosec // two's complement difference is what is meant
		before := cuts[0] - 1
		for i, v := range values {
			codes[i] = int32(min(max(int64(v), before), cuts[last]) - before) //nolint:gosec // at most the number of cuts
		}
	case len(cuts) <= fewCuts:
		clear(codes)
		for _, c := range cuts {
			for i, v := range values {
				if int64(v) >= c {
					codes[i]++
				}
			}
		}
	default:
		for i, v := range values {
			at, found := slices.BinarySearch(cuts, int64(v))
			if found {
				at++
			}
			codes[i] = int32(at) //nolint:gosec // at most the number of cuts
		}
	}
}

// missing gives empty values their code. Most bytes of a bitmap have no empty value.
func missing(code int32, valid []byte, codes []int32) {
	for first := 0; first < len(codes); first += 8 {
		bitmap := valid[first>>3]
		if bitmap == 0xff {
			continue
		}
		for i := first; i < min(first+8, len(codes)); i++ {
			if bitmap>>(i&7)&1 == 0 {
				codes[i] = code
			}
		}
	}
}

// fold makes codes the next digit of the cell numbers. A row that any key drops stays dropped: OR with the sign of a negative
// number is -1.
func fold(size int64, codes []int32, numbers []int64) {
	for i, c := range codes {
		n, code := numbers[i], int64(c)
		numbers[i] = (n*size + code) | (n|code)>>63
	}
}
