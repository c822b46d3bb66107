package guests

// Guest is a module for tests, without a manifest: admit.Attach adds one.
type Guest struct {
	Name  string
	Tries string // what it attempts
	// Reason is the error's reason that a run of it must end with; "" if it runs, and what it emits is the test's to judge.
	Reason string
	Wasm   []byte
}

// Marker is the value that the guest "scanner" looks for.
const Marker = 7_305_161_943

// Hostile are guests that try to break out, to break the host, or to learn more than they are shown. All of them keep the form that admission asks for,
// with one key of their own: what they do shows only when they run.
func Hostile() []Guest {
	forever := code(opLoop, blockNone, opBr, 0, opEnd)
	list := []struct {
		name, tries, reason string
		program             program
	}{
		{"endless-batch", "a loop that does not end, over rows", "MODULE_STOPPED", program{batch: code(forever, number(0))}},
		{"endless-init", "a loop that does not end, while reading parameters", "MODULE_STOPPED", program{init: code(forever, number(0))}},
		{"endless-initialize", "a loop that does not end, before anything else", "MODULE_STOPPED", program{initialize: forever}},
		{"branching-recursion", "2^100 calls without a single loop", "MODULE_STOPPED", program{
			batch: code(number(100), call(fnExtra)),
			extra: code( // n < 1 ? 0 : f(n-1) + f(n-1)
				get(0), number(1), opLessS, opIf, blockI32, number(0), opElse,
				get(0), number(1), opSub, call(fnExtra), get(0), number(1), opSub, call(fnExtra), opAdd, opEnd,
			),
		}},
		{"bottomless-recursion", "a recursion without end", "MODULE_TRAP", program{
			batch: code(number(0), call(fnExtra)),
			extra: code(get(0), number(1), opAdd, call(fnExtra), number(1), opAdd),
		}},
		{"allocates", "memory without end, until it is refused", "MODULE_MEMORY", program{
			batch: code(opLoop, blockNone, number(64), opMemoryGrow, 0, number(0), opLessS, opEqz, opBrIf, 0, opEnd, opUnreachable),
		}},
		{"allocates-initialize", "the same, before anything else", "MODULE_MEMORY", program{
			initialize: code(opLoop, blockNone, number(64), opMemoryGrow, 0, number(0), opLessS, opEqz, opBrIf, 0, opEnd, opUnreachable),
		}},
		{"window-negative", "a window at -1", "MODULE_CONTRACT", program{window: number(-1)}},
		{"window-null", "a window at 0", "MODULE_CONTRACT", program{window: number(0)}},
		{"window-beyond", "a window that starts at the memory's end", "MODULE_CONTRACT", program{window: memoryBytes()}},
		{"window-overhangs", "a window of which the last byte is outside the memory", "MODULE_CONTRACT", program{
			pages: 128, window: code(memoryBytes(), get(0), opSub, number(1), opAdd),
		}},
		{"window-overflows", "a window whose end wraps around", "MODULE_CONTRACT", program{window: number(-4096)}},
		{"alloc-beyond", "scratch outside the memory", "MODULE_CONTRACT", program{alloc: number(0x7fffffff)}},
		{"alloc-overlaps", "scratch for the descriptor on top of the parameters'", "MODULE_CONTRACT", program{alloc: number(2048)}},
		{"window-overlaps", "a window on top of the scratch", "MODULE_CONTRACT", program{pages: 256, window: number(1024)}},
		{"traps", "an instruction that traps", "MODULE_TRAP", program{batch: code(opUnreachable)}},
		{"reads-beyond", "a load outside its memory", "MODULE_TRAP", program{batch: code(number(-8), load(0))}},
		{"exits", "to exit with success", "MODULE_TRAP", program{batch: code(number(0), call(fnExit), number(0))}},
		{"exits-like-a-timeout", "to exit with the code that wazero uses for a passed deadline", "MODULE_TRAP", program{
			batch: code(number(-0x10000001), call(fnExit), number(0)),
		}},
		{"wrong-version", "version 2 of the ABI", "MODULE_CONTRACT", program{abi: number(2)}},
		{"fails-init", "to fail over its parameters", "MODULE_CONTRACT", program{init: number(1)}},
		{"fails-batch", "to fail over rows", "MODULE_CONTRACT", program{batch: number(-1)}},
		{"wild-codes", "codes far outside every domain", "", program{batch: code(number(0x7fffffff), set(2), codes(), number(0))}},
		{"moves", "to move its memory by growing it before it emits code 1", "", program{
			batch: code(number(160), opMemoryGrow, 0, opDrop, number(1), set(2), codes(), number(0)),
		}},
		{"keeps-state", "to count its calls, in a global and in memory, and to emit 10 × one + the other", "", program{
			batch: code(
				opGlobalGet, 1, number(1), opAdd, opGlobalSet, 1,
				number(512), number(512), load(0), number(1), opAdd, store(0),
				opGlobalGet, 1, number(10), opMul, number(512), load(0), opAdd, set(2), codes(), number(0),
			),
		}},
		{"scanner", "to find the marker anywhere in its memory, and to emit whether it did (1) or not (0)", "", program{
			batch: code(
				memoryBytes(), number(8), opSub, set(3),
				opLoop, blockNone,
				get(1), opLoad64, 2, 0, number64(Marker), opEqual64, get(2), opOr, set(2),
				get(1), number(4), opAdd, opLocalTee, 1, get(3), opLessU, opBrIf, 0,
				opEnd, codes(), number(0),
			),
		}},
	}
	out := make([]Guest, 0, len(list))
	for _, g := range list {
		out = append(out, Guest{Name: g.name, Tries: g.tries, Reason: g.reason, Wasm: g.program.wasm()})
	}
	return out
}

// Named is one of [Hostile]; it panics if there is none of that name.
func Named(name string) Guest {
	for _, g := range Hostile() {
		if g.Name == name {
			return g
		}
	}
	panic("guests: no guest " + name)
}

// Wild is a guest that puts its window at a fixed address, and its pieces of scratch WildStep bytes apart, the first at alloc plus one step,
// in a memory of that many pages: for fuzzing what the host makes of them. If it is let, it emits code 7.
func Wild(pages uint32, window, alloc int32) Guest {
	return Guest{
		Name: "wild", Tries: "any addresses at all",
		Wasm: program{
			pages:  pages,
			window: number(int64(window)),
			alloc: code(
				opGlobalGet, 1, number(WildStep), opAdd, opGlobalSet, 1,
				number(int64(alloc)), opGlobalGet, 1, opAdd,
			),
			batch: code(number(7), set(2), codes(), number(0)),
		}.wasm(),
	}
}

// WildStep is the distance of the pieces of scratch of [Wild].
const WildStep = 64
