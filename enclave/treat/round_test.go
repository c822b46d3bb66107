package treat

import (
	"math"
	"testing"
)

func TestNearest(t *testing.T) {
	for _, c := range []struct{ v, unit, want int64 }{
		{0, 5, 0},
		{2, 5, 0},
		{3, 5, 5},
		{7, 5, 5},
		{8, 5, 10},
		{2, 4, 4},
		{6, 4, 8},
		{1, 4, 0}, // halves go up
		{-2, 4, -4},
		{-6, 4, -8},
		{-1, 4, 0},
		{-3, 5, -5}, // and away from zero
		{7, 1, 7},
		{math.MaxInt64, 1, math.MaxInt64},
		{math.MinInt64, 1, math.MinInt64},
		{math.MaxInt64 - 7, 10, math.MaxInt64 - 7},
	} {
		if got, err := nearest(c.v, c.unit); err != nil || got != c.want {
			t.Errorf("%d to %d: %d, %v, want %d", c.v, c.unit, got, err, c.want)
		}
	}
	for _, v := range []int64{math.MaxInt64, math.MinInt64} { // …807 and …808 both go beyond what a number can be
		if got, err := nearest(v, 10); err == nil {
			t.Errorf("%d became %d", v, got)
		}
	}
	if _, err := nearest(math.MaxInt64, 1<<62); err == nil {
		t.Error("an overflow passed")
	}
}

// Means have two more digits than sums; halves go to the even digit.
func TestMean(t *testing.T) {
	for _, c := range []struct {
		sum, rows int64
		want      string
	}{
		{1, 3, "33"},
		{2, 3, "67"},
		{-1, 3, "-33"},
		{-2, 3, "-67"},
		{0, 7, "0"},
		{1, 8, "12"},
		{3, 8, "38"},
		{-1, 8, "-12"},
		{-3, 8, "-38"}, // 12.5, 37.5
		{math.MaxInt64, 1, "922337203685477580700"},
		{math.MinInt64, 1, "-922337203685477580800"},
	} {
		if got, ok := mean(c.sum, c.rows); !ok || got.String() != c.want {
			t.Errorf("%d of %d: %v, want %s", c.sum, c.rows, got, c.want)
		}
	}
	if _, ok := mean(5, 0); ok {
		t.Error("a mean of no rows")
	}
}
