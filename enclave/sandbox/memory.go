package sandbox

import (
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// memory backs the linear memory of a guest's instances, one after another. It reserves address space for the most that a guest may
// have and commits pages as the guest grows: growing copies nothing and moves nothing, an instance after another finds its pages warm,
// and none of it is the garbage collector's. It records a refused growth, which tells a guest that ran out of memory from one that
// merely trapped. It is not safe for concurrent use.
type memory struct {
	limit   uint64 // bytes
	refused bool

	space     []byte // limit bytes of address space; nil before the first instance
	committed uint64 // how many of them may be touched
	size      uint64 // of the instance's memory; what is committed beyond it is zero
}

var (
	_ experimental.MemoryAllocator = (*memory)(nil)
	_ experimental.LinearMemory    = (*memory)(nil)
)

// Allocate begins the memory of a new instance: all zero, as WebAssembly demands, whatever the instance before left in it.
func (m *memory) Allocate(_, _ uint64) experimental.LinearMemory {
	clear(m.space[:m.size])
	m.size, m.refused = 0, false
	return m
}

// Reallocate grows the memory to size bytes, or returns nil if that is above the limit, or the system has no more.
func (m *memory) Reallocate(size uint64) []byte {
	if size > m.limit || m.commit(size) != nil {
		m.refused = true
		return nil
	}
	m.size = size
	return m.space[:size:size]
}

// commit makes the first size bytes of the space usable.
func (m *memory) commit(size uint64) (err error) {
	if m.space == nil {
		if m.space, err = syscall.Mmap(-1, 0, int(m.limit), syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE); err != nil { //nolint:gosec // at most 4 GiB
			m.space = nil
			return err
		}
	}
	if size <= m.committed {
		return nil
	}
	if err := syscall.Mprotect(m.space[:size], syscall.PROT_READ|syscall.PROT_WRITE); err != nil {
		return err
	}
	m.committed = size
	return nil
}

// Free keeps what is committed for the next instance.
func (m *memory) Free() {}

// release gives everything back to the system. No instance MUST be left.
func (m *memory) release() error {
	if m.space == nil {
		return nil
	}
	space := m.space
	m.space, m.committed, m.size = nil, 0, 0
	return syscall.Munmap(space)
}
