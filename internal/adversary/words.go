package adversary

import (
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Words looks for what a matrix determines about few: it finds vectors of the row space that are not zero in the columns of few owners. The method is
// Prange's (information set decoding, 1962): in a basis that is zero in many columns but for one each, vectors are of low weight by chance, and
// other columns are tried again and again. It finds what there is with some probability, never what there is not, but for one in 2^60.
type Words struct {
	rows   [][]uint64 // of the matrix, over classes of equal columns
	owners [][]int    // of each class
	class  []int      // of each column
	count  int        // of owners
}

// Word is a vector of the row space.
type Word struct {
	Owners  []int   // whose columns it is not zero in
	Classes []int   // which these are
	Factors []int64 // in each of these, if they are small whole numbers
}

// prime is 2^61 − 1.
const prime = 1<<61 - 1

func mulMod(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	sum := low&prime + (low>>61 | high<<3)
	if sum >= prime {
		sum -= prime
	}
	return sum
}

func subMod(a, b uint64) uint64 {
	if a >= b {
		return a - b
	}
	return a + prime - b
}

func invMod(a uint64) uint64 {
	result, power := uint64(1), a
	for e := uint64(prime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			result = mulMod(result, power)
		}
		power = mulMod(power, power)
	}
	return result
}

// NewWords takes a matrix by its columns: which rows each column has a one in, and whose it is.
func NewWords(rows int, columns [][]int, owner []int) *Words {
	w := &Words{}
	classes := map[string]int{}
	var members []map[int]bool
	for c, ones := range columns {
		if len(ones) == 0 {
			w.class = append(w.class, -1)
			continue
		}
		ones = slices.Clone(ones)
		slices.Sort(ones)
		name := make([]byte, 0, 4*len(ones))
		for _, r := range ones {
			name = append(name, byte(r), byte(r>>8), byte(r>>16)) //nolint:gosec // the number's bytes
		}
		at, there := classes[string(name)]
		if !there {
			at = len(members)
			classes[string(name)] = at
			members = append(members, map[int]bool{})
			for len(w.rows) < rows {
				w.rows = append(w.rows, nil)
			}
			for r := range w.rows {
				w.rows[r] = append(w.rows[r], 0)
			}
			for _, r := range ones {
				w.rows[r][at] = 1
			}
		}
		w.class = append(w.class, at)
		members[at][owner[c]] = true
		w.count = max(w.count, owner[c]+1)
	}
	for _, m := range members {
		var list []int
		for o := range m {
			list = append(list, o)
		}
		slices.Sort(list)
		w.owners = append(w.owners, list)
	}
	return w
}

// Classes is how many different columns there are.
func (w *Words) Classes() int { return len(w.owners) }

// Search tries so many bases and returns the vector of fewest owners that it met, and the rank. It visits every vector that it met besides. Nil
// if there is none.
func (w *Words) Search(random *rand.Rand, tries int, visit func(*Word)) (best *Word, rank int) {
	classes := len(w.owners)
	if classes == 0 {
		return nil, 0
	}
	seen := make([]bool, w.count)
	offer := func(v []uint64) {
		word := w.word(v, seen)
		if visit != nil {
			visit(word)
		}
		if len(word.Owners) > 0 && (best == nil || len(word.Owners) < len(best.Owners)) {
			best = word
		}
	}
	basis := make([][]uint64, len(w.rows))
	for i := range basis {
		basis[i] = slices.Clone(w.rows[i])
	}
	for try := range tries {
		order := random.Perm(classes)
		if try%2 == 0 { // heavy classes are pivots, so that most vectors are zero there
			slices.SortStableFunc(order, func(a, b int) int { return len(w.owners[b]) - len(w.owners[a]) })
			for i := range order { // nearly
				if j := i + random.IntN(4); j < classes {
					order[i], order[j] = order[j], order[i]
				}
			}
		}
		rank = reduce(basis, order)
		basis = basis[:rank]
		for i := range basis {
			offer(basis[i])
		}
		pairs := min(rank*(rank-1)/2, 400)
		for range pairs {
			i, j := random.IntN(rank), random.IntN(rank)
			if i != j {
				if v := w.cancel(basis[i], basis[j]); v != nil {
					offer(v)
				}
			}
		}
	}
	return best, rank
}

// reduce brings rows into reduced echelon form, with pivots in the order of columns, and returns how many are left.
func reduce(rows [][]uint64, order []int) int {
	done := 0
	for _, c := range order {
		at := slices.IndexFunc(rows[done:], func(r []uint64) bool { return r[c] != 0 })
		if at < 0 {
			continue
		}
		rows[done], rows[done+at] = rows[done+at], rows[done]
		top := rows[done]
		if scale := top[c]; scale != 1 {
			scale = invMod(scale)
			for i, v := range top {
				if v != 0 {
					top[i] = mulMod(v, scale)
				}
			}
		}
		for i, r := range rows {
			if factor := r[c]; i != done && factor != 0 {
				for j, v := range top {
					if v != 0 {
						r[j] = subMod(r[j], mulMod(factor, v))
					}
				}
			}
		}
		if done++; done == len(rows) {
			break
		}
	}
	return done
}

// cancel combines two vectors by the factor that makes most owners' columns zero.
func (w *Words) cancel(a, b []uint64) []uint64 {
	ratios := map[uint64]int{}
	best, most := uint64(0), 0
	for c := range a {
		if a[c] != 0 && b[c] != 0 {
			ratio := a[c]
			if b[c] != 1 {
				ratio = mulMod(a[c], invMod(b[c]))
			}
			if ratios[ratio] += len(w.owners[c]); ratios[ratio] > most {
				best, most = ratio, ratios[ratio]
			}
		}
	}
	if most == 0 {
		return nil
	}
	out := make([]uint64, len(a))
	for c := range a {
		out[c] = subMod(a[c], mulMod(best, b[c]))
	}
	return out
}

// word says of a vector whose columns it is not zero in.
func (w *Words) word(v []uint64, seen []bool) *Word {
	word := &Word{}
	small := true
	for c, value := range v {
		if value == 0 {
			continue
		}
		word.Classes = append(word.Classes, c)
		factor := int64(value) //nolint:gosec // below 2^61
		if value > prime/2 {
			factor = -int64(prime - value)
		}
		small = small && factor > -1000 && factor < 1000
		word.Factors = append(word.Factors, factor)
		for _, o := range w.owners[c] {
			if !seen[o] {
				seen[o] = true
				word.Owners = append(word.Owners, o)
			}
		}
	}
	for _, o := range word.Owners {
		seen[o] = false
	}
	if !small {
		word.Factors = nil
	}
	return word
}

// ClassOf is the class of a column of the matrix that the words were made of; -1 if it has no one.
func (w *Words) ClassOf(column int) int { return w.class[column] }
