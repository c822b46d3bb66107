package measure

import (
	"encoding/binary"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// line is a relation of the table: the margin cell is the sum of the inner ones. Row counts and sums are additive in this way,
// distinct subjects are not.
type line struct {
	margin int
	inner  []int
	full   bool // the inner cells are those of the full table
}

// lines finds every relation between a cell of one grouping set and the cells of a finer one.
func lines(table *enclave.Table) []line {
	if table.Plan == nil {
		return nil
	}
	sets := table.Plan.Sets
	cells := make([][]int, len(sets))
	for i := range table.Cells {
		if c := &table.Cells[i]; c.Set >= 0 && c.Set < len(sets) {
			cells[c.Set] = append(cells[c.Set], i)
		}
	}
	var all []line
	for coarse, set := range sets {
		for fine, finer := range sets {
			if len(finer) <= len(set) || !contains(finer, set) {
				continue
			}
			first, byCodes := len(all), map[string]int{}
			for _, m := range cells[coarse] {
				byCodes[project(table.Cells[m].Codes, set)] = len(all)
				all = append(all, line{margin: m, full: len(finer) == len(table.Plan.Keys)})
			}
			for _, c := range cells[fine] {
				if at, ok := byCodes[project(table.Cells[c].Codes, set)]; ok {
					all[at].inner = append(all[at].inner, c)
				}
			}
			all = append(all[:first], slices.DeleteFunc(all[first:], func(l line) bool { return len(l.inner) == 0 })...)
		}
	}
	return all
}

func contains(set, of enclave.Set) bool {
	return !slices.ContainsFunc(of, func(key int) bool { return !slices.Contains(set, key) })
}

// project writes the codes of some keys as a map key.
func project(codes []int32, keys enclave.Set) string {
	text := make([]byte, 0, 4*len(keys))
	for _, k := range keys {
		code := enclave.Total
		if k >= 0 && k < len(codes) {
			code = codes[k]
		}
		text = binary.LittleEndian.AppendUint32(text, uint32(code)) //nolint:gosec // only compared
	}
	return string(text)
}
