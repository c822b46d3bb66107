package load

import (
	"encoding/binary"
	"unsafe"
)

// littleEndian reports whether the machine keeps numbers as column files do.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// numbersOf are the numbers in some bytes, which begin at a multiple of their size: a copy would cost as much as what is done with them.
func numbersOf[T uint8 | uint16 | uint32 | uint64](raw []byte) []T {
	if len(raw) == 0 {
		return nil
	}
	var one T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(raw))), len(raw)/int(unsafe.Sizeof(one))) //nolint:gosec // G103: plain numbers, no more than the bytes
}
