package aggregate

import "slices"

// factor finds what each column adds by itself, if what the tuples add is such a sum: the tuples that stay in cells are all those whose
// every digit is one that stays, and one step of a digit adds the same wherever the others stand. It is verified for every tuple. Then
// rows are looked up column by column, in tables that stay in the nearest cache. Columns with more values than are looked up have no
// factor, and the function stays as it is.
func (f *learned) factor() bool {
	if slices.ContainsFunc(f.domains, func(d domain) bool { return d.Values > fewValues }) {
		return false
	}
	factors, digits := f.steps(), make([]int64, len(f.domains))
	if factors == nil {
		return false
	}
	for _, add := range f.adds {
		want := int32(0)
		for i, digit := range digits {
			want = together(want, factors[i][digit])
		}
		if add != want && (add >= 0 || want >= 0) {
			return false
		}
		f.advance(digits)
	}
	f.factors = factors
	return true
}

// steps are what each column would add, by the tuples that differ in it from the first that stays: nothing for the digit that adds least, which
// the first column makes up for. Nil if there is no sum like that.
func (f *learned) steps() [][]int32 {
	first := max(slices.IndexFunc(f.adds, func(add int32) bool { return add >= 0 }), 0)
	factors, stride, base := make([][]int32, len(f.domains)), len(f.adds), f.adds[first]
	for i, d := range f.domains {
		size := int(d.size())
		stride /= size
		zero, least := first-first/stride%size*stride, f.adds[first]
		factors[i] = make([]int32, size)
		for digit := range factors[i] {
			if add := f.adds[zero+digit*stride]; add >= 0 {
				factors[i][digit], least = add, min(least, add)
			} else {
				factors[i][digit] = away
			}
		}
		for digit, add := range factors[i] {
			if add != away {
				factors[i][digit] = add - least
			}
		}
		base -= f.adds[first] - least
	}
	if base < 0 && f.adds[first] >= 0 {
		return nil
	}
	for digit, add := range factors[0] {
		if add != away {
			factors[0][digit] = add + base
		}
	}
	return factors
}

// advance goes on to the digits of the next tuple.
func (f *learned) advance(digits []int64) {
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i]++; digits[i] < f.domains[i].size() {
			return
		}
		digits[i] = 0
	}
}

// join adds a factor to the table of its column.
func (d *domain) join(t *column, factor []int32) {
	for digit := range d.Values {
		t.adds[digit] = together(t.adds[digit], factor[digit])
	}
	if d.Empty {
		t.empty = together(t.empty, factor[d.Values])
	}
}
