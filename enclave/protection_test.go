package enclave_test

import (
	"math"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

func TestProtectionLevels(t *testing.T) {
	for _, c := range []struct {
		name                     string
		percent, step            int64
		subjects, rows, expected int64
	}{
		{"nothing is asked", 0, 5, 3, 3, 0},
		{"a count that is no secret", 20, 5, 10, 10, 0},
		{"up to the threshold", 20, 5, 3, 3, 7},
		{"at least a step of rounding", 20, 5, 9, 9, 5},
		{"at least one", 20, 1, 9, 4, 1},
		{"a share of the rows, rounded up", 20, 5, 9, 51, 11},
		{"a share of many rows", 100, 5, 9, math.MaxInt64, math.MaxInt64},
		{"not more than all", 1000, 5, 9, 60, 60},
		{"impossible rows", 20, 5, 9, -7, 5},
	} {
		p := enclave.Profile{Threshold: 10, IntervalPercent: c.percent, RoundCount: c.step}
		if got := p.Protection(&enclave.Cell{Subjects: c.subjects, Rows: c.rows}); got != c.expected {
			t.Errorf("%s: %d, want %d", c.name, got, c.expected)
		}
	}
}
