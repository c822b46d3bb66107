package guests

// AcrossRows is a guest that remembers across the rows of a batch: it emits 0 and 1 in turns, whatever the rows are. Asked about tuples,
// that is as good a function as any; of rows it is none.
func AcrossRows() Guest {
	return Guest{Name: "across-rows", Tries: "to make codes of the order of rows", Wasm: program{batch: code(
		get(0), get(0), load(8), number(16), opMul, opAdd, load(16), set(1), // first key's data address
		get(1), get(0), load(4), number(4), opMul, opAdd, set(3), // its end
		opLoop, blockNone,
		get(1), get(2), store(0),
		number(1), get(2), opSub, set(2),
		get(1), number(4), opAdd, opLocalTee, 1, get(3), opLessU, opBrIf, 0,
		opEnd, number(0),
	)}.wasm()}
}
