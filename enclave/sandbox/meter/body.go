package meter

import (
	"fmt"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// instruction is one of a function's body, as the bytes from..to of it.
type instruction struct {
	op       uint16
	index    uint32 // of a function
	begins   int32  // the region that begins behind it, 0 for none: the first one begins at the entry
	from, to uint32
}

// region is a stretch of code that is paid for at its beginning: at most what it costs is done before the next charge. It is entered at its
// beginning alone and has no loop in it, so that nothing is done twice for one charge.
type region struct {
	cost   int64
	outer  int32 // the region around, which could be charged for it
	folded int64 // what was charged to it of others
	check  bool  // whether the counter is looked at here
	loop   bool
}

// frame is a block that is open.
type frame struct {
	op       uint16
	region   int32 // at its beginning
	before   int64 // of an if: what its region cost at its beginning
	then     int64 // and what the first arm brought it to
	target   bool  // of a br_table
	carried  int   // values that a branch to it carries
	returned int   // values that it leaves
}

// Small regions behind a block that a br_table leads to are charged together with the region around, up to so much for each.
const (
	foldedRegion = 8
	foldedTotal  = 24
	// leafCost is the most that a function without loops and calls may cost to be charged without a look at the counter.
	leafCost = 256
)

// body reads function bodies, one after another.
type body struct {
	module       *module
	function     uint32 // index, imported ones counted, as in the module
	declared     []byte // the list of its locals, without their number of groups
	groups       uint32
	locals       uint32 // parameters included
	instructions []instruction
	regions      []region
	frames       []frame
	loops        uint32
	calls, bulk  bool
	most         *Facts
}

func (b *body) fail(r *reader, what string, limit int) {
	r.Fail(enclave.Fail(enclave.Limit, "MODULE_TOO_INTRICATE",
		"function", strconv.FormatUint(uint64(b.function), 10), "what", what, "limit", strconv.Itoa(limit)))
}

// read takes a body in and divides it into regions.
func (b *body) read(r *reader, of signature) {
	*b = body{
		module: b.module, function: b.function, most: b.most,
		instructions: b.instructions[:0], regions: b.regions[:0], frames: b.frames[:0],
	}
	if r.Left() > MaxBodyBytes {
		b.fail(r, "bytes of code", MaxBodyBytes)
		return
	}
	b.readLocals(r, of)
	b.regions = append(b.regions, region{cost: costEntry, check: true})
	b.frames = append(b.frames, frame{op: opBlock, carried: int(of.results), returned: int(of.results)})
	var targets uint32
	current := int32(0)
	for len(b.frames) > 0 && r.Err() == nil {
		current = b.step(r, current, &targets)
	}
	if r.Err() != nil {
		return
	}
	if r.Left() > 0 {
		r.Malformed("code behind the end of a function")
		return
	}
	if uint64(b.loops)*uint64(b.locals) > MaxLoopLocals {
		b.fail(r, "loops times locals", MaxLoopLocals)
		return
	}
	b.most.note(r.At(), int(b.locals), int(b.loops), int(targets))
	b.fold()
	if b.loops == 0 && !b.calls && len(b.regions) == 1 && b.regions[0].cost <= leafCost {
		b.regions[0].check = false
	}
}

func (b *body) readLocals(r *reader, of signature) {
	b.groups, b.locals = r.Count(), of.params
	from := r.At()
	for range b.groups {
		n := r.U32()
		r.valueType()
		if r.Err() != nil {
			return
		}
		if n > MaxLocals || b.locals+n > MaxLocals {
			b.fail(r, "locals", MaxLocals)
			return
		}
		b.locals += n
	}
	if b.locals > MaxLocals {
		b.fail(r, "locals", MaxLocals)
		return
	}
	b.declared = r.Since(from)
}

// step reads one instruction, charges it to the current region, and returns the region of what follows.
func (b *body) step(r *reader, current int32, targets *uint32) int32 {
	in := instruction{from: uint32(r.At())} //nolint:gosec // below MaxBodyBytes
	code := b.opcode(r, &in)
	cost, innermost := int64(code.cost), len(b.frames)-1
	var opened signature
	switch code.after { //nolint:exhaustive // the others are passed over
	case unknown, refused:
		if r.Err() == nil {
			r.Fail(enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED", "what", fmt.Sprintf("instruction %s in function %d", name(in.op), b.function)))
		}
		return 0
	case block:
		opened = b.blockType(r)
	case label:
		cost += int64(b.branch(r).carried)
	case labels:
		cost += b.switched(r, targets)
	case fn:
		if in.index = r.below(b.module.functionCount(), "function"); r.Err() == nil && in.op == opCall {
			cost += b.called(in.index)
		}
	case indirect:
		b.calls = true
		kind := r.below(uint32(len(b.module.types)), "type") //nolint:gosec // below the bytes of a section
		r.U32()
		if r.Err() == nil {
			cost += b.module.types[kind].values()
		}
	case local:
		r.below(b.locals, "local")
	case global:
		r.below(b.module.globals, "global")
	default:
		r.pass(code.after)
	}
	if r.Err() != nil {
		return 0
	}
	switch in.op {
	case opMemoryInit, opMemoryCopy, opMemoryFill:
		b.bulk = true
	case opMemoryGrow:
		b.bulk, cost = true, costGrow
	case opReturn:
		cost += int64(b.frames[0].carried)
	}
	if in.op == opElse || in.op == opEnd {
		cost += int64(b.frames[innermost].returned)
	}
	b.regions[current].cost += cost
	switch in.op {
	case opBlock, opLoop, opIf:
		current = b.open(r, &in, opened, current)
	case opElse:
		current = b.otherwise(r)
	case opEnd:
		current = b.close(&in)
	}
	in.to = uint32(r.At()) //nolint:gosec // below MaxBodyBytes
	b.instructions = append(b.instructions, in)
	return current
}

// opcode reads what an instruction is. What follows the prefixes has its shortest form: a compiler that reads one byte where the
// specification has a number would otherwise see another instruction.
func (b *body) opcode(r *reader, in *instruction) opcode {
	first := r.Byte()
	in.op = uint16(first)
	if first != prefixMisc && first != prefixVector {
		return plainOpcodes[first]
	}
	from := r.At()
	sub := r.U32()
	in.op = uint16(first)<<8 | uint16(min(sub, 0xff))
	if length := r.At() - from; length > 1 && (length > 2 || sub < 0x80) {
		r.Malformed("an instruction written longer than it is")
	}
	switch {
	case first == prefixMisc && sub < uint32(len(miscOpcodes)):
		return miscOpcodes[sub]
	case first == prefixVector && sub < uint32(len(vectorOpcodes)):
		return vectorOpcodes[sub]
	case first == prefixVector:
		r.Fail(enclave.Fail(enclave.Invalid, "MODULE_UNSUPPORTED", "what", fmt.Sprintf("relaxed SIMD in function %d", b.function)))
	}
	return opcode{}
}

func name(op uint16) string {
	if known, ok := map[uint16]string{
		0x26: "table.set", 0xfc09: "data.drop", 0xfc0c: "table.init", 0xfc0d: "elem.drop", 0xfc0e: "table.copy", 0xfc0f: "table.grow", 0xfc11: "table.fill",
	}[op]; ok {
		return known
	}
	return fmt.Sprintf("%#x", op)
}

// pass passes over what follows an opcode where nothing depends on it.
func (r *reader) pass(after immediate) {
	const tooLong = "a number of too many bits"
	switch after { //nolint:exhaustive // the others are read by step
	case number32:
		r.SkipSigned(5, tooLong)
	case number64:
		r.SkipSigned(10, tooLong)
	case float32s:
		r.Take(4)
	case float64s:
		r.Take(8)
	case vector:
		r.Take(16)
	case lane:
		r.Byte()
	case memarg, memlane:
		if r.U32() > 4 {
			r.Malformed("an alignment that is not allowed")
		}
		if r.U32(); after == memlane {
			r.Byte()
		}
	case types:
		if r.U32() != 1 {
			r.Malformed("a select of more than one type")
		}
		r.valueType()
	case heap:
		if kind := r.Byte(); kind != 0x70 && kind != 0x6f {
			r.Malformed("an unknown type of reference")
		}
	case index, indexes:
		if r.U32(); after == indexes {
			r.U32()
		}
	}
}

func (b *body) blockType(r *reader) signature {
	if next := r.Rest(); len(next) > 0 && next[0]&0xc0 == 0x40 { // one byte, negative: a type of value, or none
		if next[0] == blockNone {
			r.Byte()
			return signature{}
		}
		r.valueType()
		return signature{results: 1}
	}
	from := r.At()
	kind := r.below(uint32(len(b.module.types)), "type") //nolint:gosec // below the bytes of a section
	if written := r.Since(from); r.Err() == nil && written[len(written)-1]&0x40 != 0 {
		r.Malformed("a type of block that is negative")
	}
	if r.Err() != nil {
		return signature{}
	}
	return b.module.types[kind]
}

// branch reads a label.
func (b *body) branch(r *reader) *frame {
	depth := r.below(uint32(len(b.frames)), "block") //nolint:gosec // below the bytes of a body
	return &b.frames[len(b.frames)-1-int(depth)]
}

// switched reads the labels of a br_table. The code behind each of their blocks becomes a region of its own.
func (b *body) switched(r *reader, targets *uint32) (cost int64) {
	n := r.Count()
	if *targets += n + 1; *targets > MaxSwitchTargets {
		b.fail(r, "branch-table targets", MaxSwitchTargets)
		return 0
	}
	for range n + 1 {
		to := b.branch(r)
		if r.Err() != nil {
			return 0
		}
		to.target = true
		cost = max(cost, int64(to.carried))
	}
	return cost
}

func (b *body) called(function uint32) int64 {
	b.calls = true
	cost := b.module.types[b.module.functions[function]].values()
	if function < b.module.imported {
		cost += CostImport
	}
	return cost
}

// open opens a block. A loop's body is a region of its own.
func (b *body) open(r *reader, in *instruction, of signature, current int32) int32 {
	f := frame{op: in.op, region: current, before: b.regions[current].cost, carried: int(of.results), returned: int(of.results)}
	if in.op == opLoop {
		f.carried = int(of.params)
		b.loops++
		current = b.begin(in, region{cost: costLoop, outer: current, check: true, loop: true})
	}
	if b.frames = append(b.frames, f); len(b.frames) > MaxNesting {
		b.fail(r, "blocks within blocks", MaxNesting)
	}
	b.most.Nesting = max(b.most.Nesting, len(b.frames))
	return current
}

func (b *body) begin(in *instruction, begun region) int32 {
	in.begins = int32(len(b.regions)) //nolint:gosec // below MaxBodyBytes
	b.regions = append(b.regions, begun)
	return in.begins
}

// otherwise goes on to the second arm of an if: the arms cost what the dearer one costs.
func (b *body) otherwise(r *reader) int32 {
	f := &b.frames[len(b.frames)-1]
	if f.op != opIf {
		r.Malformed("an else without an if")
		return 0
	}
	f.op = opElse
	f.then, b.regions[f.region].cost = b.regions[f.region].cost, f.before
	return f.region
}

// close closes a block. What follows was paid for before the block, wherever in it one comes from, unless a br_table leads here: then it is
// paid for here, or one br_table in a loop, as Go compiles functions, would pay for the whole of the function at every turn.
func (b *body) close(in *instruction) int32 {
	f := b.frames[len(b.frames)-1]
	b.frames = b.frames[:len(b.frames)-1]
	if f.op == opElse {
		b.regions[f.region].cost = max(b.regions[f.region].cost, f.then)
	}
	if f.target && f.op != opLoop && len(b.frames) > 0 {
		return b.begin(in, region{outer: f.region})
	}
	return f.region
}

// fold charges small regions together with the ones around them: a charge costs about four instructions itself.
func (b *body) fold() {
	for at := len(b.regions) - 1; at > 0; at-- {
		small := &b.regions[at]
		if small.loop || small.cost > foldedRegion {
			continue
		}
		around := &b.regions[small.outer]
		if around.folded+small.cost <= foldedTotal {
			around.folded += small.cost
			around.cost += small.cost
			small.cost = 0
		}
	}
}
