package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/darkroom-project/darkroom/enclave"
)

// writeRows is how many rows are gathered before they are written.
const writeRows = 1 << 16

// writeColumns writes the column files of a snapshot into dir, durably, and returns them in the order of the description, subjects
// first.
func (c *collection) writeColumns(ctx context.Context, dir string, order []uint32) ([]fileEntry, error) {
	specs := columnsOf(c.layout.dataset)
	entries := make([]fileEntry, len(specs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range specs {
		group.Go(func() (err error) {
			entries[i], err = c.writeColumn(ctx, dir, s, order)
			return err
		})
	}
	return entries, group.Wait()
}

func (c *collection) writeColumn(ctx context.Context, dir string, s columnSpec, order []uint32) (fileEntry, error) {
	w, err := newHashedFile(filepath.Join(dir, s.file))
	if err != nil {
		return fileEntry{}, err
	}
	w.put(columnHead(s.kind, c.rows))
	for first := 0; first < len(order) && w.err == nil; first += writeRows {
		w.put(c.gather(w.buffer[:0], s, order[first:min(first+writeRows, len(order))]))
		if ctx.Err() != nil {
			w.err = ctx.Err()
		}
	}
	if s.kind != typeSubject {
		w.put(validity(c.columns[s.column].empty, order))
	}
	return w.close(s.file)
}

// gather appends the values of some rows.
func (c *collection) gather(out []byte, s columnSpec, rows []uint32) []byte {
	switch {
	case s.kind == typeSubject:
		for _, row := range rows {
			out = binary.LittleEndian.AppendUint32(out, c.subjects[row])
		}
	case s.kind.width() == 8:
		wide := c.columns[s.column].wide
		for _, row := range rows {
			out = binary.LittleEndian.AppendUint64(out, uint64(wide[row])) //nolint:gosec // G115: the same bits
		}
	default:
		narrow := c.columns[s.column].narrow
		for _, row := range rows {
			out = binary.LittleEndian.AppendUint32(out, uint32(narrow[row])) //nolint:gosec // G115: the same bits
		}
	}
	return out
}

// validity is the bitmap of a column in the order of writing. Empty rows are few, or none.
func validity(empty []int64, order []uint32) []byte {
	bitmap := bytes.Repeat([]byte{0xff}, (len(order)+7)/8)
	if over := len(order) % 8; over > 0 {
		bitmap[len(bitmap)-1] = 1<<over - 1
	}
	if len(empty) == 0 {
		return bitmap
	}
	missing := make([]bool, len(order))
	for _, row := range empty {
		missing[row] = true
	}
	for place, row := range order {
		if missing[row] {
			bitmap[place/8] &^= 1 << (place % 8)
		}
	}
	return bitmap
}

// hashedFile writes a new file and computes its digest on the way.
type hashedFile struct {
	file   *os.File
	sum    hash.Hash
	out    io.Writer
	size   int64
	buffer []byte
	err    error // the first; later writes do nothing
}

func newHashedFile(path string) (*hashedFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // G304: the path is the store's own
	if err != nil {
		return nil, enclave.Internalf("create a column file: %w", err)
	}
	w := &hashedFile{file: f, sum: sha256.New(), buffer: make([]byte, 0, 8*writeRows)}
	w.out = io.MultiWriter(f, w.sum)
	return w, nil
}

func (w *hashedFile) put(b []byte) {
	if w.err == nil {
		_, w.err = w.out.Write(b)
		w.size += int64(len(b))
	}
}

// close makes the file durable.
func (w *hashedFile) close(name string) (fileEntry, error) {
	if w.err == nil {
		w.err = w.file.Sync()
	}
	if err := errors.Join(w.err, w.file.Close()); err != nil {
		return fileEntry{}, enclave.Internalf("write a column file: %w", err)
	}
	return fileEntry{Name: name, Digest: enclave.Digest(w.sum.Sum(nil)), Size: w.size}, nil
}
