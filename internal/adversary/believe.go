package adversary

import "gonum.org/v1/gonum/mat"

// Expect is the best linear guess at each of some sums of quantities: the regression of what is wanted on what was seen, given the prior. It is
// the expectation if everything were normal. Share is what part of the variance it explains, from 0 to 1: of a single row, its leverage.
func (s *System) Expect(wanted ...[]int) (guesses, share []float64) {
	guesses, share = make([]float64, len(wanted)), make([]float64, len(wanted))
	for i, places := range wanted {
		guesses[i] = s.expected(places)
	}
	n := len(s.facts)
	if n == 0 || len(wanted) == 0 {
		return guesses, share
	}
	rest := mat.NewVecDense(n, nil)
	for i, f := range s.facts {
		rest.SetVec(i, (f.low+f.high)/2-s.expected(f.terms)+s.expected(f.minus))
	}
	m, weighted := s.dense(s.facts)
	var product mat.Dense
	product.Mul(weighted, m.T())
	k := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			k.SetSym(i, j, (product.At(i, j)+product.At(j, i))/2)
		}
		// A uniform error within the rounding, and a little so that redundant facts do no harm.
		width := s.facts[i].high - s.facts[i].low
		k.SetSym(i, i, k.At(i, i)*(1+1e-9)+width*width/12+1e-9)
	}
	var factor mat.Cholesky
	if !factor.Factorize(k) {
		return guesses, share
	}
	about := s.about(wanted...)
	var cross, solved mat.Dense
	cross.Mul(m, about.T()) // facts × wanted
	if err := factor.SolveTo(&solved, &cross); err != nil && !conditioned(err) {
		return guesses, share
	}
	for i, places := range wanted {
		guesses[i] += mat.Dot(solved.ColView(i), rest)
		own, all := s.about(places), 0.0
		for _, p := range places {
			all += own.At(0, p)
		}
		if all > 0 {
			share[i] = min(1, mat.Dot(solved.ColView(i), cross.ColView(i))/all)
		}
	}
	return guesses, share
}

// conditioned reports whether an error is only a warning that the matrix is close to singular.
func conditioned(err error) bool {
	_, warning := err.(mat.Condition) //nolint:errorlint // gonum returns it as it is
	return warning
}

// expected is what a sum is without any answer.
func (s *System) expected(places []int) float64 {
	sum := 0.0
	for _, p := range places {
		sum += float64(s.atoms[p/s.width].rows) * s.beliefs[s.atoms[p/s.width].kind].mean[p%s.width]
	}
	return sum
}

// about is the covariance of sums of quantities with each quantity.
func (s *System) about(sums ...[]int) *mat.Dense {
	facts := make([]fact, len(sums))
	for i := range sums {
		facts[i].terms = sums[i]
	}
	_, weighted := s.dense(facts)
	return weighted
}

// dense is facts as rows over all quantities, and these times the covariance of the quantities: rows of data are independent of each other.
func (s *System) dense(facts []fact) (m, weighted *mat.Dense) {
	size := len(s.atoms) * s.width
	m, weighted = mat.NewDense(len(facts), size, nil), mat.NewDense(len(facts), size, nil)
	for i, f := range facts {
		for _, signed := range []struct {
			places []int
			sign   float64
		}{{f.terms, 1}, {f.minus, -1}} {
			for _, p := range signed.places {
				m.Set(i, p, m.At(i, p)+signed.sign)
				first := p / s.width * s.width
				for g, c := range s.beliefs[s.atoms[p/s.width].kind].covariance[p%s.width] {
					weighted.Set(i, first+g, weighted.At(i, first+g)+signed.sign*c*float64(s.atoms[p/s.width].rows))
				}
			}
		}
	}
	return m, weighted
}
