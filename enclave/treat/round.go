package treat

import (
	"math"
	"math/big"

	"github.com/darkroom-project/darkroom/enclave"
)

// rounding is a profile's units in stored form.
type rounding struct {
	count int64
	sums  []int64 // by Plan.Summed: RoundSum whole units of the column
}

// newRounding works the units out. A unit of 0 in the profile leaves the numbers as they are.
func newRounding(plan *enclave.Plan, profile *enclave.Profile) (rounding, error) {
	if profile.RoundCount < 0 || profile.RoundSum < 0 {
		return rounding{}, enclave.Internalf("profile %s rounds to a negative unit", profile.Name)
	}
	r := rounding{count: max(profile.RoundCount, 1)}
	for _, column := range plan.Summed {
		unit := profile.RoundSum
		for range plan.Dataset.Columns[column].Scale {
			if unit > math.MaxInt64/10 {
				return rounding{}, enclave.Internalf("profile %s rounds sums to a unit beyond any sum", profile.Name)
			}
			unit *= 10
		}
		r.sums = append(r.sums, max(unit, 1))
	}
	return r, nil
}

// nearest is the multiple of unit that is nearest to v. Halves go away from zero, so for counts up.
func nearest(v, unit int64) (int64, error) {
	rest := v % unit
	rounded := v - rest
	switch {
	case rest >= unit-rest && rest > 0:
		if rounded > math.MaxInt64-unit {
			return 0, enclave.Internalf("a rounded number overflows")
		}
		return rounded + unit, nil
	case -rest >= unit+rest && rest < 0:
		if rounded < math.MinInt64+unit {
			return 0, enclave.Internalf("a rounded number overflows")
		}
		return rounded - unit, nil
	}
	return rounded, nil
}

// meanDigits is how many more digits after the point a mean has than its column.
const meanDigits = 2

// mean divides a treated sum by a treated number of rows, to meanDigits more digits, halves to the even neighbour. It is computed
// from nothing else, so that it does not undo rounding. There is none of no rows.
func mean(sum, rows int64) (*big.Int, bool) {
	if rows <= 0 {
		return nil, false
	}
	dividend, divisor := new(big.Int).Mul(big.NewInt(sum), big.NewInt(100)), big.NewInt(rows)
	quotient, rest := new(big.Int).DivMod(dividend, divisor, new(big.Int)) // rest is not negative
	twice := rest.Lsh(rest, 1)
	if c := twice.Cmp(divisor); c > 0 || c == 0 && quotient.Bit(0) == 1 {
		quotient.Add(quotient, big.NewInt(1))
	}
	return quotient, true
}
