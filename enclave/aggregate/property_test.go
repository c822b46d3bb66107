package aggregate_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
)

// oddity is a random dataset with a plan over it that takes every way through the loops: keys of narrow and wide columns, of few values
// and of many, dropped, empty and negative ones; small and wide key spaces; with a guest that is asked, or sees rows, or without.
type oddity struct {
	*memory
	plan *enclave.Plan
	code []func(row int) int32 // of each key, dropped below 0
}

func newOddity(seed uint64) *oddity {
	r := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // a test
	o := &oddity{
		memory: &memory{wide: map[int][]int64{}, narrow: map[int][]int32{}, empty: map[int][]bool{}, batch: 8 * (1 + r.IntN(1200))},
		plan:   &enclave.Plan{Dataset: &enclave.Dataset{}},
	}
	o.of = o.plan.Dataset
	rows := 1 + r.IntN(20_000)
	for person := uint32(0); len(o.subjects) < rows; person++ {
		visits := 1 + r.IntN(12)
		if r.IntN(500) == 0 {
			visits = 6000 // of one subject, beyond a chunk, a batch or what would be a worker's share
		}
		for range visits {
			o.subjects = append(o.subjects, person)
		}
	}
	for range 1 + r.IntN(4) {
		o.key(r, len(o.code))
	}
	for range r.IntN(3) {
		low := -r.Int64N(2) * r.Int64N(1000)
		o.plan.Summed = append(o.plan.Summed, o.column(r, enclave.Column{Type: enclave.Int, Class: enclave.Measure}, low, low+1+r.Int64N(1<<40)))
	}
	full := enclave.Set{}
	for k := range o.plan.Keys {
		full = append(full, k)
	}
	o.plan.Sets = []enclave.Set{full}
	for range r.IntN(3) {
		margin := enclave.Set{}
		for k := range full {
			if r.IntN(2) == 0 {
				margin = append(margin, k)
			}
		}
		o.plan.Sets = append(o.plan.Sets, margin)
	}
	return o
}

// column adds a column of random values, and returns its position.
func (o *oddity) column(r *rand.Rand, c enclave.Column, low, high int64) int {
	at := len(o.plan.Dataset.Columns)
	c.Nullable = r.IntN(2) == 0
	if c.Type != enclave.Code {
		c.Min, c.Max = enclave.Scalar(c.Format(low)), enclave.Scalar(c.Format(high))
	}
	for range o.subjects {
		empty, v := c.Nullable && r.IntN(5) == 0, low+r.Int64N(high-low+1)
		if empty {
			v = 0
		}
		o.empty[at] = append(o.empty[at], empty)
		if c.Type.Narrow() {
			o.narrow[at] = append(o.narrow[at], int32(v))
		} else {
			o.wide[at] = append(o.wide[at], v)
		}
	}
	o.plan.Dataset.Columns = append(o.plan.Dataset.Columns, c)
	return at
}

func (o *oddity) at(column, row int) (v int64, there bool) {
	if o.wide[column] != nil {
		return o.wide[column][row], !o.empty[column][row]
	}
	return int64(o.narrow[column][row]), !o.empty[column][row]
}

// key adds a key with a column of its own.
func (o *oddity) key(r *rand.Rand, k int) {
	class := []enclave.Class{enclave.Open, enclave.Sensitive}[r.IntN(2)]
	labels := 1 + r.IntN(20)
	if k == 0 && r.IntN(4) == 0 {
		labels = 400
	}
	key := enclave.Key{Labels: make([]string, labels), Module: -1, Missing: r.Int32N(int32(labels)+1) - 1}
	var cuts []int64
	switch r.IntN(5) {
	case 0: // looked up, and some codes dropped
		codes := make([]string, 1+r.IntN(30))
		for range codes {
			key.Lookup = append(key.Lookup, r.Int32N(int32(labels))-r.Int32N(2))
		}
		key.Column = o.column(r, enclave.Column{Type: enclave.Code, Class: class, Codes: codes}, 0, int64(len(codes)-1))
		o.code = append(o.code, func(row int) int32 {
			if v, there := o.at(key.Column, row); there {
				return key.Lookup[v]
			}
			return key.Missing
		})
		o.plan.Keys = append(o.plan.Keys, key)
		return
	case 1: // few dates
		key.Column = o.column(r, enclave.Column{Type: enclave.Date, Class: class}, -200, 800)
		cuts = ascending(r, labels-1, -300, 900)
	case 2: // few numbers
		key.Column = o.column(r, enclave.Column{Type: enclave.Int, Class: class}, -100, 300)
		cuts = ascending(r, labels-1, -200, 400)
	case 3: // many numbers
		key.Column = o.column(r, enclave.Column{Type: enclave.Int, Class: class}, -1<<40, 1<<40)
		cuts = ascending(r, labels-1, -1<<40, 1<<40)
	case 4: // the guest's, who drops some
		key.Module, key.Offset, key.Column = o.plan.ModuleKeys(), int64(r.IntN(3)), -1
		if len(o.plan.Shown) == 0 {
			o.plan.Crafted = r.IntN(2) == 0
		}
		shown := o.column(r, enclave.Column{Type: enclave.Int, Class: enclave.Open}, -3, 20)
		o.plan.Shown = append(o.plan.Shown, shown)
		o.code = append(o.code, func(row int) int32 {
			v, there := o.at(shown, row)
			return said(v, there, k, labels)
		})
		o.plan.Keys = append(o.plan.Keys, key)
		return
	}
	key.Cuts, key.Inside = cuts, len(cuts) > 1 && r.IntN(3) == 0
	key.Labels = make([]string, len(cuts)+1)
	if key.Inside {
		key.Labels, key.Missing = make([]string, len(cuts)-1), -1
	}
	key.Missing = min(key.Missing, int32(len(cuts))) //nolint:gosec // hundreds
	o.code = append(o.code, func(row int) int32 {
		v, there := o.at(key.Column, row)
		if !there {
			return key.Missing
		}
		code := int32(0)
		for _, c := range cuts {
			if c <= v {
				code++
			}
		}
		if key.Inside && code == int32(len(cuts)) { //nolint:gosec // hundreds
			return -1
		}
		if key.Inside {
			code--
		}
		return code
	})
	o.plan.Keys = append(o.plan.Keys, key)
}

func ascending(r *rand.Rand, n int, low, high int64) []int64 {
	cuts := make([]int64, n)
	for i := range cuts {
		cuts[i] = low + r.Int64N(high-low)
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// said is what the guest says of a value for a key: a code, or -1.
func said(v int64, there bool, k, labels int) int32 {
	if !there {
		v = 50
	}
	code := (v + 3 + int64(k)) % int64(labels+1)
	return int32(code) - 1 //nolint:gosec // hundreds
}

// guest answers for the keys that are its own, each from the shown column that came with it.
func (o *oddity) guest(b *enclave.Batch, codes [][]int32) error {
	for k := range o.plan.Keys {
		if key := &o.plan.Keys[k]; key.Module >= 0 {
			v := &b.Columns[key.Module]
			for i := range b.Rows {
				codes[key.Module][i] = said(v.Wide[i], v.Valid[i>>3]>>(i&7)&1 == 1, k, len(key.Labels))
				if codes[key.Module][i] >= 0 {
					codes[key.Module][i] += int32(key.Offset) //nolint:gosec // at most 2
				}
			}
		}
	}
	return nil
}

// table computes the table in the plainest way, from maps.
func (o *oddity) table() *enclave.Table {
	type group struct {
		cell   enclave.Cell
		totals map[uint32][]int64
	}
	t := &enclave.Table{Plan: o.plan}
	groups, everyone, peers := map[string]*group{}, map[uint32]bool{}, map[string]map[uint32]bool{}
	places := make([]string, len(o.subjects))
	for row, subject := range o.subjects {
		codes := make([]int32, len(o.code))
		for k, code := range o.code {
			codes[k] = code(row)
		}
		if slices.Min(codes) < 0 {
			continue
		}
		t.Rows++
		everyone[subject] = true
		for i, set := range o.plan.Sets {
			id := fmt.Sprint(i, masked(codes, set))
			g := groups[id]
			if g == nil {
				g = &group{enclave.Cell{Set: i, Codes: masked(codes, set)}, map[uint32][]int64{}}
				for range o.plan.Summed {
					g.cell.Sums = append(g.cell.Sums, enclave.SumFacts{Least: 1 << 62, Greatest: -1 << 62})
				}
				groups[id] = g
			}
			if i == 0 {
				places[row] = id
			}
			g.cell.Rows++
			if g.totals[subject] == nil {
				g.totals[subject] = make([]int64, len(o.plan.Summed))
			}
			for j, c := range o.plan.Summed {
				v, f := o.wide[c][row], &g.cell.Sums[j]
				g.totals[subject][j] += v
				f.Sum, f.Least, f.Greatest = f.Sum+v, min(f.Least, v), max(f.Greatest, v)
			}
			for _, rest := range o.plan.Groups(set) {
				who := fmt.Sprint(rest, masked(codes, rest))
				if peers[who] == nil {
					peers[who] = map[uint32]bool{}
				}
				peers[who][subject] = true
			}
		}
	}
	t.Subjects = int64(len(everyone))
	for _, g := range groups {
		g.cell.Subjects = int64(len(g.totals))
		for j := range g.cell.Sums {
			f := &g.cell.Sums[j]
			sizes := []int64{0, 0}
			for _, total := range g.totals {
				size := max(total[j], -total[j])
				f.Absolute += size
				sizes = append(sizes, size)
			}
			slices.Sort(sizes)
			f.Largest, f.Second = sizes[len(sizes)-1], sizes[len(sizes)-2]
		}
		if g.cell.Sums == nil {
			g.cell.Sums = []enclave.SumFacts{}
		}
		for _, rest := range o.plan.Groups(o.plan.Sets[g.cell.Set]) {
			if n := int64(len(peers[fmt.Sprint(rest, masked(g.cell.Codes, rest))])); g.cell.Group == 0 || n < g.cell.Group {
				g.cell.Group = n
			}
		}
		t.Cells = append(t.Cells, g.cell)
	}
	slices.SortFunc(t.Cells, func(a, b enclave.Cell) int {
		return cmp.Or(cmp.Compare(a.Set, b.Set), slices.Compare(a.Codes, b.Codes))
	})
	at := map[string]int32{"": enclave.NoCell}
	for i := range t.Cells {
		at[fmt.Sprint(t.Cells[i].Set, t.Cells[i].Codes)] = int32(i)
	}
	cells := make([]int32, len(places))
	for row, id := range places {
		cells[row] = at[id]
	}
	t.Places = enclave.PlacesOf(cells)
	return t
}

func masked(codes []int32, set enclave.Set) []int32 {
	kept := make([]int32, len(codes))
	for k := range kept {
		kept[k] = enclave.Total
		if slices.Contains(set, k) {
			kept[k] = codes[k]
		}
	}
	return kept
}

// Whatever the data and the plan, and however many workers, the table is that of the plainest program.
func TestEveryWayAgreesWithThePlainestProgram(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 15
	}
	for seed := range seeds {
		o := newOddity(seed)
		want := o.table()
		for i, workers := range []int{1, 2, 3, 8} {
			executor := aggregate.New(sandbox{assign: o.guest}, workers)
			got, err := executor.Execute(t.Context(), o, &enclave.Module{}, o.plan)
			if err == nil && i == 1 { // once more, by what was learned before
				got, err = executor.Execute(t.Context(), o, &enclave.Module{}, o.plan)
			}
			if err != nil {
				t.Fatalf("seed %d: %v (%v)", seed, err, enclave.AsError(err).Unwrap())
			}
			if !slices.Equal(got.Places.All(), want.Places.All()) {
				t.Fatalf("seed %d, %d workers: rows are in other places", seed, workers)
			}
			if got.Places = want.Places; !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, %d workers:\ngot  %+v\nwant %+v", seed, workers, got, want)
			}
		}
	}
}

// A value beyond its column's bounds could make a sum overflow unseen: it is a fault, wherever it is. Bounds of 0 to 100 take a byte.
func TestSummedValueOutsideItsBoundsIsAFault(t *testing.T) {
	for _, value := range []int64{-1, 101, 255, 128} {
		for _, row := range []int{0, 77, 999} {
			m := random(3, 1000)
			m.wide[fee][row] = value
			p := plan()
			p.Keys, p.Sets = []enclave.Key{p.Keys[0], p.Keys[2]}, []enclave.Set{{0, 1}}
			_, err := aggregate.New(nil, 2).Execute(t.Context(), m, nil, p)
			if enclave.KindOf(err) != enclave.Internal || err == nil {
				t.Errorf("%d in row %d: %v", value, row, err)
			}
		}
	}
}
