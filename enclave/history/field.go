package history

import (
	"math/big"
	"math/bits"
)

// field is the integers modulo a prime between 2^60 and 2^61 that was drawn at random, so that nobody can craft tables for it. Its
// numbers are in Montgomery's form (P. L. Montgomery, Modular multiplication without trial division, 1985): x stands for x·2⁻⁶⁴. Nothing
// here ever needs a number's ordinary form.
type field struct {
	prime   uint64
	inverse uint64 // of prime, modulo 2^64
	one     uint64 // the number 1
	square  uint64 // 2^128 modulo the prime
}

// newField draws the prime. big.Int.ProbablyPrime is exact below 2^64.
func newField(random *stream) *field {
	for {
		p := random.uint64()>>3 | 1<<60 | 1
		if !new(big.Int).SetUint64(p).ProbablyPrime(0) {
			continue
		}
		inverse := p // right in 3 bits; every step doubles them
		for range 5 {
			inverse *= 2 - p*inverse
		}
		_, one := bits.Div64(1, 0, p)
		_, square := bits.Div64(one, 0, p)
		return &field{prime: p, inverse: inverse, one: one, square: square}
	}
}

func (f *field) add(a, b uint64) uint64 {
	return f.subtract(a, f.prime-b)
}

func (f *field) subtract(a, b uint64) uint64 {
	difference, borrow := bits.Sub64(a, b, 0)
	return difference + f.prime&-borrow // without a branch, which would be guessed wrong half of the time
}

func (f *field) multiply(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	borrow, _ := bits.Mul64(low*f.inverse, f.prime)
	return f.subtract(high, borrow)
}

// reduce makes numbers of the field of sums of up to seven.
func (f *field) reduce(sums []uint64) {
	for i, sum := range sums {
		sums[i] = below(f.prime, below(2*f.prime, below(4*f.prime, sum)))
	}
}

// below is a number, less another one if it is no less, without a branch.
func below(limit, x uint64) uint64 {
	less, borrow := bits.Sub64(x, limit, 0)
	return less + limit&-borrow
}

// whole is an ordinary number.
func (f *field) whole(x int64) uint64 {
	if x < 0 {
		return f.subtract(0, f.multiply(-uint64(x), f.square)) //nolint:gosec // two's complement
	}
	return f.multiply(uint64(x), f.square)
}

// small is the ordinary number that something is, if it is a small one.
func (f *field) small(a uint64) (x int64, small bool) {
	const limit = 1 << 16
	if a = f.multiply(a, 1); a > limit {
		return -int64(f.prime - a), f.prime-a <= limit //nolint:gosec // below 2^61
	}
	return int64(a), true
}

// invert is a^(prime−2), by Fermat.
func (f *field) invert(a uint64) uint64 {
	inverse := f.one
	for exponent := f.prime - 2; exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			inverse = f.multiply(inverse, a)
		}
		a = f.multiply(a, a)
	}
	return inverse
}

// arbitrary is a number drawn evenly from the whole field.
func (f *field) arbitrary(random *stream) uint64 {
	for {
		if x := random.uint64() >> 3; x < f.prime {
			return x
		}
	}
}
