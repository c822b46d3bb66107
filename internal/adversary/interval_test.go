package adversary

import (
	"math"
	"math/rand/v2"
	"testing"
)

// On random small systems of whole numbers the interval holds every solution, and its ends are reached, up to what whole numbers add to them.
func TestIntervalAgainstBruteForce(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // seeded test data
	exact := 0
	for range 200 {
		n, most := 2+random.IntN(4), int64(1+random.IntN(3))
		s := &System{parts: make([]part, 1), columns: []int{0}, width: 2, beliefs: []belief{{mean: []float64{1, 0}, low: [][]float64{{0}}, high: [][]float64{{float64(most)}}}}}
		truth := make([]int64, n)
		for i := range truth {
			truth[i] = random.Int64N(most + 1)
			s.atoms = append(s.atoms, atom{rows: 1})
		}
		for range 1 + random.IntN(4) {
			var f fact
			sum := int64(0)
			for i := range truth {
				if random.IntN(2) == 0 {
					f.terms = append(f.terms, s.place(i, 0, 0))
					sum += truth[i]
				}
			}
			half := float64(random.IntN(2))
			f.low, f.high = float64(sum)-half, float64(sum)+half
			s.facts = append(s.facts, f)
		}
		low, high, err := s.Interval([]int{s.place(0, 0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		least, greatest := int64(math.MaxInt64), int64(math.MinInt64)
		each(n, most, func(v []int64) {
			for _, f := range s.facts {
				sum := 0.0
				for _, p := range f.terms {
					sum += float64(v[p/2])
				}
				if sum < f.low || sum > f.high {
					return
				}
			}
			least, greatest = min(least, v[0]), max(greatest, v[0])
		})
		if float64(least) < low-1e-4 || float64(greatest) > high+1e-4 {
			t.Fatalf("[%g, %g] does not hold %d to %d", low, high, least, greatest)
		}
		if math.Abs(low-float64(least)) < 1e-4 && math.Abs(high-float64(greatest)) < 1e-4 {
			exact++
		}
	}
	if exact < 180 {
		t.Errorf("only %d of 200 intervals are as narrow as can be", exact)
	}
}

// Sums over hundreds of random subsets are no matter for numbers that are rounded at every step.
func TestManySums(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // seeded test data
	const people, sums = 200, 150
	s := &System{parts: make([]part, 1), columns: []int{0}, width: 2, beliefs: []belief{{mean: []float64{1, 0.5}, low: [][]float64{{0}}, high: [][]float64{{1}}}}}
	truth, cost := make([]float64, people), map[int]float64{}
	for i := range truth {
		truth[i] = float64(random.IntN(2))
		s.atoms = append(s.atoms, atom{rows: 1})
		cost[s.place(i, 0, 0)] = random.Float64() - 0.5
	}
	for range sums {
		var f fact
		for i := range truth {
			if random.IntN(2) == 0 {
				f.terms = append(f.terms, s.place(i, 0, 0))
				f.low += truth[i]
			}
		}
		f.high = f.low
		s.facts = append(s.facts, f)
	}
	s.solver = s.program()
	least, err := s.solver.minimise(cost)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i := range truth {
		sum += cost[s.place(i, 0, 0)] * truth[i]
	}
	if least > sum+1e-4 {
		t.Errorf("the least is %g, and the truth is %g", least, sum)
	}
	for _, f := range s.facts {
		sum := 0.0
		for _, p := range f.terms {
			sum += s.solver.value[p]
		}
		if math.Abs(sum-f.low) > 1e-3 {
			t.Errorf("a sum of %g comes out as %g", f.low, sum)
		}
	}
}

func each(n int, most int64, visit func([]int64)) {
	v := make([]int64, n)
	for {
		visit(v)
		i := 0
		for ; i < n && v[i] == most; i++ {
			v[i] = 0
		}
		if i == n {
			return
		}
		v[i]++
	}
}
