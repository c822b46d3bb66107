package load

// Hold sets how many bytes of rows an ingest holds in memory.
func (s *Store) Hold(bytes int) { s.held = bytes }
