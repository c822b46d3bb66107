package load

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/darkroom-project/darkroom/enclave"
)

// Limits of what a columnar file may make the library allocate: a few bytes of it can claim to be terabytes.
const (
	maxDecoded       = 4 << 30
	maxArrowMetadata = 16 << 20
	maxArrowBody     = 2 << 30
	parquetBatchRows = 1 << 16
)

var errTooMuchMemory = errors.New("decoding needs too much memory")

// boundedMemory counts what is allocated and panics above a limit; guarded turns that into a refusal.
type boundedMemory struct {
	memory.Allocator
	used atomic.Int64
}

func newBoundedMemory() *boundedMemory { return &boundedMemory{Allocator: memory.NewGoAllocator()} }

func (m *boundedMemory) take(size int) {
	if size < 0 || m.used.Add(int64(size)) > maxDecoded {
		panic(errTooMuchMemory)
	}
}

func (m *boundedMemory) Allocate(size int) []byte {
	m.take(size)
	return m.Allocator.Allocate(size)
}

func (m *boundedMemory) Reallocate(size int, b []byte) []byte {
	m.used.Add(-int64(len(b)))
	m.take(size)
	return m.Allocator.Reallocate(size, b)
}

func (m *boundedMemory) Free(b []byte) {
	m.used.Add(-int64(len(b)))
	m.Allocator.Free(b)
}

// arrowTable reads record batches: of an IPC stream, an IPC file, or of Parquet.
type arrowTable struct {
	format Format
	names  []header
	read   func() (arrow.RecordBatch, error) // retained for the caller; io.EOF at the end
}

func newArrowTable(format Format, schema *arrow.Schema, read func() (arrow.RecordBatch, error)) *arrowTable {
	t := &arrowTable{format: format, read: read}
	for _, f := range schema.Fields() {
		t.names = append(t.names, header{name: f.Name, origin: originOf(f.Type), found: f.Type.Name()})
	}
	return t
}

func (t *arrowTable) headers() []header { return t.names }

func (t *arrowTable) headLines() int64 { return -1 }

func (t *arrowTable) next(part) (p part, err error) {
	err = guarded(t.format, func() error {
		batch, err := t.read()
		switch {
		case errors.Is(err, io.EOF):
			return io.EOF
		case err != nil:
			return unreadable(t.format, err)
		}
		// Everything that decoding relies on: offsets, lengths, indices of dictionaries.
		if err := array.ValidateRecordFull(batch); err != nil {
			batch.Release()
			return unreadable(t.format, err)
		}
		p = &arrowPart{batch: batch}
		return nil
	})
	return p, err
}

// openArrow reads an IPC file or stream, whichever it is.
func openArrow(src Source) (table, error) {
	in := io.NewSectionReader(src, 0, src.Size())
	options := []ipc.Option{
		ipc.WithAllocator(newBoundedMemory()), ipc.WithMetadataSizeLimit(maxArrowMetadata), ipc.WithBodySizeLimit(maxArrowBody),
	}
	var magic [6]byte
	if _, err := src.ReadAt(magic[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, enclave.Internalf("read the source file: %w", err)
	}
	isFile := string(magic[:]) == "ARROW1"
	if err := checkIPC(src, isFile); err != nil {
		return nil, unreadable(Arrow, err)
	}
	if !isFile {
		stream, err := ipc.NewReader(in, options...)
		if err != nil {
			return nil, unreadable(Arrow, err)
		}
		return newArrowTable(Arrow, stream.Schema(), func() (arrow.RecordBatch, error) {
			if !stream.Next() {
				return nil, endOr(stream.Err())
			}
			batch := stream.RecordBatch()
			batch.Retain()
			return batch, nil
		}), nil
	}
	f, err := ipc.NewFileReader(in, options...)
	if err != nil {
		return nil, unreadable(Arrow, err)
	}
	at := 0
	return newArrowTable(Arrow, f.Schema(), func() (arrow.RecordBatch, error) {
		if at >= f.NumRecords() {
			return nil, io.EOF
		}
		at++
		return f.RecordBatchAt(at - 1)
	}), nil
}

func endOr(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// openParquet reads flat columns only and never in parallel: a panic in a goroutine of the library could not be recovered.
func openParquet(ctx context.Context, src Source) (table, error) {
	mem := newBoundedMemory()
	in := io.NewSectionReader(src, 0, src.Size())
	f, err := file.NewParquetReader(in, file.WithReadProps(parquet.NewReaderProperties(mem)))
	if err != nil {
		return nil, unreadable(Parquet, err)
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: parquetBatchRows}, mem)
	if err != nil {
		return nil, unreadable(Parquet, err)
	}
	schema, err := r.Schema()
	if err != nil {
		return nil, unreadable(Parquet, err)
	}
	var records pqarrow.RecordReader
	return newArrowTable(Parquet, schema, func() (arrow.RecordBatch, error) {
		if f.NumRows() == 0 {
			return nil, io.EOF
		}
		if records == nil { // only now: types that are refused are never decoded
			if records, err = r.GetRecordReader(ctx, nil, nil); err != nil {
				return nil, err
			}
		}
		if !records.Next() {
			return nil, endOr(records.Err())
		}
		batch := records.RecordBatch()
		batch.Retain()
		return batch, nil
	}), nil
}
