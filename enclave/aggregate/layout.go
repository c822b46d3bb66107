package aggregate

import (
	"math/bits"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// layout is a plan with every position worked out once: where columns stand in a batch, and how cells are numbered. The number of a
// cell is its codes read as the digits of a mixed-radix number, first key most significant, so numbers sort as codes do. It is
// immutable and shared by the workers.
type layout struct {
	plan       *enclave.Plan
	read       []int // columns of the scan
	shown      []int // position in a batch of each of plan.Shown
	summed     []int // of each of plan.Summed
	keyColumn  []int // of each key that the enclave evaluates, -1 for the others
	moduleKeys int
	sizes      []int64 // number of labels of each key
	cells      int64   // product of all sizes
	// sets are the plan's and, after them, the groups of protected keys that are none of those: of these only subjects are counted.
	sets   []enclave.Set
	groups [][]int // for each of the plan's sets, positions in sets: whom its cells say protected values of
}

func newLayout(plan *enclave.Plan) (*layout, error) {
	l := &layout{plan: plan, read: plan.ColumnsRead(), moduleKeys: plan.ModuleKeys()}
	cells := uint64(1)
	for _, c := range plan.Shown {
		l.shown = append(l.shown, slices.Index(l.read, c))
	}
	for _, c := range plan.Summed {
		l.summed = append(l.summed, slices.Index(l.read, c))
	}
	for i := range plan.Keys {
		k := &plan.Keys[i]
		column := -1
		if k.Module < 0 {
			column = slices.Index(l.read, k.Column)
		} else if k.Module >= l.moduleKeys {
			return nil, enclave.Internalf("key %s is the module's number %d of %d", k.Name, k.Module, l.moduleKeys)
		}
		over, product := bits.Mul64(cells, uint64(len(k.Labels)))
		if over != 0 || product == 0 || product > 1<<62 {
			return nil, enclave.Internalf("the plan's key space has no number for every cell")
		}
		l.keyColumn = append(l.keyColumn, column)
		l.sizes = append(l.sizes, int64(len(k.Labels)))
		cells = product
	}
	l.cells = int64(cells)
	if len(plan.Sets) == 0 || len(plan.Sets[0]) != len(plan.Keys) {
		return nil, enclave.Internalf("the plan's first grouping set is not the full table")
	}
	l.sets = slices.Clone(plan.Sets)
	for _, set := range plan.Sets {
		var groups []int
		for _, group := range plan.Groups(set) {
			at := slices.IndexFunc(l.sets, func(s enclave.Set) bool { return slices.Equal(s, group) })
			if at < 0 {
				at = len(l.sets)
				l.sets = append(l.sets, group)
			}
			groups = append(groups, at)
		}
		l.groups = append(l.groups, groups)
	}
	return l, nil
}

// codes are the digits of a cell of the full table.
func (l *layout) codes(number int64) []int32 {
	codes := make([]int32, len(l.sizes))
	for k := len(codes) - 1; k >= 0; k-- {
		codes[k] = int32(number % l.sizes[k]) //nolint:gosec // below the number of labels
		number /= l.sizes[k]
	}
	return codes
}

// project turns the codes of a full cell into those of the cell of a set that it belongs to, and numbers that one. Keys that are
// summed over add nothing to the number.
func (l *layout) project(set enclave.Set, full []int32) (number int64, codes []int32) {
	codes = make([]int32, len(full))
	for k := range codes {
		codes[k] = enclave.Total
	}
	for _, k := range set {
		codes[k] = full[k]
		number = number*l.sizes[k] + int64(full[k])
	}
	return number, codes
}
