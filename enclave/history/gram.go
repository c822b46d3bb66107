package history

import (
	"math"
	"runtime"
	"sync"
)

// square is a dense symmetric matrix of which the lower triangle is kept, row by row.
type square [][]float64

func newSquare(n int) square {
	s := make(square, n)
	for i := range s {
		s[i] = make([]float64, i+1)
	}
	return s
}

// gram is M·Mᵀ: how many columns each two cells share.
func (m *matrix) gram() square {
	g := newSquare(len(m.cells))
	read := m.reader()
	for person := range int32(m.people.count) { //nolint:gosec // fewer than rows
		read.columns(person, func(positions []int32) {
			for i, p := range positions {
				for _, q := range positions[:i+1] {
					g[max(p, q)][min(p, q)]++
				}
			}
		})
	}
	return g
}

// invert replaces a positive definite matrix by its inverse, or reports false if it is not positive definite as far as floating
// point can tell. It takes n³ multiplications (Cholesky's factor, its inverse, their product), on all processors.
func (s square) invert() bool {
	for i := range s {
		for j := range i {
			s[i][j] = (s[i][j] - dot(s[i][:j], s[j][:j])) / s[j][j]
		}
		rest := s[i][i] - dot(s[i][:i], s[i][:i])
		if rest <= 1e-9*s[i][i] {
			return false
		}
		s[i][i] = math.Sqrt(rest)
	}
	columns := s.triangle()
	each(len(s), func(i int) {
		for j := 0; j <= i; j++ {
			s[i][j] = dot(columns[i], columns[j][i-j:])
		}
	})
	return true
}

// triangle is the inverse of a lower triangular matrix by columns, each from its diagonal down.
func (s square) triangle() [][]float64 {
	columns := make([][]float64, len(s))
	each(len(s), func(j int) {
		c := make([]float64, len(s)-j)
		c[0] = 1 / s[j][j]
		for i := j + 1; i < len(s); i++ {
			c[i-j] = -dot(s[i][j:i], c[:i-j]) / s[i][i]
		}
		columns[j] = c
	})
	return columns
}

// dot is Σ a·b, with four sums at once.
func dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

// each calls do for 0 to n−1, on all processors.
func each(n int, do func(i int)) {
	workers := runtime.GOMAXPROCS(0)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w; i < n; i += workers {
				do(i)
			}
		})
	}
	all.Wait()
}
