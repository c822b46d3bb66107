package e2e_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
)

// boundary is a group made for a rule: the totals of its subjects, and what it breaks.
type boundary struct {
	name   string
	totals []int64
	twice  bool // the first subject's total is two rows
	want   enclave.Risk
}

// some are n totals that add up to the sum, none more than a unit above another.
func some(n, sum int64) (totals []int64) {
	for i := range n {
		totals = append(totals, sum/n)
		if i < sum%n {
			totals[i]++
		}
	}
	return totals
}

func with(rest []int64, largest ...int64) []int64 { return append(largest, rest...) }

// boundaries are groups at the boundary of each rule and one step on either side, by the kind of subject.
func boundaries(kind enclave.SubjectKind) []boundary {
	const small, dominated, guessed, alike = enclave.RiskThreshold, enclave.RiskDominance, enclave.RiskPPercent, enclave.RiskHomogeneity
	if kind == enclave.Organisation { // 3 subjects, n = 1, k = 75 %, p = 10 %
		return []boundary{
			{"two", []int64{50, 49}, false, small | guessed},
			{"three", []int64{40, 35, 25}, false, 0},
			{"three rows of two", []int64{50, 49}, true, small | guessed},
			{"share below", with(some(5, 1501), 7499, 1000), false, 0},
			{"share exactly", with(some(5, 1500), 7500, 1000), false, dominated},
			{"share above", with(some(5, 1499), 7501, 1000), false, dominated},
			{"rest exactly", with(some(4, 500), 5000, 4500), false, 0},
			{"rest below", with(some(4, 499), 5000, 4500), false, guessed},
			{"below zero and share below", with(some(5, 1501), -7499, -1000), false, 0},
			{"below zero and share exactly", with(some(5, 1500), -7500, 1000), false, dominated},
			{"below zero and rest exactly", with(some(4, 500), -5000, 4500), false, 0},
			{"below zero and rest below", with(some(4, 499), 5000, -4500), false, guessed},
			{"one value", []int64{70, 70, 70, 70}, false, alike},
			{"one value but for one", []int64{70, 70, 70, 71}, false, 0},
			{"one total of unequal rows", []int64{70, 70, 70, 70}, true, alike},
			{"nothing", []int64{0, 0, 0, 0}, false, alike},
		}
	}
	return []boundary{ // 10 subjects, n = 2, k = 90 %, p = 10 %
		{"nine", append(some(8, 1001), 200), false, small},
		{"ten", append(some(9, 1001), 200), false, 0},
		{"ten rows of nine", append(some(8, 1001), 200), true, small},
		{"share below", with(some(8, 1001), 4500, 4499), false, 0},
		{"share exactly", with(some(8, 1000), 4500, 4500), false, dominated},
		{"share above", with(some(8, 999), 4501, 4500), false, dominated},
		{"share exactly by one", with(some(9, 1125), 8875), false, dominated},
		{"rest exactly", with(some(8, 500), 5000, 100), false, dominated}, // no rest of a tenth is free of dominance
		{"rest below", with(some(8, 499), 5000, 100), false, dominated | guessed},
		{"below zero and share below", with(some(8, 1001), -4500, -4499), false, 0},
		{"below zero and share exactly", with(some(8, 1000), -4500, 4500), false, dominated},
		{"one value", slices.Repeat([]int64{70}, 12), false, alike},
		{"one value but for one", append(slices.Repeat([]int64{70}, 11), 71), false, 0},
		{"one total of unequal rows", slices.Repeat([]int64{70}, 12), true, alike},
		{"nothing", make([]int64, 12), false, alike},
	}
}

// edges describes a table of such groups, and writes it. The key "ill" is protected: in two groups more all are ill, and all but one. A crowd makes
// the table large enough for so many groups.
func edges(kind enclave.SubjectKind) (*enclave.Dataset, []byte) {
	groups := boundaries(kind)
	d := &enclave.Dataset{
		Name: "edges", Owner: office, Grade: 3, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: kind},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "group", Type: enclave.Code, Class: enclave.Quasi},
			{Name: "ill", Type: enclave.Code, Class: enclave.Sensitive, Codes: []string{"no", "yes"}},
			{Name: "value", Type: enclave.Int, Class: enclave.Measure, Min: "-10000", Max: "10000"},
		},
	}
	var file bytes.Buffer
	fmt.Fprintln(&file, "id,group,ill,value")
	subject := 0
	row := func(group, ill string, value int64) { fmt.Fprintf(&file, "s%d,%s,%s,%d\n", subject, group, ill, value) }
	for _, g := range groups {
		d.Columns[1].Codes = append(d.Columns[1].Codes, g.name)
		for i, total := range g.totals {
			if subject++; i == 0 && g.twice {
				row(g.name, "no", total-30)
				total = 30
			}
			row(g.name, []string{"no", "yes"}[i%2], total)
		}
	}
	for _, g := range []struct {
		name, last string
		others     int
	}{{"all", "yes", 29}, {"all but one", "no", 29}, {"crowd", "no", 100}} {
		d.Columns[1].Codes = append(d.Columns[1].Codes, g.name)
		for i := range g.others {
			subject++
			row(g.name, "yes", int64(200+i))
		}
		subject++
		row(g.name, g.last, 150)
	}
	return d, file.Bytes()
}

// TestBoundaries has groups exactly at the boundary of each rule in a real table: of what is measured, and of what leaves.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	for _, kind := range []enclave.SubjectKind{enclave.Person, enclave.Organisation} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			description, file := edges(kind)
			c, done := newCounter(t, description, file, ','), tally{rules: map[string]int{}}
			group, value := of("group", "group", "group"), summed("value", "value")
			q := &question{name: "edges", subject: "id", keys: []key{group}, measures: []measure{count(), value}}
			c.agree(t, q, &done)
			want := map[string]enclave.Risk{"all": 0, "all but one": 0, "crowd": 0}
			for _, b := range boundaries(kind) {
				want[b.name] = b.want
			}
			if measured := c.decide(t, q); len(measured.Risks) == len(want) {
				for i, risk := range measured.Risks {
					if name := description.Columns[1].Codes[measured.Table.Cells[i].Codes[0]]; risk != want[name] {
						t.Errorf("the risks of %q are %b, expected %b", name, risk, want[name])
					}
				}
			} else {
				t.Errorf("%d groups, expected %d", len(measured.Risks), len(want))
			}
			by := &question{name: "ill", subject: "id", keys: []key{group, of("ill", "ill", "ill")}, measures: []measure{count()}}
			c.agree(t, by, &done)
			measured := c.decide(t, by)
			told := 0
			for i, risk := range measured.Risks {
				codes := measured.Table.Cells[i].Codes
				switch name := description.Columns[1].Codes[codes[0]]; {
				case name == "all":
					told++
					if risk != enclave.RiskHomogeneity {
						t.Errorf("that all are ill has the risks %b", risk)
					}
				case name == "all but one" && codes[1] == 1 && risk != 0:
					t.Errorf("that all but one are ill has the risks %b", risk)
				}
			}
			if told != 1 {
				t.Errorf("%d cells are of those who are all ill", told)
			}

			d := start(t, app.Config{})
			d.load(description, file)
			_, _, rows := d.result(acme, d.submit(acme, d.grant(acme, description), d.upload(acme, q.manifest("edges", "group", "value"), nil), nil))
			for _, row := range rows {
				if risk, there := want[row[0]]; !there || risk != 0 {
					t.Errorf("%q was released", row[0])
				}
				delete(want, row[0])
			}
			for name, risk := range want {
				if risk == 0 {
					t.Errorf("%q was not released", name)
				}
			}
		})
	}
}
