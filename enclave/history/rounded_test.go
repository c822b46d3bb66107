package history_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/darkroom-project/darkroom/enclave/history"
)

// Tables whose only telling sums have weights that rounded numbers cannot hold: nobody is believed not to be told of.
func TestAlikeBeyondRoundedNumbers(t *testing.T) {
	for name, c := range map[string]struct {
		shape   func(s *shape, cells int32) (told int)
		right   int32   // of so many cells it is right
		decides []int32 // of so many it may be undecided
	}{
		"growing": {growing, 20, []int32{60, 400, 1400}},
		"nearly":  {nearlyOpposite, 30, []int32{46, 52, 60}},
		"pivots":  {growingPivots, 31, []int32{53, 55, 61, 77}},
	} {
		for _, cells := range append(c.decides, c.right) {
			s := &shape{Secret: history.Secret{High: 2, Summed: []bool{true}}}
			told := c.shape(s, cells)
			a := start(t, history.Sums, each(len(s.Values)), some)
			a.TryWhole(1 << 30)
			result := try(t, a, &s.Release)
			if result.Refused || len(result.Suppressed) > 0 {
				t.Fatalf("%s, %d cells: %+v", name, cells, result)
			}
			alike, err := result.Alike(t.Context(), &s.Secret)
			if err != nil || alike.People < told || cells == c.right && alike.People != told {
				t.Errorf("%s, %d cells: %+v, %v, of %d", name, cells, alike, err, told)
			}
		}
	}
}

// What was told of some people to a millionth, by a first table, was not told: a second one of just these tells it.
func TestAlikeOfWhatWasNearlyTold(t *testing.T) {
	for _, cells := range []int32{41, 45, 52, 63, 69} {
		s := &shape{Secret: history.Secret{High: 1e9, Summed: []bool{true}}}
		first, people := nearlyTold(s, cells)
		a := start(t, history.Sums, each(len(s.Values)), some)
		a.TryWhole(1 << 30)
		result := try(t, a, &s.Release)
		alike, err := result.Alike(t.Context(), &s.Secret)
		if err != nil || result.Refused || len(result.Suppressed) > 0 || alike.People > 0 {
			t.Fatalf("%d cells: %+v, %v", cells, alike, err)
		}
		if err := a.Accept(result); err != nil {
			t.Fatal(err)
		}
		s.Summed = []bool{true, true}
		result = try(t, a, filtered(len(s.Values), func(row int) bool { return row >= first && row < first+people }))
		if alike, err := result.Alike(t.Context(), &s.Secret); err != nil || result.Refused || alike.People != people || alike.Undecided {
			t.Errorf("%d cells: %+v, %v, of %d", cells, alike, err, people)
		}
	}
}

// shape is a table of sums of a column of 0 to 2.
type shape struct {
	history.Release
	history.Secret
}

// some are enough people for any cell.
const some = 5

// add has people have a value, who are in these cells. Those of value 1 can have more or less.
func (s *shape) add(people int, value int64, cells ...int32) {
	for range people {
		s.Cells = append(s.Cells, int32(len(s.Published))) //nolint:gosec // a few
		s.Values = append(s.Values, value)
	}
	s.Published = append(s.Published, cells)
}

// growing has a few people who have 0 in a cell: whatever makes up for them has to make up for more in the next cell, and so on, so weights grow with each cell.
func growing(s *shape, cells int32) (told int) {
	s.add(some, 0, 0)
	s.add(some, 1, 0, 1)
	s.add(some, 1, 1, 2)
	for cell := range cells - 4 {
		s.add(some, 1, cell, cell+2, cell+3)
	}
	s.add(20*some, 1, cells-4, cells-2, cells-1)
	return some
}

// nearlyTold has two chains of cells, in which weights fall from 1 to some 10⁻⁷. Few people have less than a millionth of what those have of whom the second table is, who are many and at the
// top of the first chain; and they are only met once there are weights for the others.
func nearlyTold(s *shape, cells int32) (first, people int) {
	weights := []float64{1, -1, 0}
	for c := range cells - 3 {
		weights = append(weights, -weights[c]-weights[c+2])
	}
	near := func(want float64) (cell int32) { // of such a weight, in parts of the last one's
		least := math.Inf(1)
		for c, weight := range weights {
			if of := weight / weights[cells-1] / want; of > 0 && math.Abs(math.Log(of)) < least {
				cell, least = int32(c), math.Abs(math.Log(of))
			}
		}
		return cell
	}
	top, second := cells-1, func(want float64) int32 { return cells + near(want) }
	for _, few := range [][]int32{{near(-3.5e-7)}, {near(-0.9e-6)}, {second(3e-6)}, {second(-1.6e-6)}, {second(-0.68), second(-0.318)}} {
		s.add(some, 0, append(few, top)...)
	}
	s.add(some, 0, second(1), near(0.466))
	first, people = len(s.Cells), 200
	s.add(people, 0, top)
	s.add(some, 0, near(-3.5e-7))
	s.add(some, 0, near(-0.9e-6), second(3e-6))
	s.add(some, 0, second(-1.6e-6))
	for _, begin := range []int32{0, cells} {
		s.add(some, 1, begin, begin+1)
		s.add(some, 1, begin+1, begin+2, begin)
		for c := range cells - 3 {
			people := some
			if c == cells-4 && begin > 0 {
				people = 300 // who alone can lower the sum
			}
			s.add(people, 1, begin+c, begin+c+2, begin+c+3)
		}
	}
	return first, people
}

// nearlyOpposite leaves two weights free, by which two cells are opposite but for one in the square of weights that grow with each cell.
func nearlyOpposite(s *shape, cells int32) (told int) {
	free := [2][]float64{{1, 0}, {0, 1}}
	for cell := int32(2); cell < cells; cell++ {
		in := []int32{cell}
		for other := cell - 1; other >= 0; other -= 2 {
			in = append(in, other)
		}
		s.add(some, 1, in...)
		for i := range free {
			sum := 0.0
			for _, other := range in[1:] {
				sum -= free[i][other]
			}
			free[i] = append(free[i], sum)
		}
	}
	s.add(some, 0, cells-1)
	same := free[0][cells-1]*free[0][cells-2] + free[1][cells-1]*free[1][cells-2]
	s.add(some, int64(1+sign(same)), cells-2)
	return 2 * some
}

// growingPivots is well conditioned, and yet numbers grow with each cell where it is solved by elimination. In each cell there are many people of whom the one sum tells that it leaves.
func growingPivots(s *shape, cells int32) (told int) {
	n, r := int(cells)-1, random(1)
	own, all := make([]*big.Int, n), make([]*big.Int, n) // weights are all − own·weight[n−1]
	for i := range n {
		own[i], all[i] = new(big.Int), new(big.Int)
		var in []int32
		for j := i - 1; j >= 0; j -= 2 {
			if j < n-1 {
				in = append(in, int32(j))
			}
			own[i].Sub(own[i], own[j])
			all[i].Sub(all[i], all[j])
		}
		if i < n-1 {
			in = append(in, int32(i))
		}
		if i%2 == 0 || i == n-1 {
			in = append(in, int32(n-1)) //nolint:gosec // a few
			own[i].Add(own[i], big.NewInt(1))
		}
		if r.IntN(2) == 0 {
			in = append(in, int32(n)) //nolint:gosec // a few
			all[i].Add(all[i], big.NewInt(1))
		}
		s.add(some, 1, in...)
	}
	last := new(big.Rat).SetFrac(all[n-1], own[n-1])
	for i := range n + 1 {
		weight := big.NewRat(-1, 1)
		switch {
		case i < n-1:
			weight.Sub(new(big.Rat).SetInt(all[i]), new(big.Rat).Mul(new(big.Rat).SetInt(own[i]), last))
		case i == n-1:
			weight = last
		}
		people := 400 + 2*i
		if i < 2 {
			people = 5 + 25*i
		}
		s.add(people, int64(1+weight.Sign()), int32(i))
		if weight.Sign() != 0 {
			told += people
		}
	}
	return told
}

func sign(x float64) int {
	if x < 0 {
		return -1
	}
	return 1
}
