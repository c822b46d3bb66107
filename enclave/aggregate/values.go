package aggregate

import (
	"unsafe"

	"github.com/darkroom-project/darkroom/enclave"
)

// valuesOf are the values of a column of the rows that were found, 0 for those that are empty.
func (w *worker) valuesOf(v *enclave.Packed, first int, at found) []int64 {
	values := w.values[:len(at.slots)]
	switch {
	case v.One != nil:
		gather(values, v.One[first:], v.Low, at)
	case v.Two != nil:
		gather(values, v.Two[first:], v.Low, at)
	case v.Four != nil:
		gather(values, v.Four[first:], v.Low, at)
	default:
		gather(values, v.Eight[first:], v.Low, at)
	}
	if v.Valid == nil {
		return values
	}
	valid := v.Valid[first>>3:]
	for i := range values {
		row := i
		if !at.all {
			row = int(at.rows[i])
		}
		values[i] &= -int64(valid[row>>3] >> (row & 7) & 1)
	}
	return values
}

func gather[V code](values []int64, codes []V, low int64, at found) {
	if at.all {
		for i, c := range codes[:len(values)] {
			values[i] = low + int64(c)
		}
		return
	}
	for i, row := range at.rows[:len(values)] {
		values[i] = low + int64(codes[row])
	}
}

// bitsOf are the same numbers, as codes above 0.
func bitsOf(values []int64) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(values))), len(values)) //nolint:gosec // of the same size
}
