package aggregate_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
)

// naive computes the table in the plainest way: every cell keeps each subject's total.
func naive(m *memory, p *enclave.Plan) *enclave.Table {
	type group struct {
		cell   enclave.Cell
		totals map[uint32][]int64
		values [][]int64 // by sum: of each row
	}
	groups, everyone, rows := map[string]*group{}, map[uint32]bool{}, int64(0)
	peers := map[string]map[uint32]bool{}    // by the codes of the keys that are not protected: who is in some cell
	fell := make([][]int32, len(m.subjects)) // the full cell of each row, nil if it was dropped
	for row, subject := range m.subjects {
		if !m.empty[born][row] && m.wide[born][row] < 1930 || m.empty[born][row] {
			continue
		}
		full := []int32{
			p.Keys[0].Lookup[m.narrow[illness][row]],
			band(m.wide[born][row], true) - 10,
			0,
		}
		if m.empty[illness][row] {
			full[0] = 3
		}
		for _, c := range p.Keys[2].Cuts {
			if int64(m.narrow[day][row]) >= c {
				full[2]++
			}
		}
		everyone[subject], fell[row] = true, full
		rows++
		for set, keys := range p.Sets {
			codes := []int32{enclave.Total, enclave.Total, enclave.Total}
			alike := slices.Clone(codes)
			for _, k := range keys {
				codes[k] = full[k]
				if k != 0 { // of a sensitive column
					alike[k] = full[k]
				}
			}
			if who := fmt.Sprint(alike); slices.Contains(keys, 0) {
				if peers[who] == nil {
					peers[who] = map[uint32]bool{}
				}
				peers[who][subject] = true
			}
			id := fmt.Sprint(set, codes)
			g := groups[id]
			if g == nil {
				g = &group{enclave.Cell{Set: set, Codes: codes}, map[uint32][]int64{}, make([][]int64, len(p.Summed))}
				groups[id] = g
			}
			g.cell.Rows++
			if g.totals[subject] == nil {
				g.totals[subject] = make([]int64, len(p.Summed))
			}
			for j, c := range p.Summed {
				g.totals[subject][j] += m.wide[c][row]
				g.values[j] = append(g.values[j], m.wide[c][row])
			}
		}
	}
	table := &enclave.Table{Plan: p, Rows: rows, Subjects: int64(len(everyone))}
	for _, g := range groups {
		g.cell.Subjects = int64(len(g.totals))
		for j := range p.Summed {
			var f enclave.SumFacts
			var sizes []int64
			for _, t := range g.totals {
				f.Sum += t[j]
				sizes = append(sizes, max(t[j], -t[j]))
			}
			slices.Sort(sizes)
			for _, s := range sizes {
				f.Absolute += s
			}
			f.Largest = sizes[len(sizes)-1]
			if len(sizes) > 1 {
				f.Second = sizes[len(sizes)-2]
			}
			f.Least, f.Greatest = slices.Min(g.values[j]), slices.Max(g.values[j])
			g.cell.Sums = append(g.cell.Sums, f)
		}
		if g.cell.Codes[0] != enclave.Total {
			g.cell.Group = int64(len(peers[fmt.Sprint(append([]int32{enclave.Total}, g.cell.Codes[1:]...))]))
		}
		table.Cells = append(table.Cells, g.cell)
	}
	slices.SortFunc(table.Cells, func(a, b enclave.Cell) int {
		return cmp.Or(cmp.Compare(a.Set, b.Set), slices.Compare(a.Codes, b.Codes))
	})
	var places []int32
	for _, full := range fell {
		place := enclave.NoCell
		for at := range int32(len(table.Cells)) { //nolint:gosec // a few cells
			if c := &table.Cells[at]; full != nil && c.Set == 0 && slices.Equal(c.Codes, full) {
				place = at
			}
		}
		places = append(places, place)
	}
	table.Places = enclave.PlacesOf(places)
	return table
}

func TestExecuteAgreesWithNaiveReference(t *testing.T) {
	for seed := range uint64(40) {
		m, p := random(seed, 50+int(seed)*40), plan()
		want := naive(m, p)
		for _, workers := range []int{1, 2, 3, 7} {
			got, err := aggregate.New(sandbox{assign: bands}, workers).Execute(t.Context(), m, &enclave.Module{}, p)
			if err != nil {
				t.Fatal(err)
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

// The places of a wide key space take four bytes, and many cuts a binary search; both must agree with the small plan.
func TestWideAndSearchedKeysAgree(t *testing.T) {
	m, small := random(9, 3000), plan()
	large := plan()
	large.Keys[1].Labels = make([]string, 40_000)
	many := []int64{18500, 19000}
	for i := range int64(20) {
		many = append(many, 30_000+2*i)
	}
	large.Keys[2].Cuts, large.Keys[2].Labels = many, make([]string, len(many)+1)
	want, err := aggregate.New(sandbox{assign: bands}, 2).Execute(t.Context(), m, &enclave.Module{}, small)
	if err != nil {
		t.Fatal(err)
	}
	got, err := aggregate.New(sandbox{assign: bands}, 2).Execute(t.Context(), m, &enclave.Module{}, large)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Cells, want.Cells) || !slices.Equal(got.Places.All(), want.Places.All()) {
		t.Fatal("the wide plan gave other cells")
	}
}

func TestGuestSeesShownColumnsOnly(t *testing.T) {
	m, p := random(3, 1000), plan()
	look := func(b *enclave.Batch, codes [][]int32) error {
		if b.Subjects != nil || len(b.Columns) != 2 || b.Columns[0].Wide == nil || b.Columns[1].Narrow == nil || len(codes) != 1 || len(codes[0]) != b.Rows {
			return errors.New("the view is not as agreed")
		}
		return bands(b, codes)
	}
	if _, err := aggregate.New(sandbox{assign: look}, 2).Execute(t.Context(), m, &enclave.Module{}, p); err != nil {
		t.Fatal(err)
	}
}

func TestNoModuleKeysNoGuest(t *testing.T) {
	m, p := random(3, 1000), plan()
	p.Keys, p.Sets = []enclave.Key{p.Keys[0], p.Keys[2]}, []enclave.Set{{0, 1}, {}}
	table, err := aggregate.New(nil, 2).Execute(t.Context(), m, nil, p)
	if err != nil || table.Rows != int64(len(m.subjects)) {
		t.Fatalf("%v rows of %d, error %v", table, len(m.subjects), err)
	}
}

func TestCodeOutsideItsDomainEndsTheRun(t *testing.T) {
	for _, code := range []int32{-2, 0, 9, 14, 1 << 30, -1 << 31} {
		wild := func(b *enclave.Batch, codes [][]int32) error {
			if err := bands(b, codes); err != nil {
				return err
			}
			codes[0][b.Rows-1] = code
			return nil
		}
		_, err := aggregate.New(sandbox{assign: wild}, 3).Execute(t.Context(), random(3, 1000), &enclave.Module{}, plan())
		e := enclave.AsError(err)
		if e == nil || e.Kind != enclave.Invalid || e.Reason != "MODULE_CODE_RANGE" || len(e.Args) != 1 || e.Args["key"] != "band" {
			t.Errorf("code %d: %v", code, err)
		}
	}
	if !enclave.Known("MODULE_CODE_RANGE") {
		t.Error("no text")
	}
}

func TestMinusOneDropsEvenWhereItIsInTheRange(t *testing.T) {
	p := plan()
	p.Keys[1].Offset = -2
	drop := func(_ *enclave.Batch, codes [][]int32) error {
		for i := range codes[0] {
			codes[0][i] = -1
		}
		return nil
	}
	table, err := aggregate.New(sandbox{assign: drop}, 2).Execute(t.Context(), random(3, 100), &enclave.Module{}, p)
	if err != nil || table.Rows != 0 || table.Subjects != 0 || len(table.Cells) != 0 {
		t.Fatalf("%+v, %v", table, err)
	}
}

func TestFirstErrorStopsEveryWorker(t *testing.T) {
	failure := errors.New("trapped")
	m, opened := random(3, 4000), make(chan struct{}, 8)
	calls := 0
	fail := func(*enclave.Batch, [][]int32) error { return failure }
	_, err := aggregate.New(sandbox{assign: fail, opened: opened}, 4).Execute(t.Context(), m, &enclave.Module{}, plan())
	for range len(opened) {
		<-opened
		calls++
	}
	if !errors.Is(err, failure) || calls == 0 {
		t.Fatalf("error %v after %d guests", err, calls)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := aggregate.New(sandbox{assign: bands}, 4).Execute(cancelled, m, &enclave.Module{}, plan()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// pieces notes into how many pieces it is split.
type pieces struct {
	*memory
	asked int
}

func (p *pieces) Split(n int) ([]enclave.Range, error) {
	p.asked = n
	return p.memory.Split(n)
}

// Few rows are one worker's, and many are everybody's.
func TestFewRowsHaveFewWorkers(t *testing.T) {
	for rows, want := range map[int]int{0: 1, 1000: 1, 3100: 3, 20_000: 8, 600_000: 8} {
		p := plan()
		p.Keys, p.Sets = []enclave.Key{p.Keys[0], p.Keys[2]}, []enclave.Set{{0, 1}}
		m := &pieces{memory: random(3, rows)}
		m.batch = enclave.BatchRows
		if _, err := aggregate.New(nil, 8).Execute(t.Context(), m, nil, p); err != nil || m.asked != want {
			t.Errorf("%d rows in %d pieces, want %d: %v", rows, m.asked, want, err)
		}
	}
}

func TestEmptySnapshot(t *testing.T) {
	table, err := aggregate.New(sandbox{assign: bands}, 4).Execute(t.Context(), &memory{batch: 10}, &enclave.Module{}, plan())
	if err != nil || table.Rows != 0 || len(table.Cells) != 0 {
		t.Fatalf("%+v, %v", table, err)
	}
}

func TestImpossiblePlansAreRefused(t *testing.T) {
	cases := map[string]func(*enclave.Plan){
		"overflowing sum":  func(p *enclave.Plan) { p.Dataset.Columns[fee].Max = "9223372036854775807" },
		"key space":        func(p *enclave.Plan) { p.Keys = slices.Repeat([]enclave.Key{{Labels: make([]string, 100_000)}}, 5) },
		"no full table":    func(p *enclave.Plan) { p.Sets = []enclave.Set{{0}} },
		"key of no module": func(p *enclave.Plan) { p.Keys[1].Module = 1 },
		"empty key":        func(p *enclave.Plan) { p.Keys[2].Labels = nil },
		"short code list":  func(p *enclave.Plan) { p.Keys[0].Lookup = []int32{0} },
		"lookup of number": func(p *enclave.Plan) { p.Keys[0].Column = cost },
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		p := plan()
		cases[name](p)
		_, err := aggregate.New(sandbox{assign: bands}, 2).Execute(t.Context(), random(5, 500), &enclave.Module{}, p)
		if enclave.KindOf(err) != enclave.Internal || err == nil {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(enclave.AsError(err).In(enclave.English), "overflow") {
			t.Errorf("%s: the operator sees the inner text", name)
		}
	}
}
