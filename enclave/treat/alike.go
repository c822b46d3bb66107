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
	uniform []int    // suppressed atoms that are all of their group
	among   [][]int  // for each, keys of the protected column that its value is of
	cells   []lookup // by set
}

// lookup is the cells of a set by their codes.
type lookup map[string]int

// newAlike lists the groups. Where no margin tells of a protected key, anybody could have changed without notice, so it has none.
func newAlike(s *suppression, risks []enclave.Risk) *alike {
	a := &alike{suppression: s}
	plan := s.table.Plan
	for _, rest := range plan.Groups(plan.Sets[0]) {
		keys := slices.Clone(plan.Sets[0])
		keys = slices.DeleteFunc(keys, func(k int) bool { return slices.Contains(rest, k) })
		if !slices.ContainsFunc(plan.Sets[1:], func(set enclave.Set) bool { return touches(set, keys) }) {
			continue
		}
		members := map[string][]int{}
		for _, atom := range s.atoms {
			id := rest.Project(s.table.Cells[atom].Codes)
			members[id] = append(members[id], atom)
		}
		for _, atom := range s.atoms {
			if len(members[rest.Project(s.table.Cells[atom].Codes)]) == 1 && risks[atom]&enclave.RiskHomogeneity != 0 {
				a.uniform, a.among = append(a.uniform, atom), append(a.among, keys)
			}
		}
	}
	if len(a.uniform) == 0 {
		return a
	}
	a.cells = make([]lookup, len(plan.Sets))
	for i := range s.table.Cells {
		c := &s.table.Cells[i]
		if a.cells[c.Set] == nil {
			a.cells[c.Set] = lookup{}
		}
		a.cells[c.Set][plan.Sets[c.Set].Project(c.Codes)] = i
	}
	return a
}

func touches(set enclave.Set, keys []int) bool {
	return slices.ContainsFunc(set, func(k int) bool { return slices.Contains(keys, k) })
}

// repairAlike suppresses cells until there is an example for every group. It reports whether it suppressed anything.
func (s *suppression) repairAlike() (bool, error) {
	repaired := false
	for i, atom := range s.alike.uniform {
		hide, err := s.alike.example(atom, s.alike.among[i])
		if err != nil {
			return false, err
		}
		for _, cell := range hide {
			s.fates[cell], repaired = enclave.Complement, true
		}
	}
	return repaired, nil
}

// example finds the example for a group that needs fewest subjects' cells hidden, and returns these: none if there is one as it is. It
// also returns none where all groups have the one value: nothing is published then that tells it.
func (a *alike) example(atom int, keys []int) ([]int, error) {
	var best []int
	least, found := int64(0), false
	for _, other := range a.atoms {
		if err := a.spend(len(a.cells)); err != nil {
			return nil, err
		}
		for _, exchange := range []bool{true, false} {
			hide, ok := a.needs(atom, other, keys, exchange)
			if !ok {
				continue
			}
			cost := int64(0)
			for _, cell := range hide {
				cost += a.cost(cell)
			}
			if !found || cost < least {
				best, least, found = hide, cost, true
			}
			if len(hide) == 0 {
				return nil, nil
			}
		}
	}
	return best, nil
}

// needs lists the published cells that would change if somebody in a group had the value of another atom, and, in an exchange, somebody
// in that atom the group's.
func (a *alike) needs(atom, other int, keys []int, exchange bool) (hide []int, ok bool) {
	mine, theirs := a.table.Cells[atom].Codes, a.table.Cells[other].Codes
	given, taken := slices.Clone(mine), slices.Clone(theirs)
	for _, k := range keys {
		given[k], taken[k] = theirs[k], mine[k]
	}
	if slices.Equal(given, mine) {
		return nil, false // the same value
	}
	for i, set := range a.table.Plan.Sets {
		from, to := set.Project(mine), set.Project(given)
		if from == to {
			continue // says nothing of the value
		}
		changed := []string{from, to}
		if exchange {
			back, forth := set.Project(theirs), set.Project(taken)
			if back == to {
				continue // in this margin they are in one cell
			}
			changed = append(changed, back, forth)
		}
		for _, codes := range changed {
			if cell, exists := a.cells[i][codes]; exists && a.published(cell) && !slices.Contains(hide, cell) {
				hide = append(hide, cell)
			}
		}
	}
	return hide, true
}
