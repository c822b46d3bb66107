package lab

import (
	"math/big"

	"github.com/darkroom-project/darkroom/enclave"
)

// Release is a released table as text, as a client of the enclave reads it: a header of keys and measures, and rows.
type Release struct {
	Header []string
	Rows   [][]string
}

// release is what a table says once it is treated. It is written from the fates and not read from the output's bytes, since a lab may
// publish more than treatment would; the test beside this file holds it against the bytes.
func release(table *enclave.Table, fates []enclave.Fate, profile *enclave.Profile) *Release {
	plan, r := table.Plan, &Release{}
	for i := range plan.Keys {
		r.Header = append(r.Header, plan.Keys[i].Name)
	}
	for _, m := range plan.Measures {
		r.Header = append(r.Header, m.Name)
	}
	for i := range table.Cells {
		if fates[i] != enclave.Published {
			continue
		}
		cell := &table.Cells[i]
		var row []string
		for k, code := range cell.Codes {
			label := enclave.LabelTotal
			if code != enclave.Total {
				label = plan.Keys[k].Labels[code]
			}
			row = append(row, label)
		}
		for _, m := range plan.Measures {
			row = append(row, value(plan, m, cell, profile))
		}
		r.Rows = append(r.Rows, row)
	}
	return r
}

func value(plan *enclave.Plan, m enclave.PlannedMeasure, cell *enclave.Cell, profile *enclave.Profile) string {
	rows := Round(cell.Rows, profile.RoundCount)
	switch m.Op {
	case enclave.Count:
		return enclave.FormatDecimal(rows, 0)
	case enclave.Subjects:
		return enclave.FormatDecimal(Round(cell.Subjects, profile.RoundCount), 0)
	case enclave.Sum, enclave.Mean:
	}
	scale := plan.Dataset.Columns[plan.Summed[m.Sum]].Scale
	unit := profile.RoundSum
	for range scale {
		unit *= 10
	}
	sum := Round(cell.Sums[m.Sum].Sum, unit)
	if m.Op == enclave.Sum {
		return enclave.FormatDecimal(sum, scale)
	}
	if rows == 0 {
		return ""
	}
	// Halves to even, which FloatString does not do; two digits more than the column.
	twice := new(big.Int).Mul(big.NewInt(sum), big.NewInt(200))
	quotient, rest := new(big.Int).DivMod(new(big.Int).Add(twice, big.NewInt(rows)), big.NewInt(2*rows), new(big.Int))
	if rest.Sign() == 0 && quotient.Bit(0) == 1 {
		quotient.Sub(quotient, big.NewInt(1))
	}
	return enclave.FormatDecimal(quotient.Int64(), scale+2)
}

// Round is the multiple of unit that is nearest, halves away from zero.
func Round(v, unit int64) int64 {
	if unit <= 1 {
		return v
	}
	half := unit / 2
	if v < 0 {
		return -Round(-v, unit)
	}
	if rest := v % unit; rest > half || rest*2 == unit {
		return v - rest + unit
	}
	return v - v%unit
}
