package aggregate

import (
	"math/bits"

	"github.com/darkroom-project/darkroom/enclave"
)

// bounds are what a summed column may hold, and 0, which empty values count as.
type bounds struct{ low, high int64 }

func (b bounds) signed() bool { return b.low < 0 }

// bound finds the bounds of the summed columns and verifies what the plan promises: that no sum over so many rows can overflow, whatever
// values within the bounds are. So values are only compared with the bounds at the end, by their extremes.
func (l *layout) bound(rows int64) error {
	for _, column := range l.plan.Summed {
		low, high, err := l.plan.Dataset.Columns[column].Bounds()
		if err != nil {
			return enclave.Internalf("bounds of a summed column: %w", err)
		}
		largest := max(magnitude(low), magnitude(high))
		if over, product := bits.Mul64(largest, uint64(max(rows, 0))); over != 0 || product > 1<<63-1 {
			return enclave.Internalf("a sum of column %d could overflow: the plan should not have been made", column)
		}
		l.bounds = append(l.bounds, bounds{min(low, 0), max(high, 0)})
	}
	return nil
}

// magnitude is |v|, exact for every int64.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v) //nolint:gosec // two's complement negation is what is meant
	}
	return uint64(v)
}
