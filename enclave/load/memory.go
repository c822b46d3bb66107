package load

import (
	"encoding/binary"
	"unsafe"
)

// littleEndian reports whether the machine keeps numbers as column files do.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// bytesOf is the memory of some numbers, so that a scan reads a file straight into its batch: decoding value by value would cost as
// much as what is done with the values.
func bytesOf[T uint8 | uint16 | uint32 | uint64](numbers []T) []byte {
	if len(numbers) == 0 {
		return nil
	}
	var one T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), len(numbers)*int(unsafe.Sizeof(one))) //nolint:gosec // G103: plain numbers, as long as the slice
}
