package e2e_test

import (
	"strconv"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/lab"
	"github.com/darkroom-project/darkroom/policy"
)

// The attack of A40: what a published total leaves for the cells that are missing. Organisations' counts are exact by default, and where there
// is a firm at all everybody can see in the street. Who solves it learns of some places that they have fewer firms than the threshold, so
// that each of them knows of the others.
func TestBoundsOfCounts(t *testing.T) {
	rules, err := policy.Default()
	ok(t, err)
	on := &stage{rules: rules, guests: guestRoom(t)}
	firms := [3][4]int64{{1, 2, 20, 30}, {40, 25, 30, 20}, {3, 30, 20, 30}}
	for name, c := range map[string]struct {
		margins [][]string
		off     []lab.Mechanism
		caught  bool
	}{
		"by rows":                 {[][]string{{"region"}}, nil, false},
		"by rows, unguarded":      {[][]string{{"region"}}, []lab.Mechanism{lab.Bounds}, true},
		"all margins":             {[][]string{{"region"}, {"branch"}, {}}, nil, false},
		"all margins, unguarded":  {[][]string{{"region"}, {"branch"}, {}}, []lab.Mechanism{lab.Bounds}, true},
		"without margins nothing": {nil, []lab.Mechanism{lab.Bounds}, false},
	} {
		table := country(firms)
		place := newLaboratory(t, on, c.off)
		place.load(table)
		e := place.ask(acme, &enclave.Manifest{
			Darkroom: 1, Name: "firms", Version: "1", Form: enclave.Aggregate,
			Inputs:   []enclave.ManifestInput{{Dataset: table.Dataset.Name, Columns: []string{"region", "branch"}}},
			Keys:     []enclave.ManifestKey{{Name: "region", Of: &enclave.ColumnRule{Column: "region"}}, {Name: "branch", Of: &enclave.ColumnRule{Column: "branch"}}},
			Measures: []enclave.ManifestMeasure{{Name: "firms", Op: enclave.Count}}, Margins: c.margins,
		}, nil, nil)
		if e.outcome != enclave.Released {
			t.Fatalf("%s: %s %v", name, e.outcome, e.reasons)
		}
		if small := fewerThan(t, table, e.release, 3); (len(small) > 0) != c.caught {
			t.Errorf("%s: %q are known to be small\n%v", name, small, e.release.Rows)
		}
	}
}

// country is so many firms in each region and branch.
func country(firms [3][4]int64) *lab.Table {
	t := &lab.Table{Dataset: &enclave.Dataset{
		Name: "country", Owner: "statistics-bureau", Grade: 1, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Organisation},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "region", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"coast", "hills", "plain"}},
			{Name: "branch", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"bread", "glass", "paper", "steel"}},
		},
	}}
	for region := range firms {
		for branch, n := range firms[region] {
			for range n {
				t.Add(strconv.Itoa(len(t.Rows)), int64(region), int64(branch))
			}
		}
	}
	return t
}

// fewerThan are the missing cells that a published total of their row or column leaves too few firms for.
func fewerThan(t *testing.T, table *lab.Table, release *lab.Release, threshold int64) (small []string) {
	t.Helper()
	published := map[string]int64{}
	for _, row := range release.Rows {
		n, err := strconv.ParseInt(row[2], 10, 64)
		ok(t, err)
		published[row[0]+" "+row[1]] = n
	}
	regions, branches := table.Dataset.Columns[1].Codes, table.Dataset.Columns[2].Codes
	line := func(total string, cells []string) {
		left, known := published[total]
		var missing []string
		for _, cell := range cells {
			n, there := published[cell]
			if left -= n; !there {
				missing = append(missing, cell)
			}
		}
		if known && left-int64(len(missing)-1) < threshold {
			small = append(small, missing...)
		}
	}
	for _, region := range regions {
		line(region+" "+enclave.LabelTotal, across([]string{region}, branches))
	}
	for _, branch := range branches {
		line(enclave.LabelTotal+" "+branch, across(regions, []string{branch}))
	}
	return small
}

func across(regions, branches []string) (cells []string) {
	for _, region := range regions {
		for _, branch := range branches {
			cells = append(cells, region+" "+branch)
		}
	}
	return cells
}
