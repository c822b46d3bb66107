package history

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
)

// factor is the upper triangle U of UᵀU (Cholesky). mat.Cholesky is the same, but estimates how well conditioned the matrix is each time, which takes about as long
// as factorizing it, and nobody here asks for it.
type factor struct{ upper blas64.Triangular }

// factorize factorizes a matrix in its place; ok unless it is not positive definite.
func factorize(m *mat.SymDense) (f factor, ok bool) {
	f.upper, ok = lapack64.Potrf(m.RawSymmetric())
	return f, ok
}

// solve multiplies a vector by the inverse, in its place.
func (f factor) solve(v []float64) {
	x := blas64.Vector{N: len(v), Data: v, Inc: 1}
	blas64.Trsv(blas.Trans, f.upper, x)
	blas64.Trsv(blas.NoTrans, f.upper, x)
}

// inverse is the inverse in the factor's place, which is no more.
func (f factor) inverse() *mat.SymDense {
	inverse, _ := lapack64.Potri(f.upper) // what it complains of is a 0 on the diagonal, which a factor does not have
	m := &mat.SymDense{}
	m.SetRawSymmetric(inverse)
	return m
}
