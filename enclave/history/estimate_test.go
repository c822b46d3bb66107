package history_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"github.com/darkroom-project/darkroom/enclave/history"
)

// margin is by how much one subject's amounts could all be larger, as a share, if another one's are what they are and nobody else's changes its sign or
// more than doubles, and all sums are the same: a linear program over the rows, written out, in shares of the largest amount. It is at most 10, and shares nothing with the code under test.
func (e *exact) margin(t *testing.T, amounts []int64, subject, rival uint32) float64 {
	t.Helper()
	const most = 10
	height, unit := len(e.columns[0]), float64(max(1, slices.Max(amounts)))
	var columns [][]float64 // of M
	var others []float64    // their amounts
	target := make([]float64, height)
	for row, column := range e.columns {
		amount := float64(amounts[row]) / unit
		c := make([]float64, height)
		for i := range c {
			c[i] = float64(column[i])
		}
		switch {
		case e.of[row] == rival || amount == 0:
		case e.of[row] == subject:
			for i := range c {
				target[i] += c[i] * amount
			}
		default:
			columns, others = append(columns, c), append(others, amount)
		}
	}
	size := slices.Max(target)
	if size == 0 {
		return most
	}
	// Of others' amounts, from 0 to twice what they are, and their slack, the subject's change and its slack; a row for each sum that is not one of
	// others. What the sums lack at first, when nobody has anything, is made up for at a price.
	n := len(columns)
	var rows [][]float64
	var right []float64
	for i := range height {
		row, sum := make([]float64, 2*n+2), 0.0
		for k := range columns {
			row[k] = columns[k][i]
			sum += row[k] * others[k]
		}
		row[2*n] = target[i] / size
		if slices.Max(row) > 0 && independent(append(slices.Clone(rows), row)) {
			rows, right = append(rows, row), append(right, sum)
		}
	}
	sums := len(rows)
	limit := func(variable, slack int, high float64) {
		row := make([]float64, 2*n+2)
		row[variable], row[slack] = 1, 1
		rows, right = append(rows, row), append(right, high)
	}
	for k := range n {
		limit(k, n+k, 2*others[k])
	}
	limit(2*n, 2*n+1, most*size)
	a := mat.NewDense(len(rows), 2*n+2+sums, nil)
	goal, first := make([]float64, 2*n+2+sums), make([]int, 0, len(rows))
	for i, row := range rows {
		a.SetRow(i, append(row, make([]float64, sums)...))
		if i < sums {
			a.Set(i, 2*n+2+i, 1)
			goal[2*n+2+i] = 1e4
			first = append(first, 2*n+2+i)
		}
	}
	for k := range n {
		first = append(first, n+k)
	}
	first, goal[2*n] = append(first, 2*n+1), -1
	best, _, err := lp.Simplex(goal, a, right, 1e-9, first)
	if err != nil {
		t.Fatal(err)
	}
	return -best / size
}

// independent reports whether rows are, by elimination.
func independent(rows [][]float64) bool {
	m := mat.NewDense(len(rows), len(rows[0]), slices.Concat(rows...))
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDNone) {
		return false
	}
	values := svd.Values(nil)
	return len(values) == len(rows) && values[len(values)-1] > 1e-9*values[0]
}

// business is some subjects with a row or several, of amounts that differ much, though not by more than floating point tells apart.
func business(r *rand.Rand, subjects int) (owners []uint32, amounts []int64) {
	for s := range subjects {
		for range 1 + r.IntN(2) {
			owners = append(owners, uint32(s))
			amount := int64(20 * math.Exp(2*r.NormFloat64()))
			switch r.IntN(10) {
			case 0:
				amount *= 40
			case 1:
				amount = 0
			}
			if amount > 0 {
				amount = min(amount+5, 20_000)
			}
			amounts = append(amounts, amount)
		}
	}
	return owners, amounts
}

// Whom somebody could estimate is decided by linear programs too, one for each two subjects.
func TestEstimates(t *testing.T) {
	const percent = 10
	systems := systems(120, 20)
	flagged, clean, unclear := 0, 0, 0
	for n := range systems {
		r := random(n)
		owners, amounts := business(r, 9)
		a := start(t, history.Sums, owners, 2)
		var past []*history.Release
		column := &history.Column{Values: amounts}
		for range 3 {
			keys := [][]int32{codes(r, len(owners), 2, false), codes(r, len(owners), 2, true)}
			table := crossed(owners, keys, []int{2, 2}, [][]int{{0}, {}}, 2)
			result := try(t, a, table)
			if result.Refused {
				continue
			}
			column.Of = append(column.Of, true)
			estimates, err := result.Estimates(context.Background(), column, percent)
			if err != nil {
				t.Fatal(err)
			}
			before, after := exactly(history.Sums, owners, past), exactly(history.Sums, owners, append(slices.Clone(past), result.Release()))
			want, near := 0, false
			for subject := range uint32(9) {
				for rival := range uint32(10) { // the tenth is nobody
					if rival == subject {
						continue
					}
					now := after.margin(t, amounts, subject, rival)
					then := 10.0
					if len(past) > 0 {
						then = before.margin(t, amounts, subject, rival)
					}
					near = near || math.Abs(now-0.1) < 1e-4 || math.Abs(then-0.1) < 1e-4
					if now < 0.1 && then >= 0.1 {
						want++
						break
					}
				}
			}
			switch {
			case near:
				unclear++
			case estimates.Estimable != want:
				t.Fatalf("system %d, table %d: %+v, and by linear programs %d", n, len(past), estimates, want)
			case want == 0:
				clean++
			default:
				flagged++
				if len(estimates.Suppressed) == 0 {
					t.Errorf("system %d: %+v names nothing", n, estimates)
				}
			}
			if err := a.Accept(result); err != nil {
				t.Fatal(err)
			}
			past = append(past, result.Release())
		}
	}
	t.Logf("of %d tables %d let somebody be estimated, %d nobody, %d were too close to tell", flagged+clean+unclear, flagged, clean, unclear)
	if flagged == 0 || clean == 0 {
		t.Errorf("%d tables let somebody be estimated, %d nobody", flagged, clean)
	}
}

// Giants in the same cells as somebody small, of amounts that squared are beyond what floating point tells from nothing, hide nobody and protect nobody.
func TestEstimatesBesideGiants(t *testing.T) {
	for _, c := range []struct {
		giants []int64
		tiny   int64 // of nine, beside a victim of 1,000
		want   int
	}{
		{nil, 5, 1},
		{nil, 50, 0},
		{[]int64{1e12}, 5, 1},
		{[]int64{1e12}, 50, 0},
		{[]int64{1e12, 1e9}, 5, 1},
		{[]int64{3e12, 2e9, 1e6}, 5, 1},
		{[]int64{3e12, 2e9, 1e6}, 50, 0},
	} {
		amounts := []int64{1000}
		for range 9 {
			amounts = append(amounts, c.tiny)
		}
		for range 30 {
			amounts = append(amounts, 700)
		}
		for _, giant := range c.giants {
			amounts = append(amounts, giant, giant/2, giant/3)
		}
		subjects := each(len(amounts))
		a := start(t, history.Sums, subjects, 2)
		accept(t, a, filtered(len(amounts), func(int) bool { return true }))
		result := try(t, a, filtered(len(amounts), func(row int) bool { return row > 9 }))
		estimates, err := result.Estimates(context.Background(), &history.Column{Values: amounts, Of: []bool{true, true}}, 10)
		if err != nil {
			t.Fatal(err)
		}
		if estimates.Estimable != c.want || estimates.Undecided > 0 || len(estimates.Suppressed) != c.want {
			t.Errorf("beside %d and nine of %d: %+v", c.giants, c.tiny, estimates)
		}
	}
}
