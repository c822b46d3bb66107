package sandbox

import "context"

// Occupy takes the place of one instance until it is given back.
func (s *Sandbox) Occupy(ctx context.Context) (leave func(), err error) {
	place, err := s.memories.take(ctx)
	return func() { s.memories.give(place) }, err
}
