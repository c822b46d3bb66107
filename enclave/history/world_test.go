package history_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave/history"
)

var seed = history.Seed{1, 2, 3}

// start is an audit of rows of these subjects.
func start(tb testing.TB, kind history.Kind, subjects []uint32, k int) *history.Audit {
	tb.Helper()
	a, err := history.New(kind, subjects, k, seed)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func try(tb testing.TB, a *history.Audit, r *history.Release) *history.Result {
	tb.Helper()
	result, err := a.Try(context.Background(), r)
	if err != nil {
		tb.Fatal(err)
	}
	return result
}

// accept tries a table and, unless it is refused, makes it history.
func accept(tb testing.TB, a *history.Audit, r *history.Release) *history.Result {
	tb.Helper()
	result := try(tb, a, r)
	if !result.Refused {
		if err := a.Accept(result); err != nil {
			tb.Fatal(err)
		}
	}
	return result
}

// crossed is a table over some keys, given by each row's codes (None drops the row), with the margins of some subsets of the keys.
// Cells of fewer than threshold subjects are not published.
func crossed(subjects []uint32, keys [][]int32, domains []int, margins [][]int, threshold int) *history.Release {
	full := 1
	for _, d := range domains {
		full *= d
	}
	r := &history.Release{Cells: make([]int32, len(keys[0])), Published: make([][]int32, full)}
	for row := range r.Cells {
		cell := int32(0)
		for k := range keys {
			if keys[k][row] == history.None {
				cell = history.None
				break
			}
			cell = cell*int32(domains[k]) + keys[k][row] //nolint:gosec // small, seeded test data
		}
		r.Cells[row] = cell
	}
	whole := make([]int, len(domains))
	for i := range whole {
		whole[i] = i
	}
	base := int32(0)
	for _, set := range append([][]int{whole}, margins...) {
		count := int32(1)
		for _, k := range set {
			count *= int32(domains[k]) //nolint:gosec // small, seeded test data
		}
		for cell := range r.Published {
			codes, rest := make([]int32, len(domains)), int32(cell)
			for k := len(domains) - 1; k >= 0; k-- {
				codes[k], rest = rest%int32(domains[k]), rest/int32(domains[k]) //nolint:gosec // small, seeded test data
			}
			margin := int32(0)
			for _, k := range set {
				margin = margin*int32(domains[k]) + codes[k] //nolint:gosec // small, seeded test data
			}
			r.Published[cell] = append(r.Published[cell], base+margin)
		}
		base += count
	}
	return r.Without(small(subjects, r, threshold))
}

// small lists the published cells of fewer subjects than the threshold.
func small(subjects []uint32, r *history.Release, threshold int) []int32 {
	who := map[int32]map[uint32]bool{}
	for row, full := range r.Cells {
		if full == history.None {
			continue
		}
		for _, cell := range r.Published[full] {
			if who[cell] == nil {
				who[cell] = map[uint32]bool{}
			}
			if len(who[cell]) < threshold {
				who[cell][subjects[row]] = true
			}
		}
	}
	var cells []int32
	for cell, people := range who {
		if len(people) < threshold {
			cells = append(cells, cell)
		}
	}
	slices.Sort(cells)
	return cells
}

// flat is a table of full cells only, given by each row's cell.
func flat(cells ...int32) *history.Release {
	r := &history.Release{Cells: cells}
	for c := range slices.Max(append(cells, 0)) + 1 {
		r.Published = append(r.Published, []int32{c})
	}
	return r
}

// filtered counts the rows that are as asked, in one cell.
func filtered(rows int, asked func(row int) bool) *history.Release {
	cells := make([]int32, rows)
	for row := range cells {
		if cells[row] = history.None; asked(row) {
			cells[row] = 0
		}
	}
	return flat(cells...)
}

// each is n subjects with one row each.
func each(n int) []uint32 {
	subjects := make([]uint32, n)
	for i := range subjects {
		subjects[i] = uint32(i)
	}
	return subjects
}

// codes draws a code for each row. Skewed codes get rarer as they grow.
func codes(r *rand.Rand, rows, domain int, skewed bool) []int32 {
	all := make([]int32, rows)
	for i := range all {
		all[i] = int32(r.IntN(domain)) //nolint:gosec // small, seeded test data
		if skewed {
			all[i] = int32(min(float64(domain)*r.Float64()*r.Float64(), float64(domain-1)))
		}
	}
	return all
}

// severalCodes draws a code of several keys for each row. Every other key may be skewed; no two have to do with each other.
func severalCodes(r *rand.Rand, keys, rows, domain int, skewed bool) (all [][]int32) {
	for i := range keys {
		all = append(all, codes(r, rows, domain, skewed && i%2 == 0))
	}
	return all
}

func random(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 9)) } //nolint:gosec // small, seeded test data
