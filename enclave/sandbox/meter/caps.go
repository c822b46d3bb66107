package meter

// Limits of one function's body: what a compiler needs for them grows faster than the body. Functions of Go's runtime and of C libraries
// stay far below.
const (
	MaxBodyBytes  = 512 << 10 // of one function's body, locals included
	MaxNesting    = 5_000     // blocks within blocks; Go nests one for each place where a function may be resumed
	MaxLocals     = 2_000     // parameters included
	MaxLoopLocals = 50_000    // loops × locals
	// MaxGrowth is how many times larger the code may become; what compilers make grows by a third. The additions to a module of nothing but
	// memory.grow would be eight times what it is.
	MaxGrowth        = 3
	MaxSwitchTargets = 10_000 // of all br_table of a function together
)

// freeGrowth is what any module may grow by: a small one can be all additions.
const freeGrowth = 64 << 10

// Facts are the largest of a module's functions, of each kind.
type Facts struct {
	BodyBytes, Nesting, Locals, LoopLocals, SwitchTargets int
}

func (f *Facts) note(bytes, locals, loops, targets int) {
	f.BodyBytes = max(f.BodyBytes, bytes)
	f.Locals = max(f.Locals, locals)
	f.LoopLocals = max(f.LoopLocals, loops*locals)
	f.SwitchTargets = max(f.SwitchTargets, targets)
}
