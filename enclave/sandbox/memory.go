package sandbox

import "github.com/tetratelabs/wazero/experimental"

// memory backs the linear memory of a guest's instances, one after another, so that a batch costs no new allocation. It records
// a refused growth, which tells a guest that ran out of memory from one that merely trapped. It is not safe for concurrent use.
type memory struct {
	limit   uint64 // bytes
	refused bool

	// buffer is the memory; its length is the instance's memory size. Everything between length and capacity is zero.
	buffer []byte
}

var (
	_ experimental.MemoryAllocator = (*memory)(nil)
	_ experimental.LinearMemory    = (*memory)(nil)
)

// Allocate begins the memory of a new instance: all zero, as WebAssembly demands, whatever the instance before left in it.
func (m *memory) Allocate(_, _ uint64) experimental.LinearMemory {
	clear(m.buffer)
	m.buffer, m.refused = m.buffer[:0], false
	return m
}

// Reallocate grows the memory to size bytes, or returns nil if that is above the limit.
func (m *memory) Reallocate(size uint64) []byte {
	if size > m.limit {
		m.refused = true
		return nil
	}
	if size > uint64(cap(m.buffer)) {
		grown := make([]byte, size, min(m.limit, max(size, 2*uint64(cap(m.buffer)))))
		copy(grown, m.buffer)
		m.buffer = grown
	}
	m.buffer = m.buffer[:size]
	return m.buffer
}

// Free keeps the buffer for the next instance.
func (m *memory) Free() {}
