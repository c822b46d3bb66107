// Package admit is the door of the enclave: it reads a module's bytes without running any of them, and resolves its manifest
// against the dataset that a run names.
//
// Check is a parser of its own, for hostile bytes: every length is checked against what is left, nothing is allocated by a number
// that the bytes merely claim, and it ends in time linear in their length. It decides what a module is (its sections, imports,
// exports, memory and tables); whether each function is well typed is decided later by the sandbox's compiler.
package admit
