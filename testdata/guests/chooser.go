package guests

import (
	"github.com/darkroom-project/darkroom/enclave"
)

// Column is a shown column as Chooser and Hashed know it.
type Column struct {
	Low, Values int64 // least value, and how many there are; an empty one comes behind them
	Narrow      bool
}

// ColumnOf is a column of a dataset.
func ColumnOf(c *enclave.Column) (Column, error) {
	low, high, err := c.Bounds()
	return Column{low, high - low + 1, c.Type.Narrow()}, err
}

// Place is where a tuple of values stands in the table of a chooser. An empty value is Low + Values.
func Place(columns []Column, values []int64) int {
	at := int64(0)
	for i, c := range columns {
		at = at*(c.Values+1) + values[i] - c.Low
	}
	return int(at)
}

// Places is how many tuples there are.
func Places(columns []Column) int {
	n := int64(1)
	for _, c := range columns {
		n *= c.Values + 1
	}
	return int(n)
}

const choices = 2048 // where a chooser's table lies

// Chooser is a guest of one key that looks the code of each row up in a table: any function of the shown columns there is. It takes a byte of the
// table for each tuple of values, see Place.
func Chooser(columns []Column, table []int8) []byte {
	content := make([]byte, len(table))
	for i, code := range table {
		content[i] = byte(code) //nolint:gosec // its bits
	}
	at := code(number(0), set(2))
	for i, c := range columns {
		at = code(at, get(2), number(c.Values+1), opMul, valueOf(i, c, number(c.Values), c.Low), opAdd, set(2))
	}
	body := overRows(code(at, get(2), opLoad8S, 0, unsigned(choices)))
	return program{batch: body, change: func(m *module) {
		m.globals[0] = global(int64(choices + len(content)))
		m.memories[0] = append([]byte{0}, unsigned(2+(choices+len(content))>>16)...)
		m.data = append(m.data, active(choices, content))
	}}.wasm()
}

// Instructions beyond those of the builder's list.
const (
	opLoad8S, opLoad8U, opXor, opRemU = 0x2c, 0x2d, 0x73, 0x70
	opStore64, opAdd64                = 0x37, 0x7c
)

// column's descriptor, and fields of it.
func columnField(column, field int) []byte { return load(16 + 16*column + 4*field) }

// valueOf is the value of a shown column in the row that local 1 counts, less low; what empty stands for where there is none. Of padding it is
// anything within the table.
func valueOf(column int, c Column, empty []byte, low int64) []byte {
	size := int64(8)
	if c.Narrow {
		size = 4
	}
	return code(
		get(0), columnField(column, 1), get(1), number(3), opShrU, opAdd, opLoad8U, 0, 0, get(1), number(7), opAnd, opShrU, number(1), opAnd,
		opIf, blockI32,
		get(0), columnField(column, 2), get(1), number(size), opMul, opAdd, load(0), number(low), opSub,
		opElse, empty, opEnd,
	)
}

// overRows stores what the code leaves on the stack as the code of each row. Local 1 counts rows, 2 and 3 are for the code.
func overRows(of []byte) []byte {
	keys := code(get(0), get(0), load(8), number(16), opMul, opAdd, load(16)) // address of the first key's codes
	return code(
		number(0), set(1),
		opLoop, blockNone,
		keys, get(1), number(4), opMul, opAdd, of, store(0),
		get(1), number(1), opAdd, opLocalTee, 1, get(0), load(4), opLessU, opBrIf, 0,
		opEnd, number(0),
	)
}

// Constants of the hash: those of FNV-1a for the seed and for taking values in, and of a finisher of 32 bits.
const (
	hashBasis, hashPrime           = 2166136261, 16777619
	hashFirst, hashSecond          = 0x2c1b3c6d, 0x297a2d39
	hashAt                         = 512 // where the seed lies
	shiftOne, shiftTwo, shiftThree = 15, 12, 15
)

// Hashed is a guest of one key that deals rows into so many groups at random: by a hash of their shown values and of its parameters. Whatever
// parameter it has, another value of it makes another random subset of the tuples. HashOf is the same function in Go.
func Hashed(columns []Column, groups int) []byte {
	word := func(v uint32) []byte { return number(int64(int32(v))) } //nolint:gosec // its bits
	mixIn := func(value []byte) []byte { return code(get(2), value, opXor, word(hashPrime), opMul, set(2)) }
	fold := func(shift int64, factor uint32) []byte {
		return code(get(2), get(2), number(shift), opShrU, opXor, word(factor), opMul, set(2))
	}
	body := code(number(hashAt), load(0), set(2))
	for i, c := range columns {
		body = code(body, mixIn(valueOf(i, c, number(-1), 0)))
	}
	body = code(
		body, fold(shiftOne, hashFirst), fold(shiftTwo, hashSecond), get(2), get(2), number(shiftThree), opShrU, opXor, number(int64(groups)), opRemU,
	)
	// (address, bytes) → status, without a spare local: the address goes up to the end, which is kept beside the seed.
	seed := code(
		number(hashAt), word(hashBasis), store(0),
		number(hashAt), get(0), get(1), opAdd, store(4),
		opLoop, blockNone,
		number(hashAt), number(hashAt), load(0), get(0), opLoad8U, 0, 0, opXor, word(hashPrime), opMul, store(0),
		get(0), number(1), opAdd, opLocalTee, 0, number(hashAt), load(4), opLessU, opBrIf, 0,
		opEnd, number(0),
	)
	return program{batch: overRows(body), init: seed}.wasm()
}

// HashOf is what Hashed emits with these parameters, as JSON, for a tuple of values; an empty one is -1.
func HashOf(params []byte, groups int, values []int64) int32 {
	h := uint32(hashBasis)
	for _, b := range params {
		h = (h ^ uint32(b)) * hashPrime
	}
	for _, v := range values {
		h = (h ^ uint32(int32(v))) * hashPrime //nolint:gosec // its low bits, as the guest reads them
	}
	h = (h ^ h>>shiftOne) * hashFirst
	h = (h ^ h>>shiftTwo) * hashSecond
	return int32((h ^ h>>shiftThree) % uint32(groups)) //nolint:gosec // few groups
}

// Weighing is a program that adds a column up over the rows whose other column has a value, and so much for every row besides: a sum that looks like
// one of everybody. Both columns are wide, the one that is looked at comes first. Its output is one row of one whole number.
func Weighing(value, offset int64) []byte {
	const sum = hashAt
	wide := func(column int) []byte {
		return code(get(0), columnField(column, 2), get(1), number(8), opMul, opAdd, opLoad64, 3, 0)
	}
	batch := code(
		number(0), set(1),
		get(0), load(4), opIf, blockNone,
		opLoop, blockNone,
		number(sum), number(sum), opLoad64, 3, 0, number64(offset), opAdd64, opStore64, 3, 0,
		wide(0), number64(value), opEqual64, opIf, blockNone,
		number(sum), number(sum), opLoad64, 3, 0, wide(1), opAdd64, opStore64, 3, 0,
		opEnd,
		get(1), number(1), opAdd, opLocalTee, 1, get(0), load(4), opLessU, opBrIf, 0,
		opEnd, opEnd, number(0),
	)
	finish := code(get(0), number(1), store(8), get(0), number(0), store(16), get(0), number(sum), store(20), number(0))
	return program{batch: batch, finish: finish}.wasm()
}

// RowCount is a guest that emits, of every row, how many rows it was shown, modulo the groups.
func RowCount(groups int) []byte {
	return program{batch: overRows(code(get(0), load(4), number(int64(groups)), opRemU))}.wasm()
}

// Filled is a guest that emits, of every row, how many bytes of the first column's bitmap are not empty, modulo the groups.
func Filled(groups int) []byte {
	const count = hashAt
	body := code(
		number(count), number(0), store(0), number(0), set(1),
		opLoop, blockNone,
		number(count), number(count), load(0), get(0), columnField(0, 1), get(1), opAdd, opLoad8U, 0, 0, number(0), opGreaterU, opAdd, store(0),
		get(1), number(1), opAdd, opLocalTee, 1, get(0), load(4), number(3), opShrU, opLessU, opBrIf, 0,
		opEnd,
	)
	return program{batch: code(body, overRows(code(number(count), load(0), number(int64(groups)), opRemU)))}.wasm()
}
