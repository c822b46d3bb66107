package guests

import (
	"bytes"
	"slices"
)

// Bomb is a module that is small to send and dear to compile. It keeps the form that admission asks for, and does nothing when it runs.
type Bomb struct {
	Name string
	Wasm []byte
}

// Bombs are of every kind that is known. Each has its bytes in one function or, where a compiler would refuse that function, in many.
func Bombs() []Bomb {
	return []Bomb{
		{"nested-loops", bomb(1, 1400, nestedLoops(1400, 1400))},
		{"nested-loops-in-many-functions", SlowToCompile()},
		{"deep-blocks", bomb(1, 0, nestedBlocks(1_000_000))},
		{"deep-blocks-in-many-functions", bomb(200, 0, nestedBlocks(15_000))},
		{"branch-table", bomb(1, 0, branchTable(4_000_000))},
		{"branch-tables", bomb(1, 0, bytes.Repeat(branchTable(1000), 4000))},
		{"branch-tables-in-many-functions", bomb(100, 0, bytes.Repeat(branchTable(1000), 90))},
		{"tiny-functions", bomb(99_000, 0, nil)},
		{"giant-function", bomb(1, 2, straight(2_000_000))},
		{"large-functions", bomb(200, 2, straight(60_000))},
		{"locals", bomb(20_000, 50_000, nil)},
	}
}

// SlowToCompile has functions each of which is within every limit of its own, that take a compiler minutes together.
func SlowToCompile() []byte { return bomb(150, 220, nestedLoops(200, 220)) }

// nestedLoops are empty loops within loops, around code that changes so many locals and may go back to each of them: a compiler that wants to
// know which value a local has at the head of a loop asks for each pair of them.
func nestedLoops(depth, locals int) []byte {
	body := bytes.Repeat([]byte{opLoop, blockNone}, depth)
	for i := range locals {
		body = append(body, slices.Concat(get(i), number(1), []byte{opAdd}, set(i))...)
	}
	for i := range depth {
		body = append(body, slices.Concat(get(0), []byte{opBrIf}, unsigned(i))...)
	}
	return append(body, bytes.Repeat([]byte{opEnd}, depth)...)
}

func nestedBlocks(depth int) []byte {
	return append(bytes.Repeat([]byte{opBlock, blockNone}, depth), bytes.Repeat([]byte{opEnd}, depth)...)
}

// branchTable is a switch of so many cases, all of them the same.
func branchTable(cases int) []byte {
	return slices.Concat([]byte{opBlock, blockNone}, number(0), []byte{opBrTable}, unsigned(cases), make([]byte, cases+1), []byte{opEnd})
}

// straight is arithmetic without an end in sight.
func straight(bytesOfCode int) []byte {
	step := code(get(0), get(1), get(0), opMul, opAdd, set(0))
	return bytes.Repeat(step, bytesOfCode/len(step))
}

// bomb has so many functions of one body, each with locals of i32.
func bomb(functions, locals int, body []byte) []byte {
	m := program{}.module()
	for range functions {
		m.function("", typeNone, locals, body)
	}
	return m.wasm()
}
