package meter

// write appends the metered body.
func (b *body) write(out, code []byte) []byte {
	scratch := b.locals
	if b.bulk {
		out = appendU32(out, b.groups+1)
		out = append(out, b.declared...)
		out = append(out, 2, i32) // scratch
	} else {
		out = appendU32(out, b.groups)
		out = append(out, b.declared...)
	}
	out = b.charge(out, 0)
	for i := range b.instructions {
		in := &b.instructions[i]
		raw := code[in.from:in.to]
		switch in.op {
		case opCall, opRefFunc:
			out = append(out, byte(in.op))
			out = appendU32(out, b.module.shifted(in.index))
		case opMemoryInit, opMemoryCopy, opMemoryFill: // the length is on top
			out = appendU32(append(out, opLocalTee), scratch)
			out = b.counter(out, opGlobalGet)
			out = appendU32(append(out, opLocalGet), scratch)
			out = append(out, opI64ExtendU, opI64Const, bulkShift, opI64ShrU, opI64Sub)
			out = b.look(b.counter(out, opGlobalSet))
			out = append(out, raw...)
		case opMemoryGrow: // the number of pages is on top; what comes of it is the old size, or -1
			out = appendU32(append(out, opLocalTee), scratch)
			out = append(out, raw...)
			out = appendU32(append(out, opLocalTee), scratch+1)
			out = b.counter(out, opGlobalGet)
			out = appendU32(append(out, opLocalGet), scratch)
			out = append(out, opI64ExtendU, opI64Const, growShift, opI64Shl)
			out = appendU32(append(out, opLocalGet), scratch+1)
			out = append(out, opI32Const, 0x7f, opI32Ne, opI64ExtendU, opI64Mul, opI64Sub)
			out = b.look(b.counter(out, opGlobalSet))
		default:
			out = append(out, raw...)
		}
		if in.begins > 0 {
			out = b.charge(out, in.begins)
		}
	}
	return out
}

// counter reads or writes the counter.
func (b *body) counter(out []byte, op byte) []byte {
	return appendU32(append(out, op), b.module.globals)
}

// charge takes what a region costs from the counter.
func (b *body) charge(out []byte, at int32) []byte {
	r := &b.regions[at]
	if r.cost == 0 {
		return out
	}
	out = b.counter(out, opGlobalGet)
	out = append(appendI64(append(out, opI64Const), r.cost), opI64Sub)
	out = b.counter(out, opGlobalSet)
	if r.check {
		out = b.look(out)
	}
	return out
}

// look asks the host for more fuel if the counter is below zero. The usual case stands first, and does nothing: wazero allots the registers
// behind the two arms as the first arm leaves them, and the call in the second arm leaves them all in memory. Written the other way round,
// every loop would store and load its variables in each turn, and cost a tenth more at the median.
func (b *body) look(out []byte) []byte {
	out = append(b.counter(out, opGlobalGet), opI64Const, 0, opI64GeS, opIf, blockNone, opElse)
	out = b.counter(out, opGlobalGet)
	out = appendU32(append(out, opCall), b.module.imported)
	return append(b.counter(out, opGlobalSet), opEnd)
}
