package enclave_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// A footprint names, for each cell of the full table, the published cells that contain it: itself and the margins over it.
func TestFootprint(t *testing.T) {
	table := &enclave.Table{
		Plan: &enclave.Plan{Sets: []enclave.Set{{0, 1}, {0}, {}}, Measures: []enclave.PlannedMeasure{{Op: enclave.Sum}, {Op: enclave.Subjects}}},
		Cells: []enclave.Cell{
			{Set: 0, Codes: []int32{0, 0}},
			{Set: 0, Codes: []int32{0, 1}},
			{Set: 0, Codes: []int32{1, 0}},
			{Set: 1, Codes: []int32{0, enclave.Total}},
			{Set: 1, Codes: []int32{1, enclave.Total}},
			{Set: 2, Codes: []int32{enclave.Total, enclave.Total}},
		},
		Places: enclave.PlacesOf([]int32{2, enclave.NoCell, 0, 1}),
	}
	snapshot := enclave.DigestOf([]byte("snapshot"))
	fates := []enclave.Fate{enclave.Published, enclave.Primary, enclave.Published, enclave.Published, enclave.Complement, enclave.Published}
	got := table.Footprint(snapshot, fates)
	want := &enclave.Footprint{Snapshot: snapshot, Distinct: true, Places: table.Places, Over: [][]int32{{0, 3, 5}, {3, 5}, {2, 5}}}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v", got)
	}
	table.Plan.Measures = table.Plan.Measures[:1]
	if table.Footprint(snapshot, fates).Distinct {
		t.Error("no distinct subjects are counted")
	}
}

// diagnoses counts people by district and illness, with margins. Of the west both illnesses are known, of the east one.
func diagnoses() *enclave.Table {
	return &enclave.Table{
		Plan: &enclave.Plan{
			Dataset: &enclave.Dataset{Columns: []enclave.Column{
				{Name: "district", Type: enclave.Code, Codes: []string{"east", "west"}, Class: enclave.Quasi},
				{Name: "illness", Type: enclave.Code, Codes: []string{"flu", "gout"}, Class: enclave.Sensitive},
			}},
			Keys: []enclave.Key{
				{Name: "district", Labels: []string{"east", "west"}, Module: -1, Column: 0, Lookup: []int32{0, 1}},
				{Name: "illness", Labels: []string{"flu", "gout"}, Module: -1, Column: 1, Lookup: []int32{0, 1}},
			},
			Sets: []enclave.Set{{0, 1}, {0}, {1}},
		},
		Cells: []enclave.Cell{
			{Set: 0, Codes: []int32{0, 1}},
			{Set: 0, Codes: []int32{1, 0}},
			{Set: 0, Codes: []int32{1, 1}},
			{Set: 1, Codes: []int32{0, enclave.Total}},
			{Set: 1, Codes: []int32{1, enclave.Total}},
			{Set: 2, Codes: []int32{enclave.Total, 0}},
			{Set: 2, Codes: []int32{enclave.Total, 1}},
		},
		Places: enclave.PlacesOf([]int32{0, 1, 2}),
	}
}

// A block is everybody that a set's cells agree on but for the illness: each district, and all. One is told of if any of its cells is.
func TestBlocks(t *testing.T) {
	table := diagnoses()
	fates := make([]enclave.Fate, len(table.Cells))
	east, west, all := int32(0), int32(1), int32(2)
	f := table.Footprint(enclave.Digest{}, fates)
	if want := [][]int32{{east, all}, {west, all}, {west, all}}; !reflect.DeepEqual(f.Blocks, want) {
		t.Fatalf("got %v", f.Blocks)
	}
	fates[1], fates[3], fates[5], fates[6] = enclave.Primary, enclave.Primary, enclave.Primary, enclave.Complement
	if want := [][]int32{{east}, {west}, {west}}; !reflect.DeepEqual(table.Footprint(enclave.Digest{}, fates).Blocks, want) {
		t.Errorf("of all people nothing is told: %v", table.Footprint(enclave.Digest{}, fates).Blocks)
	}
	for _, c := range []struct{ cells, blocks, want []int32 }{
		{nil, nil, nil},
		{[]int32{2}, nil, []int32{1, 2}},       // one illness of the west: the other too, and its total stays
		{[]int32{4}, nil, []int32{4}},          // the total of the west
		{[]int32{6, 0}, nil, []int32{0, 5, 6}}, // one of all, and the one of the east
		{nil, []int32{west}, []int32{1, 2, 4}}, // whatever is said of the west
		{[]int32{0}, []int32{all}, []int32{0, 5, 6}},
	} {
		if got := f.Together(c.cells, c.blocks); !reflect.DeepEqual(got, c.want) {
			t.Errorf("cells %v and blocks %v: %v, not %v", c.cells, c.blocks, got, c.want)
		}
	}
	table.Plan.Dataset.Columns[1].Class = enclave.Quasi
	f = table.Footprint(enclave.Digest{}, fates)
	if got := f.Together([]int32{2}, nil); f.Blocks != nil || !reflect.DeepEqual(got, []int32{2}) {
		t.Errorf("nobody's protected value is told: %v, %v", f.Blocks, got)
	}
}

// Of illnesses it is told by district, and of all; a code that nobody has is of a class like any other.
func TestTelling(t *testing.T) {
	table := diagnoses()
	fates := make([]enclave.Fate, len(table.Cells))
	fates[1] = enclave.Primary
	got := table.Footprint(enclave.Digest{}, fates).Tells
	want := []enclave.Telling{{
		Column: "illness", Starts: []int64{0, 1}, Class: []int32{0, 1}, Empty: -1, Block: []int32{0, 1, 1},
		Sets: []enclave.TellingSet{
			{Block: []int32{0, 1}, Class: []int32{0, 1}, Cells: []enclave.TellingCell{{Block: 0, Class: 1, Cell: 0}, {Block: 1, Class: 1, Cell: 2}}},
			{Block: []int32{0, 0}, Class: []int32{0, 1}, Cells: []enclave.TellingCell{{Block: 0, Class: 0, Cell: 5}, {Block: 0, Class: 1, Cell: 6}}},
		},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	// By two keys of one column, of which the second leaves empty values out of the first's order.
	income := &table.Plan.Dataset.Columns[1]
	*income = enclave.Column{Name: "income", Type: enclave.Int, Min: "-10", Max: "100", Class: enclave.Measure, Nullable: true}
	table.Plan.Keys[1] = enclave.Key{Name: "some", Labels: []string{"<0", ">=0", enclave.LabelMissing}, Module: -1, Column: 1, Cuts: []int64{0}, Missing: 2}
	table.Plan.Keys = append(table.Plan.Keys, enclave.Key{
		Name: "much", Labels: []string{"<-20", "<0", "<50", ">=50", enclave.LabelMissing}, Module: -1, Column: 1, Cuts: []int64{-20, 0, 50}, Missing: 4,
	})
	table.Plan.Sets, table.Cells, fates = []enclave.Set{{0, 1, 2}, {0, 1}}, []enclave.Cell{
		{Set: 0, Codes: []int32{1, 1, 3}}, {Set: 1, Codes: []int32{1, 1, enclave.Total}},
	}, fates[:2]
	told := &table.Footprint(enclave.Digest{}, fates).Tells[0]
	for value, class := range map[int64]int32{-10: 0, -1: 0, 0: 1, 49: 1, 50: 2, 100: 2, enclave.EmptyValue: 3} {
		if got := told.Of(value); got != class {
			t.Errorf("%d is of class %d, not %d", value, got, class)
		}
	}
	if told.Classes() != 4 || !slices.Equal(told.Sets[1].Class, []int32{0, 1, 1, 2}) {
		t.Errorf("got %+v", told)
	}
	income.Class = enclave.Quasi
	if tells := table.Footprint(enclave.Digest{}, fates).Tells; tells != nil {
		t.Errorf("nobody's protected value is told: %+v", tells)
	}
}
