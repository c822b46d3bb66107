package guests

// OnSight are guests that look for a value, of 64 bits, anywhere in what they are shown, and do something to be noticed by if they find it:
// one bit about the data, if anybody outside sees the difference. All of them emit code 0. Where Reason is set, the call ends with it if the
// value is there.
func OnSight(value int64) []Guest {
	const kept, vector, written = 600, 512, 520 // addresses of the programs' own
	deeds := []struct {
		name, tries, reason string
		deed                []byte
	}{
		{"traps-on-sight", "to crash", trapped, code(opUnreachable)},
		{"exits-on-sight", "to exit with a code that tells", trapped, code(number(value), call(fnExit))},
		{"fails-on-sight", "to report a failure of its own", contract, code(number(value), opReturn)},
		{"allocates-on-sight", "to run out of memory", memory, code(
			opLoop, blockNone, number(64), opMemoryGrow, 0, number(0), opLessS, opEqz, opBrIf, 0, opEnd, opUnreachable,
		)},
		{"loops-on-sight", "never to end", spent, code(opLoop, blockNone, opBr, 0, opEnd)},
		{"burns-on-sight", "to take its time", "", code(
			number(2_000_000), set(3),
			opLoop, blockNone, get(3), number(1), opSub, opLocalTee, 3, opBrIf, 0, opEnd,
		)},
		{"prints-on-sight", "to print it", "", code(
			number(kept), number(0x0a_53_45_59), store(0), // "YES" and a line feed
			number(vector), number(kept), store(0), number(vector), number(4), store(4),
			number(1), number(vector), number(1), number(written), call(fnWrite), opDrop,
		)},
	}
	find := code(
		memoryBytes(), number(8), opSub, set(3),
		opLoop, blockNone,
		get(1), opLoad64, 2, 0, number64(value), opEqual64, get(2), opOr, set(2),
		get(1), number(4), opAdd, opLocalTee, 1, get(3), opLessU, opBrIf, 0,
		opEnd,
	)
	all := make([]Guest, 0, len(deeds))
	for _, d := range deeds {
		body := code(find, get(2), opIf, blockNone, d.deed, opEnd, number(0), set(2), codes(), number(0))
		all = append(all, Guest{Name: d.name, Tries: d.tries, Reason: d.reason, Wasm: program{batch: body}.wasm()})
	}
	return all
}
