package adversary

import (
	"math/rand/v2"
	"testing"
)

// On random small matrices the search finds the vector of fewest owners that brute force over small factors finds, or one of fewer.
func TestWordsAgainstBruteForce(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // seeded test data
	worse := 0
	for range 300 {
		rows, n := 2+random.IntN(3), 4+random.IntN(8)
		columns, owner := make([][]int, n), make([]int, n)
		for c := range columns {
			owner[c] = random.IntN(n)
			for r := range rows {
				if random.IntN(2) == 0 {
					columns[c] = append(columns[c], r)
				}
			}
		}
		least := n + 1
		factors := make([]int64, rows)
		each(rows, 4, func(v []int64) {
			for i := range v {
				factors[i] = v[i] - 2
			}
			owners := map[int]bool{}
			for c, ones := range columns {
				sum := int64(0)
				for _, r := range ones {
					sum += factors[r]
				}
				if sum != 0 {
					owners[owner[c]] = true
				}
			}
			if len(owners) > 0 {
				least = min(least, len(owners))
			}
		})
		best, _ := NewWords(rows, columns, owner).Search(random, 20, nil)
		found := n + 1
		if best != nil {
			found = len(best.Owners)
		}
		if found > least {
			worse++
		}
	}
	if worse > 3 {
		t.Errorf("the search missed the least of %d of 300 matrices", worse)
	}
}
