//go:build !unix

package load

import (
	"io"
	"os"
)

// mapFile reads a file into memory: there are no mappings here.
func mapFile(f *os.File, size int64) ([]byte, error) {
	content := make([]byte, size)
	_, err := io.ReadFull(f, content)
	return content, err
}

func unmapFile([]byte) error { return nil }

func guardedRead(read func() error) error { return read() }
