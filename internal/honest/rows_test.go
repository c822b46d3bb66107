package main

import (
	"math"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/testdata/honest"
)

// What a snapshot says of newcomers, leavers, corrections and days is what its rows show, and the last one has all rows as they are.
func TestSnapshots(t *testing.T) {
	s := &honest.Sequence{Data: "residents", Rows: 20_000, Seed: 1}
	dataset, err := s.Dataset()
	if err != nil {
		t.Fatal(err)
	}
	all, err := linesOf(s, dataset)
	if err != nil {
		t.Fatal(err)
	}
	snapshots := []honest.Snapshot{{}, {Newcomers: 2, Leavers: 1, Corrections: map[string]int64{"municipality": 5}}}
	rows := make([]map[string][]string, len(snapshots))
	for when := range snapshots {
		then, err := all.at(snapshots, when, dataset)
		if err != nil {
			t.Fatal(err)
		}
		rows[when] = map[string][]string{}
		for _, row := range then.rows {
			rows[when][row[0]] = row
		}
	}
	newcomers, corrected, untouched := 0, 0, 0
	for subject, row := range rows[1] {
		switch before := rows[0][subject]; {
		case before == nil:
			newcomers++
		case slices.Equal(before, row):
			untouched++
		case before[1] != row[1] && slices.Equal(before[2:], row[2:]):
			corrected++
		default:
			t.Fatalf("%v became %v", before, row)
		}
	}
	leavers := len(rows[0]) + newcomers - len(rows[1])
	for what, share := range map[string][2]float64{
		"newcomers": {float64(newcomers), 0.02}, "leavers": {float64(leavers), 0.01},
		"corrections": {float64(corrected), 0.05 * 0.87}, // one in eight has the same municipality as the next
	} {
		if math.Abs(share[0]/20_000-share[1]) > 0.005 {
			t.Errorf("%v %s of 20,000, expected a share of %v", share[0], what, share[1])
		}
	}
	for i, row := range all.rows {
		if last := rows[1][row[0]]; last != nil && !slices.Equal(last, all.rows[i]) {
			t.Fatal("the last snapshot has other rows")
		}
	}
	until, err := all.at([]honest.Snapshot{{Before: map[string]string{"municipality": "M02"}}}, 0, dataset)
	if err != nil || len(until.rows) == 0 || slices.ContainsFunc(until.rows, func(row []string) bool { return row[1] != "M01" }) {
		t.Errorf("%d rows are before M02: %v", len(until.rows), err)
	}
}
