package aggregate

import (
	"math"

	"github.com/darkroom-project/darkroom/enclave"
)

// The loops over rows. Which cell a row falls into, and whether its subject is new there, is as good as random to the processor, so
// nothing is decided by a branch but what is rare: a cell's new second largest total or extreme value.

// account is what is known of one cell: how many rows and distinct subjects it has, and of one column the sum and what dominance needs. The rows
// of a subject come side by side, so it is new to a cell exactly if the last one that came was another. Running is the total so far of that
// last one; when another comes, it ends and is compared with the largest. An account fills a cache line.
type account struct {
	last     uint32 // a subject, or nobody
	_        uint32
	counts   uint64 // rows, and distinct subjects times 2³²: a snapshot has no more than 2³¹ rows
	running  int64
	largest  int64 // absolute subject total
	second   int64
	sum      int64
	least    int64
	greatest int64
}

func (a *account) rows() int64     { return int64(a.counts & math.MaxUint32) }
func (a *account) subjects() int64 { return int64(a.counts >> 32) }

// nobody is no subject's number: the directory gives out fewer.
const nobody = math.MaxUint32

func newAccount() account {
	return account{last: nobody, least: math.MaxInt64, greatest: math.MinInt64}
}

// code is what a column's values are kept in.
type code interface {
	uint8 | uint16 | uint32 | uint64
}

// add counts each row in its cell, and adds its value up: low and its code. Should sums overflow, extremes tell.
func add[V code](accounts []account, slots []slot, subjects []uint32, codes []V, low int64) {
	subjects, codes = subjects[:len(slots)], codes[:len(slots)]
	for i, s := range slots {
		a, subject, value := &accounts[s], subjects[i], low+int64(codes[i])
		changed := one(a.last != subject)
		a.last = subject
		a.counts += uint64(changed)<<32 + 1
		ended := a.running & -int64(changed)
		a.running += value - ended
		a.sum += value
		if ended > a.second {
			a.rank(ended)
		}
		if value < a.least {
			a.least = value
		}
		if value > a.greatest {
			a.greatest = value
		}
	}
}

// addSigned is add for a column that may be negative: subject totals are compared by size, and their sizes added up beside.
func addSigned(accounts []account, absolute []int64, slots []slot, subjects []uint32, values []int64) {
	subjects, values, absolute = subjects[:len(slots)], values[:len(slots)], absolute[:len(accounts)]
	for i, s := range slots {
		a, subject, value := &accounts[s], subjects[i], values[i]
		changed := one(a.last != subject)
		a.last = subject
		a.counts += uint64(changed)<<32 + 1
		ended := a.running & -int64(changed)
		a.running += value - ended
		a.sum += value
		size := magnitudeOf(ended)
		absolute[s] += size
		if size > a.second {
			a.rank(size)
		}
		if value < a.least || value > a.greatest {
			a.least, a.greatest = min(a.least, value), max(a.greatest, value)
		}
	}
}

// count counts each row in its cell, where nothing is added up.
func count(accounts []account, slots []slot, subjects []uint32) {
	subjects = subjects[:len(slots)]
	for i, s := range slots {
		a, subject := &accounts[s], subjects[i]
		changed := one(a.last != subject)
		a.last = subject
		a.counts += uint64(changed)<<32 + 1
	}
}

// countInside goes on counting the distinct subjects of rows that fell into any cell.
func countInside(slots []slot, subjects []uint32, last, distinct uint32) (newLast, newDistinct uint32) {
	subjects = subjects[:len(slots)]
	for i, s := range slots {
		subject := subjects[i]
		if s == outside {
			subject = last
		}
		distinct += uint32(one(subject != last))
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

// magnitudeOf is |v| of what is not the least int64, without a branch.
func magnitudeOf(v int64) int64 { return (v ^ v>>63) - v>>63 }

// rank makes a subject's total one of the two largest.
func (a *account) rank(size int64) {
	if size > a.largest {
		a.largest, a.second = size, a.largest
	} else {
		a.second = size
	}
}

// end ends the last subject of the cell, and returns the size of its total.
func (a *account) end() int64 {
	size := magnitudeOf(a.running)
	a.running = 0
	if size > a.second {
		a.rank(size)
	}
	return size
}

// facts are what is known of the sum in the end.
func (a *account) facts(absolute int64) enclave.SumFacts {
	return enclave.SumFacts{Sum: a.sum, Absolute: absolute, Largest: a.largest, Second: a.second, Least: a.least, Greatest: a.greatest}
}
