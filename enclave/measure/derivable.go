package measure

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// line is a relation of the table: the margin cell is the sum of the inner ones. Row counts and sums are additive in this way,
// distinct subjects are not.
type line struct {
	margin int
	inner  []int
}

// derivable counts what the published cells determine. The attacker is assumed to know exact values of all published cells and
// which cells have no rows: each suppressed cell is an unknown, each line an equation.
//
// Exact values: an unknown is determined exactly if it is 0 in every solution of the homogeneous system. Groups: where a margin is
// published, the sum of its line's suppressed cells is known; so they must have Threshold distinct subjects at least. How many they
// have together is not measured, since one subject can be in several cells; certain are the number of the largest of them, and the
// margin's less those of the published cells of the line. Where each subject is in one cell only, the latter is exact.
func derivable(table *enclave.Table, published []bool, threshold int64) int64 {
	var count int64
	unknown := make([]int, len(table.Cells))
	unknowns := 0
	for i := range unknown {
		unknown[i] = -1
		if !published[i] {
			unknown[i] = unknowns
			unknowns++
		}
	}
	if unknowns == 0 {
		return 0
	}
	var equations [][]term
	for _, l := range lines(table) {
		var equation []term
		if u := unknown[l.margin]; u >= 0 {
			equation = append(equation, term{u, prime - 1})
		}
		largest, certain := int64(0), table.Cells[l.margin].Subjects
		for _, c := range l.inner {
			if unknown[c] >= 0 {
				equation = append(equation, term{unknown[c], 1})
				largest = max(largest, table.Cells[c].Subjects)
			} else {
				certain -= table.Cells[c].Subjects
			}
		}
		if published[l.margin] && len(equation) > 1 && max(largest, certain) < threshold {
			count++
		}
		if len(equation) > 0 {
			equations = append(equations, equation)
		}
	}
	return count + determined(unknowns, equations)
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
				all = append(all, line{margin: m})
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

// term is an unknown with its coefficient.
type term struct {
	unknown     int
	coefficient uint64
}

// determined counts the unknowns that are 0 in every solution of the homogeneous system. It brings the equations to echelon form
// modulo a prime, draws one solution with arbitrary values for the free unknowns and counts its zeros. An unknown that is determined
// is always 0 there; one that is not is 0 by accident with probability 1/prime, which would only be an error on the safe side.
// Working modulo a prime instead of with fractions could matter only if the prime divided a minor of these equations of 0 and ±1.
func determined(unknowns int, equations [][]term) int64 {
	// Unknowns of few equations come first and become pivots: they spoil few others.
	degree := make([]int, unknowns)
	for _, e := range equations {
		for _, t := range e {
			degree[t.unknown]++
		}
	}
	order := make([]int, unknowns)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(degree[a], degree[b]) })
	rank := make([]int, unknowns)
	for at, u := range order {
		rank[u] = at
	}
	for _, e := range equations {
		for i := range e {
			e[i].unknown = rank[e[i].unknown]
		}
		slices.SortFunc(e, func(a, b term) int { return cmp.Compare(a.unknown, b.unknown) })
	}
	slices.SortStableFunc(equations, func(a, b []term) int { return cmp.Compare(len(a), len(b)) })
	pivots := make([][]term, unknowns) // by leading unknown, whose coefficient is 1
	for _, e := range equations {
		for len(e) > 0 && pivots[e[0].unknown] != nil {
			e = minus(e, e[0].coefficient, pivots[e[0].unknown])
		}
		if len(e) > 0 {
			inverse := invert(e[0].coefficient)
			for i := range e {
				e[i].coefficient = multiply(e[i].coefficient, inverse)
			}
			pivots[e[0].unknown] = e
		}
	}
	var count int64
	solution := make([]uint64, unknowns)
	for u := unknowns - 1; u >= 0; u-- {
		if pivots[u] == nil {
			solution[u] = arbitrary(uint64(u))
			continue
		}
		for _, t := range pivots[u][1:] {
			solution[u] = subtract(solution[u], multiply(t.coefficient, solution[t.unknown]))
		}
		if solution[u] == 0 {
			count++
		}
	}
	return count
}

// minus is a − factor·b, both ordered by unknown.
func minus(a []term, factor uint64, b []term) []term {
	result := make([]term, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].unknown < b[0].unknown:
			result = append(result, a[0])
			a = a[1:]
		case len(a) == 0 || b[0].unknown < a[0].unknown:
			result = append(result, term{b[0].unknown, subtract(0, multiply(factor, b[0].coefficient))})
			b = b[1:]
		default:
			if c := subtract(a[0].coefficient, multiply(factor, b[0].coefficient)); c != 0 {
				result = append(result, term{a[0].unknown, c})
			}
			a, b = a[1:], b[1:]
		}
	}
	return result
}
