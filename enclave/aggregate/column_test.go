package aggregate

import (
	"math"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// Both ways of counting cuts agree with the definition, at every border and at the ends of what numbers and codes can be.
func TestCut(t *testing.T) {
	values := []int64{math.MinInt64, -5, -1, 0, 1, 2, 3, 4, 5, 6, 7, 19, 20, 21, 40, math.MaxInt64}
	var spread, dense []int64
	for i := range int64(30) {
		spread = append(spread, 2*i)
		dense = append(dense, i-3)
	}
	for _, cuts := range [][]int64{
		{}, {0}, {1, 2}, {0, 2, 5}, dense, spread, {math.MinInt64 + 1, math.MinInt64 + 2}, {math.MaxInt64 - 1, math.MaxInt64}, {math.MinInt64, math.MinInt64 + 1}, {math.MinInt64, math.MaxInt64},
	} {
		for _, low := range []int64{math.MinInt64, -5, 0, 3} {
			var inside []int64
			var wide []uint64
			var narrow []uint8
			for _, v := range values {
				if v >= low {
					inside, wide = append(inside, v), append(wide, uint64(v)-uint64(low)) //nolint:gosec // numbers of a test
				}
			}
			for _, code := range wide {
				if code <= math.MaxUint8 {
					narrow = append(narrow, uint8(code))
				}
			}
			codes := make([]int32, len(wide))
			cut(cutsAbove(cuts, low), narrow, codes[:len(narrow)])
			first := slices.Clone(codes[:len(narrow)])
			cut(cutsAbove(cuts, low), wide, codes)
			for i, v := range inside {
				want := int32(0)
				for _, c := range cuts {
					if c <= v {
						want++
					}
				}
				if codes[i] != want || i < len(first) && wide[i] == uint64(narrow[i]) && first[i] != want {
					t.Errorf("%d among %d from %d on: %d, want %d", v, cuts, low, codes[i], want)
				}
			}
		}
	}
}

func TestGuestCodes(t *testing.T) {
	key := &enclave.Key{Name: "year", Labels: make([]string, 3), Offset: 2020}
	codes := make([]int32, 4)
	if err := guestCodes(key, []int32{2020, 2022, -1, 2021}, codes); err != nil || !slices.Equal(codes, []int32{0, 2, -1, 1}) {
		t.Error(codes, err)
	}
	for _, c := range []int32{2019, 2023, 0, -2, math.MinInt32, math.MaxInt32} {
		if guestCodes(key, []int32{2020, c, 2021, -1}, codes) == nil {
			t.Errorf("%d passed", c)
		}
	}
}

// Whatever the other keys say, a row that one drops, or all do, has a negative number.
func TestDroppedRowsStayDropped(t *testing.T) {
	for drops := range enclave.MaxKeys + 1 {
		numbers := []int32{enclave.MaxCells - 1}
		for k := range enclave.MaxKeys {
			code := int32(0)
			if k < drops {
				code = dropped
			}
			digits(numbers, []int32{code}, 1<<k)
		}
		if (numbers[0] < 0) != (drops > 0) {
			t.Errorf("%d keys drop the row: %d", drops, numbers[0])
		}
	}
}

func TestMissingAcrossBytes(t *testing.T) {
	codes := make([]int32, 19)
	missing(7, []byte{0xff, 0b0111_1111, 0b0000_0011}, codes)
	for i, c := range codes {
		if (c == 7) != (i == 15 || i == 18) {
			t.Errorf("row %d: %d", i, c)
		}
	}
}
