package meter

// Costs in units of fuel. One unit is about one simple instruction, 0.3 to 1 ns of compiled code; what takes longer costs more, so that a
// guest gains little by choosing what it does. What compiles to nothing is free: constants, reads of locals, the ends of blocks.
const (
	costEntry  = 3   // of a function: frame, check of the stack, the charge itself
	costLoop   = 4   // of each turn: the charge itself
	costCall   = 3   // and 1 for each parameter and result
	costTable  = 4   // more, of one through a table: look-up and check of the type
	costBranch = 1   // and 1 for each value that is carried along
	costSwitch = 4   // of br_table
	costMemory = 2   // of a load or store
	costBulk   = 40  // of a bulk operation, and 1 for each BulkBytes
	costGrow   = 500 // of memory.grow, and GrowUnits for each page that was granted

	// CostImport is what a call of an imported function costs: it leaves compiled code and comes back. What the function then does is for
	// the sandbox to bound or to charge.
	CostImport = 200
	// BulkBytes is how many bytes of memory.copy, memory.fill and memory.init cost one unit.
	BulkBytes = 1 << bulkShift
	bulkShift = 2
	// GrowUnits is what a page of 64 KiB costs that memory.grow was granted: the host makes it, clears it, and may move what is there.
	GrowUnits = 1 << growShift
	growShift = 14
)

// immediate is what follows an opcode.
type immediate byte

const (
	unknown  immediate = iota
	refused            // known, and not for guests
	bare               // nothing
	block              // a type of block
	label              // an index of a block around
	labels             // of br_table
	fn                 // an index of a function
	indirect           // a type and a table
	local
	global
	number32 // a signed number
	number64
	float32s // 4 bytes
	float64s // 8 bytes
	memarg   // alignment and offset
	memlane  // memarg and lane
	lane     // a byte
	vector   // 16 bytes
	types    // of select
	heap     // a type of reference
	index    // of a table, a memory or a data segment: one
	indexes  // the same: two
)

// opcode is what the rewriter knows of one.
type opcode struct {
	after immediate
	cost  byte
}

// Opcodes that the rewriter treats apart. Prefixed ones carry their prefix in the high byte.
const (
	opUnreachable, opBlock, opLoop, opIf, opElse, opEnd = 0x00, 0x02, 0x03, 0x04, 0x05, 0x0b
	opBr, opBrIf, opBrTable, opReturn                   = 0x0c, 0x0d, 0x0e, 0x0f
	opCall, opCallIndirect                              = 0x10, 0x11
	opLocalGet, opLocalSet, opLocalTee                  = 0x20, 0x21, 0x22
	opGlobalGet, opGlobalSet                            = 0x23, 0x24
	opMemoryGrow                                        = 0x40
	opI32Const, opI64Const, opF32Const, opF64Const      = 0x41, 0x42, 0x43, 0x44
	opI32Ne, opI64GeS, opI64Sub, opI64Mul               = 0x47, 0x59, 0x7d, 0x7e
	opI64Shl, opI64ShrU, opI64ExtendU                   = 0x86, 0x88, 0xad
	opRefNull, opRefFunc                                = 0xd0, 0xd2
	prefixMisc, prefixVector                            = 0xfc, 0xfd
	opMemoryInit, opMemoryCopy, opMemoryFill            = 0xfc08, 0xfc0a, 0xfc0b
	opVectorConst                                       = 0xfd0c

	blockNone      = 0x40 // no values
	i32, i64  byte = 0x7f, 0x7e
)

// The three tables, which nothing changes: opcodes of one byte, those behind 0xfc, those behind 0xfd.
var (
	plainOpcodes  = plain()
	miscOpcodes   = misc()
	vectorOpcodes = vectors()
)

func plain() (t [256]opcode) {
	fill := func(first, last int, after immediate, cost byte) {
		for op := first; op <= last; op++ {
			t[op] = opcode{after, cost}
		}
	}
	fill(0x00, 0x01, bare, 0)  // unreachable, nop
	fill(0x02, 0x03, block, 0) // block, loop
	fill(0x04, 0x04, block, 1) // if
	fill(0x05, 0x05, bare, 1)  // else
	fill(0x0b, 0x0b, bare, 0)  // end
	fill(0x0c, 0x0d, label, costBranch)
	fill(0x0e, 0x0e, labels, costSwitch)
	fill(0x0f, 0x0f, bare, costBranch)
	fill(0x10, 0x10, fn, costCall)
	fill(0x11, 0x11, indirect, costCall+costTable)
	fill(0x1a, 0x1a, bare, 0)  // drop
	fill(0x1b, 0x1b, bare, 1)  // select
	fill(0x1c, 0x1c, types, 1) // select with a type
	fill(0x20, 0x20, local, 0)
	fill(0x21, 0x22, local, 1)
	fill(0x23, 0x24, global, 1)
	fill(0x25, 0x25, index, 3)   // table.get
	fill(0x26, 0x26, refused, 0) // table.set
	fill(0x28, 0x3e, memarg, costMemory)
	fill(0x3f, 0x3f, index, 2) // memory.size
	fill(0x40, 0x40, index, 0) // memory.grow: costGrow
	t[opI32Const], t[opI64Const] = opcode{number32, 0}, opcode{number64, 0}
	t[opF32Const], t[opF64Const] = opcode{float32s, 1}, opcode{float64s, 1}
	fill(0x45, 0x66, bare, 1)                // comparisons
	fill(0x67, 0x8a, bare, 1)                // arithmetic of integers
	fill(0x6d, 0x70, bare, 10)               // 32-bit division
	fill(0x7f, 0x82, bare, 16)               // 64-bit division
	for _, from := range []int{0x8b, 0x99} { // arithmetic of floats: abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign
		fill(from, from+1, bare, 1)
		fill(from+2, from+5, bare, 3)
		fill(from+6, from+6, bare, 8)
		fill(from+7, from+9, bare, 2)
		fill(from+10, from+10, bare, 6)
		fill(from+11, from+13, bare, 4)
	}
	fill(0xa7, 0xbf, bare, 1)        // conversions
	fill(0xa8, 0xab, bare, 6)        // to integers, which check
	fill(0xae, 0xb1, bare, 6)        //
	fill(0xb2, 0xbb, bare, 3)        // to floats
	fill(0xc0, 0xc4, bare, 1)        // sign extension
	fill(0xd0, 0xd0, heap, 1)        // ref.null
	fill(0xd1, 0xd1, bare, 1)        // ref.is_null
	fill(0xd2, 0xd2, fn, CostImport) // ref.func leaves compiled code
	return t
}

func misc() (t [18]opcode) {
	for op := range 8 {
		t[op] = opcode{bare, 6} // saturating conversions
	}
	t[8], t[10], t[11] = opcode{indexes, costBulk}, opcode{indexes, costBulk}, opcode{index, costBulk} // memory.init, memory.copy, memory.fill
	t[16] = opcode{index, 2}                                                                           // table.size
	for _, op := range []int{9, 12, 13, 14, 15, 17} {                                                  // data.drop, table.init, elem.drop, table.copy, table.grow, table.fill
		t[op] = opcode{after: refused}
	}
	return t
}

func vectors() (t [256]opcode) {
	for op := range t {
		t[op] = opcode{bare, 2}
	}
	for _, op := range []int{0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee} {
		t[op] = opcode{} // never assigned
	}
	for op := 0x00; op <= 0x0b; op++ {
		t[op] = opcode{memarg, 3}
	}
	t[0x0c], t[0x0d] = opcode{vector, 1}, opcode{vector, 3} // v128.const, i8x16.shuffle
	t[0x0e] = opcode{bare, 3}                               // i8x16.swizzle
	for op := 0x15; op <= 0x22; op++ {
		t[op] = opcode{lane, 2}
	}
	for op := 0x54; op <= 0x5b; op++ {
		t[op] = opcode{memlane, 4}
	}
	t[0x5c], t[0x5d] = opcode{memarg, 3}, opcode{memarg, 3}
	for _, op := range []int{
		0x62, 0x6b, 0x6c, 0x6d, // i8x16.popcnt and shifts, made of many instructions
		0x7e, 0x7f, 0x82, 0xcc, 0xd5, // i32x4.extadd_pairwise, i16x8.q15mulr, i64x2.shr_s and mul
		0xe7, 0xe8, 0xe9, 0xf4, 0xf5, 0x94, // divisions, minima and maxima of floats
		0xf8, 0xf9, 0xfb, 0xfc, 0xfd, 0xff, 0x5e, 0x5f, // conversions
	} {
		t[op].cost = 8
	}
	t[0xe3].cost, t[0xef].cost, t[0xf3].cost = 12, 16, 12 // square roots, f64x2.div
	return t
}
