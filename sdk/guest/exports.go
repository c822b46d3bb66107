//go:build wasip1

package guest

import "unsafe"

// What the host has asked for. The slices keep the garbage collector from taking the regions back.
var (
	window  []byte
	scratch [][]byte
)

//go:wasmexport darkroom_abi
func darkroomABI() int32 { return abiVersion }

//go:wasmexport darkroom_window
func darkroomWindow(size int32) int32 {
	window = make([]byte, uint32(size))
	return address(window)
}

//go:wasmexport darkroom_alloc
func darkroomAlloc(size int32) int32 {
	region := make([]byte, uint32(size)+1) // never empty, so that it has an address of its own
	scratch = append(scratch, region)
	return address(region)
}

//go:wasmexport darkroom_init
func darkroomInit(at, size int32) int32 {
	return status(registered.start(find(uint32(at), uint32(size))))
}

//go:wasmexport darkroom_batch
func darkroomBatch(at int32) int32 {
	return status(registered.run(find(uint32(at), uint32(registered.descriptorBytes())), window, uint32(address(window))))
}

//go:wasmexport darkroom_finish
func darkroomFinish(at int32) int32 {
	return status(registered.finish(find(uint32(at), uint32(registered.tableBytes())), func(b []byte) uint32 { return uint32(address(b)) }))
}

// find is the part of a scratch region that the host names.
func find(at, size uint32) []byte {
	for _, region := range scratch {
		from := at - uint32(address(region))
		if uint64(from)+uint64(size) <= uint64(len(region)) {
			return region[from : from+size]
		}
	}
	return nil
}

func address(b []byte) int32 { return int32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// status is what the host sees of an error; the text goes to the standard error stream, which the enclave discards.
func status(err error) int32 {
	if err == nil {
		return 0
	}
	println(err.Error())
	return 1
}
