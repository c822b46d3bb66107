package treat

import "math/bits"

// prime is 2^61 − 1. Numbers below it are the field that equations are solved in: exact, and never larger than a word. Working there
// instead of with fractions could matter only if the prime divided a minor of equations whose coefficients are 0 and 1.
const prime = 1<<61 - 1

func add(a, b uint64) uint64 {
	sum := a + b
	if sum >= prime {
		sum -= prime
	}
	return sum
}

func subtract(a, b uint64) uint64 {
	if a >= b {
		return a - b
	}
	return a + prime - b
}

func multiply(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	sum := low&prime + (high<<3 | low>>61) // 2^61 ≡ 1
	if sum >= prime {
		sum -= prime
	}
	return sum
}

// invert is a^(prime−2), by Fermat.
func invert(a uint64) uint64 {
	inverse := uint64(1)
	for exponent := uint64(prime - 2); exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			inverse = multiply(inverse, a)
		}
		a = multiply(a, a)
	}
	return inverse
}

// arbitrary is a fixed value other than 0 without pattern (the finaliser of splitmix64, Steele, Lea and Flood 2014).
func arbitrary(n uint64) uint64 {
	n = (n + 1) * 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return (n^n>>31)%(prime-1) + 1
}

// manyTimes is the largest factor of an atom in a combination that is taken as such.
const manyTimes = 1 << 10

// whole reads a number of the field as the small integer that it stands for, if it does, and as 1 otherwise.
func whole(a uint64) int64 {
	switch {
	case a <= manyTimes:
		return int64(a)
	case a >= prime-manyTimes:
		return -int64(prime - a)
	}
	return 1
}
