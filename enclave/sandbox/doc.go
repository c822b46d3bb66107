// Package sandbox runs guest code: it is the only room of the enclave that does, and the only one that knows wazero.
//
// # One batch
//
// Every batch gets a fresh instance, so a module has no place to remember anything. The host calls, in this order:
//
//	_initialize()                if exported
//	darkroom_abi()               must be 1
//	darkroom_alloc(n) -> a       scratch for the parameters' JSON, copied to a
//	darkroom_init(a, n)          must be 0
//	darkroom_window(n + 2 MiB)   the region for columns; the host aligns its address up to 2 MiB
//	darkroom_alloc(n) -> d       scratch for the batch descriptor, copied to d
//	darkroom_batch(d)            must be 0
//
// Addresses that a guest returns are numbers until they are checked: not zero, the whole region inside the memory as it is after the call,
// none of the three regions overlapping another. What the host reads afterwards lies at addresses that it chose itself.
//
// # The batch descriptor, version 1
//
// All words are 32 bits, little endian.
//
//	version = 1
//	rows    = [enclave.BatchRows], always
//	columns
//	keys
//	for each column, in the order of enclave.Plan.Shown:
//		type             1: int32 (dates, codes); 2: int64 (numbers)
//		validity address bitmap of rows bits, least significant first
//		data address     rows values; those of invalid rows are 0
//		data bytes
//	for each key that the guest computes, in the order of enclave.Key.Module:
//		data address     rows int32 codes, all -1 at first
//		data bytes
//
// In the window, every bitmap and every array starts at a multiple of 64 bytes; inputs come first, in order (bitmap, then values), then
// the keys. Neither the descriptor nor the layout depends on data.
//
// # What stops a guest
//
// wazero checks for a passed deadline at loop headers only, and neither it nor Go can interrupt native code between them: a recursion
// that branches would never end and would hold up Go's garbage collector with it. So each function is given an empty loop at its
// entry before it is compiled, which makes every call a place where a guest can be stopped.
package sandbox
