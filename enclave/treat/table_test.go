package treat_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/measure"
	"github.com/darkroom-project/darkroom/enclave/treat"
)

// row is one row of microdata: the codes of the keys, whom it is about, and the value of the one summed column.
type row struct {
	codes   []int32
	subject int
	value   int64
}

// world is microdata with the plan that tabulates it, so that tests know the truth behind every cell.
type world struct {
	plan *enclave.Plan
	rows []row
}

func newWorld(sizes []int, sets []enclave.Set, scale int, low string) *world {
	column := enclave.Column{Name: "v", Type: enclave.Int, Class: enclave.Measure, Min: enclave.Scalar(low), Max: "1000000"}
	if scale > 0 {
		column.Type, column.Scale = enclave.Decimal, scale
	}
	p := &enclave.Plan{
		Dataset: &enclave.Dataset{Name: "d", Columns: []enclave.Column{column, {Name: "q", Class: enclave.Quasi}, {Name: "s", Class: enclave.Sensitive}}},
		Summed:  []int{0}, Sets: sets,
		Measures: []enclave.PlannedMeasure{
			{Name: "n", Op: enclave.Count, Sum: -1},
			{Name: "people", Op: enclave.Subjects, Sum: -1},
			{Name: "total", Op: enclave.Sum, Sum: 0},
			{Name: "average", Op: enclave.Mean, Sum: 0},
		},
	}
	for k, size := range sizes {
		key := enclave.Key{Name: fmt.Sprintf("k%d", k), Module: -1, Column: 1}
		for i := range size {
			key.Labels = append(key.Labels, fmt.Sprintf("%c%d", 'a'+k, i))
		}
		p.Keys = append(p.Keys, key)
	}
	return &world{plan: p}
}

// put adds so many new people, one row each, to a cell.
func (w *world) put(people int, value int64, codes ...int32) {
	for range people {
		w.rows = append(w.rows, row{codes, 1 + len(w.rows), value})
	}
}

func (w *world) inside(r *row, cell *enclave.Cell) bool {
	for k, c := range cell.Codes {
		if c != enclave.Total && c != r.codes[k] {
			return false
		}
	}
	return true
}

// table tabulates the world in the plainest way.
func (w *world) table() *enclave.Table {
	everyone := map[int]bool{}
	for _, r := range w.rows {
		everyone[r.subject] = true
	}
	t := &enclave.Table{Plan: w.plan, Rows: int64(len(w.rows)), Subjects: int64(len(everyone))}
	for set, keys := range w.plan.Sets {
		totals, values, found := map[string]map[int]int64{}, map[string][]int64{}, map[string][]int32{}
		for _, r := range w.rows {
			codes := slices.Repeat([]int32{enclave.Total}, len(r.codes))
			for _, k := range keys {
				codes[k] = r.codes[k]
			}
			id := fmt.Sprint(codes)
			if totals[id] == nil {
				totals[id], found[id] = map[int]int64{}, codes
			}
			totals[id][r.subject] += r.value
			values[id] = append(values[id], r.value)
		}
		first := len(t.Cells)
		for id, subjects := range totals {
			t.Cells = append(t.Cells, enclave.Cell{
				Set: set, Codes: found[id], Rows: int64(len(values[id])), Subjects: int64(len(subjects)), Group: w.group(keys, found[id]),
				Sums: []enclave.SumFacts{factsOf(subjects, values[id])},
			})
		}
		slices.SortFunc(t.Cells[first:], func(a, b enclave.Cell) int { return slices.Compare(a.Codes, b.Codes) })
	}
	t.Places = enclave.PlacesOf(w.places(t.Cells))
	return t
}

// group counts the fewest people of a group that a cell tells a protected value of; protected is key 1, if its column is.
func (w *world) group(keys enclave.Set, codes []int32) int64 {
	if len(w.plan.Keys) < 2 || w.plan.Keys[1].Column != protected || !slices.Contains(keys, 1) {
		return 0
	}
	group := &enclave.Cell{Codes: slices.Clone(codes)}
	group.Codes[1] = enclave.Total
	people := map[int]bool{}
	for i := range w.rows {
		if w.inside(&w.rows[i], group) {
			people[w.rows[i].subject] = true
		}
	}
	return int64(len(people))
}

// protected is the column of a sensitive key.
const protected = 2

// together are the true facts of some cells as one group.
func (w *world) together(cells []*enclave.Cell) (subjects int64, facts enclave.SumFacts) {
	totals, values := map[int]int64{}, []int64(nil)
	for i := range w.rows {
		if slices.ContainsFunc(cells, func(c *enclave.Cell) bool { return w.inside(&w.rows[i], c) }) {
			totals[w.rows[i].subject] += w.rows[i].value
			values = append(values, w.rows[i].value)
		}
	}
	return int64(len(totals)), factsOf(totals, values)
}

func factsOf(totals map[int]int64, values []int64) enclave.SumFacts {
	f := enclave.SumFacts{Least: slices.Min(values), Greatest: slices.Max(values)}
	var sizes []int64
	for _, total := range totals {
		f.Sum += total
		f.Absolute += max(total, -total)
		sizes = append(sizes, max(total, -total))
	}
	slices.SortFunc(sizes, func(a, b int64) int { return cmp.Compare(b, a) })
	sizes = append(sizes, 0, 0)
	f.Largest, f.Second = sizes[0], sizes[1]
	return f
}

// Grouping sets of two and three keys, with margins.
var (
	flat   = []enclave.Set{{0, 1}, {0}, {1}, {}}
	linked = []enclave.Set{{0, 1, 2}, {0, 1}, {1, 2}, {0}, {}}
	cube   = []enclave.Set{{0, 1, 2}, {0, 1}, {0, 2}, {1, 2}, {0}, {1}, {2}, {}}
)

// random makes a small world with many small cells. Where people repeat, they have rows in several cells.
func random(seed uint64, repeat bool) *world {
	r := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // seeded test data
	sets := [][]enclave.Set{flat, linked, cube, {{0, 1}}, {{0, 1}, {}}, {{0, 1, 2}, {2}, {}}}[r.IntN(6)]
	sizes := []int{2 + r.IntN(3), 2 + r.IntN(3), 2 + r.IntN(2)}[:len(sets[0])]
	w := newWorld(sizes, sets, int(seed%3), "0")
	codes := make([]int32, len(sizes))
	for cells := range sizes[0] * sizes[1] * 3 {
		for k := range codes {
			codes[k] = r.Int32N(int32(sizes[k])) //nolint:gosec // small
		}
		people := r.IntN(30)
		if cells%3 == 0 {
			people = r.IntN(6)
		}
		for range people {
			value := r.Int64N(100)
			if r.IntN(40) == 0 {
				value *= 500
			}
			subject := 1 + len(w.rows)
			if repeat && r.IntN(2) == 0 {
				subject = 1 + r.IntN(40)
			}
			w.rows = append(w.rows, row{slices.Clone(codes), subject, value})
		}
	}
	return w
}

var strict = enclave.Profile{
	Name: "strict", Threshold: 10, DominanceN: 1, DominancePercent: 85, PPercent: 10, HomogeneityPercent: 100, RoundCount: 5, RoundSum: 10,
}

// treated runs the two rooms one after the other.
func treated(tb testing.TB, table *enclave.Table, p enclave.Profile) *enclave.Treated {
	tb.Helper()
	out, err := treat.Treater{}.Treat(tb.Context(), measure.Measurer{}.Measure(table, p), p)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// fates writes the fates of a two-key table with all margins as text: one line a row, the margins last.
func fates(table *enclave.Table, fates []enclave.Fate, rows, columns int) string {
	var text []byte
	for a := range rows + 1 {
		for b := range columns + 1 {
			codes := []int32{int32(a), int32(b)}
			if a == rows {
				codes[0] = enclave.Total
			}
			if b == columns {
				codes[1] = enclave.Total
			}
			sign := byte(' ')
			if i := slices.IndexFunc(table.Cells, func(c enclave.Cell) bool { return slices.Equal(c.Codes, codes) }); i >= 0 {
				sign = "=Px"[fates[i]]
			}
			text = append(text, sign)
		}
		text = append(text, '\n')
	}
	return string(text)
}

// measuredAfresh are the facts of an output.
func measuredAfresh(tb testing.TB, out *enclave.Treated, p enclave.Profile) enclave.Facts {
	tb.Helper()
	facts, err := measure.Measurer{}.Facts(tb.Context(), out, p)
	if err != nil {
		tb.Fatal(err)
	}
	return facts
}
