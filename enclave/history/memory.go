package history

import (
	"math/bits"
	"slices"
)

// memory is what was found out of the lists of numbers that were met last. Rows are many, and the combinations of cells that they are in are few: to look
// at those once is what makes a pass over everybody fast. It is for one goroutine.
type memory[T any] struct {
	places []place[T]
	shift  int
	block  []int32 // to keep numbers in
	// forget, if there is one, is told of what gives way to something else.
	forget func(numbers []int32, value T)
}

type place[T any] struct {
	taken   bool
	numbers []int32
	value   T
}

// cached is how many lists are remembered in what a processor's cache holds.
const cached = 1 << 15

// newMemory is one for a pass over so many rows or people, of no more than so many lists.
func newMemory[T any](over, most int, forget func(numbers []int32, value T)) *memory[T] {
	size := bits.Len(uint(max(16, min(over/4, most)))) - 1
	return &memory[T]{places: make([]place[T], 1<<size), shift: 64 - size, forget: forget}
}

// of is what is remembered of some numbers, to be changed by the caller, and whether they were met before; if not, it is nothing yet.
func (m *memory[T]) of(numbers []int32) (value *T, met bool) {
	hash := uint64(0)
	for _, n := range numbers {
		hash = (hash ^ uint64(uint32(n)) + 1) * 0x9e3779b97f4a7c15 //nolint:gosec // its bits, and any odd number: what is remembered does not depend on it
	}
	p := &m.places[hash>>m.shift]
	if p.taken && slices.Equal(p.numbers, numbers) {
		return &p.value, true
	}
	m.empty(p)
	if cap(p.numbers) < len(numbers) {
		if len(m.block) < len(numbers) {
			m.block = make([]int32, max(1<<12, len(numbers)))
		}
		p.numbers, m.block = m.block[:0:len(numbers)], m.block[len(numbers):]
	}
	p.taken, p.numbers = true, append(p.numbers[:0], numbers...)
	return &p.value, false
}

// clear forgets everything.
func (m *memory[T]) clear() {
	for i := range m.places {
		m.empty(&m.places[i])
	}
}

func (m *memory[T]) empty(p *place[T]) {
	if p.taken && m.forget != nil {
		m.forget(p.numbers, p.value)
	}
	var nothing T
	p.taken, p.value = false, nothing
}
