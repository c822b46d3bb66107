package load

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// rows reads one snapshot. It keeps no rows: they are where the files are mapped.
type rows struct {
	snapshot enclave.Snapshot
	dataset  *enclave.Dataset
	files    *mapped
	atlas    *atlas
	subjects *column
	columns  []*column // in the order of the description, nil for identifiers
}

// Open opens the snapshot of a digest for the description that it was loaded under. Every file is read and compared with its digest when it is
// mapped, which lasts beyond this run. SNAPSHOT_MISSING and SNAPSHOT_OUTDATED are its reasons; damage is an internal error.
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
	files, err := s.atlas.take(snapshot, func() (*mapped, error) { return s.mapSnapshot(ctx, r, specs) })
	if err != nil {
		return nil, err
	}
	opened := &rows{
		snapshot: r.Snapshot, dataset: dataset, files: files, atlas: &s.atlas,
		subjects: files.columns[0], columns: make([]*column, len(dataset.Columns)),
	}
	for i, spec := range specs[1:] {
		opened.columns[spec.column] = files.columns[i+1]
	}
	return opened, nil
}

func (r *rows) Snapshot() enclave.Snapshot { return r.snapshot }

// Close leaves the files to the next run.
func (r *rows) Close() error { return r.atlas.give(r.files) }

// Split cuts at the first change of subject at or after each n-th part of the rows.
func (r *rows) Split(n int) ([]enclave.Range, error) {
	total := r.snapshot.Rows
	n = int(max(1, min(int64(n), total)))
	var ranges []enclave.Range
	first := int64(0)
	for i := int64(1); i <= int64(n) && first < total; i++ {
		last := total
		if i < int64(n) {
			cut, err := r.boundary(min(max(first+1, total/int64(n)*i), total))
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
func (r *rows) boundary(at int64) (cut int64, err error) {
	err = guardedRead(func() error {
		const some = 1 << 10
		before := codesOf[uint32](r.subjects, at-1, 1)[0]
		for cut = at; cut < r.snapshot.Rows; {
			subjects := codesOf[uint32](r.subjects, cut, int(min(some, r.snapshot.Rows-cut)))
			if i := slices.IndexFunc(subjects, func(subject uint32) bool { return subject != before }); i >= 0 {
				cut += int64(i)
				return nil
			}
			cut += int64(len(subjects))
		}
		return nil
	})
	return cut, err
}
