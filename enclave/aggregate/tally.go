package aggregate

import (
	"math"

	"github.com/darkroom-project/darkroom/enclave"
)

// The loops over rows. Which cell a row falls into, and whether its subject is new there, is as good as random to the processor, so
// nothing is decided by a branch but what is rare: a cell's new second largest total or extreme value. The intermediate values of so many
// rows as are looked at together stay in the first-level cache.

// tally counts rows and distinct subjects of a cell. A subject's rows come side by side, so it is new to a cell exactly if the last one
// that came was another.
type tally struct {
	last     int64 // a subject, or nobody
	rows     uint32
	subjects uint32
}

const nobody = -1

// count counts each row in its cell, and notes which rows bring a new subject to it.
func count(tallies []tally, slots []slot, subjects []uint32, fresh []uint8) {
	subjects, fresh = subjects[:len(slots)], fresh[:len(slots)]
	for i, s := range slots {
		t, subject := &tallies[s], int64(subjects[i])
		changed := one(t.last != subject)
		t.last = subject
		t.rows++
		t.subjects += uint32(changed) //nolint:gosec // 0 or 1
		fresh[i] = uint8(changed)     //nolint:gosec // 0 or 1
	}
}

// countInside goes on counting the distinct subjects of rows that fell into any cell.
func countInside(slots []slot, subjects []uint32, last, distinct int64) (newLast, newDistinct int64) {
	subjects = subjects[:len(slots)]
	for i, s := range slots {
		subject := int64(subjects[i])
		if s == outside {
			subject = last
		}
		distinct += int64(one(subject != last))
		last = subject
	}
	return last, distinct
}

// total adds up one column in one cell. Running is the total so far of the subject that came last; it becomes part of the rest when
// another subject comes. It fills a cache line.
type total struct {
	running, absolute, largest, second int64
	sum, least, greatest               int64 // of cells of the full table; those of margins follow from them
	_                                  int64
}

func newTotal() total { return total{least: math.MaxInt64, greatest: math.MinInt64} }

// addUp adds the value of each row to its subject's total in its cell. An empty value is 0. Should sums overflow, extremes tell.
func addUp(totals []total, slots []slot, fresh []uint8, values []int64) {
	fresh, values = fresh[:len(slots)], values[:len(slots)]
	for i, s := range slots {
		t, value := &totals[s], values[i]
		t.add(value, fresh[i])
		t.sum += value
		if value < t.least || value > t.greatest {
			t.least, t.greatest = min(t.least, value), max(t.greatest, value)
		}
	}
}

// addUpMargin does so for the cells of a margin.
func addUpMargin(totals []total, slots []slot, fresh []uint8, values []int64) {
	fresh, values = fresh[:len(slots)], values[:len(slots)]
	for i, s := range slots {
		totals[s].add(values[i], fresh[i])
	}
}

// add adds a value to the running total, which ends first if the row is fresh.
func (t *total) add(value int64, fresh uint8) {
	mask := -int64(fresh)
	ended := t.running & mask
	t.running = t.running&^mask + value
	size := (ended ^ ended>>63) - ended>>63 // |ended|
	t.absolute += size
	if size > t.second {
		t.rank(size)
	}
}

// rank makes a subject's total one of the two largest.
func (t *total) rank(size int64) {
	if size > t.largest {
		t.largest, t.second = size, t.largest
	} else {
		t.second = size
	}
}

// end ends the last subject.
func (t *total) end() { t.add(0, 1) }

// join adds what a cell of the full table knows to a margin over it.
func (t *total) join(full *total) {
	t.sum += full.sum
	t.least, t.greatest = min(t.least, full.least), max(t.greatest, full.greatest)
}

// facts are what is known of a cell in the end.
func (t *total) facts() enclave.SumFacts {
	return enclave.SumFacts{
		Sum: t.sum, Absolute: t.absolute, Largest: t.largest, Second: t.second, Least: t.least, Greatest: t.greatest,
	}
}
