package e2e_test

import (
	"fmt"
	"math/big"
	"slices"
	"testing"
)

// relation says that a margin's cell is the sum of finer ones.
type relation struct {
	margin *cell
	inner  []*cell
}

// relations finds all of them, between every pair of grouping sets.
func relations(cells map[string]*cell) []relation {
	var all []relation
	for _, margin := range cells {
		bySet := map[string][]*cell{}
		for _, c := range cells {
			finer, equal := true, true
			for i := range c.inSet {
				finer = finer && (c.inSet[i] || !margin.inSet[i]) && (!margin.inSet[i] || c.labels[i] == margin.labels[i])
				equal = equal && c.inSet[i] == margin.inSet[i]
			}
			if finer && !equal {
				bySet[setName(c)] = append(bySet[setName(c)], c)
			}
		}
		for _, inner := range bySet {
			all = append(all, relation{margin, inner})
		}
	}
	return all
}

func setName(c *cell) string {
	name := make([]byte, len(c.inSet))
	for i, in := range c.inSet {
		if in {
			name[i] = 1
		}
	}
	return string(name)
}

// determined are the absent cells whose values the published ones fix: those that are 0 in every solution of the homogeneous system.
// It is Gauss and Jordan's elimination with fractions, over all cells that have rows.
func determined(cells map[string]*cell, absent []*cell) []*cell {
	unknown := map[*cell]int{}
	for i, c := range absent {
		unknown[c] = i
	}
	var matrix [][]*big.Rat
	for _, r := range relations(cells) {
		line := make([]*big.Rat, len(absent))
		used := false
		for _, c := range append([]*cell{r.margin}, r.inner...) {
			if i, isUnknown := unknown[c]; isUnknown {
				line[i], used = big.NewRat(1, 1), true
				if c == r.margin {
					line[i].Neg(line[i])
				}
			}
		}
		if used {
			matrix = append(matrix, line)
		}
	}
	var fixed []*cell
	top := 0
	pivots := map[int]int{} // row → column
	for column := range absent {
		at := slices.IndexFunc(matrix[top:], func(line []*big.Rat) bool { return line[column] != nil })
		if at < 0 {
			continue
		}
		matrix[top], matrix[top+at] = matrix[top+at], matrix[top]
		eliminate(matrix, top, column)
		pivots[top] = column
		if top++; top == len(matrix) {
			break
		}
	}
	for row, column := range pivots {
		alone := true
		for i, v := range matrix[row] {
			alone = alone && (v == nil || i == column)
		}
		if alone {
			fixed = append(fixed, absent[column])
		}
	}
	return fixed
}

// eliminate takes multiples of a row from all others, so that a column is left in it alone. Zeros are nil.
func eliminate(matrix [][]*big.Rat, top, column int) {
	inverse := new(big.Rat).Inv(matrix[top][column])
	for _, v := range matrix[top] {
		if v != nil {
			v.Mul(v, inverse)
		}
	}
	for row, line := range matrix {
		if row == top || line[column] == nil {
			continue
		}
		factor := new(big.Rat).Set(line[column])
		for i, v := range matrix[top] {
			if v == nil {
				continue
			}
			take := new(big.Rat).Mul(factor, v)
			if line[i] == nil {
				line[i] = take.Neg(take)
			} else {
				line[i].Sub(line[i], take)
			}
			if line[i].Sign() == 0 {
				line[i] = nil
			}
		}
	}
}

// leaks is what follows from a table in which these cells are absent: single ones that can be computed, and, where a margin is published,
// sets of its parts that are not and that are no safer together than a cell.
func (q *question) leaks(cells map[string]*cell, n numbers, absent []*cell) (found []string) {
	for _, c := range determined(cells, absent) {
		found = append(found, c.id()+" can be computed")
	}
	hidden := map[*cell]bool{}
	for _, c := range absent {
		hidden[c] = true
	}
	known := map[string]int64{}
	for id, c := range cells {
		if !hidden[c] {
			known[id] = c.rows
		}
	}
	found = append(found, q.told(cells, known)...)
	for _, r := range relations(cells) {
		var missing []*cell
		for _, c := range r.inner {
			if hidden[c] {
				missing = append(missing, c)
			}
		}
		if len(missing) == 0 || hidden[r.margin] {
			continue
		}
		if broken := n.unsafe(q, missing...); len(broken) > 0 {
			found = append(found, fmt.Sprintf("%s less its published parts leaves %d cells that break %v together", r.margin.id(), len(missing), broken))
		}
	}
	return found
}

// checkNothingFollows is for tables with margins. It insists that to leave out the unsafe cells alone would not have done.
func (q *question) checkNothingFollows(t *testing.T, cells map[string]*cell, n numbers, absent []*cell) {
	t.Helper()
	for _, leak := range q.leaks(cells, n, absent) {
		t.Error(leak)
	}
	var primary []*cell
	for _, c := range cells {
		if len(n.unsafe(q, c)) > 0 {
			primary = append(primary, c)
		}
	}
	t.Logf("%d of them for themselves", len(primary))
	if len(q.leaks(cells, n, primary)) == 0 {
		t.Errorf("the %d unsafe cells need no others to hide them, so this table tests nothing", len(primary))
	}
}
