package guests

// bombs are guests whose code is not what the compiler can, or should, compile.
func bombs() []attempt {
	refused := func(reason, name, tries string, body ...any) attempt {
		return fails(DoorCompile, reason, name, tries, program{batch: code(code(body...), number(0))})
	}
	return []attempt{
		refused(unsupported, "tail-call", "a call that replaces its caller's frame", number(0), 0x12, fnExtra),
		refused(unsupported, "throws", "to throw an exception", 0x08, 0),
		refused(unsupported, "try-table", "to catch exceptions", 0x1f, blockNone, 0, opEnd),
		refused(unsupported, "atomics", "an atomic instruction", number(0), number(0), 0xfe, 0x00, 2, 0, opDrop),
		refused(unsupported, "relaxed-simd", "an instruction whose result depends on the machine", number(0), 0xfd, 0x0f, number(0), 0xfd, 0x0f, 0xfd, 0x80, 0x02, opDrop),
		refused(unsupported, "struct-new", "an instruction of the garbage collection proposal", 0xfb, 0x00, 0x00, opDrop),
		refused(malformed, "memory-of-another", "an instruction on a second memory", number(0), opLoad, 0x42, 1, 0, opDrop),
		refused(unsupported, "unknown-instruction", "an instruction that there is none of", 0x27),
		refused(unsupported, "unknown-bulk", "a bulk instruction that there is none of", opBulk, 0x7f),
		refused(invalid, "stack-of-nothing", "to take more from the stack than there is", opAdd),
		refused(invalid, "stack-of-another-type", "to add numbers of different widths", number(0), number64(0), opAdd, opDrop),
		refused(malformed, "branch-nowhere", "to branch out of more blocks than there are", opBr, 9),
		refused(malformed, "local-nowhere", "to read a local that there is none of", get(99), opDrop),
		refused(malformed, "call-nowhere", "to call a function that there is none of", call(9999)),
		refused(malformed, "global-nowhere", "to read a global that there is none of", opGlobalGet, 77, opDrop),
		refused(unsupported, "data-nowhere", "to drop a segment that there is none of", opBulk, bulkDataDrop, 0),
		refused(malformed, "body-open", "a block that does not end", opBlock, blockNone),
		refused(malformed, "body-closed", "code behind its end", number(0), opEnd, opEnd, number(0)),
	}
}
