package treat_test

import (
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/measure"
	"github.com/darkroom-project/darkroom/enclave/treat"
)

var treater = treat.Treater{}

// counts is a profile of the threshold rule alone, without rounding.
var counts = enclave.Profile{Name: "counts", Threshold: 10, DominanceN: 1, DominancePercent: 101, HomogeneityPercent: 101}

// square is a two-key world with all margins; people[a][b] of them in each cell, value 10 each.
func square(people [][]int) *world {
	w := newWorld([]int{len(people), len(people[0])}, flat, 0, "0")
	for a := range people {
		for b, n := range people[a] {
			w.put(n, 10, int32(a), int32(b))
		}
	}
	return w
}

// Outcomes that can be worked out by hand: = is published, P suppressed for itself, x a complement; the last column and line are
// margins.
func TestTextbookTables(t *testing.T) {
	for _, c := range []struct {
		name   string
		people [][]int
		want   string
	}{
		{
			"no small cell loses nothing",
			[][]int{{20, 30, 40}, {50, 60, 70}, {80, 90, 100}},
			"====\n====\n====\n====\n",
		},
		{
			"one small cell needs a rectangle, the cheapest one",
			[][]int{{2, 30, 20}, {50, 60, 25}, {40, 90, 100}},
			"P=x=\nx=x=\n====\n====\n",
		},
		{
			"small cells that protect each other need no more",
			[][]int{{8, 30, 9}, {50, 60, 70}, {9, 90, 8}},
			"P=P=\n====\nP=P=\n====\n",
		},
		{
			"small cells that are small together need more",
			[][]int{{2, 30, 3}, {50, 60, 70}, {3, 90, 2}},
			"PxP=\nx=x=\nPxP=\n====\n",
		},
		{
			"a small line takes its margin along, and then another",
			[][]int{{2, 3, 3}, {50, 60, 70}, {80, 90, 100}},
			"PPPP\nxxxx\n====\n====\n",
		},
		{
			"an empty cell is no protection, so the total goes",
			[][]int{{2, 0}, {0, 60}},
			"P P\n ==\nP=x\n",
		},
	} {
		out := treated(t, square(c.people).table(), counts)
		got := fates(out.Table, out.Fates, len(c.people), len(c.people[0]))
		if got != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, c.want)
		}
	}
}

// flagged treats a two-key world in which the named cells are unsafe, whatever they are.
func flagged(t *testing.T, w *world, cells [][2]int32) *enclave.Treated {
	t.Helper()
	table := w.table()
	m := &enclave.Measured{Table: table, Risks: make([]enclave.Risk, len(table.Cells))}
	for i, c := range table.Cells {
		if slices.Contains(cells, [2]int32(c.Codes)) {
			m.Risks[i] = enclave.RiskDominance
		}
	}
	out, err := treater.Treat(t.Context(), m, counts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Two rectangles of suppressed cells joined by one cell: no line has fewer than two of them, yet lines 0 and 1 less columns 0 and 1
// are the joining cell.
func TestCellThatFollowsFromManyLines(t *testing.T) {
	w := square([][]int{{12, 12, 12, 50}, {12, 12, 60, 50}, {70, 80, 12, 12}, {70, 80, 12, 12}})
	out := flagged(t, w, [][2]int32{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {0, 2}, {2, 2}, {2, 3}, {3, 2}, {3, 3}})
	if found := w.attack(out, &counts); len(found.cells) > 0 || !slices.Contains(out.Fates, enclave.Complement) {
		t.Fatalf("%+v\n%s", found, fates(out.Table, out.Fates, 4, 4))
	}
}

// A ring of six suppressed cells, two in each line: the two small ones are in no line together, but their sum follows.
func TestSmallPairAcrossLines(t *testing.T) {
	w := square([][]int{{3, 20, 90}, {80, 20, 3}, {20, 85, 20}})
	out := flagged(t, w, [][2]int32{{0, 0}, {0, 1}, {1, 1}, {1, 2}, {2, 0}, {2, 2}})
	if found := w.attack(out, &counts); len(found.groups) > 0 || !slices.Contains(out.Fates, enclave.Complement) {
		t.Fatalf("%+v\n%s", found, fates(out.Table, out.Fates, 3, 3))
	}
}

// One person in two small cells of a line is one person: 6 + 6 people are not enough for a threshold of 10 if they are the same six.
// Treatment cannot tell; with the audit they are hidden among others.
func TestSamePeopleInTwoCells(t *testing.T) {
	w := newWorld([]int{4}, []enclave.Set{{0}, {}}, 0, "0")
	w.put(6, 10, 0)
	for i := range 6 {
		w.rows = append(w.rows, row{[]int32{1}, w.rows[i].subject, 10})
	}
	w.put(40, 10, 2)
	w.put(30, 10, 3)
	if found := w.attack(treated(t, w.table(), counts), &counts); len(found.groups) == 0 {
		t.Fatal("the test's premise does not hold")
	}
	out := auditedTable(t, w, counts)
	if found := w.attack(out.Treated, &counts); len(found.cells) > 0 || len(found.groups) > 0 || out.lost != 1 {
		t.Fatal(out.Fates, found)
	}
}

// What the audit takes is told from what is unsafe by itself, and from what has to go with either.
func TestWhatTheAuditTakes(t *testing.T) {
	w := newWorld([]int{4}, []enclave.Set{{0}, {}}, 0, "0")
	w.put(4, 10, 0)
	w.put(20, 10, 1)
	w.put(30, 10, 2)
	w.put(40, 10, 3)
	measured := measure.Measurer{}.Measure(w.table(), counts)
	measured.Risks[0] |= enclave.RiskHistory
	measured.Risks[3] |= enclave.RiskHistory
	out, err := treat.Treater{}.Treat(t.Context(), measured, counts)
	want := []enclave.Fate{enclave.Primary, enclave.Published, enclave.Published, enclave.Forbidden, enclave.Published}
	if err != nil || !slices.Equal(out.Fates, want) {
		t.Fatal(out, err)
	}
}

// A suppressed giant and its complement must not be dominated together.
func TestGroupMustNotBeDominated(t *testing.T) {
	w := newWorld([]int{4}, []enclave.Set{{0}, {}}, 0, "0")
	w.put(1, 100_000, 0)
	w.put(20, 10, 0)
	w.put(20, 10, 1)  // too little beside the giant
	w.put(90, 900, 2) // enough
	w.put(100, 9000, 3)
	profile := counts
	profile.DominancePercent = 80
	out := treated(t, w.table(), profile)
	want := []enclave.Fate{enclave.Primary, enclave.Published, enclave.Complement, enclave.Published, enclave.Published}
	if !slices.Equal(out.Fates, want) {
		t.Fatal(out.Fates)
	}
}

// The bytes tell nothing of suppressed cells: values and people move among them, within their lines, and nothing changes.
func TestSuppressedValuesDoNotShow(t *testing.T) {
	build := func(extra int64, moved int) *enclave.Table {
		w := square([][]int{{2 + moved, 30, 20 - moved}, {50 - moved, 60, 25 + moved}, {40, 90, 100}})
		for i := range w.rows {
			switch a, b := w.rows[i].codes[0], w.rows[i].codes[1]; {
			case a == 0 && b == 0 || a == 1 && b == 2:
				w.rows[i].value = 0
			case a == 0 && b == 2 || a == 1 && b == 0:
				w.rows[i].value = 0
			}
		}
		add := func(a, b int32, v int64) {
			i := slices.IndexFunc(w.rows, func(r row) bool { return r.codes[0] == a && r.codes[1] == b })
			w.rows[i].value += v
		}
		add(0, 0, 100+extra)
		add(0, 2, 100-extra)
		add(1, 0, 100-extra)
		add(1, 2, 100+extra)
		return w.table()
	}
	first, second := treated(t, build(0, 0), counts), treated(t, build(37, 3), counts)
	if !slices.Equal(first.Fates, second.Fates) || first.Fates[0] != enclave.Primary {
		t.Fatal("the test's premise does not hold")
	}
	if !slices.Equal(first.Bytes, second.Bytes) {
		t.Error("suppressed values show in the output")
	}
	if same := treated(t, build(0, 0), counts); !slices.Equal(first.Bytes, same.Bytes) {
		t.Error("the same table gave other bytes")
	}
}

func TestTablesThatCannotBeAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(m *enclave.Measured, p *enclave.Profile){
		"risks missing":     func(m *enclave.Measured, _ *enclave.Profile) { m.Risks = m.Risks[1:] },
		"margin of rows":    func(m *enclave.Measured, _ *enclave.Profile) { m.Table.Cells[0].Rows++ },
		"margin of sums":    func(m *enclave.Measured, _ *enclave.Profile) { m.Table.Cells[0].Sums[0].Sum++ },
		"margin missing":    func(m *enclave.Measured, _ *enclave.Profile) { m.Table.Cells, m.Risks = m.Table.Cells[:9], m.Risks[:9] },
		"unknown set":       func(m *enclave.Measured, _ *enclave.Profile) { m.Table.Cells[0].Set = 9 },
		"sums missing":      func(m *enclave.Measured, _ *enclave.Profile) { m.Table.Cells[0].Sums = nil },
		"no full table":     func(m *enclave.Measured, _ *enclave.Profile) { m.Table.Plan.Sets = m.Table.Plan.Sets[1:] },
		"label missing":     func(m *enclave.Measured, _ *enclave.Profile) { m.Table.Plan.Keys[0].Labels = nil },
		"unknown operation": func(m *enclave.Measured, _ *enclave.Profile) { m.Table.Plan.Measures[0].Op = "median" },
		"sum of nothing":    func(m *enclave.Measured, _ *enclave.Profile) { m.Table.Plan.Measures[2].Sum = 5 },
		"rounding below 0":  func(_ *enclave.Measured, p *enclave.Profile) { p.RoundCount = -5 },
		"rounding too wide": func(m *enclave.Measured, p *enclave.Profile) {
			p.RoundSum = 1 << 62
			m.Table.Plan.Dataset.Columns[0].Scale = 9
		},
	} {
		p := counts
		m := measure.Measurer{}.Measure(square([][]int{{20, 30, 40}, {50, 60, 70}, {80, 90, 100}}).table(), p)
		spoil(m, &p)
		if _, err := treater.Treat(t.Context(), m, p); err == nil || enclave.KindOf(err) != enclave.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}
