package program

import (
	"cmp"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// maxPresented bounds what a table takes when it is presented. A guest returns few bytes for a position in an enumeration, whose label may be
// long.
const maxPresented = 64 << 20

// productOf checks and orders a table.
func productOf(plan *enclave.Plan, returned *enclave.Returned) (*enclave.Product, error) {
	declared := plan.Manifest.Output.Columns
	if len(returned.Columns) != len(declared) {
		return nil, enclave.Internalf("a table of %d columns, declared are %d", len(returned.Columns), len(declared))
	}
	out := &enclave.Product{Plan: plan, Rows: returned.Rows, Emitted: make([]int32, returned.Rows)}
	size := int64(0)
	for i := range declared {
		column, err := values(&declared[i], &returned.Columns[i])
		if err != nil {
			return nil, err
		}
		if size += presented(&declared[i], column); size > maxPresented {
			return nil, unexpected(&declared[i], "tables of at most 64 MiB with their labels")
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

// presented is how many bytes the values of a column take in an Arrow stream, but for what says which are empty.
func presented(declared *enclave.ManifestColumn, c *enclave.ProductColumn) int64 {
	const number, decimal, offset = 8, 16, 4
	switch declared.Type {
	case enclave.KindInt:
		return number * int64(len(c.Valid))
	case enclave.KindDecimal:
		return decimal * int64(len(c.Valid))
	case enclave.KindEnum, enclave.KindText:
	}
	size := offset * int64(len(c.Valid))
	for i, valid := range c.Valid {
		switch {
		case !valid:
		case c.Texts != nil:
			size += int64(len(c.Texts[i]))
		default:
			size += int64(len(declared.Values[c.Numbers[i]]))
		}
	}
	return size
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
