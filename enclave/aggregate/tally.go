package aggregate

import (
	"math"

	"github.com/darkroom-project/darkroom/enclave"
)

// The loops over rows. Which cell a row falls into, and whether its subject is new there, is as good as random to the processor, so
// nothing is decided by a branch but what is rare: a cell's new second largest total or extreme value. The intermediate values of so many
// rows as are looked at together stay in the first-level cache.

// tally counts the rows and distinct subjects of a cell. A subject's rows come side by side, so it is new to a cell exactly if the last
// one that came was another.
type tally struct {
	last   int64  // a subject, or nobody
	counts uint64 // rows, and distinct subjects times 2³²; a snapshot has no more than 2³¹ rows
}

const nobody = -1

func (t *tally) rows() int64     { return int64(t.counts & math.MaxUint32) }
func (t *tally) subjects() int64 { return int64(t.counts >> 32) }

// count counts each row in its cell, and notes which rows bring a new subject to it.
func count(tallies []tally, slots []slot, subjects []uint32, fresh []uint8) {
	subjects, fresh = subjects[:len(slots)], fresh[:len(slots)]
	for i, s := range slots {
		t, subject := &tallies[s], int64(subjects[i])
		changed := one(t.last != subject)
		t.last = subject
		t.counts += uint64(changed)<<32 + 1
		fresh[i] = changed
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

// one is 1 for true, without a branch.
func one(yes bool) uint8 {
	if yes {
		return 1
	}
	return 0
}

// total adds up one column in one cell. Running is the total so far of the subject that came last; when another comes, it ends and is
// compared with the largest. It fills a cache line.
type total struct {
	running, largest, second int64
	absolute                 int64 // of a column that may be negative; else it is the sum
	sum, least, greatest     int64 // of cells of the full table; those of margins follow from them
	_                        int64
}

func newTotal() total { return total{least: math.MaxInt64, greatest: math.MinInt64} }

// addUp adds the value of each row to its subject's total in its cell. An empty value is 0. Should sums overflow, extremes tell.
func addUp(totals []total, slots []slot, fresh []uint8, values []int64, signed, margin bool) {
	fresh, values = fresh[:len(slots)], values[:len(slots)]
	for i, s := range slots {
		t, value, mask := &totals[s], values[i], -int64(fresh[i])
		ended := t.running & mask
		t.running = t.running&^mask + value
		if signed {
			ended = (ended ^ ended>>63) - ended>>63 // |ended|
			t.absolute += ended
		}
		if ended > t.second {
			t.rank(ended)
		}
		if margin {
			continue
		}
		t.sum += value
		if value < t.least || value > t.greatest {
			t.least, t.greatest = min(t.least, value), max(t.greatest, value)
		}
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

// end ends the last subject of each cell.
func end(totals []total, signed bool) {
	for s := range totals {
		addUp(totals, []slot{slot(s)}, []uint8{1}, []int64{0}, signed, true)
	}
}

// join adds what a cell of the full table knows to a margin over it.
func (t *total) join(full *total) {
	t.sum += full.sum
	t.least, t.greatest = min(t.least, full.least), max(t.greatest, full.greatest)
}

// facts are what is known of a cell in the end.
func (t *total) facts(signed bool) enclave.SumFacts {
	absolute := t.sum
	if signed {
		absolute = t.absolute
	}
	return enclave.SumFacts{
		Sum: t.sum, Absolute: absolute, Largest: t.largest, Second: t.second, Least: t.least, Greatest: t.greatest,
	}
}
