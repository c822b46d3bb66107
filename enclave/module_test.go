package enclave_test

import (
	"reflect"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// Whom the cells of a set say protected values of: those who agree on all keys but the ones of a protected column.
func TestGroups(t *testing.T) {
	two := []string{"a", "b"}
	plan := &enclave.Plan{
		Dataset: &enclave.Dataset{Columns: []enclave.Column{
			{Name: "district", Class: enclave.Quasi},
			{Name: "icd10", Class: enclave.Sensitive},
			{Name: "cost", Class: enclave.Measure},
			{Name: "note", Class: enclave.Open},
			{Name: "country", Class: enclave.Sensitive},
		}},
		Keys: []enclave.Key{
			{Name: "district", Module: -1, Column: 0, Labels: two},
			{Name: "code", Module: -1, Column: 1, Labels: two},
			{Name: "chapter", Module: -1, Column: 1, Labels: two},
			{Name: "size", Module: -1, Column: 2, Labels: two},
			{Name: "band", Module: 0, Column: -1, Labels: two},
			{Name: "note", Module: -1, Column: 3, Labels: two},
			{Name: "country", Module: -1, Column: 4, Labels: two[:1]},
		},
	}
	for _, c := range []struct {
		set  enclave.Set
		want []enclave.Set
	}{
		{enclave.Set{}, nil},
		{enclave.Set{0, 4, 5}, nil},
		{enclave.Set{1}, []enclave.Set{{}}},
		{enclave.Set{0, 1}, []enclave.Set{{0}}},
		{enclave.Set{0, 1, 2, 4}, []enclave.Set{{0, 4}}},      // a code tells its chapter: the column is one
		{enclave.Set{0, 1, 3}, []enclave.Set{{0, 3}, {0, 1}}}, // who knows one may learn the other
		{enclave.Set{0, 6}, nil},                              // the catalogue tells
		{enclave.Set{0, 3, 5, 6}, []enclave.Set{{0, 5, 6}}},   //
		{enclave.Set{1, 2, 3}, []enclave.Set{{3}, {1, 2}}},    //
	} {
		if got := plan.Groups(c.set); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: %v, want %v", c.set, got, c.want)
		}
	}
	plan.Dataset = nil
	if got := plan.Groups(enclave.Set{0, 1}); got != nil {
		t.Errorf("without a description: %v", got)
	}
}
