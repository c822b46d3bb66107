package treat

import (
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// alike finds groups of whom it would follow that they share a protected value, although the cell that says so is suppressed: where
// margins tell that the group can have no other. A cell without rows is absent like a suppressed one, so somebody who is known to be in
// a group with a suppressed cell may be in any absent one, as long as the published cells could be what they are. That they could is
// shown by an example: another table, with the same published cells, in which somebody in the group has another value. Either they just
// change it, or they change it with somebody of another group.
type alike struct {
	*suppression
	groups []uniform
}

// uniform is a group with one atom, which is suppressed for it.
type uniform struct {
	atom    int // position in lattice.atoms
	of      *protected
	example change // the last that was found; tried first
}

// change is the example in which somebody in a group has the value of another atom and, in an exchange, somebody there the group's.
type change struct {
	atom     int // position in lattice.atoms
	exchange bool
}

// protected is a protected column as far as grouping sets tell of it; the full table comes first.
type protected struct{ sets []projection }

// projection numbers what the cells of a grouping set say, by position in lattice.atoms: of the protected column, and otherwise.
type projection struct {
	value, rest []int32
	cells       map[[2]int32]int // by rest and value
}

// newAlike lists the groups. Where no margin tells of a protected key, anybody could have changed without notice, so it has none.
func newAlike(s *suppression, risks []enclave.Risk) *alike {
	a := &alike{suppression: s}
	plan := s.table.Plan
	for _, rest := range plan.Groups(plan.Sets[0]) {
		of := s.protected(rest)
		if len(of.sets) == 1 {
			continue
		}
		members := map[int32]int{}
		for _, group := range of.sets[0].rest {
			members[group]++
		}
		for at, atom := range s.atoms {
			if members[of.sets[0].rest[at]] == 1 && risks[atom]&enclave.RiskHomogeneity != 0 {
				a.groups = append(a.groups, uniform{atom: at, of: of})
			}
		}
	}
	return a
}

// protected finds out what each set tells of the keys that are not among the rest.
func (l *lattice) protected(rest enclave.Set) *protected {
	p := &protected{}
	over := make([]map[int]int, len(l.table.Plan.Sets)) // by set: atom → its margin
	for c, atoms := range l.under {
		set := l.table.Cells[c].Set
		if over[set] == nil {
			over[set] = map[int]int{}
		}
		for _, atom := range atoms {
			over[set][atom] = c
		}
	}
	for i, set := range l.table.Plan.Sets {
		value, others := enclave.Set{}, enclave.Set{}
		for _, k := range set {
			if slices.Contains(rest, k) {
				others = append(others, k)
			} else {
				value = append(value, k)
			}
		}
		if len(value) == 0 {
			continue
		}
		of, values, groups := projection{cells: map[[2]int32]int{}}, map[string]int32{}, map[string]int32{}
		for _, atom := range l.atoms {
			codes, cell := l.table.Cells[atom].Codes, atom
			if i > 0 {
				cell = over[i][atom]
			}
			group, own := number(groups, others.Project(codes)), number(values, value.Project(codes))
			of.rest, of.value = append(of.rest, group), append(of.value, own)
			of.cells[[2]int32{group, own}] = cell
		}
		p.sets = append(p.sets, of)
	}
	return p
}

// number gives each name the next number.
func number(names map[string]int32, name string) int32 {
	n, known := names[name]
	if !known {
		n = int32(len(names)) //nolint:gosec // at most the number of cells
		names[name] = n
	}
	return n
}

// repair suppresses cells until there is an example for every group. It reports whether it suppressed anything.
func (a *alike) repair() (bool, error) {
	repaired := false
	for i := range a.groups {
		hide, err := a.find(&a.groups[i])
		if err != nil {
			return false, err
		}
		for _, cell := range hide {
			a.fates[cell], repaired = enclave.Complement, true
		}
	}
	return repaired, nil
}

// clean reports whether there is an example for every group.
func (a *alike) clean() (bool, error) {
	for i := range a.groups {
		if hide, err := a.find(&a.groups[i]); err != nil || len(hide) > 0 {
			return false, err
		}
	}
	return true, nil
}

// find lists the published cells that have to be hidden for an example, those that cost least: none if there is one as it is, or where
// all groups have the one value: then nothing is published that tells it.
func (a *alike) find(g *uniform) ([]int, error) {
	if hide, ok := a.needs(g, g.example); ok && len(hide) == 0 {
		return nil, a.spend(len(g.of.sets))
	}
	var best []int
	least, found := int64(0), false
	for at := range a.atoms {
		if err := a.spend(8 * len(g.of.sets)); err != nil { // maps are slower than vectors
			return nil, err
		}
		for _, exchange := range []bool{true, false} {
			example := change{at, exchange}
			hide, ok := a.needs(g, example)
			if !ok {
				continue
			}
			if len(hide) == 0 {
				g.example = example
				return nil, nil
			}
			cost := int64(0)
			for _, cell := range hide {
				cost += a.weight(cell)
			}
			if !found || cost < least {
				best, least, found = hide, cost, true
			}
		}
	}
	return best, nil
}

// needs lists the published cells that an example would change; ok says that it is one.
func (a *alike) needs(g *uniform, c change) (hide []int, ok bool) {
	for i := range g.of.sets {
		p := &g.of.sets[i]
		mine, theirs := p.value[g.atom], p.value[c.atom]
		here, there := p.rest[g.atom], p.rest[c.atom]
		if mine == theirs && i == 0 {
			return nil, false // the same value
		}
		if mine == theirs || c.exchange && here == there {
			continue // one cell of this set
		}
		hide = a.visible(hide, p, here, mine, theirs)
		if c.exchange {
			hide = a.visible(hide, p, there, mine, theirs)
		}
	}
	return hide, true
}

// visible adds the published ones of two cells of a group.
func (a *alike) visible(hide []int, p *projection, rest, one, two int32) []int {
	for _, value := range [2]int32{one, two} {
		if cell, exists := p.cells[[2]int32{rest, value}]; exists && a.published(cell) && !slices.Contains(hide, cell) {
			hide = append(hide, cell)
		}
	}
	return hide
}
