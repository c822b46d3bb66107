package aggregate

import (
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// dropped is the code of a row that belongs to no cell.
const dropped = -1

// What a value may add to the number of its row's cell beside codes times strides. Whatever so many others add as there can be, a number
// stays negative with one that is away, and is beyond every cell with one that is astray; no int32 overflows.
const (
	away   = -1 << 25 // the row is in no cell
	astray = 1 << 29  // the value is outside its column's bounds
)

// fewValues is up to how many values of a column are looked up: all of one or two bytes.
const fewValues = 1 << 16

// column is what the values of one column add to the numbers of cells, written down for each of its codes: the sum over all keys that are
// evaluated from it, and what a module was found to say of it alone.
type column struct {
	at    int     // position in a batch
	adds  []int32 // by code, for every code of its width
	empty int32   // what an empty value adds
	may   bool    // a value may be empty
	keeps float64 // the share of its codes that leave a row in a cell
}

func newColumn(c *enclave.Column, at int) (*column, error) {
	_, span, err := c.Domain()
	if err != nil {
		return nil, err
	}
	if span >= fewValues {
		return nil, enclave.Internalf("column %s has too many values for a table", c.Name)
	}
	adds := make([]int32, 1<<(8*enclave.PackedWidth(span)))
	for i := span + 1; i < uint64(len(adds)); i++ {
		adds[i] = astray
	}
	t := &column{at: at, adds: adds, may: c.Nullable, keeps: 1}
	if !t.may {
		t.empty = astray
	}
	return t, nil
}

// evaluate adds a key that the enclave evaluates, whose code counts so much.
func (t *column) evaluate(key *enclave.Key, c *enclave.Column, stride int32) error {
	low, span, err := c.Domain()
	if err != nil {
		return err
	}
	codes := key.Lookup
	if codes == nil {
		codes = make([]int32, span+1)
		values := make([]uint64, len(codes))
		for i := range values {
			values[i] = uint64(i)
		}
		cut(cutsAbove(key.Cuts, low), values, codes)
		inside(key, codes)
	}
	if uint64(len(codes)) != span+1 {
		return enclave.Internalf("key %s does not fit its column", key.Name)
	}
	for i, code := range codes {
		t.adds[i] = together(t.adds[i], worth(code, stride))
	}
	if t.may {
		t.empty = together(t.empty, worth(key.Missing, stride))
	}
	return nil
}

// worth is what a code adds.
func worth(code, stride int32) int32 {
	if code < 0 {
		return away
	}
	return code * stride
}

// together is what two keys of one value add.
func together(a, b int32) int32 {
	if a == away || b == away {
		return away
	}
	return a + b
}

// weigh notes how many of the codes leave a row in a cell, and reports whether any does not.
func (t *column) weigh() (drops bool) {
	kept, all := 0, 0
	for _, add := range append(slices.Clone(t.adds), t.empty) {
		if add != astray {
			all++
			kept += int(one(add != away))
		}
	}
	t.keeps = float64(kept) / float64(all)
	return kept < all
}

// wide is a key of a column with more values than are looked up: it is evaluated row by row.
type wide struct {
	key    *enclave.Key
	at     int // position in a batch
	stride int32
	cuts   []uint64 // as codes of the column
}

// add adds the key to the numbers of some rows of a batch, from row first on. Codes are for it to use.
func (k *wide) add(numbers []int32, b *enclave.PackedBatch, first int, codes []int32) {
	v, last := &b.Columns[k.at], first+len(numbers)
	switch codes = codes[:len(numbers)]; {
	case v.One != nil:
		cut(k.cuts, v.One[first:last], codes)
	case v.Two != nil:
		cut(k.cuts, v.Two[first:last], codes)
	case v.Four != nil:
		cut(k.cuts, v.Four[first:last], codes)
	default:
		cut(k.cuts, v.Eight[first:last], codes)
	}
	inside(k.key, codes)
	if v.Valid != nil {
		missing(k.key.Missing, v.Valid[first>>3:], codes)
	}
	digits(numbers, codes, k.stride)
}

// cutsAbove are the cuts as codes of a column: what is not above its least value is 0.
func cutsAbove(cuts []int64, low int64) []uint64 {
	codes := make([]uint64, len(cuts))
	for i, c := range cuts {
		if c > low {
			codes[i] = uint64(c) - uint64(low) //nolint:gosec // two's complement difference
		}
	}
	return codes
}

// fewCuts is up to where counting all cuts is faster than searching.
const fewCuts = 12

// cut counts the cuts that are not above each value. Cuts ascend.
func cut[T code](cuts []uint64, values []T, codes []int32) {
	if len(cuts) <= fewCuts {
		clear(codes)
		for _, c := range cuts {
			for i, v := range values {
				codes[i] += int32(one(uint64(v) >= c))
			}
		}
		return
	}
	for i, v := range values {
		at, _ := slices.BinarySearchFunc(cuts, uint64(v), func(cut, value uint64) int {
			if cut <= value {
				return -1
			}
			return 1
		})
		codes[i] = int32(at) //nolint:gosec // at most the number of cuts
	}
}

// inside leaves out what is below the first cut of a key or not below its last, if it asks for that.
func inside(key *enclave.Key, codes []int32) {
	if !key.Inside {
		return
	}
	last := int32(len(key.Cuts)) //nolint:gosec // at most MaxKeyValues
	for i, code := range codes {
		codes[i] = code - 1
		if code == last {
			codes[i] = dropped
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
