package measure

import "math/bits"

// prime is 2^61 − 1. Numbers below it are the field that equations are solved in: exact, and never larger than a word.
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
