package load

import (
	"context"
	"crypto/sha256"
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
// first, and how many subjects there are. It takes some buckets at a time, and writes all columns of them side by side.
func (c *collection) writeColumns(ctx context.Context, dir string) (entries []fileEntry, subjects int64, err error) {
	writers := make([]*columnWriter, len(c.specs)+1)
	defer func() {
		for _, w := range writers {
			if w != nil {
				w.abandon()
			}
		}
	}()
	specs, err := columnsOf(c.layout.dataset)
	if err != nil {
		return nil, 0, err
	}
	for i, s := range specs {
		if writers[i], err = c.newColumnWriter(dir, s, i); err != nil {
			return nil, 0, err
		}
	}
	counts := make([]uint32, len(c.directory.entries))
	var records []byte
	var order []uint32
	for bucket := 0; bucket < buckets; {
		for records = records[:0]; bucket < buckets && len(records) < max(c.limit/4, 1); bucket++ {
			if records, err = c.records(records, bucket); err != nil {
				return nil, 0, err
			}
		}
		var present int
		order, present = c.cluster(order, records, counts)
		subjects += int64(present)
		err = each(ctx, writers, func(w *columnWriter) error { return w.gather(ctx, records, order) })
		if err != nil {
			return nil, 0, err
		}
	}
	err = each(ctx, writers, (*columnWriter).finish)
	for _, w := range writers {
		entries = append(entries, w.entry)
	}
	return entries, subjects, err
}

// each does the same with all columns, on all cores.
func each(ctx context.Context, writers []*columnWriter, do func(*columnWriter) error) error {
	group, _ := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, w := range writers {
		group.Go(func() error { return do(w) })
	}
	return group.Wait()
}

// columnWriter writes one column file.
type columnWriter struct {
	file   *hashedFile
	spec   columnSpec
	stride int    // width of a record
	at     int    // where the value stands in it
	bit    int    // where its bit stands
	valid  []byte // the bitmap, which comes last; none if no row may be empty
	rows   int64  // written
	entry  fileEntry
}

// newColumnWriter makes the file of the i-th of the columns, of which the subjects are the first.
func (c *collection) newColumnWriter(dir string, s columnSpec, i int) (*columnWriter, error) {
	w := &columnWriter{spec: s, stride: c.width}
	if s.kind != typeSubject {
		w.at, w.bit, w.valid = subjectBytes, 8*c.bits+i-1, make([]byte, s.bitmapBytes(c.rows))
		for _, before := range c.specs[:i-1] {
			w.at += int(before.width)
		}
	}
	var err error
	if w.file, err = newHashedFile(filepath.Join(dir, s.file)); err != nil {
		return nil, err
	}
	w.file.put(s.head(c.rows))
	return w, nil
}

// gather writes the values of some records in an order.
func (w *columnWriter) gather(ctx context.Context, records []byte, order []uint32) error {
	for len(order) > 0 && w.file.err == nil {
		some := order[:min(len(order), writeRows)]
		order = order[len(some):]
		out := w.file.buffer[:0]
		switch at := w.at; w.spec.width { // pieces of a constant size are moved without a call
		case 1:
			for _, r := range some {
				out = append(out, records[int(r)*w.stride+at])
			}
		case 2:
			for _, r := range some {
				out = append(out, records[int(r)*w.stride+at:][:2]...)
			}
		case 4:
			for _, r := range some {
				out = append(out, records[int(r)*w.stride+at:][:4]...)
			}
		default:
			for _, r := range some {
				out = append(out, records[int(r)*w.stride+at:][:8]...)
			}
		}
		w.file.put(out)
		w.mark(records, some)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if w.file.err != nil {
		return enclave.Internalf("write a column file: %w", w.file.err)
	}
	return nil
}

// mark sets the bits of rows that have a value.
func (w *columnWriter) mark(records []byte, order []uint32) {
	if len(w.valid) == 0 {
		return
	}
	for i, r := range order {
		bit := records[int(r)*w.stride+w.bit/8] >> (w.bit % 8) & 1
		at := w.rows + int64(i)
		w.valid[at/8] |= bit << (at % 8)
	}
	w.rows += int64(len(order))
}

// finish makes the file durable.
func (w *columnWriter) finish() (err error) {
	w.file.put(w.valid)
	file := w.file
	w.file = nil
	w.entry, err = file.close(w.spec.file)
	return err
}

// abandon closes a file that was not finished, which whoever staged it removes.
func (w *columnWriter) abandon() {
	if w.file != nil {
		_ = w.file.file.Close() // nothing of it is kept
	}
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
