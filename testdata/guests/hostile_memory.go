package guests

import "math"

// hungry are guests that want more memory, tables or data than there is.
func hungry() []attempt {
	greedy := code(opLoop, blockNone, number(64), opMemoryGrow, 0, number(0), opLessS, opEqz, opBrIf, 0, opEnd, opUnreachable)
	return []attempt{
		fails(DoorBatch, memory, "allocates", "memory without end, until it is refused", program{batch: greedy}),
		fails(DoorStart, memory, "allocates-initialize", "the same, before anything else", program{initialize: greedy}),
		fails(DoorBatch, memory, "grows-at-once", "nearly 4 GiB in one piece", program{
			batch: code(number(60_000), opMemoryGrow, 0, opDrop, opUnreachable),
		}),
		fails(DoorBatch, memory, "grows-by-one", "memory page by page, writing to each", program{batch: code(
			opLoop, blockNone, number(1), opMemoryGrow, 0, opLocalTee, 1, number(-1), opEqual, opIf, blockNone, opUnreachable, opEnd,
			get(1), number(16), opShl, number(1), store(0), opBr, 0, opEnd, number(0),
		)}),
		lives(1, "grows-in-vain", "to grow by 1 GiB whenever it is asked for scratch, and to go on when it is refused", program{
			alloc: code(number(16_384), opMemoryGrow, 0, opDrop, reserve()), batch: emit(number(1)),
		}),
		lives(1, "grows-beyond", "to grow by 2^32-1 pages, and to emit whether it was refused (1)", program{
			batch: emit(number(-1), opMemoryGrow, 0, number(-1), opEqual),
		}),
		lives(1, "declares-all", "to declare that it may grow to 4 GiB", program{
			batch:  emit(number(1)),
			change: func(m *module) { m.memories[0] = append([]byte{1, 2}, unsigned(1<<16)...) },
		}),
		fails(DoorCompile, memory, "starts-large", "to start with all the memory that a module may ask for, in a sandbox that gives less", program{pages: 4096}),
		fails(DoorAdmit, tooMany, "starts-huge", "to start with a page more than a module may ask for", program{pages: 4097}, "what", "memory pages"),
		fails(DoorAdmit, malformed, "starts-beyond", "to start with a page more than there are addresses", program{pages: 1<<16 + 1},
			"problem", "a size beyond 32 bits"),
		fails(DoorAdmit, malformed, "memory-upside-down", "a greatest memory below the least", program{
			change: func(m *module) { m.memories[0] = []byte{1, 2, 1} },
		}, "problem", "a greatest size below the least"),
		fails(DoorAdmit, tooMany, "table-huge", "a table of 2^32-1 entries", program{
			change: func(m *module) { m.tables = [][]byte{table(math.MaxUint32)} },
		}, "what", "table entries"),
		fails(DoorStart, trapped, "data-beyond", "data that begin inside the memory and end outside", program{
			change: func(m *module) { m.data = [][]byte{active(2<<16-4, make([]byte, 8))} },
		}),
		fails(DoorStart, trapped, "data-negative", "data at address -1", program{
			change: func(m *module) { m.data = [][]byte{active(-1, make([]byte, 8))} },
		}),
		fails(DoorBatch, trapped, "elements-beyond", "more elements than the table has entries, and to call the first", program{
			batch: code(number(0), number(0), opCallIndirect, typeI32ToI32, 0),
			change: func(m *module) {
				m.tables, m.elements = [][]byte{table(1)}, [][]byte{elements(fnExtra, fnExtra)}
			},
		}),
	}
}

// bulky are guests that let one instruction do very much.
func bulky() []attempt {
	endless := func(name, tries string, change func(*module), body ...any) attempt {
		return fails(DoorBatch, spent, name, tries, program{pages: 128, batch: code(opLoop, blockNone, code(body...), opBr, 0, opEnd, number(0)), change: change})
	}
	beyond := func(name, tries string, change func(*module), body ...any) attempt {
		return fails(DoorBatch, trapped, name, tries, program{batch: code(code(body...), number(0)), change: change})
	}
	hopeless := func(name, tries string, change func(*module), body ...any) attempt { // so much that the fuel ends before the memory
		return fails(DoorBatch, spent, name, tries, program{batch: code(code(body...), number(0)), change: change})
	}
	refused := func(name, tries string, change func(*module), body ...any) attempt {
		return fails(DoorCompile, unsupported, name, tries, program{batch: code(opLoop, blockNone, code(body...), opBr, 0, opEnd, number(0)), change: change})
	}
	segment := func(m *module) { m.data, m.count = [][]byte{passive(make([]byte, 1<<16))}, []byte{1} }
	tables := func(m *module) { m.tables = [][]byte{table(100_000)} }
	return []attempt{
		endless("bulk-fill", "to fill its whole memory, again and again", nil, number(0), number(7), memoryBytes(), opBulk, bulkMemoryFill, 0),
		endless("bulk-copy", "to move its whole memory by a word, again and again", nil,
			number(4), number(0), memoryBytes(), number(4), opSub, opBulk, bulkMemoryCopy, 0, 0),
		endless("bulk-init", "to copy a data segment into its memory, again and again", segment,
			number(1024), number(0), number(1<<16), opBulk, bulkMemoryInit, 0, 0),
		beyond("fill-beyond", "to fill beyond its memory", nil, number(16), number(7), memoryBytes(), opBulk, bulkMemoryFill, 0),
		hopeless("fill-wraps", "to fill from one address round to the one before", nil, number(16), number(7), number(-1), opBulk, bulkMemoryFill, 0),
		beyond("copy-beyond", "to copy from beyond its memory", nil, number(0), memoryBytes(), number(1), opBulk, bulkMemoryCopy, 0, 0),
		hopeless("copy-wraps", "to copy as much as an address can count", nil, number(8), number(0), number(-1), opBulk, bulkMemoryCopy, 0, 0),
		beyond("init-beyond", "to copy more out of a data segment than it has", segment, number(0), number(8), number(1<<16), opBulk, bulkMemoryInit, 0, 0),
		refused("bulk-table-copy", "to copy a table of 100,000 entries onto itself, again and again", tables,
			number(1), number(0), number(99_999), opBulk, bulkTableCopy, 0, 0),
		refused("bulk-table-fill", "to empty a table of 100,000 entries, again and again", tables,
			number(0), opRefNull, refFunc, number(100_000), opBulk, bulkTableFill, 0),
	}
}

// lost are guests that give the host addresses, or results, that are not what they should be.
func lost() []attempt {
	starting := func(name, tries string, p program) attempt { return fails(DoorStart, contract, name, tries, p) }
	one := emit(number(1))
	wide := func(m *module) { m.memories[0] = append([]byte{0}, unsigned(256)...) }
	return []attempt{
		starting("window-negative", "a window at -1", program{window: number(-1)}),
		starting("window-null", "a window at 0", program{window: number(0)}),
		starting("window-beyond", "a window that starts at the memory's end", program{window: memoryBytes()}),
		starting("window-overhangs", "a window of which the last byte is outside the memory", program{
			pages: 128, window: code(memoryBytes(), get(0), opSub, number(1), opAdd),
		}),
		starting("window-overflows", "a window whose end wraps around", program{window: number(-4096)}),
		starting("window-high", "a window at 2^31, which is negative to who is careless", program{window: number(-1 << 31)}),
		starting("window-overlaps", "a window on top of the scratch", program{pages: 256, window: number(1024)}),
		starting("alloc-null", "scratch at 0", program{alloc: number(0)}),
		starting("alloc-negative", "scratch at -8", program{alloc: number(-8)}),
		starting("alloc-beyond", "scratch outside the memory", program{alloc: number(0x7fffffff)}),
		starting("alloc-overhangs", "scratch of which the last byte is outside the memory", program{
			alloc: code(memoryBytes(), get(0), opSub, number(1), opAdd),
		}),
		starting("alloc-overlaps", "scratch for the descriptor on top of the parameters'", program{alloc: number(2048)}),
		starting("alloc-in-window", "scratch for the descriptor in the middle of the window", program{
			window: number(1 << 20), alloc: stepping(2048-1<<20, 1<<20), change: wide, // the first at 2048, the second at 2048 + 1 MiB
		}),
		starting("alloc-astride", "scratch for the descriptor that begins just before the window", program{
			window: number(1 << 20), alloc: stepping(2048-(1<<20-2056), 1<<20-2056), change: wide, // the second at 1 MiB - 8
		}),
		lives(1, "window-odd", "a window at an odd address, which is the host's to align", program{
			window: number(1<<20 + 1), alloc: stepping(1024, 1024), batch: one, change: wide,
		}),
		lives(1, "alloc-last", "scratch that ends where the memory ends, which is allowed", program{
			alloc: code(opGlobalGet, 1, opEqz, opIf, blockI32, number(1), opGlobalSet, 1, memoryBytes(), opGlobalSet, 0,
				memoryBytes(), get(0), opSub, opElse, reserve(), opEnd), batch: one,
		}),
		lives(1, "moves", "to move its memory by growing it before it emits code 1", program{
			batch: code(number(160), opMemoryGrow, 0, opDrop, one),
		}),
		lives(1, "moves-always", "to move its memory whenever it is asked for a part of it", program{
			window: code(number(33), opMemoryGrow, 0, opDrop, reserve()), alloc: code(number(17), opMemoryGrow, 0, opDrop, reserve()), batch: one,
		}),
		lives(1, "rewrites-descriptor", "to change the descriptor under the host, which does not read it again", program{batch: code(
			number(1), set(2), codes(), get(0), number(0xff), number(40), opBulk, bulkMemoryFill, 0, number(0),
		)}),
		lives(-1, "emits-elsewhere", "to emit its codes where the host does not look", program{batch: code(
			get(0), number(4096), store(32), number(1), set(2), codes(), number(0),
		)}),
		starting("wrong-version", "version 2 of the ABI", program{abi: number(2)}),
		starting("fails-init", "to fail over its parameters", program{init: number(1)}),
		fails(DoorBatch, contract, "fails-batch", "to fail over rows", program{batch: number(-1)}),
		fails(DoorFinish, contract, "fails-finish", "to fail instead of returning a table", program{finish: number(1)}),
		fails(DoorFinish, contract, "table-wild", "a table of rows at addresses outside its memory", program{finish: code(
			get(0), number(1), store(8), get(0), number(-8), store(20), number(0),
		)}),
		fails(DoorFinish, contract, "table-rows", "a table of 2^32-1 rows", program{finish: code(get(0), number(-1), store(8), number(0))}),
		fails(DoorBatch, trapped, "traps", "an instruction that traps", program{batch: code(opUnreachable)}),
		fails(DoorBatch, trapped, "reads-beyond", "a load outside its memory", program{batch: code(number(-8), load(0))}),
		fails(DoorBatch, trapped, "reads-far", "a load whose address and offset exceed 32 bits together", program{batch: code(number(-8), load(math.MaxInt32))}),
		fails(DoorBatch, trapped, "divides", "to divide by zero", program{batch: code(number(1), number(0), 0x6d)}),
		fails(DoorBatch, trapped, "calls-nothing", "to call an empty entry of a table", program{
			batch:  code(number(0), number(1), opCallIndirect, typeI32ToI32, 0),
			change: func(m *module) { m.tables = [][]byte{table(2)} },
		}),
		fails(DoorBatch, trapped, "calls-another", "to call a function through a table as one of another type", program{
			batch: code(number(0), opCallIndirect, typeToI32, 0),
			change: func(m *module) {
				m.tables, m.elements = [][]byte{table(1)}, [][]byte{elements(fnExtra)}
			},
		}),
		fails(DoorKeys, codeRange, "wild-codes", "codes far outside every domain", program{batch: emit(number(0x7fffffff))}).emits(0x7fffffff),
		fails(DoorKeys, codeRange, "code-behind", "the code behind the last", program{batch: emit(number(4))}, "key", "age_band").emits(4),
		fails(DoorKeys, codeRange, "code-minus-two", "a negative code that is not the one for no group", program{batch: emit(number(-2))}, "key", "age_band").emits(-2),
		fails(DoorKeys, codeRange, "code-least", "the least code of 32 bits", program{batch: emit(number(math.MinInt32))}, "key", "age_band").emits(math.MinInt32),
		fails(DoorKeys, codeRange, "code-nan", "a NaN as a code", program{batch: emit(number(0x7fc00000))}, "key", "age_band").emits(0x7fc00000),
	}
}

func (a attempt) emits(code int32) attempt {
	a.Emits = code
	return a
}

const codeRange = "MODULE_CODE_RANGE"
