package measure_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/measure"
)

const (
	threshold   = enclave.RiskThreshold
	dominance   = enclave.RiskDominance
	pPercent    = enclave.RiskPPercent
	homogeneity = enclave.RiskHomogeneity
)

func plan(sets ...enclave.Set) *enclave.Plan {
	return &enclave.Plan{
		Keys: []enclave.Key{{Name: "a"}, {Name: "b"}}, Sets: sets, Summed: []int{0, 1},
		Measures: []enclave.PlannedMeasure{{Op: enclave.Count, Sum: -1}, {Op: enclave.Mean, Sum: 0}},
	}
}

// Each rule exactly at its boundary. Sum facts are absolute, largest, second.
func TestRisksAtTheBoundary(t *testing.T) {
	const big = math.MaxInt64
	base := enclave.Profile{Threshold: 10, DominanceN: 1, DominancePercent: 85, PPercent: 10, HomogeneityPercent: 101}
	two := base
	two.DominanceN = 2
	for _, c := range []struct {
		name     string
		profile  enclave.Profile
		subjects int64
		facts    [3]int64
		want     enclave.Risk
	}{
		{"threshold met", base, 10, [3]int64{100, 10, 10}, 0},
		{"one below the threshold", base, 9, [3]int64{100, 10, 10}, threshold},
		{"share just below k", base, 10, [3]int64{10_000, 8_499, 1}, 0},
		{"share exactly k", base, 10, [3]int64{10_000, 8_500, 1}, dominance},
		{"share above k", base, 10, [3]int64{10_000, 8_501, 1}, dominance},
		{"two largest just below k", two, 10, [3]int64{10_000, 4_499, 4_000}, 0},
		{"two largest exactly k", two, 10, [3]int64{10_000, 4_500, 4_000}, dominance},
		{"the same with n = 1", base, 10, [3]int64{10_000, 4_500, 4_000}, 0},
		{"rest exactly p % of the largest", base, 10, [3]int64{2_100, 1_000, 1_000}, 0},
		{"rest just below p % of the largest", base, 10, [3]int64{2_099, 1_000, 1_000}, pPercent},
		{"one subject with a total", base, 1, [3]int64{7, 7, 0}, threshold | dominance | pPercent},
		{"two subjects with totals", base, 2, [3]int64{14, 7, 7}, threshold | pPercent},
		{"ten subjects, one with a total", base, 10, [3]int64{7, 7, 0}, dominance | pPercent},
		{"nothing but zeros", two, 10, [3]int64{0, 0, 0}, 0},
		{"one subject with zero", base, 1, [3]int64{0, 0, 0}, threshold},
		{"largest of numbers, share below k", base, 10, [3]int64{big, big / 100 * 84, 1}, 0},
		{"largest of numbers, share of everything", base, 10, [3]int64{big, big, 0}, dominance | pPercent},
		{"parts larger than the whole", base, 10, [3]int64{10, 8, 8}, dominance | pPercent},
		{"parts that overflow", base, 10, [3]int64{big, big, big}, dominance | pPercent},
		{"negative parts", base, 10, [3]int64{-1, 0, 0}, dominance | pPercent},
		{"least of numbers", base, 10, [3]int64{math.MinInt64, math.MinInt64, math.MinInt64}, dominance | pPercent},
	} {
		table := &enclave.Table{Plan: plan(enclave.Set{0, 1}), Cells: []enclave.Cell{{
			Codes: []int32{0, 0}, Subjects: c.subjects,
			Sums: []enclave.SumFacts{
				{Absolute: c.facts[0], Largest: c.facts[1], Second: c.facts[2]},
				{Absolute: 1, Largest: 1}, // dominated, but no measure uses it
			},
		}}}
		if got := (measure.Measurer{}).Measure(table, c.profile).Risks; len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %b, want %b", c.name, got, c.want)
		}
	}
}

// Homogeneity exactly at its boundary: the share of a group that has a protected value; values of rows; totals of subjects.
func TestHomogeneityAtTheBoundary(t *testing.T) {
	const big = math.MaxInt64
	all := enclave.Profile{Threshold: 10, DominanceN: 1, DominancePercent: 101, HomogeneityPercent: 100}
	most, none := all, all
	most.HomogeneityPercent, none.HomogeneityPercent = 95, 101
	mixed := enclave.SumFacts{Sum: 1000, Absolute: 1000, Largest: 60, Second: 60, Least: 0, Greatest: 60}
	for _, c := range []struct {
		name            string
		profile         enclave.Profile
		subjects, group int64
		sum             enclave.SumFacts
		want            enclave.Risk
	}{
		{"all of the group", all, 200, 200, mixed, homogeneity},
		{"all but one", all, 199, 200, mixed, 0},
		{"exactly the share", most, 190, 200, mixed, homogeneity},
		{"one below the share", most, 189, 200, mixed, 0},
		{"no protected value", all, 200, 0, mixed, 0},
		{"a rule that allows it", none, 200, 200, mixed, 0},
		{"a profile without the number", enclave.Profile{Threshold: 10, DominancePercent: 101}, 1000, 2000, mixed, homogeneity},
		{"as many as there can be", all, big, big, mixed, homogeneity},
		{"all rows at one value", all, 20, 0, enclave.SumFacts{Sum: 350, Absolute: 350, Largest: 70, Second: 70, Least: 7, Greatest: 7}, homogeneity},
		{"all rows at one value, which is allowed", none, 20, 0, enclave.SumFacts{Least: 7, Greatest: 7}, 0},
		{"all rows at 0", all, 20, 0, enclave.SumFacts{}, homogeneity},
		{"all rows at the least there is", all, 20, 0, enclave.SumFacts{Sum: -600, Absolute: 600, Largest: 30, Second: 30, Least: -30, Greatest: -30}, homogeneity},
		{"one row that differs by 1", all, 20, 0, enclave.SumFacts{Sum: 351, Absolute: 351, Largest: 70, Second: 70, Least: 7, Greatest: 8}, 0},
		{"all subjects at one total", all, 20, 0, enclave.SumFacts{Sum: 600, Absolute: 600, Largest: 30, Second: 30, Greatest: 30}, homogeneity},
		{"one subject that has 1 less", all, 20, 0, enclave.SumFacts{Sum: 599, Absolute: 599, Largest: 30, Second: 30, Greatest: 30}, 0},
		{"all subjects at one total below 0", all, 20, 0, enclave.SumFacts{Sum: -600, Absolute: 600, Largest: 30, Second: 30, Least: -30}, homogeneity},
		{"half of them above and below", all, 20, 0, enclave.SumFacts{Sum: 0, Absolute: 600, Largest: 30, Second: 30, Least: -30, Greatest: 30}, 0},
		{"a product of more than 64 bits", all, 1 << 33, 0, enclave.SumFacts{Sum: 0, Absolute: big, Largest: 1 << 31, Second: 1, Least: -1, Greatest: 30}, 0},
	} {
		table := &enclave.Table{Plan: plan(enclave.Set{0, 1}), Cells: []enclave.Cell{{
			Codes: []int32{0, 0}, Subjects: c.subjects, Group: c.group, Sums: []enclave.SumFacts{c.sum, {}},
		}}}
		if got := (measure.Measurer{}).Measure(table, c.profile).Risks[0]; got != c.want {
			t.Errorf("%s: %b, want %b", c.name, got, c.want)
		}
		facts, err := measure.Measurer{}.Facts(t.Context(), &enclave.Treated{Table: table, Fates: make([]enclave.Fate, 1)}, c.profile)
		if err != nil || facts.Unsafe.Homogeneity != int64(c.want/homogeneity) {
			t.Errorf("%s: measured afresh: %+v, %v", c.name, facts.Unsafe, err)
		}
	}
}

// square is a table of two keys with all margins: 3 × 3 cells with so many subjects and rows.
func square(subjects [3][3]int64) *enclave.Table {
	t := &enclave.Table{Plan: plan(enclave.Set{0, 1}, enclave.Set{0}, enclave.Set{1}, enclave.Set{})}
	sums := func(n int64) []enclave.SumFacts {
		return []enclave.SumFacts{{Sum: n, Absolute: n, Largest: 1, Second: 1}, {}}
	}
	put := func(set int, a, b int32, n int64) {
		t.Cells = append(t.Cells, enclave.Cell{Set: set, Codes: []int32{a, b}, Rows: n, Subjects: n, Sums: sums(n)})
	}
	var rows, columns [3]int64
	for a := range 3 {
		for b := range 3 {
			n := subjects[a][b]
			put(0, int32(a), int32(b), n)
			rows[a] += n
			columns[b] += n
			t.Rows += n
		}
	}
	for a := range 3 {
		put(1, int32(a), enclave.Total, rows[a])
	}
	for b := range 3 {
		put(2, enclave.Total, int32(b), columns[b])
	}
	put(3, enclave.Total, enclave.Total, t.Rows)
	t.Subjects = t.Rows
	return t
}

var profile = enclave.Profile{Threshold: 10, DominanceN: 1, DominancePercent: 85, PPercent: 10, HomogeneityPercent: 101, RoundCount: 5, RoundSum: 100}

func facts(table *enclave.Table, suppressed ...int) enclave.Facts {
	treated := &enclave.Treated{Table: table, Fates: make([]enclave.Fate, len(table.Cells)), Bytes: make([]byte, 77)}
	for i, c := range suppressed {
		treated.Fates[c] = enclave.Primary
		if i > 0 {
			treated.Fates[c] = enclave.Complement
		}
	}
	return factsOf(treated)
}

func factsOf(treated *enclave.Treated) enclave.Facts {
	facts, err := measure.Measurer{}.Facts(context.Background(), treated, profile)
	if err != nil {
		panic(err)
	}
	return facts
}

func TestFactsOfACleanOutput(t *testing.T) {
	table := square([3][3]int64{{4, 30, 20}, {50, 60, 25}, {40, 90, 100}})
	got := facts(table, 0, 2, 3, 5)
	want := enclave.Facts{
		Version: 1, Cells: enclave.CellCounts{Published: 12, Primary: 1, Complement: 3}, MinSubjects: 30,
		RoundCount: 5, RoundSum: 100, Bytes: 77,
	}
	if got.MinSubjects != want.MinSubjects || got.Cells != want.Cells || got.Derivable != 0 || got.Unsafe != want.Unsafe ||
		got.Bytes != want.Bytes || got.RoundCount != 5 || got.RoundSum != 100 || got.Version != 1 {
		t.Errorf("%+v", got)
	}
}

// What treatment forgot, measurement finds.
func TestFactsFindWhatFollows(t *testing.T) {
	for _, c := range []struct {
		name       string
		subjects   [3][3]int64
		suppressed []int
		derivable  int64
	}{
		{"nothing suppressed", [3][3]int64{{4, 30, 20}, {50, 60, 25}, {40, 90, 100}}, nil, 0},
		{"one cell alone", [3][3]int64{{4, 30, 20}, {50, 60, 25}, {40, 90, 100}}, []int{0}, 1},
		{"two in a line", [3][3]int64{{4, 30, 20}, {50, 60, 25}, {40, 90, 100}}, []int{0, 1}, 2},
		{"a margin alone", [3][3]int64{{4, 30, 20}, {50, 60, 25}, {40, 90, 100}}, []int{9}, 1},
		{"a rectangle", [3][3]int64{{4, 30, 20}, {50, 60, 25}, {40, 90, 100}}, []int{0, 1, 3, 4}, 0},
		{"small groups in two lines of a rectangle", [3][3]int64{{4, 5, 20}, {50, 60, 25}, {40, 90, 100}}, []int{0, 1, 3, 4}, 1},
		{"a row and its margin, which follows from the other rows", [3][3]int64{{4, 30, 20}, {50, 60, 25}, {40, 90, 100}}, []int{0, 1, 2, 9}, 4},
		{"everything", [3][3]int64{{4, 30, 20}, {50, 60, 25}, {40, 90, 100}}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 0},
	} {
		if got := facts(square(c.subjects), c.suppressed...); got.Derivable != c.derivable {
			t.Errorf("%s: %d, want %d", c.name, got.Derivable, c.derivable)
		}
	}
}

// Where people are in several cells, one person may be the giant of each, so that largest totals add up. People are counted in each
// cell: whether they are few in truth, the audit of releases tells.
func TestFactsWherePeopleRepeat(t *testing.T) {
	table := square([3][3]int64{{6, 30, 20}, {50, 60, 25}, {6, 90, 100}})
	table.Cells[0].Sums[0] = enclave.SumFacts{Sum: 100, Absolute: 100, Largest: 90, Second: 1}
	table.Cells[6].Sums[0] = enclave.SumFacts{Sum: 510, Absolute: 510, Largest: 450, Second: 1}
	table.Cells[12].Sums[0] = enclave.SumFacts{Sum: 660, Absolute: 660, Largest: 540, Second: 2}
	if got := facts(table, 0, 6, 1, 7).Derivable; got != 0 {
		t.Fatalf("two giants: %d", got)
	}
	table.Cells[12].Subjects--
	table.Subjects--
	// In the column, and in it less a row: this plan has no dataset, so values may be negative and cancel out.
	if got := facts(table, 0, 6, 1, 7).Derivable; got != 2 {
		t.Errorf("perhaps one giant: %d", got)
	}
	table = square([3][3]int64{{6, 30, 20}, {50, 60, 25}, {6, 90, 100}})
	table.Cells[12].Subjects -= 6
	table.Subjects -= 6
	if got := facts(table, 0, 6, 1, 7).Derivable; got != 0 {
		t.Errorf("perhaps six people in two cells: %d", got)
	}
}

func TestFactsRecountUnsafeCells(t *testing.T) {
	table := square([3][3]int64{{4, 30, 20}, {50, 60, 25}, {40, 90, 100}})
	table.Cells[1].Sums[0] = enclave.SumFacts{Absolute: 100, Largest: 99, Second: 1}
	got := facts(table)
	if got.Unsafe != (enclave.RiskCounts{Threshold: 1, Dominance: 1, PPercent: 1}) || got.MinSubjects != 4 {
		t.Errorf("%+v", got)
	}
}

// Tables that cannot be must not bring measurement down, and a cell without a fate counts as published.
func TestOddTables(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // seeded test data
	measurer := measure.Measurer{}
	factsOf(&enclave.Treated{})
	measurer.Measure(&enclave.Table{Cells: []enclave.Cell{{}}}, enclave.Profile{})
	short := &enclave.Treated{Table: square([3][3]int64{{4, 30, 20}, {50, 60, 25}, {40, 90, 100}})}
	if got := factsOf(short); got.Cells.Published != 16 || got.Unsafe.Threshold != 1 {
		t.Errorf("%+v", got)
	}
	short.Fates = []enclave.Fate{enclave.Forbidden, enclave.Forbidden + 1}
	if got := factsOf(short); got.Cells != (enclave.CellCounts{Published: 15, History: 1}) || got.Unsafe.Threshold != 0 {
		t.Errorf("%+v", got)
	}
	for range 2000 {
		table := square([3][3]int64{{4, 30, 20}, {50, 60, 25}, {40, 90, 100}})
		treated := &enclave.Treated{Table: table, Fates: make([]enclave.Fate, r.IntN(20))}
		for i := range treated.Fates {
			treated.Fates[i] = enclave.Fate(r.IntN(5)) //nolint:gosec // small
		}
		for range 1 + r.IntN(4) {
			c := &table.Cells[r.IntN(len(table.Cells))]
			switch r.IntN(8) {
			case 0:
				c.Set = r.IntN(9) - 2
			case 1:
				c.Codes = c.Codes[:r.IntN(len(c.Codes)+1)]
			case 2:
				c.Sums = nil
			case 3:
				c.Subjects, c.Rows = int64(r.Uint64()), -5 //nolint:gosec // any number will do
			case 4:
				c.Sums = []enclave.SumFacts{{Sum: math.MinInt64, Absolute: int64(r.Uint64()), Largest: math.MaxInt64, Second: -1}} //nolint:gosec // any number will do
			case 5:
				table.Plan.Sets[r.IntN(4)] = enclave.Set{r.IntN(9) - 2}
			case 6:
				table.Plan.Measures[1].Sum = r.IntN(9)
			case 7:
				table.Cells = table.Cells[:1+r.IntN(len(table.Cells))]
			}
		}
		measurer.Measure(table, profile)
		factsOf(treated)
	}
}
