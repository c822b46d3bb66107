package enclave

import "fmt"

// A block is everybody that cells agree on but for keys of protected columns: all who are in the east, of a table of illnesses by district. (In
// Machanavajjhala et al. 2006, those who agree on the quasi-identifiers.) Which protected values of a block are published must not
// depend on what one person in it has.

// blocks numbers the blocks that cells are of, whichever set they stand in. It is nil if no key is of a protected column.
func (t *Table) blocks() []int32 {
	open, names, protected := make([]Set, len(t.Plan.Sets)), make([]string, len(t.Plan.Sets)), false
	for i, set := range t.Plan.Sets {
		for _, k := range set {
			if t.Plan.protectedBy(k) < 0 {
				open[i] = append(open[i], k)
			}
		}
		names[i] = fmt.Sprint(open[i])
		protected = protected || len(open[i]) < len(set)
	}
	if !protected {
		return nil
	}
	numbers, blocks := map[string]int32{}, make([]int32, len(t.Cells))
	for i := range t.Cells {
		set := t.Cells[i].Set
		name := names[set] + open[set].Project(t.Cells[i].Codes)
		number, met := numbers[name]
		if !met {
			number = int32(len(numbers)) //nolint:gosec // at most the number of cells
			numbers[name] = number
		}
		blocks[i] = number
	}
	return blocks
}

// Together are the cells that have to go since the audit names some, or blocks: never one protected value of a block without the others. Which of
// them is missing would tell what somebody has who is known to make the difference. A footprint that was read from a file, of a table that nobody
// can treat any more, has nothing to add to what was named.
func (f *Footprint) Together(cells, blocks []int32) []int32 {
	if f.Blocks == nil || f.table == nil {
		return append(cells, blocks...)
	}
	type within struct{ set, block int32 }
	gone, named := map[int32]bool{}, map[within]bool{}
	of := func(cell int32) within { return within{int32(f.table.Cells[cell].Set), f.blocks[cell]} } //nolint:gosec // few sets
	for _, block := range blocks {
		gone[block] = true
	}
	for _, cell := range cells {
		named[of(cell)] = true
	}
	var together []int32
	for cell := range int32(len(f.blocks)) { //nolint:gosec // at most MaxCells and their margins
		if gone[f.blocks[cell]] || named[of(cell)] {
			together = append(together, cell)
		}
	}
	return together
}
