package measure_test

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/measure"
)

// A witness counts only if it is another table that could be behind what is published, in which the cell has as much as is asked.
func TestWitnesses(t *testing.T) {
	table := square([3][3]int64{{4, 30, 20}, {50, 60, 25}, {40, 90, 100}})
	asking := profile
	asking.IntervalPercent = 50
	// The corners 0, 2, 3 and 5 are suppressed; cell 0 needs 6 more.
	change := func(cell int, by int64) enclave.Change { return enclave.Change{Cell: cell, By: by} }
	box := func(by int64) []enclave.Change {
		return []enclave.Change{change(0, by), change(2, -by), change(3, -by), change(5, by)}
	}
	witness := func(cell int, changes ...enclave.Change) enclave.Witness {
		return enclave.Witness{Cell: cell, Changes: changes}
	}
	for _, c := range []struct {
		name      string
		witnesses []enclave.Witness
		want      int64
	}{
		{"none", nil, 1},
		{"a rectangle", []enclave.Witness{witness(0, box(6)...)}, 0},
		{"in two steps", []enclave.Witness{witness(0, append(box(2), box(4)...)...)}, 0},
		{"all but the last row", []enclave.Witness{witness(0, box(19)...)}, 0},
		{"a last row", []enclave.Witness{witness(0, box(20)...)}, 1},
		{"too little", []enclave.Witness{witness(0, box(5)...)}, 1},
		{"less instead of more", []enclave.Witness{witness(0, box(-3)...)}, 1},
		{"a published margin would differ", []enclave.Witness{witness(0, box(6)[:3]...)}, 1},
		{"a published cell would differ", []enclave.Witness{witness(0, change(0, 6), change(1, -6), change(3, -6), change(4, 6))}, 1},
		{"a margin is no place to change", []enclave.Witness{witness(0, append(box(6), change(9, 0))...)}, 1},
		{"no cell", []enclave.Witness{witness(0, append(box(6), change(99, 0))...), witness(-1, box(6)...), witness(99)}, 1},
		{"of another cell", []enclave.Witness{witness(5, box(6)...)}, 1},
		{"the second is good", []enclave.Witness{witness(0), witness(0, box(6)...), witness(0, box(6)...)}, 0},
		{"more than there are numbers", []enclave.Witness{witness(0, append(box(1<<62), box(1<<62)...)...)}, 1},
	} {
		treated := &enclave.Treated{Table: table, Fates: make([]enclave.Fate, len(table.Cells)), Witnesses: c.witnesses}
		for _, cell := range []int{0, 2, 3, 5} {
			treated.Fates[cell] = enclave.Complement
		}
		facts, err := measure.Measurer{}.Facts(t.Context(), treated, asking)
		if err != nil || facts.Derivable != c.want {
			t.Errorf("%s: %d, want %d, %v", c.name, facts.Derivable, c.want, err)
		}
		if facts, err = (measure.Measurer{}).Facts(t.Context(), treated, profile); err != nil || facts.Derivable != 0 {
			t.Errorf("%s, and nothing is asked: %d, %v", c.name, facts.Derivable, err)
		}
	}
}
