// Package sandbox runs guest code: it is the only room of the enclave that does, and the only one that knows wazero.
//
// # One batch of an aggregate
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
// # The run of a program
//
// One instance sees every batch of a run, in the order of the rows, so a module remembers what it likes. The host calls what it calls of an
// aggregate, but darkroom_batch once for each batch, over the same window and the same descriptor, both written anew. Then
//
//	darkroom_alloc(n) -> f       scratch for the table's descriptor, copied to f
//	darkroom_finish(f)           must be 0; the guest has filled the descriptor in
//
// # The batch descriptor, version 1
//
// All words are 32 bits, little endian.
//
//	version = 1
//	rows    aggregate: [enclave.BatchRows], always; program: the batch's own rows
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
// the keys. Neither the layout nor, of an aggregate, the descriptor depends on data.
//
// # The table's descriptor, version 1
//
// The host writes the words with a value here, in this order, and zeros; the guest fills the zeros in. The host does not read again what
// it wrote.
//
//	version = 1
//	columns          as the manifest declares
//	rows             at most as many as the manifest declares
//	for each output column, in the manifest's order:
//		type             1: int32 (positions in an enumeration's values); 2: int64; 3: float64 (decimals); 4: text
//		validity address bitmap of rows bits, least significant first; 0 if no value is empty
//		data address     rows values; of a text its bytes, UTF-8, one text behind the other
//		offsets address  of a text: rows + 1 int32, where each text begins and the last one ends; the first is 0
//		data bytes       of a text: the last offset
//
// Addresses need no alignment. An array that is not empty lies inside the memory and not at 0; arrays may overlap, since each is copied,
// but together they are at most 8 MiB, with overlaps counted twice. Offsets never fall. What is not valid is not read. Offsets are checked
// all the same. What values may be, and what becomes of them, package program says.
//
// # What stops a guest
//
// Neither Go nor wazero can interrupt native code: a guest that does not come back would hold up Go's garbage collector, and could not be
// cancelled. So every module is metered before it is compiled (package meter): it counts what it does, and asks the host for more fuel each
// fraction of a millisecond. There the guest waits if it is another operator's turn at the processor, and the host looks, in this order, whether
// the run was cancelled (RUN_CANCELED) or the call has taken longer than [Config.CallTimeout], waits aside (MODULE_STOPPED, for the machine's
// sake), and whether any fuel is left (MODULE_FUEL). Fuel knows nothing of turns: a guest ends the same way however often it waited.
//
// How much there is, the manifest says for each row (package enclave, at DefaultFuel): a batch of an aggregate has it for a full batch, and
// something for the start; a program has one budget for its run, which grows by what the rows it is shown bring. That is counted, so that the
// same module over the same rows ends the same way on any machine. System calls cost as much as leaving and entering the guest, and more
// for each byte or vector that the host looks at.
//
// # What a replay can count on
//
// The same module over the same rows emits the same codes, returns the same table, burns the same fuel and ends for the same reason, on any
// number of cores, on any day, after a restart: the clock, randomness and what the system says are fixed, an aggregate has an instance for
// each batch, and a program sees rows in the order that the enclave's keys give them, so that a machine with other keys may show it another.
// Four things are left to the machine. The first and the third can change what a guest makes, the others only whether it comes to an end:
//
//   - the bits of a NaN that arithmetic made, where a guest looks at them: the processor's, as WebAssembly allows. Two machines of one
//     architecture agree; what a program returns as a NaN is the empty value on all;
//   - how deep a guest may call before it traps: wazero gives it 50 MB of stack, in frames as large as the compiler for that architecture and
//     of that version makes them;
//   - how much memory it is granted: [Config.MemoryPages], and what the system has. A guest may go on when it is refused;
//   - [Config.CallTimeout], on a machine so slow that it ends a call before fuel does.
package sandbox
