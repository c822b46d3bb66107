package leak

import (
	"context"
	"math"
)

// neighbours are how far values are moved, in granules, to see how many would be found by chance.
const neighbours = 8

// verbatim is the fact of the same name: for each output column, how many of its values stand in the protected column where most do.
func (in *inspection) verbatim(ctx context.Context, c *census) error {
	total := 0.0
	for output := range in.product.Columns {
		v := valuesOf(in.product, output)
		most, held := 0.0, []bool(nil)
		for shown := range c.columns {
			if c.columns[shown].Class.Shown() {
				continue
			}
			for _, r := range c.readings(&v, output, shown) {
				if err := ctx.Err(); err != nil {
					return err
				}
				if excess, rows := c.standing(&r); excess > most {
					most, held = excess, rows
				}
			}
		}
		total += most
		for row, yes := range held {
			if yes {
				in.found("verbatim", row, output)
			}
		}
	}
	if in.facts.Values > 0 {
		in.facts.Verbatim = int64(math.Ceil(100 * total / float64(in.facts.Values)))
	}
	return nil
}

// standing counts the values of a reading that are values of the shown column, exactly, of some subjects but fewer than the threshold, beyond
// those that would be if each value were moved a little.
func (c *census) standing(r *reading) (excess float64, held []bool) {
	toOutput, toData := r.common()
	granule := r.granule()
	few := map[int64]bool{}
	for i := range c.columns[r.shown].tallies {
		t := &c.columns[r.shown].tallies[i]
		if x, ok := r.view(t.value); ok && t.subjects < c.threshold {
			if x, ok = times(x, toData); ok {
				few[x] = true
			}
		}
	}
	held = make([]bool, len(r.numbers))
	found, near := 0, 0
	for row, n := range r.numbers {
		y, ok := times(n, toOutput)
		if !ok || !r.readable[row] {
			continue
		}
		if held[row] = few[y]; held[row] {
			found++
		}
		for d := int64(1); d <= neighbours/2 && !r.label; d++ {
			near += btoi(few[y+d*granule]) + btoi(few[y-d*granule])
		}
	}
	chance := float64(near) / neighbours
	return float64(found) - chance - 2*math.Sqrt(chance), held
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
