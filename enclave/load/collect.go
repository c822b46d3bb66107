package load

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// collection is a whole table in memory, in the order of the file: 4 or 8 bytes a value.
type collection struct {
	layout    *layout
	directory *directory
	columns   []values
	subjects  []uint32
	rows      int64
	lines     int64 // of the file, -1 if the format has none
}

// take appends a block, giving its subjects their numbers.
func (c *collection) take(b *block) error {
	if b.wrong != nil {
		return b.wrong.located(c.rows, c.lines)
	}
	if c.rows+int64(b.rows) > MaxRows {
		return enclave.Fail(enclave.Limit, "FILE_TOO_MANY_ROWS", "limit", strconv.Itoa(MaxRows))
	}
	for i := range b.subjects {
		number, err := c.directory.number(&b.subjects[i])
		if err != nil {
			return err
		}
		c.subjects = append(c.subjects, number)
	}
	for i := range b.columns {
		from, to := &b.columns[i], &c.columns[i]
		to.wide = append(to.wide, from.wide...)
		to.narrow = append(to.narrow, from.narrow...)
		for _, row := range from.empty {
			to.empty = append(to.empty, c.rows+row)
		}
	}
	c.rows += int64(b.rows)
	if c.lines >= 0 {
		c.lines += int64(b.lines)
	}
	return nil
}

// cluster gives the order in which rows are written: subjects by their secret place, the rows of one in the order of the file. It is
// a counting sort over the subjects. It also returns how many subjects there are.
func (c *collection) cluster(s *shuffler) (order []uint32, subjects int64) {
	counts := make([]uint32, len(c.directory.entries)) // rows of each subject; then where its next row goes
	for _, subject := range c.subjects {
		counts[subject]++
	}
	type placed struct {
		high, low uint64
		subject   uint32
	}
	var present []placed
	for subject, rows := range counts {
		if rows > 0 {
			p := placed{subject: uint32(subject)}
			p.high, p.low = s.place(p.subject)
			present = append(present, p)
		}
	}
	slices.SortFunc(present, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low))
	})
	next := uint32(0)
	for _, p := range present {
		counts[p.subject], next = next, next+counts[p.subject]
	}
	order = make([]uint32, len(c.subjects))
	for row, subject := range c.subjects {
		order[counts[subject]] = uint32(row)
		counts[subject]++
	}
	return order, int64(len(present))
}
