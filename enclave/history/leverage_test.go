package history_test

import (
	"context"
	"math"
	"testing"

	"github.com/darkroom-project/darkroom/enclave/history"
)

// projected is each column's leverage by orthogonalisation of M's rows (Gram and Schmidt), the slow way.
func (e *exact) projected() []float64 {
	h := make([]float64, len(e.columns))
	var basis [][]float64
	for row := range e.columns[0] {
		v := make([]float64, len(h))
		for i, c := range e.columns {
			v[i] = float64(c[row])
		}
		for range 2 {
			for _, b := range basis {
				scalar := 0.0
				for i := range v {
					scalar += v[i] * b[i]
				}
				for i := range v {
					v[i] -= scalar * b[i]
				}
			}
		}
		norm := 0.0
		for _, x := range v {
			norm += x * x
		}
		if norm < 1e-12 {
			continue
		}
		for i := range v {
			v[i] /= math.Sqrt(norm)
			h[i] += v[i] * v[i]
		}
		basis = append(basis, v)
	}
	return h
}

func TestLeverage(t *testing.T) {
	for n := range uint64(200) {
		kind := history.Kind(n % 2)
		r := random(n)
		var subjects []uint32
		for s := range 30 {
			for range 1 + r.IntN(3) {
				subjects = append(subjects, uint32(s))
			}
		}
		a := start(t, kind, subjects, 2)
		var past []*history.Release
		var last *history.Result
		for range 3 {
			keys := [][]int32{codes(r, len(subjects), 3, false), codes(r, len(subjects), 2, true)}
			last = accept(t, a, crossed(subjects, keys, []int{3, 2}, [][]int{{0}, {}}, 2))
			past = append(past, last.Release())
		}
		l, err := last.Leverage(context.Background(), 0.63)
		if err != nil {
			t.Fatal(err)
		}
		e := exactly(kind, subjects, past)
		row, sum, most, of := 0.0, 0.0, 0.0, map[uint32]float64{}
		for i, h := range e.projected() {
			row, sum, of[e.of[i]] = max(row, h), sum+h, of[e.of[i]]+h
		}
		over := 0
		for _, h := range of {
			most = max(most, min(h, 1))
			if h > l.Limit {
				over++
			}
		}
		if near(l.Row, row) && near(l.Sum, sum) && near(l.Subject, most) && near(l.Sum, float64(l.Rank)) && over == l.Over {
			continue
		}
		t.Fatalf("system %d: %+v; slowly: row %g, subject %g, sum %g, over %d", n, *l, row, most, sum, over)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9*(1+math.Abs(b)) }

func TestLeverageLimit(t *testing.T) {
	if h := history.LeverageLimit(0.63); math.Abs(h-0.0992) > 0.001 {
		t.Errorf("63 %% allows a leverage of %g", h)
	}
	if h := history.LeverageLimit(0.5); h != 0 {
		t.Errorf("no tolerance allows a leverage of %g", h)
	}
}

// Sixty sums of random halves of a thousand people are about everybody and tell of nobody exactly; that they add up to 6 % of
// everything is what the budget sees.
func TestBudgetEndsRandomSubsets(t *testing.T) {
	a := start(t, history.Sums, each(1000), 10)
	r := random(3)
	for query := range 60 {
		last := accept(t, a, filtered(1000, func(int) bool { return r.IntN(2) == 0 }))
		if !last.Clean {
			t.Fatalf("query %d: %v", query, last)
		}
		if query != 59 && query != 20 {
			continue
		}
		l, err := last.Leverage(context.Background(), 0.63)
		if err != nil {
			t.Fatal(err)
		}
		if within := l.Within(0.05); within != (query == 20) {
			t.Errorf("after %d queries: within %t: %+v", query+1, within, *l)
		}
	}
}
