package measure

import "github.com/darkroom-project/darkroom/enclave"

// bounded counts the suppressed cells below the threshold of which it is not shown that they could have as many more rows and subjects as
// the profile asks. A witness shows it if it takes no cell's last row, changes no published cell, and gives the cell enough. It need not be
// trusted: who made it up is of no matter.
func bounded(treated *enclave.Treated, published []bool, profile *enclave.Profile) int64 {
	table := treated.Table
	if table.Plan == nil {
		return 0
	}
	need, unshown := map[int]int64{}, int64(0)
	for i := range table.Cells {
		if level := profile.Protection(&table.Cells[i]); level > 0 && !published[i] {
			need[i] = level
			unshown++
		}
	}
	if unshown == 0 {
		return 0
	}
	margins := make([][]int, len(table.Cells)) // of each cell of the full table, itself first
	for i := range table.Cells {
		if table.Cells[i].Set == 0 {
			margins[i] = []int{i}
		}
	}
	for _, l := range lines(table) {
		if !l.full {
			continue
		}
		for _, c := range l.inner {
			if margins[c] != nil {
				margins[c] = append(margins[c], l.margin)
			}
		}
	}
	for _, w := range treated.Witnesses {
		if level, asked := need[w.Cell]; asked && more(table, &w, margins, published) >= level {
			delete(need, w.Cell)
			unshown--
		}
	}
	return unshown
}

// more is how many more rows and subjects a cell has in a witness; nothing if that is no table that could be behind what is published.
func more(table *enclave.Table, w *enclave.Witness, margins [][]int, published []bool) int64 {
	by := map[int]int64{}
	for _, c := range w.Changes {
		if c.Cell < 0 || c.Cell >= len(margins) || margins[c.Cell] == nil {
			return 0
		}
		for _, m := range margins[c.Cell] {
			by[m] = plus(by[m], c.By)
		}
	}
	for cell, change := range by {
		if published[cell] && change != 0 {
			return 0
		}
		if table.Cells[cell].Set == 0 && plus(min(table.Cells[cell].Rows, table.Cells[cell].Subjects), change) < 1 {
			return 0
		}
	}
	return by[w.Cell]
}
