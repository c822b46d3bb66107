// Package meter rewrites a WebAssembly module so that it counts what it does, in units of fuel, and asks for more when it has none left. The
// sandbox compiles nothing that has not been through it. It is pure: bytes in, bytes out.
//
// # What is charged
//
// The module gets a counter, a global of its own that no instruction of the guest's can name, and pays for code before it runs: at the entry
// of each function for all of its body, but for its loops; at the head of each loop, in every turn, for the loop's body, but for the loops in
// it; and behind each block that a br_table leads to, for what follows up to the end of the block around. The last is for functions as Go
// compiles them: one loop with one br_table, which would otherwise pay for the whole function at every turn. Of the two arms of an if the
// dearer one counts, and a branch out of the middle gets nothing back: the charge is the most that can happen before the next one. Bulk
// operations pay by their length as well, and memory.grow for the pages that it was granted.
//
// So the fuel that a module burns depends on its bytes and on what it computes, and on nothing else: not on the machine, the load, or how much
// it is given at a time. What an instruction costs, the table in this package says; changing it changes what runs burn, and the golden
// numbers of the tests.
//
// # What ends
//
// At each loop and function, after the charge, the guest looks whether its counter is below zero, and if so calls the host, which gives more,
// or does not return. Between two looks no more happens than one pass through one body, without its loops, and what functions below a small
// cost do that have neither loops nor calls, and so need not look. Bodies are limited, so this is tens of milliseconds at most; what the host does for the guest is paid for
// and looked at call by call.
//
// # What is refused
//
// Everything that the rewriter does not know: it reads each instruction of WebAssembly 2.0. Of those that it knows, it refuses what changes
// tables (table.set, table.fill, table.copy, table.init, table.grow, elem.drop) or drops data (data.drop), so that an instance's state is its
// memory and its globals; no compiler emits them for a module that does not ask for its table. Threads and relaxed SIMD, whose results differ
// from machine to machine, it does not know. Bodies that take long to compile for their size are refused by the limits in this package.
//
// What is accepted may still not be valid: types are the compiler's to check, of the module as it was rewritten. The rewriter checks what its
// additions could hide: every index of a function, a type, a global and a local.
package meter
