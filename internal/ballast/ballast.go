// Package ballast keeps the garbage collector of a small heap quiet.
//
// Go collects whenever the heap has doubled, and an enclave that waits for work has a heap of 8 MB: some two hundred decisions of policy, then, or
// a few runs, fill it, and while the collector marks, whoever allocates helps it, for a millisecond and more where there are two cores. With the
// ballast it collects after as much garbage again as the ballast is large.
//
// The ballast is address space, not memory, since nobody writes it: what it costs is the garbage that waits longer, [Size] at most. A larger
// debug.SetGCPercent would multiply the heap of a run over many rows instead, where it matters.
package ballast

import "sync"

// Size is how many bytes of garbage there may be more. GOMEMLIMIT, for who sets it, counts them as used.
const Size = 64 << 20

var held = sync.OnceValue(func() []byte { return make([]byte, Size) })

// Take allocates the ballast, for as long as the process lives. It changes the process: a program calls it, no package.
func Take() { held() }
