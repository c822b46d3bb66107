package treat

// repairLines looks at each line whose margin is published: the sum of its suppressed cells follows. Repairs take effect at once, so
// that later lines see them.
func (s *suppression) repairLines() error {
	for i := range s.lines {
		if err := s.spend(len(s.lines[i].inner)); err != nil {
			return err
		}
		for v, bad := s.lineViolation(&s.lines[i]); bad; v, bad = s.lineViolation(&s.lines[i]) {
			s.repair(v, nil)
		}
	}
	return nil
}

// lineViolation looks at what follows from one published margin.
func (s *suppression) lineViolation(of *line) (v violation, bad bool) {
	if !s.published(of.margin) {
		return v, false
	}
	g, how := emptyGroup(s.lattice, of.margin), map[int]uint64{of.margin: 1}
	for _, c := range of.inner {
		switch {
		case s.published(c):
			if s.under[c] != nil {
				how[c] = prime - 1
			}
		case s.under[c] == nil:
			g.add(c, 1)
		default:
			for _, a := range s.under[c] {
				if !s.published(a) {
					g.add(a, 1)
				}
			}
		}
	}
	if g.atoms == 0 || !s.unsafe(&g) {
		return v, false
	}
	return violation{margin: -1, how: how, group: &g, line: true}, true
}
