package measure

import (
	"context"
	"slices"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// comparisons is how many tables a measurement may try for groups that are alike: some seconds.
const comparisons = 4_000_000

// alike counts the groups of one cell of the full table, suppressed since it tells a protected value of all of them, of whom that
// follows nevertheless. It does not follow if there is another table with the same published cells in which somebody in the group has
// another value: alone, or in exchange with somebody in another cell. Such tables are tried one after the other, each as what it would
// take from every cell and add to it.
func alike(ctx context.Context, table *enclave.Table, published []bool, profile *enclave.Profile) (int64, error) {
	if table.Plan == nil || len(table.Plan.Sets) < 2 {
		return 0, nil
	}
	w := &worlds{table: table, known: map[string]bool{}, left: comparisons}
	var full []int
	for i := range table.Cells {
		c := &table.Cells[i]
		if c.Set < 0 || c.Set >= len(table.Plan.Sets) || len(c.Codes) != len(table.Plan.Keys) {
			return 0, nil // not a table that could be released: what is wrong with it shows elsewhere
		}
		if c.Set == 0 {
			full = append(full, i)
		}
		if published[i] {
			w.known[place(table.Plan, c.Set, c.Codes)] = true
		}
	}
	count := int64(0)
	for _, w.rest = range table.Plan.Groups(table.Plan.Sets[0]) {
		members, met := map[string]int{}, map[string]bool{} // by group, and by protected value
		var someone, hidden []int                           // a cell of each protected value; the suppressed ones
		for _, i := range full {
			members[project(table.Cells[i].Codes, w.rest)]++
			if value := project(table.Cells[i].Codes, w.protected()); !met[value] {
				met[value], someone = true, append(someone, i)
			}
			if !published[i] {
				hidden = append(hidden, i)
			}
		}
		for _, i := range hidden {
			if members[project(table.Cells[i].Codes, w.rest)] > 1 || profile.Telling(&table.Cells[i]) == 0 || len(someone) == 1 {
				continue
			}
			could, err := w.could(ctx, i, someone, hidden)
			if err != nil {
				return 0, err
			}
			if !could {
				count++
			}
		}
	}
	return count, nil
}

// worlds are the tables that could be, going by what is published.
type worlds struct {
	table *enclave.Table
	known map[string]bool // published cells, by set and codes
	rest  enclave.Set     // the keys that are not of the protected column
	left  int
}

// could reports whether somebody of a hidden cell could have another value, of those that someone has.
func (w *worlds) could(ctx context.Context, cell int, someone, hidden []int) (bool, error) {
	for i, other := range slices.Concat(someone, hidden) {
		if w.left--; w.left < 0 {
			return false, enclave.Fail(enclave.Limit, "TABLE_TOO_INTRICATE")
		}
		if w.unseen(cell, other, i >= len(someone)) {
			return true, nil
		}
	}
	return false, ctx.Err()
}

// unseen reports whether no published cell would change if somebody of one cell had the value of another, and in an exchange somebody
// there that of the first. It is no change if that is the same.
func (w *worlds) unseen(one, two int, exchange bool) bool {
	a, b := w.table.Cells[one].Codes, w.table.Cells[two].Codes
	x, y := make([]int32, len(a)), make([]int32, len(a)) // a with the value of b, b with that of a
	copy(x, b)
	copy(y, a)
	for _, k := range w.rest {
		x[k], y[k] = a[k], b[k]
	}
	changed := map[string]int{}
	for set := range w.table.Plan.Sets {
		changed[place(w.table.Plan, set, a)]--
		changed[place(w.table.Plan, set, x)]++
		if exchange {
			changed[place(w.table.Plan, set, b)]--
			changed[place(w.table.Plan, set, y)]++
		}
	}
	for at, by := range changed {
		if by != 0 && w.known[at] {
			return false
		}
	}
	return changed[place(w.table.Plan, 0, a)] != 0
}

// protected are the keys that are not among the rest.
func (w *worlds) protected() enclave.Set {
	var keys enclave.Set
	for k := range w.table.Plan.Keys {
		if !contains(w.rest, enclave.Set{k}) {
			keys = append(keys, k)
		}
	}
	return keys
}

// place names the cell of a set that codes belong to.
func place(plan *enclave.Plan, set int, codes []int32) string {
	return strconv.Itoa(set) + ":" + project(codes, plan.Sets[set])
}
