package history_test

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave/history"
)

// Who looks again and again, and takes away what is named each time, ends with a table that is clean: as strict a one as Try's, though it may be another.
func TestLooksEndClean(t *testing.T) {
	several := 0
	for n := range uint64(60) {
		r := random(n)
		subjects := each(400)
		keys := [][]int32{codes(r, 400, 6, true), codes(r, 400, 5, true), codes(r, 400, 4, true)}
		a := start(t, history.Sums, subjects, 5)
		accept(t, a, crossed(subjects, keys[:2], []int{6, 5}, [][]int{{0}, {1}, {}}, 5))
		table := crossed(subjects, keys[1:], []int{5, 4}, [][]int{{0}, {1}, {}}, 5)
		looks := 0
		for {
			looked, err := a.Look(t.Context(), table)
			if err != nil {
				t.Fatal(err)
			}
			if looked.Passes != 1 || looked.Refused && len(looked.Suppressed) > 0 {
				t.Fatalf("a look is one pass: %v", looked)
			}
			if len(looked.Suppressed) == 0 {
				if whole := try(t, a, table); !looked.Refused && !whole.Clean || looked.Refused != whole.Refused {
					t.Fatalf("after %d looks the table is still not clean: %v", looks, whole)
				}
				break
			}
			table = table.Without(suppressed(looked))
			looks++
		}
		if looks > 1 {
			several++
		}
	}
	if several == 0 {
		t.Error("no table took several looks")
	}
}

func suppressed(r *history.Result) []int32 {
	var cells []int32
	for _, s := range r.Suppressed {
		cells = append(cells, s.Cell)
	}
	return cells
}
