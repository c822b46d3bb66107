// Package admit is the door of the enclave: it reads a module's bytes without running any of them, and resolves its manifest
// against the dataset that a run names.
//
// Check is a parser for hostile bytes, which it reads through package wasm, and ends in time linear in their length. It decides what a
// module is (its sections, imports, exports, memory and tables); whether each function is well typed is decided later by the sandbox's
// compiler.
package admit
