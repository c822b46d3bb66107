package measure

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
)

// comparisons is how many pairs of cells a measurement may look at for groups that are alike.
const comparisons = 20_000_000

// alike counts the groups of one cell of the full table, suppressed since it tells a protected value of all of them, of whom that
// follows nevertheless. It does not follow if there is another table with the same published cells in which somebody in the group has
// another value: alone, or in exchange with somebody in another cell. Such tables are tried one after the other, each as what it would
// take from every cell and add to it.
func alike(ctx context.Context, table *enclave.Table, published []bool, profile *enclave.Profile) (int64, error) {
	if table.Plan == nil || len(table.Plan.Sets) < 2 {
		return 0, nil
	}
	var full []int
	known := map[string]bool{} // published cells by set and codes
	for i := range table.Cells {
		c := &table.Cells[i]
		if c.Set < 0 || c.Set >= len(table.Plan.Sets) || len(c.Codes) != len(table.Plan.Keys) {
			return 0, nil // not a table that could be released: what is wrong with it shows elsewhere
		}
		if c.Set == 0 {
			full = append(full, i)
		}
		if published[i] {
			known[place(table.Plan, c.Set, c.Codes)] = true
		}
	}
	left, count := comparisons, int64(0)
	for _, rest := range table.Plan.Groups(table.Plan.Sets[0]) {
		sizes := map[string]int{}
		for _, i := range full {
			sizes[project(table.Cells[i].Codes, rest)]++
		}
		for _, i := range full {
			if published[i] || sizes[project(table.Cells[i].Codes, rest)] > 1 || profile.Telling(&table.Cells[i]) == 0 {
				continue
			}
			could, others := false, false
			for _, j := range full {
				if left--; left < 0 {
					return 0, enclave.Fail(enclave.Limit, "TABLE_TOO_INTRICATE")
				}
				changed, other := changes(table, i, j, rest)
				others = others || other
				if could = other && !(overlaps(changed[0], known) && overlaps(changed[1], known)); could {
					break
				}
			}
			if others && !could {
				count++
			}
			if err := ctx.Err(); err != nil {
				return 0, err
			}
		}
	}
	return count, nil
}

// changes are the cells that would have another number if somebody of one cell had the value of a second one, alone and in exchange;
// ok says that it has another value.
func changes(table *enclave.Table, one, two int, rest enclave.Set) (changed [2]map[string]int, ok bool) {
	a, b := table.Cells[one].Codes, table.Cells[two].Codes
	x, y := make([]int32, len(a)), make([]int32, len(a)) // a with the value of b, b with that of a
	copy(x, b)
	copy(y, a)
	for _, k := range rest {
		x[k], y[k] = a[k], b[k]
	}
	alone, both := map[string]int{}, map[string]int{}
	for set := range table.Plan.Sets {
		for codes, by := range map[*[]int32]int{&a: -1, &x: 1} {
			alone[place(table.Plan, set, *codes)] += by
			both[place(table.Plan, set, *codes)] += by
		}
		both[place(table.Plan, set, b)]--
		both[place(table.Plan, set, y)]++
	}
	return [2]map[string]int{alone, both}, alone[place(table.Plan, 0, a)] != 0
}

func overlaps(changed map[string]int, known map[string]bool) bool {
	for cell, by := range changed {
		if by != 0 && known[cell] {
			return true
		}
	}
	return false
}

// place names the cell of a set that codes belong to.
func place(plan *enclave.Plan, set int, codes []int32) string {
	return string(rune(set)) + project(codes, plan.Sets[set])
}
