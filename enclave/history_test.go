package enclave_test

import (
	"reflect"
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
