package aggregate

import (
	"math"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// dropped is the code of a row that belongs to no cell.
const dropped = -1

// away is what a key that drops a row adds to the number of its cell: whatever the other keys add, [enclave.MaxKeys] of them, the number is
// negative and no int32 overflows.
const away = math.MinInt32 / 8

// term is what a key that the enclave evaluates adds to the numbers of cells: its code times its stride. Where the column can hold few
// values by the catalogue, what each of them adds is written down once.
type term struct {
	key    *enclave.Key
	column int // position in a batch
	narrow bool
	stride int32
	filled bool // no value is empty
	low    int64
	table  []int32 // by value above low, then that of empty values; nil: the key is evaluated row by row
}

// drops reports whether the key may drop a row.
func (t *term) drops() bool {
	return !t.filled && t.key.Missing < 0 || slices.Min(append([]int32{0}, t.key.Lookup...)) < 0
}

// fewValues is up to how many values are written down: the table stays in the second-level cache.
const fewValues = 1 << 16

func newTerm(key *enclave.Key, column *enclave.Column, position int, stride int32) (*term, error) {
	t := &term{key: key, column: position, narrow: column.Type.Narrow(), filled: !column.Nullable && key.Missing < 0, stride: stride}
	if key.Lookup != nil {
		if !t.narrow {
			return nil, enclave.Internalf("key %s does not fit its column", key.Name)
		}
		t.table = t.adds(key.Lookup)
		return t, nil
	}
	low, high, err := column.Bounds()
	if err != nil {
		return nil, enclave.Internalf("bounds of the column of key %s: %w", key.Name, err)
	}
	if uint64(high)-uint64(low) >= fewValues { //nolint:gosec // two's complement difference is what is meant
		return t, nil
	}
	values := make([]int64, high-low+1)
	for i := range values {
		values[i] = low + int64(i)
	}
	codes := make([]int32, len(values))
	cut(key.Cuts, values, codes)
	t.low, t.table = low, t.adds(codes)
	return t, nil
}

// adds turns the codes of values into what they add, with empty values at the end.
func (t *term) adds(codes []int32) []int32 {
	table := slices.Concat(codes, []int32{t.key.Missing})
	for i, code := range table {
		table[i] = t.stride * code
		if code < 0 {
			table[i] = away
		}
	}
	return table
}

// add adds the term to the numbers of some rows of a batch, from row first on. Codes are for it to use.
func (t *term) add(numbers []int32, b *enclave.Batch, first int, codes []int32) error {
	v, last := &b.Columns[t.column], first+len(numbers)
	if t.narrow != (v.Narrow != nil) {
		return enclave.Internalf("key %s does not fit its column", t.key.Name)
	}
	valid, inside := v.Valid[first>>3:], true
	if t.filled && !full(valid, len(numbers)) {
		return enclave.Internalf("a value of key %s is empty", t.key.Name)
	}
	switch {
	case t.table == nil && t.narrow:
		evaluate(t, numbers, v.Narrow[first:last], valid, codes[:len(numbers)])
	case t.table == nil:
		evaluate(t, numbers, v.Wide[first:last], valid, codes[:len(numbers)])
	case t.narrow:
		inside = lookUp(numbers, v.Narrow[first:last], valid, t.low, t.table)
	default:
		inside = lookUp(numbers, v.Wide[first:last], valid, t.low, t.table)
	}
	if !inside {
		return enclave.Internalf("a value of key %s is outside its column's bounds", t.key.Name)
	}
	return nil
}

// addTerms adds some terms, two together where both can be looked up.
func addTerms(terms []*term, numbers []int32, b *enclave.Batch, first int, codes []int32) error {
	for len(terms) > 0 {
		together := 1
		if len(terms) > 1 && lookUpBoth(terms[0], terms[1], numbers, b, first) {
			together = 2
		} else if err := terms[0].add(numbers, b, first, codes); err != nil {
			return err
		}
		terms = terms[together:]
	}
	return nil
}

// lookUpBoth adds two terms in one pass, which takes as long as one alone, if both have tables and no value is empty. It reports whether it
// did; it did nothing if not.
func lookUpBoth(s, t *term, numbers []int32, b *enclave.Batch, first int) bool {
	last, v, w := first+len(numbers), &b.Columns[s.column], &b.Columns[t.column]
	if s.table == nil || t.table == nil || s.narrow != (v.Narrow != nil) || t.narrow != (w.Narrow != nil) ||
		!full(v.Valid[first>>3:], len(numbers)) || !full(w.Valid[first>>3:], len(numbers)) {
		return false
	}
	switch {
	case s.narrow && t.narrow:
		return lookUpTwo(numbers, v.Narrow[first:last], w.Narrow[first:last], s, t)
	case s.narrow:
		return lookUpTwo(numbers, v.Narrow[first:last], w.Wide[first:last], s, t)
	case t.narrow:
		return lookUpTwo(numbers, v.Wide[first:last], w.Narrow[first:last], s, t)
	default:
		return lookUpTwo(numbers, v.Wide[first:last], w.Wide[first:last], s, t)
	}
}

// lookUpTwo adds what two tables say of the values of two columns. It ends at a value that is in neither, with some rows added to; so does
// the run then, when the terms are added one by one.
func lookUpTwo[S, T int32 | int64](numbers []int32, one []S, two []T, s, t *term) bool {
	one, two = one[:len(numbers)], two[:len(numbers)]
	tableOne, tableTwo, lowOne, lowTwo := s.table[:len(s.table)-1], t.table[:len(t.table)-1], s.low, t.low
	for i := range numbers {
		x, y := uint64(int64(one[i])-lowOne), uint64(int64(two[i])-lowTwo) //nolint:gosec // a negative number becomes a large one, which is the check
		if x >= uint64(len(tableOne)) || y >= uint64(len(tableTwo)) {
			return false
		}
		numbers[i] += tableOne[x] + tableTwo[y]
	}
	return true
}

// lookUp adds what the table says of each value, and reports whether all were in it.
func lookUp[T int32 | int64](numbers []int32, column []T, valid []byte, low int64, table []int32) bool {
	if len(numbers) == 0 {
		return true
	}
	column = column[:len(numbers)]
	values := uint64(len(table)) - 1
	if full(valid, len(numbers)) {
		for i, v := range column {
			at := uint64(int64(v) - low) //nolint:gosec // a negative number becomes a large one, which is the check
			if at >= values {
				return false
			}
			numbers[i] += table[at]
		}
		return true
	}
	for i, v := range column {
		at := uint64(int64(v) - low) //nolint:gosec // as above
		gone := uint64(^valid[i>>3] >> (i & 7) & 1)
		if gone != 0 { // without a branch
			at = values
		}
		if at >= values+gone {
			return false
		}
		numbers[i] += table[at]
	}
	return true
}

// full reports whether none of the first rows of a bitmap is empty.
func full(valid []byte, rows int) bool {
	for _, b := range valid[:rows>>3] {
		if b != 0xff {
			return false
		}
	}
	rest := byte(1)<<(rows&7) - 1
	return rest == 0 || valid[rows>>3]&rest == rest
}

// evaluate finds the code of each value, and adds it.
func evaluate[T int32 | int64](t *term, numbers []int32, values []T, valid []byte, codes []int32) {
	cut(t.key.Cuts, values, codes)
	missing(t.key.Missing, valid, codes)
	digits(numbers, codes, t.stride)
}

// digits adds codes times a stride.
func digits(numbers, codes []int32, stride int32) {
	codes = codes[:len(numbers)]
	for i, code := range codes {
		add := code * stride
		if code < 0 {
			add = away
		}
		numbers[i] += add
	}
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
				codes[i] += int32(one(int64(v) >= c))
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
