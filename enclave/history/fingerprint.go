package history

import "math/bits"

// fingerprint tells which rows are in something: it is the value of a polynomial with a coefficient of 1 for each of them, at two points drawn at random, modulo the prime
// 2^61−1 (M. O. Rabin, Fingerprinting by random polynomials, 1981). That of a sum is the sum. Different sums have the same one with a probability of (rows/2^61)².
type fingerprint [2]uint64

const mersenne = 1<<61 - 1

// add adds another, so many times, which may be negative.
func (p *fingerprint) add(q fingerprint, times int64) {
	if times < 0 {
		times += mersenne
	}
	if times != 1 {
		q = q.by(fingerprint{uint64(times), uint64(times)}) //nolint:gosec // not negative any more
	}
	for i := range p {
		if p[i] += q[i]; p[i] >= mersenne {
			p[i] -= mersenne
		}
	}
}

func (p fingerprint) by(q fingerprint) fingerprint {
	for i := range p {
		high, low := bits.Mul64(p[i], q[i])
		sum := low&mersenne + (high<<3 | low>>61) // 2^61 is 1
		if sum >= mersenne {
			sum -= mersenne
		}
		p[i] = sum
	}
	return p
}

func (p fingerprint) power(exponent uint64) fingerprint {
	power := fingerprint{1, 1}
	for ; exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			power = power.by(p)
		}
		p = p.by(p)
	}
	return power
}

// prints are those of the rows in each cell of each full table.
func (m *matrix) prints(random *stream) [][]fingerprint {
	points := fingerprint{random.uint64() % mersenne, random.uint64() % mersenne}
	parts := inParts(0, m.people.rows, func(from, to int32) [][]fingerprint {
		prints := make([][]fingerprint, len(m.tables))
		for _, t := range m.speak {
			prints[t] = make([]fingerprint, len(m.tables[t].lists))
		}
		of := points.power(uint64(from) + 1) //nolint:gosec // not negative
		for row := int(from); row < int(to); row++ {
			for _, t := range m.speak {
				if cell := m.cell(t, row); cell != None {
					prints[t][cell].add(of, 1)
				}
			}
			of = of.by(points)
		}
		return prints
	})
	for _, part := range parts[1:] {
		for t, prints := range part {
			for cell, of := range prints {
				parts[0][t][cell].add(of, 1)
			}
		}
	}
	return parts[0]
}
