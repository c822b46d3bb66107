package leak

import (
	"context"
	"slices"
)

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
func (in *inspection) injective(ctx context.Context, c *census) error {
	n := in.product.Rows
	guilty := make([]bool, len(in.product.Columns))
	least := max(int(c.threshold), leastEvidence)
	sources := c.sources(n)
	try := func(emitted []int32, outputs ...int) error {
		if slices.ContainsFunc(outputs, func(o int) bool { return guilty[o] }) {
			return nil
		}
		output := sequence{values: emitted}
		for i := range sources {
			if err := ctx.Err(); err != nil {
				return err
			}
			if sources[i].reversible(&output, least) {
				for _, o := range outputs {
					guilty[o] = true
				}
				return nil
			}
		}
		return nil
	}
	for o := range guilty {
		if err := try(in.emitted(o), o); err != nil {
			return err
		}
	}
	if n <= maxForPairs {
		for b := range guilty[:min(len(guilty), maxColumns)] {
			for a := range b {
				if err := try(joined(in.emitted(a), in.emitted(b)), a, b); err != nil {
					return err
				}
			}
		}
	}
	for o, yes := range guilty {
		if yes {
			in.facts.Injective++
			in.found("injective", -1, o)
		}
	}
	return nil
}

// source is what an output column could be made from: one value for each of the first rows or subjects.
type source struct {
	sequence
	whole int // how many rows or subjects the data has; values are all of them if the output could be about half of them
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
		add := func(values []int32) { all = append(all, source{sequence{values: values}, whole}) }
		for b, column := range head.columns {
			add(column)
			if b == 0 {
				continue
			}
			every = joined(every, column)
			for a := range min(b, maxColumns) {
				if b < maxColumns && len(head.columns) > 2 && n <= maxAligned {
					add(joined(head.columns[a], column))
				}
			}
		}
		add(every)
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
func (s *source) reversible(output *sequence, least int) bool {
	n := min(len(s.values), len(output.values), maxAligned)
	if a, b := s.first(n), output.first(n); a.determines(b, least) && b.determines(a, least) {
		return true
	}
	return 2*len(output.values) >= s.whole && len(s.values) == s.whole && sameSpectrum(&s.sequence, output, least)
}

// sameSpectrum compares how often values occur, most frequent first, whatever they are: the difference is no more than the rows that the output
// lacks, and one in twenty.
func sameSpectrum(a, b *sequence, least int) bool {
	x, y := a.spectrum(), b.spectrum()
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
	lacking := len(a.values) - len(b.values)
	return difference <= max(lacking, -lacking)+len(b.values)/20
}
