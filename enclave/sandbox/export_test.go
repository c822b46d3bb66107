package sandbox

import "context"

// Occupy takes the place of one instance for a batch of an operator until it is given back.
func (s *Sandbox) Occupy(ctx context.Context, operator string) (leave func(), err error) {
	return s.occupy(ctx, claim{operator: operator})
}

// OccupyProgram takes a place for a program.
func (s *Sandbox) OccupyProgram(ctx context.Context, operator string) (leave func(), err error) {
	return s.occupy(ctx, claim{operator: operator, program: true})
}

func (s *Sandbox) occupy(ctx context.Context, by claim) (leave func(), err error) {
	place, err := s.places.take(ctx, by)
	return func() { s.places.give(place, by) }, err
}

// Prepare has a child compile bytes as they are, without the limits of their rewriting.
func (s *Sandbox) Prepare(ctx context.Context, operator string, wasm []byte) error {
	leave, err := s.compiler.enter(ctx, operator)
	if err != nil {
		return err
	}
	defer leave()
	return s.compiler.prepare(ctx, wasm)
}

// Tidy keeps so many bytes of code.
func (s *Sandbox) Tidy(most int64) error { return s.compiler.store.tidy(most) }

// Waiting is how many wait for a place, and how many places are free.
func (s *Sandbox) Waiting() (waiting, free int) {
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	return len(s.places.waiting), len(s.places.free)
}

// Memory is the memory of a place.
type Memory = memory

// NewMemory is one that holds no more than limit bytes.
func NewMemory(limit uint64) *Memory { return &memory{limit: limit} }

// Committed is how many bytes of it may be touched.
func (m *memory) Committed() uint64 { return m.committed }

// Release gives it back.
func (m *memory) Release() error { return m.release() }
