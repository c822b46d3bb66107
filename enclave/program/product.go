package program

import (
	"cmp"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// productOf checks and orders a table.
func productOf(plan *enclave.Plan, returned *enclave.Returned) (*enclave.Product, error) {
	declared := plan.Manifest.Output.Columns
	if len(returned.Columns) != len(declared) {
		return nil, enclave.Internalf("a table of %d columns, declared are %d", len(returned.Columns), len(declared))
	}
	out := &enclave.Product{Plan: plan, Rows: returned.Rows, Emitted: make([]int32, returned.Rows)}
	for i := range declared {
		column, err := values(&declared[i], &returned.Columns[i])
		if err != nil {
			return nil, err
		}
		out.Columns = append(out.Columns, *column)
	}
	for i := range out.Emitted {
		out.Emitted[i] = int32(i)
	}
	slices.SortFunc(out.Emitted, func(a, b int32) int {
		for i := range out.Columns {
			if order := compare(&out.Columns[i], a, b); order != 0 {
				return order
			}
		}
		return cmp.Compare(a, b)
	})
	for i := range out.Columns {
		c := &out.Columns[i]
		c.Valid, c.Numbers, c.Texts = ordered(c.Valid, out.Emitted), ordered(c.Numbers, out.Emitted), ordered(c.Texts, out.Emitted)
	}
	return out, nil
}

// compare orders two values of a column: the empty one, which is 0 or "", first, then ascending; enumerations by position.
func compare(c *enclave.ProductColumn, a, b int32) int {
	switch {
	case c.Valid[a] != c.Valid[b]:
		if c.Valid[b] {
			return -1
		}
		return 1
	case c.Texts != nil:
		return cmp.Compare(c.Texts[a], c.Texts[b])
	}
	return cmp.Compare(c.Numbers[a], c.Numbers[b])
}

// ordered are the values at the positions; nil if there are none.
func ordered[T any](values []T, positions []int32) []T {
	if values == nil {
		return nil
	}
	out := make([]T, len(positions))
	for i, at := range positions {
		out[i] = values[at]
	}
	return out
}
