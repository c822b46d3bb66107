//go:build unix

package load

import (
	"math"
	"os"
	"runtime/debug"
	"syscall"

	"github.com/darkroom-project/darkroom/enclave"
)

// mapFile is the content of a file in the address space, to be read only. The store owns its files and never makes one shorter.
func mapFile(f *os.File, size int64) ([]byte, error) {
	if size < 1 || size > math.MaxInt {
		return nil, enclave.Internalf("a file of %d bytes cannot be mapped", size)
	}
	return syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
}

func unmapFile(content []byte) error { return syscall.Munmap(content) }

// guardedRead turns the fault of a page that cannot be read, since the disk failed or somebody made the file shorter, into an error: without it the
// process would end.
func guardedRead(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch panicked := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = enclave.Internalf("a page of a column file cannot be read: %v", panicked)
		default:
			panic(panicked)
		}
	}()
	return read()
}
