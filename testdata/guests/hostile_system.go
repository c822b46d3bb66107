package guests

// Results of the system interface.
const (
	sysOK, sysFault, sysInval = 0, 21, 28
)

// vectors fills so many entries for fd_write, from 2048 on, each with the whole memory. It uses locals 1 and 2.
func vectors(count int64) []byte {
	return code(
		number(2048), set(1),
		opLoop, blockNone,
		get(1), number(0), store(0), get(1), memoryBytes(), store(4),
		get(1), number(8), opAdd, opLocalTee, 1, number(2048+8*count), opLessU, opBrIf, 0,
		opEnd,
	)
}

// poll asks to sleep for an hour: a subscription to the clock at 1024, its event at 2048.
func poll() []byte {
	return code(
		number(1024+24), number64(3_600_000_000_000), 0x37, 3, 0, // i64.store
		number(1024), number(2048), number(1), number(520), call(fnPoll),
	)
}

// asking are guests that ask the system interface for what it does not give: they emit what it answers.
func asking() []attempt {
	answer := func(errno int32, name, tries string, body ...any) attempt {
		return lives(errno, name, tries, program{batch: emit(body...)})
	}
	const least = -1 << 31
	exits := func(at string) program {
		leave := code(number(0), call(fnExit))
		return map[string]program{
			"initialize": {initialize: leave}, "abi": {abi: code(leave, number(1))}, "window": {window: code(leave, number(0))},
			"alloc": {alloc: code(leave, number(0))}, "init": {init: code(leave, number(0))}, "finish": {finish: code(leave, number(0))},
		}[at]
	}
	return []attempt{
		fails(DoorBatch, trapped, "exits", "to exit with success", program{batch: code(number(0), call(fnExit), number(0))}),
		fails(DoorBatch, trapped, "exits-like-a-timeout", "to exit with the code that wazero uses for a passed deadline", program{
			batch: code(number(-0x10000001), call(fnExit), number(0)),
		}),
		fails(DoorStart, trapped, "exits-initialize", "to exit with success before anything else", exits("initialize")),
		fails(DoorStart, trapped, "exits-abi", "to exit with success when asked for its version", exits("abi")),
		fails(DoorStart, trapped, "exits-init", "to exit with success over its parameters", exits("init")),
		fails(DoorStart, trapped, "exits-alloc", "to exit with success when asked for scratch", exits("alloc")),
		fails(DoorStart, trapped, "exits-window", "to exit with success when asked for a window", exits("window")),
		fails(DoorFinish, trapped, "exits-finish", "to exit with success when asked for its table", exits("finish")),
		answer(sysInval, "writes-many", "to write 2^32-1 pieces at once", number(1), number(1024), number(-1), number(520), call(fnWrite)),
		answer(sysFault, "writes-wild", "to write pieces from a list outside its memory", number(1), number(-8), number(1), number(520), call(fnWrite)),
		answer(sysFault, "writes-beyond", "to write a piece outside its memory",
			number(1024), number(least), store(0), number(1024), number(64), store(4), number(1), number(1024), number(1), number(520), call(fnWrite)),
		answer(sysFault, "writes-count", "to have the count of bytes put outside its memory", number(1), number(1024), number(0), number(-4), call(fnWrite)),
		answer(sysFault, "random-beyond", "to have more randomness than it has memory", number(16), memoryBytes(), call(fnRandom)),
		answer(sysFault, "random-wraps", "to have randomness from one address round to the one before", number(16), number(-1), call(fnRandom)),
		answer(1, "random-same", "to be told apart by randomness: it emits whether it is the same twice (1)",
			number(1024), number(8), call(fnRandom), opDrop, number(1032), number(8), call(fnRandom), opDrop,
			number(1024), opLoad64, 0, 0, number(1032), opLoad64, 0, 0, opEqual64),
		answer(sysInval, "polls-many", "to wait for 2^32-1 events", number(1024), number(2048), number(-1), number(520), call(fnPoll)),
		answer(sysFault, "polls-wild", "to wait for events outside its memory", number(-48), number(2048), number(2), number(520), call(fnPoll)),
		answer(sysFault, "polls-into-nowhere", "to have events put outside its memory", number(1024), number(-8), number(1), number(520), call(fnPoll)),
		answer(sysOK, "polls-asleep", "to sleep for an hour, which is over at once", poll()),
		answer(sysFault, "clock-wild", "to have the time put outside its memory", number(0), number64(0), number(-4), call(fnClock)),
		answer(1, "clock-still", "to measure time: it emits whether none has passed (1)",
			number(0), number64(0), number(1024), call(fnClock), opDrop, poll(), opDrop, number(1), number64(0), number(1032), call(fnClock), opDrop,
			number(1024), opLoad64, 0, 0, number(1032), opLoad64, 0, 0, opEqual64),
		answer(0, "arguments", "to be given arguments: it emits how many", number(512), number(516), call(fnArgsSizes), opDrop, number(512), load(0)),
		answer(0, "environment", "to be given an environment: it emits how many", number(512), number(516), call(fnEnvironSizes), opDrop, number(512), load(0)),
		answer(sysFault, "arguments-wild", "to have the count of arguments put outside its memory", number(-4), number(0), call(fnArgsSizes)),
		answer(sysOK, "arguments-nowhere", "to have no arguments put outside its memory", number(-4), number(-4), call(fnArgs)),
		answer(sysFault, "environment-wild", "to have the count of variables put outside its memory", number(-4), number(0), call(fnEnvironSizes)),
		answer(sysOK, "environment-nowhere", "to have no variables put outside its memory", number(-4), number(-4), call(fnEnviron)),
	}
}
