package aggregate

import (
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// layout is a plan with every position worked out once: where columns stand in a batch, and how cells are numbered. The number of a
// cell is its codes read as the digits of a mixed-radix number, first key most significant, so numbers sort as codes do. It is
// immutable and shared by the workers.
type layout struct {
	plan       *enclave.Plan
	read       []int    // columns of the scan
	shown      []int    // position in a batch of each of plan.Shown
	summed     []int    // of each of plan.Summed
	bounds     []bounds // of the values of each of plan.Summed
	moduleKeys int
	sizes      []int32 // number of labels of each key
	strides    []int32 // what one more of its code adds to the number of a cell
	cells      int32   // product of all sizes
	// sets are the plan's and, after them, the groups of protected keys that are none of those: of these only subjects are counted.
	sets   []enclave.Set
	groups [][]int // for each of the plan's sets, positions in sets: whom its cells say protected values of
}

func newLayout(plan *enclave.Plan) (*layout, error) {
	l := &layout{plan: plan, read: plan.ColumnsRead(), moduleKeys: plan.ModuleKeys()}
	cells := int32(1)
	for _, c := range plan.Shown {
		l.shown = append(l.shown, slices.Index(l.read, c))
	}
	for _, c := range plan.Summed {
		l.summed = append(l.summed, slices.Index(l.read, c))
	}
	for i := range plan.Keys {
		k := &plan.Keys[i]
		if k.Module >= l.moduleKeys {
			return nil, enclave.Internalf("key %s is the module's number %d of %d", k.Name, k.Module, l.moduleKeys)
		}
		size := len(k.Labels)
		if size == 0 || size > enclave.MaxCells || int(cells)*size > enclave.MaxCells {
			return nil, enclave.Internalf("the plan's key space is empty or too large: the plan should not have been made")
		}
		cells *= int32(size)
		l.sizes = append(l.sizes, int32(size))
	}
	l.cells = cells
	l.strides = make([]int32, len(l.sizes))
	for k, stride := len(l.sizes)-1, int32(1); k >= 0; k-- {
		l.strides[k] = stride
		stride *= l.sizes[k]
	}
	if len(plan.Keys) > enclave.MaxKeys || len(plan.Sets) == 0 || len(plan.Sets[0]) != len(plan.Keys) {
		return nil, enclave.Internalf("the plan has too many keys, or its first grouping set is not the full table")
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
func (l *layout) codes(number int32) []int32 {
	codes := make([]int32, len(l.sizes))
	for k := len(codes) - 1; k >= 0; k-- {
		codes[k] = number % l.sizes[k]
		number /= l.sizes[k]
	}
	return codes
}

// project turns the codes of a full cell into those of the cell of a set that it belongs to, and numbers that one. Keys that are
// summed over add nothing to the number.
func (l *layout) project(set enclave.Set, full []int32) (number int32, codes []int32) {
	codes = make([]int32, len(full))
	for k := range codes {
		codes[k] = enclave.Total
	}
	for _, k := range set {
		codes[k] = full[k]
		number = number*l.sizes[k] + full[k]
	}
	return number, codes
}
