package load

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/darkroom-project/darkroom/enclave"
)

// rows reads one snapshot. It keeps no rows: each scan has one batch of its own.
type rows struct {
	snapshot enclave.Snapshot
	dataset  *enclave.Dataset
	subjects *column
	columns  []*column // in the order of the description, nil for identifiers
	files    []*os.File
}

// Open opens the snapshot of a digest for the description that it was loaded under. The first time in the life of this process, every
// file is read and compared with its digest; later, sizes and headers are. SNAPSHOT_MISSING and SNAPSHOT_OUTDATED are its reasons;
// damage is an internal error.
func (s *Store) Open(ctx context.Context, dataset *enclave.Dataset, snapshot enclave.Digest) (enclave.Rows, error) {
	r, err := s.record(snapshot)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, enclave.Fail(enclave.NotFound, "SNAPSHOT_MISSING", "dataset", dataset.Name)
	}
	if err != nil {
		return nil, err
	}
	description, err := dataset.Digest()
	if err != nil {
		return nil, err
	}
	if r.Content.Dataset != dataset.Name {
		return nil, enclave.Fail(enclave.NotFound, "SNAPSHOT_MISSING", "dataset", dataset.Name)
	}
	if r.Content.Description != description {
		return nil, enclave.Fail(enclave.State, "SNAPSHOT_OUTDATED", "dataset", dataset.Name)
	}
	specs, err := columnsOf(dataset)
	if err != nil {
		return nil, err
	}
	if !r.Content.matches(specs) {
		return nil, enclave.Internalf("snapshot %s does not have the files of its description", snapshot)
	}
	opened := &rows{snapshot: r.Snapshot, dataset: dataset, columns: make([]*column, len(dataset.Columns))}
	if err := s.openFiles(ctx, opened, r, specs); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return opened, nil
}

func (s *Store) openFiles(ctx context.Context, into *rows, r *record, specs []columnSpec) error {
	digest := r.Snapshot.Digest
	s.mu.Lock()
	verified := s.verified[digest]
	s.mu.Unlock()
	for i, spec := range specs {
		f, err := os.Open(s.path(snapshotsDir, digest.String(), spec.file))
		if err != nil {
			return enclave.Internalf("open a file of snapshot %s: %w", digest, err)
		}
		into.files = append(into.files, f)
		info, err := f.Stat()
		if err != nil {
			return enclave.Internalf("open a file of snapshot %s: %w", digest, err)
		}
		if !verified {
			if err := verify(ctx, f, info.Size(), r.Content.Files[i]); err != nil {
				return err
			}
		}
		c, err := openColumn(f, info.Size(), spec.shape, r.Content.Rows)
		if err != nil {
			return enclave.Internalf("file %s of snapshot %s: %w", spec.file, digest, err)
		}
		if spec.column < 0 {
			into.subjects = c
		} else {
			into.columns[spec.column] = c
		}
	}
	s.mu.Lock()
	s.verified[digest] = true
	s.mu.Unlock()
	return nil
}

// verify reads a whole file and compares it with its entry.
func verify(ctx context.Context, f io.ReaderAt, size int64, entry fileEntry) error {
	sum := sha256.New()
	const step = 8 << 20
	buffer := make([]byte, min(step, size))
	for at := int64(0); at < size; at += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buffer[:min(step, size-at)]
		if n, err := f.ReadAt(b, at); n < len(b) {
			return enclave.Internalf("verify %s: %w", entry.Name, err)
		}
		sum.Write(b)
	}
	if enclave.Digest(sum.Sum(nil)) != entry.Digest {
		return enclave.Internalf("file %s is not what was loaded", entry.Name)
	}
	return nil
}

func (r *rows) Snapshot() enclave.Snapshot { return r.snapshot }

// Close releases the files.
func (r *rows) Close() error {
	var all error
	for _, f := range r.files {
		all = errors.Join(all, f.Close())
	}
	return all
}

// Split cuts at the first change of subject at or after each n-th part of the rows.
func (r *rows) Split(n int) ([]enclave.Range, error) {
	total := r.snapshot.Rows
	n = int(max(1, min(int64(n), total)))
	var ranges []enclave.Range
	first := int64(0)
	for i := int64(1); i <= int64(n) && first < total; i++ {
		last := total
		if i < int64(n) {
			cut, err := r.boundary(max(first+1, total/int64(n)*i))
			if err != nil {
				return nil, err
			}
			last = cut
		}
		ranges = append(ranges, enclave.Range{First: first, Count: last - first})
		first = last
	}
	return ranges, nil
}

// boundary is the first row from at on whose subject differs from the row before it, or the number of rows.
func (r *rows) boundary(at int64) (int64, error) {
	buffer := make([]uint32, 1024)
	if at >= r.snapshot.Rows {
		return r.snapshot.Rows, nil
	}
	if err := codesOf(r.subjects, buffer[:1], at-1); err != nil {
		return 0, err
	}
	before := buffer[0]
	for at < r.snapshot.Rows {
		some := buffer[:min(int64(len(buffer)), r.snapshot.Rows-at)]
		if err := codesOf(r.subjects, some, at); err != nil {
			return 0, err
		}
		for i, subject := range some {
			if subject != before {
				return at + int64(i), nil
			}
		}
		at += int64(len(some))
	}
	return at, nil
}
