package leak

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
)

// maxDistinct caps the different values of one column that are kept.
const maxDistinct = 1 << 23

// tally is one value of a shown column.
type tally struct {
	value    int64
	rows     int64
	subjects int32 // distinct, counted up to the threshold
	last     uint32
}

// counted is a shown column with all of its values.
type counted struct {
	*enclave.Column
	index   map[int64]int32 // value → position in tallies
	tallies []tally
}

// census is what one pass over the rows tells: the values of every shown column, and the first rows themselves.
type census struct {
	shown     []int
	threshold int32
	rows      int64
	columns   []counted
	// byRow are the first rows, bySubject the first row of each of the first subjects, twice as many as the output has: as positions in
	// tallies, -1 for an empty value, column by column.
	byRow, bySubject [][]int32
	subjects         int64
}

func takeCensus(ctx context.Context, rows enclave.Rows, product *enclave.Product, threshold int64) (*census, error) {
	plan := product.Plan
	c := &census{shown: plan.Shown, threshold: int32(threshold), rows: rows.Snapshot().Rows, subjects: rows.Snapshot().Subjects} //nolint:gosec // at most 255
	c.byRow, c.bySubject = make([][]int32, len(c.shown)), make([][]int32, len(c.shown))
	for _, at := range c.shown {
		c.columns = append(c.columns, counted{Column: &plan.Dataset.Columns[at], index: map[int64]int32{}})
	}
	heads, last, first := 2*product.Rows, uint32(0), true
	err := c.scan(ctx, rows, func(subject uint32, at []int32) {
		fresh := first || subject != last
		first, last = false, subject
		for i, value := range at {
			if len(c.byRow[i]) < heads {
				c.byRow[i] = append(c.byRow[i], value)
			}
			if fresh && len(c.bySubject[i]) < heads {
				c.bySubject[i] = append(c.bySubject[i], value)
			}
			if value < 0 {
				continue
			}
			t := &c.columns[i].tallies[value]
			if t.rows == 0 || t.last != subject {
				t.last, t.subjects = subject, min(t.subjects+1, c.threshold)
			}
			t.rows++
		}
	}, true)
	return c, err
}

// again passes over the rows a second time.
func (c *census) again(ctx context.Context, rows enclave.Rows, visit func(subject uint32, at []int32)) error {
	return c.scan(ctx, rows, visit, false)
}

// scan shows every row as positions in tallies, -1 for an empty value. With grow, a value that is new gets a position.
func (c *census) scan(ctx context.Context, rows enclave.Rows, visit func(subject uint32, at []int32), grow bool) error {
	if len(c.shown) == 0 {
		return nil
	}
	ranges, err := rows.Split(1)
	if err != nil {
		return err
	}
	at := make([]int32, len(c.shown))
	for _, r := range ranges {
		err := enclave.Scan(ctx, rows, r, c.shown, func(b *enclave.Batch) error {
			for row := range b.Rows {
				if row%often == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
				for i := range at {
					var err error
					if at[i], err = c.columns[i].position(&b.Columns[i], row, grow); err != nil {
						return err
					}
				}
				visit(b.Subjects[row], at)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *counted) position(v *enclave.Vector, row int, grow bool) (int32, error) {
	if v.Valid[row/8]>>(row%8)&1 == 0 {
		return -1, nil
	}
	var value int64
	if v.Wide != nil {
		value = v.Wide[row]
	} else {
		value = int64(v.Narrow[row])
	}
	at, ok := c.index[value]
	switch {
	case ok:
		return at, nil
	case !grow:
		return -1, enclave.Internalf("a snapshot changed while it was read")
	case len(c.tallies) == maxDistinct:
		return -1, tooLarge()
	}
	at = int32(len(c.tallies)) //nolint:gosec // bounded above
	c.index[value] = at
	c.tallies = append(c.tallies, tally{value: value})
	return at, nil
}
