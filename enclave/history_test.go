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
	got := table.Footprint(snapshot, nil, fates)
	want := &enclave.Footprint{Snapshot: snapshot, Distinct: true, Places: table.Places, Over: [][]int32{{0, 3, 5}, {3, 5}, {2, 5}}}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v", got)
	}
	table.Plan.Measures = table.Plan.Measures[:1]
	if table.Footprint(snapshot, nil, fates).Distinct {
		t.Error("no distinct subjects are counted")
	}
}
