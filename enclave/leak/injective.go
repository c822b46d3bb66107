package leak

import "slices"

// Limits of the search for columns that can be turned back.
const (
	leastEvidence = 10     // different values, and repetitions: fewer agree by chance
	maxAligned    = 20_000 // first rows that are compared in the guest's order
	maxForPairs   = 4_096  // rows up to which pairs of output columns are tried
	maxColumns    = 8      // of which pairs are formed
)

// injective is the fact of the same name: output columns, by themselves or with another, whose values are equal where those of a shown
// column, of two or of all of them are equal, and different where they differ. Either as the guest emitted them, row by row or subject by
// subject from the first; or, if the output has at least half as many rows as the data has rows or subjects, by how often each value
// occurs, which no encoding and no order changes.
func (in *inspection) injective(c *census) {
	n := in.product.Rows
	guilty := map[int]bool{}
	sources := c.sources(n)
	columns := make([][]int32, len(in.product.Columns))
	try := func(sequence []int32, outputs ...int) {
		if slices.ContainsFunc(outputs, func(o int) bool { return guilty[o] }) {
			return
		}
		least := max(int(c.threshold), leastEvidence)
		for _, source := range sources {
			if reversible(source, sequence, least) {
				for _, o := range outputs {
					guilty[o] = true
				}
				return
			}
		}
	}
	for o := range columns {
		columns[o] = in.emitted(o)
		try(columns[o], o)
	}
	if n <= maxForPairs {
		for b := range columns[:min(len(columns), maxColumns)] {
			for a := range b {
				try(joined(columns[a], columns[b]), a, b)
			}
		}
	}
	for o := range columns {
		if guilty[o] {
			in.facts.Injective++
			in.found("injective", -1, o)
		}
	}
}

// source is what an output column could be made from: one value for each of the first rows or subjects.
type source struct {
	values []int32
	whole  int // how many rows or subjects the data has; values are all of them if the output could be about half of them
}

// sources are single shown columns, pairs and all of them together, by row and by subject.
func (c *census) sources(n int) []source {
	var all []source
	for _, head := range []struct {
		columns [][]int32
		whole   int64
	}{{c.byRow, c.rows}, {c.bySubject, c.subjects}} {
		if len(head.columns) == 0 {
			continue
		}
		whole, every := int(head.whole), head.columns[0]
		for b, column := range head.columns {
			all = append(all, source{column, whole})
			if b == 0 {
				continue
			}
			every = joined(every, column)
			for a := range min(b, maxColumns) {
				if b < maxColumns && len(head.columns) > 2 && n <= maxAligned {
					all = append(all, source{joined(head.columns[a], column), whole})
				}
			}
		}
		all = append(all, source{every, whole})
	}
	return all
}

// emitted is a column as numbers, equal where its values are, in the guest's order.
func (in *inspection) emitted(column int) []int32 {
	c := &in.product.Columns[column]
	sequence := make([]int32, in.product.Rows)
	numbers, texts := map[int64]int32{}, map[string]int32{}
	for row, at := range in.product.Emitted {
		id := int32(-1)
		switch {
		case !c.Valid[row]:
		case c.Texts != nil:
			id = number(texts, c.Texts[row])
		default:
			id = number(numbers, c.Numbers[row])
		}
		if int(at) < len(sequence) && at >= 0 {
			sequence[at] = id
		}
	}
	return sequence
}

func number[K comparable](of map[K]int32, key K) int32 {
	id, ok := of[key]
	if !ok {
		id = int32(len(of)) //nolint:gosec // at most the rows of an output
		of[key] = id
	}
	return id
}

// joined numbers pairs of values.
func joined(a, b []int32) []int32 {
	pairs := map[[2]int32]int32{}
	both := make([]int32, len(a))
	for i := range a {
		both[i] = number(pairs, [2]int32{a[i], b[i]})
	}
	return both
}

// reversible reports whether an output column could be turned back into a source.
func reversible(from source, output []int32, least int) bool {
	n := min(len(from.values), len(output), maxAligned)
	if aligned(from.values[:n], output[:n], least) {
		return true
	}
	return 2*len(output) >= from.whole && len(from.values) == from.whole && sameSpectrum(from.values, output, least)
}

// aligned reports whether two sequences are equal at the same places, but for one in twenty, with evidence enough: only repeated values tell.
func aligned(a, b []int32, least int) bool {
	together := joined(a, b)
	return determines(a, together, least) && determines(b, together, least)
}

// determines reports whether places with equal values of a have equal pairs.
func determines(a, together []int32, least int) bool {
	total, most, pairs := map[int32]int{}, map[int32]int{}, map[int32]int{}
	for i, value := range a {
		total[value]++
		pairs[together[i]]++
		most[value] = max(most[value], pairs[together[i]])
	}
	repeated, agreeing, repetitions := 0, 0, 0
	for value, n := range total {
		if n > 1 {
			repeated, agreeing, repetitions = repeated+n, agreeing+most[value], repetitions+n-1
		}
	}
	return len(total) >= least && repetitions >= least && 20*agreeing >= 19*repeated
}

// sameSpectrum compares how often values occur, most frequent first, whatever they are: the difference is no more than the rows that the output
// lacks, and one in twenty.
func sameSpectrum(a, b []int32, least int) bool {
	x, y := spectrum(a), spectrum(b)
	if len(x) < least || len(y) < least {
		return false
	}
	difference := 0
	for i := range max(len(x), len(y)) {
		d := 0
		if i < len(x) {
			d += x[i]
		}
		if i < len(y) {
			d -= y[i]
		}
		difference += max(d, -d)
	}
	lacking := len(a) - len(b)
	return difference <= max(lacking, -lacking)+len(b)/20
}

func spectrum(sequence []int32) []int {
	counts := map[int32]int{}
	for _, value := range sequence {
		counts[value]++
	}
	all := make([]int, 0, len(counts))
	for _, n := range counts {
		all = append(all, n)
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all
}
