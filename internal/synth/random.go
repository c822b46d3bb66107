package synth

import "math/bits"

// random is a position in a stream that depends on the seed and the position alone: SplitMix64 (Steele, Lea, Flood 2014). It is integer
// arithmetic only, so the table is the same on every machine and with every version of Go.
type random uint64

const golden = 0x9e3779b97f4a7c15

// mix is the output function of SplitMix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// stream starts a stream of its own for one thing: a row, a person, a hospital.
func stream(seed uint64, thing, number uint64) random {
	return random(mix(mix(seed+golden*thing) + golden*(number+1)))
}

func (r *random) next() uint64 {
	*r += golden
	return mix(uint64(*r))
}

// below is a number from 0 to n-1 (Lemire 2019, without the rejection step: its bias is n in 2^64).
func (r *random) below(n uint64) uint64 {
	high, _ := bits.Mul64(r.next(), n)
	return high
}

// pick chooses a position by cumulative weights.
func (r *random) pick(cumulative []uint32) int {
	at := uint32(r.below(uint64(cumulative[len(cumulative)-1]))) //nolint:gosec // G115: below a uint32
	low, high := 0, len(cumulative)-1
	for low < high {
		if middle := (low + high) / 2; at < cumulative[middle] {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}
