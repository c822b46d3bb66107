package main

import (
	"math/bits"
	"time"
)

// dice makes the choices. It is SplitMix64 (Steele, Lea, Flood 2014): the same on every machine for the same seed.
type dice uint64

const golden = 0x9e3779b97f4a7c15

// throw starts choices of their own for one thing, so that nobody's depend on how fast another is.
func throw(seed, thing uint64) *dice {
	d := dice(seed + golden*thing)
	d = dice(d.next())
	return &d
}

func (d *dice) next() uint64 {
	*d += golden
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is a number from 0 to n-1.
func (d *dice) below(n int) int {
	high, _ := bits.Mul64(d.next(), uint64(n)) //nolint:gosec // n is positive
	return int(high)                           //nolint:gosec // below n
}

// within is a time from 0 to limit.
func (d *dice) within(limit time.Duration) time.Duration { return time.Duration(d.below(int(limit))) }

// pause waits, or returns early when done is closed.
func pause(done <-chan struct{}, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	}
}
