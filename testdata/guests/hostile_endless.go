package guests

// forever is the plainest loop without an end.
func forever() []byte { return code(opLoop, blockNone, opBr, 0, opEnd) }

// endless are guests that never end, or not before the sun does.
func endless() []attempt {
	never := func(name, tries string, p program) attempt { return fails(DoorBatch, spent, name, tries, p) }
	starting := func(name, tries string, p program) attempt { return fails(DoorStart, spent, name, tries, p) }
	empty := code(forever(), number(0))
	return []attempt{
		never("endless-batch", "a loop that does not end, over rows", program{batch: empty}),
		starting("endless-init", "a loop that does not end, while reading parameters", program{init: empty}),
		starting("endless-initialize", "a loop that does not end, before anything else", program{initialize: forever()}),
		starting("endless-abi", "a loop that does not end, when asked for its version", program{abi: empty}),
		starting("endless-window", "a loop that does not end, when asked for a window", program{window: empty}),
		starting("endless-alloc", "a loop that does not end, when asked for scratch", program{alloc: empty}),
		fails(DoorFinish, spent, "endless-finish", "a loop that does not end, when asked for its table", program{finish: empty}),
		never("endless-br-if", "a loop whose condition always holds", program{batch: code(opLoop, blockNone, number(1), opBrIf, 0, opEnd, number(0))}),
		never("endless-br-table", "a loop that every label of a branch table leads back to", program{
			batch: code(opLoop, blockNone, get(0), opBrTable, 3, 0, 0, 0, 0, opEnd, number(0)),
		}),
		never("endless-inner-block", "a loop whose head is branched to from a block inside it", program{
			batch: code(opLoop, blockNone, opBlock, blockNone, opBr, 1, opEnd, opEnd, number(0)),
		}),
		never("endless-if", "a loop that both arms of a condition go back to", program{
			batch: code(opLoop, blockNone, get(0), opIf, blockNone, opBr, 1, opElse, opBr, 1, opEnd, opEnd, number(0)),
		}),
		never("endless-dead-code", "a loop in front of code that is never reached, with a loop of its own", program{
			batch: code(opLoop, blockNone, opBr, 0, opLoop, blockNone, opUnreachable, opAdd, opDrop, opEnd, opEnd, number(0)),
		}),
		never("endless-two-loops", "two loops that hand over to each other", program{
			batch: code(opLoop, blockNone, opLoop, blockNone, get(1), opEqz, set(1), get(1), opBrIf, 0, opBr, 1, opEnd, opEnd, number(0)),
		}),
		never("endless-nested", "four loops in each other, each of 2^31 turns", program{batch: code(nested(4), number(0))}),
		never("endless-float", "to count in floating point until adding one changes nothing", program{batch: code(
			opLoop, blockNone,
			number(512), number(512), opLoadFloat, 3, 0, opConstFloat, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, opAddFloat, opStoreFloat, 3, 0,
			number(512), opLoadFloat, 3, 0, opConstFloat, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f, opLessFloat, opBrIf, 0, opEnd, number(0), // infinity
		)}),
		never("endless-spin", "to wait for a word in its memory that nobody sets", program{
			batch: code(opLoop, blockNone, number(512), load(0), opEqz, opBrIf, 0, opEnd, number(0)),
		}),
		never("endless-calls", "a loop that does nothing but call", program{
			batch: code(opLoop, blockNone, number(0), call(fnExtra), opDrop, opBr, 0, opEnd, number(0)),
		}),
		never("endless-indirect", "a loop hidden behind an indirect call", program{
			batch: code(number(0), number(0), opCallIndirect, typeI32ToI32, 0),
			extra: empty,
			change: func(m *module) {
				m.tables, m.elements = [][]byte{table(1)}, [][]byte{elements(fnExtra)}
			},
		}),
		never("endless-ladder", "2^60 calls with neither a loop nor a recursion: each of sixty functions calls the next one twice", program{
			batch: code(number(0), call(fnMore)),
			change: func(m *module) {
				for i := range 60 {
					m.function("", typeI32ToI32, 0, code(get(0), call(fnMore+i+1), call(fnMore+i+1)))
				}
				m.function("", typeI32ToI32, 0, get(0))
			},
		}),
		never("endless-yield", "to yield for ever", program{
			batch: code(opLoop, blockNone, call(fnYield), opDrop, opBr, 0, opEnd, number(0)),
		}),
		never("endless-clock", "to wait until the clock, which stands still, has moved", program{batch: code(
			opLoop, blockNone, number(0), number64(0), number(520), call(fnClock), opDrop,
			number(520), opLoad64, 3, 0, number64(946_684_800_000_000_000), opEqual64, opBrIf, 0, opEnd, number(0),
		)}),
		never("endless-poll", "to sleep an hour, again and again", program{
			batch: code(opLoop, blockNone, poll(), opDrop, opBr, 0, opEnd, number(0)),
		}),
		never("endless-random", "to have its whole memory filled with randomness, again and again", program{
			pages: 128,
			batch: code(opLoop, blockNone, number(0), memoryBytes(), call(fnRandom), opDrop, opBr, 0, opEnd, number(0)),
		}),
		never("endless-write", "to write its whole memory a thousand times over, again and again", program{
			pages: 128,
			batch: code(vectors(1024), opLoop, blockNone, number(1), number(2048), number(1024), number(520), call(fnWrite), opDrop, opBr, 0, opEnd, number(0)),
		}),
	}
}

// nested are that many loops in each other, each of 2^31 turns, over locals from 1 on.
func nested(depth int) []byte {
	inner := []byte{}
	for local := depth; local > 0; local-- {
		inner = code(
			number(1<<31-1), set(local),
			opLoop, blockNone, inner, get(local), number(1), opSub, opLocalTee, local, opBrIf, 0, opEnd,
		)
	}
	return inner
}

// recursive are guests that call without end.
func recursive() []attempt {
	deep := func(name, tries string, p program) attempt { return fails(DoorBatch, trapped, name, tries, p) }
	again := code(get(0), number(1), opAdd, call(fnExtra), number(1), opAdd)
	return []attempt{
		fails(DoorBatch, spent, "branching-recursion", "2^100 calls without a single loop", program{
			batch: code(number(100), call(fnExtra)),
			extra: code( // n < 1 ? 0 : f(n-1) + f(n-1)
				get(0), number(1), opLessS, opIf, blockI32, number(0), opElse,
				get(0), number(1), opSub, call(fnExtra), get(0), number(1), opSub, call(fnExtra), opAdd, opEnd,
			),
		}),
		deep("bottomless-recursion", "a recursion without end", program{batch: code(number(0), call(fnExtra)), extra: again}),
		fails(DoorStart, trapped, "bottomless-start", "a recursion without end, before it is shown rows", program{
			abi: code(number(0), call(fnExtra)), extra: again,
		}),
		deep("bottomless-mutual", "two functions that call each other without end", program{
			batch: code(number(0), call(fnExtra)),
			extra: code(get(0), call(fnMore), number(1), opAdd),
			change: func(m *module) {
				m.function("", typeI32ToI32, 0, code(get(0), call(fnExtra), number(1), opAdd))
			},
		}),
		deep("bottomless-indirect", "a recursion without end through a table", program{
			batch: code(number(0), call(fnExtra)),
			extra: code(get(0), number(0), opCallIndirect, typeI32ToI32, 0, number(1), opAdd),
			change: func(m *module) {
				m.tables, m.elements = [][]byte{table(1)}, [][]byte{elements(fnExtra)}
			},
		}),
		deep("bottomless-exported", "a recursion without end through an export that the host calls", program{
			batch: code(get(0), call(fnBatch), number(1), opAdd),
		}),
		deep("bottomless-frames", "a recursion without end that keeps two hundred values in each frame", program{
			batch: code(number(0), call(fnExtra)),
			extra: frames(200),
		}),
	}
}

// frames reads that many words, recurses, and adds them up: all of them must outlive the call.
func frames(values int) []byte {
	var out []byte
	for i := range values {
		out = append(out, code(get(0), load(4*i))...)
	}
	out = append(out, code(get(0), call(fnExtra))...)
	for range values {
		out = append(out, opAdd)
	}
	return out
}
