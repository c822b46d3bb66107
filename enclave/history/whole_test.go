package history_test

import (
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave/history"
)

// Columns of random people span everything, or everything but what is about nobody; and it is never shown of such as do not, whatever they lack, be it next to nothing.
func TestSpans(t *testing.T) {
	const positions = 40
	shown, lacking := 0, 0
	for n := range uint64(400) {
		r := random(n)
		var columns [][]int32
		for range 3 * positions {
			column := []int32{r.Int32N(positions / 2), positions/2 + r.Int32N(positions/2)}
			if r.IntN(3) == 0 {
				column = column[:1]
			}
			columns = append(columns, column)
		}
		whole := rankOf(positions, columns) == positions
		if got := history.Spans(positions, columns, nil, seed); got && !whole {
			t.Fatalf("system %d: it was shown of columns that do not span everything", n)
		} else if got {
			shown++
		}
		// The first position again: everybody who is in one is in the other.
		for i, column := range columns {
			if slices.Contains(column, 0) {
				columns[i] = append(slices.Clone(column), positions)
			}
		}
		if history.Spans(positions+1, columns, nil, seed) {
			t.Fatalf("system %d: two positions are the same, and it was shown that they are not", n)
		}
		lacking++
		if whole != history.Spans(positions+1, columns, []map[int32]int64{{0: 1, positions: -1}}, seed) && whole {
			t.Errorf("system %d: it is not shown although that they are the same is known", n)
		}
	}
	t.Logf("of %d systems, %d were shown to be whole", lacking, shown)
	if shown < 100 || shown > 390 {
		t.Error("the systems are too much alike to say anything")
	}
}

// A cell of everybody that two keys' cells add up to is in relations with as many columns as there are, which must not be too many to count with.
func TestSpansWithLargeCells(t *testing.T) {
	const values = 20
	r := random(1)
	everybody := [2]map[int32]int64{{2 * values: 1}, {2 * values: 1}}
	for key := range everybody {
		for value := range int32(values) {
			everybody[key][int32(key)*values+value] = -1
		}
	}
	for _, people := range []int{1000, 100_000} {
		var columns [][]int32
		for range people {
			columns = append(columns, []int32{r.Int32N(values), values + r.Int32N(values), 2 * values})
		}
		for n := range byte(3) {
			if !history.Spans(2*values+1, columns, everybody[:], history.Seed{n}) {
				t.Errorf("of %d people it is not shown", people)
			}
			if history.Spans(2*values+1, columns, everybody[:1], history.Seed{n}) {
				t.Errorf("of %d people it is shown although one relation is not known", people)
			}
		}
	}
}

// rankOf is that of columns, exactly.
func rankOf(positions int, columns [][]int32) int {
	var all [][]int64
	for _, column := range columns {
		written := make([]int64, positions)
		for _, p := range column {
			written[p] = 1
		}
		all = append(all, written)
	}
	return exactRank(all)
}

// Of tables with thousands of cells, all of which are large and have little to do with each other, the audit comes to the same with elimination and without: of a table by
// another key, of one that would tell of some, of margins that others have and of none that are new.
func TestWithoutElimination(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of cells")
	}
	const rows, domain = 60_000, 16
	subjects, keys := each(rows), severalCodes(random(1), 6, rows, domain, false)
	coarse := make([]int32, rows)
	for row, code := range keys[0] {
		coarse[row] = code / 4
	}
	cross := func(a, b []int32, margins ...[]int) *history.Release {
		return crossed(subjects, [][]int32{a, b}, []int{domain, domain}, margins, 10)
	}
	both := newBoth(t, subjects, 10)
	for i := range 4 {
		both.add(cross(keys[i], keys[i+1], []int{0}, []int{1}))
	}
	few := slices.Clone(keys[1])
	for row := range 5 {
		few[row] = history.None
	}
	both.agree("another key", true, cross(keys[4], keys[5], []int{0}, []int{1}, []int{}))
	both.agree("without margins", true, cross(keys[5], keys[2]))
	both.agree("coarser values of a key", true, cross(coarse, keys[3], []int{0}, []int{}))
	both.agree("nothing new", true, cross(keys[0], keys[1], []int{0}))
	both.agree("all but five", false, cross(few, keys[3]))
	both.agree("a key of two earlier ones", true, cross(keys[0], keys[2], []int{1}))
}

// Of a later snapshot, in which some came, some left and some moved, it does too; and where not few did, without elimination.
func TestSnapshotsWithoutElimination(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of cells")
	}
	const rows, domain = 100_000, 16
	r, subjects := random(2), each(rows)
	now := severalCodes(r, 4, rows, domain, false)
	var before [][]int32
	for _, codes := range now {
		before = append(before, slices.Clone(codes))
	}
	for row := range rows {
		switch r.IntN(20) {
		case 0, 1:
			for _, codes := range before {
				codes[row] = history.None
			}
		case 2, 3:
			for _, codes := range now {
				codes[row] = history.None
			}
		case 4, 5:
			now[1][row] = r.Int32N(domain)
		}
	}
	both := newBoth(t, subjects, 10)
	year := func(keys [][]int32, i int) *history.Release {
		return crossed(subjects, keys[i:i+2], []int{domain, domain}, [][]int{{0}, {1}, {}}, 10)
	}
	for i := range 3 {
		both.add(year(before, i))
	}
	for i := range 3 {
		both.agree("a table of a later snapshot", true, year(now, i))
		both.add(year(now, i))
	}
	again := [][]int32{slices.Clone(now[1]), now[2]}
	here := slices.IndexFunc(now[2], func(code int32) bool { return code != history.None })
	again[0][here] = (again[0][here] + 1) % domain
	both.agree("one moved", false, year(again, 0))
	both.agree("nobody moved", true, year(now, 1))
}

// Cells that were published when less was promised are in the way of nothing, nor of showing that.
func TestLargerThanBeforeWithoutElimination(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of cells")
	}
	const rows, domain = 60_000, 16
	subjects, keys := each(rows), severalCodes(random(3), 6, rows, domain, true)
	both := newBoth(t, subjects, 20)
	for i := range 4 {
		both.add(crossed(subjects, keys[i:i+2], []int{domain, domain}, [][]int{{0}, {1}}, 5))
	}
	if known := crossed(subjects, keys[:2], []int{domain, domain}, nil, 5); len(small(subjects, known, 20)) == 0 {
		t.Fatal("no cell is smaller than what is promised now")
	}
	both.agree("another key", true, crossed(subjects, [][]int32{keys[5], keys[1]}, []int{domain, domain}, [][]int{{0}, {1}}, 20))
}

// Three tables divide the same people, but for three small groups, so that two of their relations are the same but for small cells. In rounded numbers these must not become three: of what they would hide, two
// people's difference is asked.
func TestRelationsThatDependOnEachOther(t *testing.T) {
	const core, group, k = 30_000, 6, 3
	const rows = core + 3*group + 30_000
	for n := range uint64(4) {
		r := random(n)
		table := func(own int, bounds []float64, junk int) *history.Release {
			cells, small := make([]int32, rows), int32(len(bounds)+1) //nolint:gosec // small, seeded test data
			for row := range cells {
				of, i := (row-core)/group, (row-core)%group
				switch {
				case row < core:
					at, _ := slices.BinarySearch(bounds, r.Float64())
					cells[row] = int32(at) //nolint:gosec // likewise
				case row >= core+3*group:
					if cells[row] = history.None; junk > 0 && r.IntN(2) == 0 {
						cells[row] = small + 6 + r.Int32N(int32(junk)) //nolint:gosec // likewise
					}
				case of != own: // who is in a table's own group is in its first cell
					if cells[row] = small + 2*int32(of); of == 0 && (own == 1 && i > 2 || own == 2 && (i == 2 || i > 3)) {
						cells[row]++
					}
				}
			}
			return flat(cells...)
		}
		b := newBoth(t, each(rows), k)
		second := table(1, []float64{0.15, 0.3, 0.4, 0.55, 0.7, 0.85}, 20)
		for _, known := range []*history.Release{table(0, []float64{0.95, 0.97}, 0), second, table(2, []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}, 60)} {
			b.add(known)
		}
		left := 2
		b.agree("a cell without two", false, filtered(rows, func(row int) bool {
			in := row < core && second.Cells[row] == 1
			if in && left > 0 {
				left--
				return false
			}
			return in
		}))
	}
}

// In random systems, in which few of many people are looked at, it comes to the same too, whatever was released before, and under however small promises.
func TestAgreesWithElimination(t *testing.T) {
	clean, whole := 0, 0
	for n := range systems(3000, 300) {
		r := random(7777 + n)
		k := 2 + r.IntN(3)
		var subjects []uint32
		for s := range 60 + r.IntN(300) {
			for range 1 + r.IntN(2)*r.IntN(2) {
				subjects = append(subjects, uint32(s))
			}
		}
		b := newBoth(t, subjects, k)
		b.without.Sample(1+int(n%3), 1+int(n/3%2))
		var table drawn
		for range 2 + r.IntN(5) {
			if table = table.next(r, len(subjects)); r.IntN(3) == 0 {
				table = drawn{domains: []int{3 + r.IntN(5), 2 + r.IntN(3)}, margins: [][]int{{0}, {1}, {}}[:r.IntN(4)]}
				for _, domain := range table.domains {
					table.keys = append(table.keys, codes(r, len(subjects), domain, r.IntN(2) == 0))
				}
			}
			offered := crossed(subjects, table.keys, table.domains, table.margins, r.IntN(2)*k)
			got, want := try(t, b.without, offered), try(t, b.with, offered)
			if got.Clean != want.Clean || want.Clean && got.Rank != want.Rank {
				t.Fatalf("system %d: %v without elimination, and with it %v", n, got, want)
			}
			if got.Clean {
				clean++
			}
			if got.Whole() {
				whole++
			}
			if !want.Refused && r.IntN(4) > 0 { // otherwise as if less had been promised
				offered = want.Release()
			}
			b.add(offered)
		}
	}
	t.Logf("%d clean tables, %d judgements without elimination", clean, whole)
	if clean < 300 || whole < 300 {
		t.Error("the systems are too much alike to say anything")
	}
}

// both are two audits of the same history, one of which tries to do without elimination.
type both struct {
	*testing.T
	without, with *history.Audit
}

func newBoth(t *testing.T, subjects []uint32, k int) *both {
	t.Helper()
	b := &both{t, start(t, history.Sums, subjects, k), start(t, history.Sums, subjects, k)}
	b.without.TryWhole(0)
	b.with.TryWhole(1 << 30)
	return b
}

func (b *both) add(table *history.Release) {
	b.Helper()
	for _, a := range []*history.Audit{b.without, b.with} {
		if err := a.Add(table); err != nil {
			b.Fatal(err)
		}
	}
}

// agree tries a table on both, which should come to the same, as it should be: clean without elimination, or to lose cells.
func (b *both) agree(name string, clean bool, table *history.Release) {
	b.Helper()
	got, want := try(b, b.without, table), try(b, b.with, table)
	if clean && !got.Whole() || want.Whole() {
		b.Errorf("%s: without elimination %t, and where it is not tried %t", name, got.Whole(), want.Whole())
	}
	if got.Rank != want.Rank || got.Cells != want.Cells || got.Clean != want.Clean || got.Clean != clean || len(got.Suppressed) != len(want.Suppressed) {
		b.Errorf("%s: %v without elimination, and with it %v", name, got, want)
	}
}
