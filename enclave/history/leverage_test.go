package history_test

import (
	"context"
	"math"
	"testing"

	"github.com/darkroom-project/darkroom/enclave/history"
)

// basis is one of the row space of M, of vectors of length 1 at right angles (Gram and Schmidt), the slow way.
func (e *exact) basis() [][]float64 {
	var basis [][]float64
	for row := range e.columns[0] {
		v := make([]float64, len(e.columns))
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
		}
		basis = append(basis, v)
	}
	return basis
}

// between is how much two columns have of each other in the projection onto the space of a basis; of one with itself, its leverage.
func between(basis [][]float64, i, j int) (h float64) {
	for _, b := range basis {
		h += b[i] * b[j]
	}
	return h
}

func TestLeverage(t *testing.T) {
	above, spared := 0, 0
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
		limit := history.LeverageLimit([]float64{0.63, 0.75, 0.8, 0.85}[n/2%4])
		l, err := last.Leverage(context.Background(), limit)
		if err != nil {
			t.Fatal(err)
		}
		e, before := exactly(kind, subjects, past), exactly(kind, subjects, past[:2]).basis()
		basis, rows := e.basis(), map[uint32][]int{}
		sum := 0.0
		for i := range e.columns {
			h := between(basis, i, i)
			sum += h
			rows[e.of[i]] = append(rows[e.of[i]], i)
		}
		most, over := 0.0, 0
		for _, own := range rows {
			all, largest, raised := 0.0, 0.0, false
			for _, i := range own {
				all += between(basis, i, i)
				sum := 0.0
				for _, j := range own {
					sum += math.Abs(between(basis, i, j))
				}
				largest = max(largest, sum)
				raised = raised || sum > limit && between(basis, i, i)-between(before, i, i) > 1e-9
			}
			switch bound := min(all, largest); {
			case all <= limit:
				most = max(most, all)
			case bound <= limit:
				most, spared = max(most, bound), spared+1
			case raised:
				over++
				most = max(most, min(largest, 1))
			}
		}
		if near(sum, float64(l.Rank)) && near(l.Subject, most) && over == l.Over && (over > 0) == (len(l.Suppressed) > 0) {
			above += over
			continue
		}
		t.Fatalf("system %d: %+v; slowly: subject %g, sum %g, over %d", n, *l, most, sum, over)
	}
	if above == 0 || spared == 0 {
		t.Errorf("%d were above the limit, and %d by their sum alone", above, spared)
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
// everything is what the budget sees, and as much on average is what is known of each.
func TestRandomSubsetsAddUp(t *testing.T) {
	a := start(t, history.Sums, each(1000), 10)
	r := random(3)
	var last *history.Result
	for query := range 60 {
		if last = accept(t, a, filtered(1000, func(int) bool { return r.IntN(2) == 0 })); !last.Clean {
			t.Fatalf("query %d: %v", query, last)
		}
	}
	l, err := last.Leverage(context.Background(), history.LeverageLimit(0.63))
	if err != nil {
		t.Fatal(err)
	}
	if last.Rank != 60 || l.Rank != 60 || l.Subject < 0.06 || l.Subject > 0.15 {
		t.Errorf("rank %d, %+v", last.Rank, *l)
	}
}

// A star is with nine others each time, who never come again: each such sum tells a tenth of what is left. Once half is known, a cell with the
// star in it goes, and only that one.
func TestStarsGrowDim(t *testing.T) {
	a := start(t, history.Sums, each(1000), 10)
	limit := history.LeverageLimit(0.85)
	for query := 1; ; query++ {
		release := filtered(1000, func(person int) bool { return person == 0 || (person+8)/9 == query })
		result, err := a.Try(context.Background(), release)
		if err != nil || !result.Clean {
			t.Fatal(result, err)
		}
		l, err := result.Leverage(context.Background(), limit)
		if err != nil {
			t.Fatal(err)
		}
		// The sum less what is known of the others is the star's value with the noise of nine: n of them have information n/9.
		if h := float64(query) / float64(query+9); !near(l.Subject, h) {
			t.Fatalf("query %d: %+v; a star's leverage is %g", query, *l, h)
		}
		if len(l.Suppressed) > 0 {
			if query != 10 || l.Over != 1 || len(l.Suppressed) != 1 {
				t.Errorf("query %d: %+v", query, *l)
			}
			break
		}
		if err := a.Accept(result); err != nil {
			t.Fatal(err)
		}
	}
	// Of somebody above a limit nothing more may be told, but what tells nothing of them is told.
	other := filtered(1000, func(person int) bool { return person > 500 })
	result, err := a.Try(context.Background(), other)
	if err != nil {
		t.Fatal(err)
	}
	l, err := result.Leverage(context.Background(), 0.3)
	if err != nil || l.Over != 0 || len(l.Suppressed) != 0 || l.Subject > 0.3 {
		t.Errorf("%+v, %v", l, err)
	}
}
