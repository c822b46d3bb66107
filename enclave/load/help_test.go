package load_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/internal/synth"
)

func openRoot(tb testing.TB, dir string) fs.FS {
	tb.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = root.Close() })
	return root.FS()
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	content, err := os.ReadFile(path) //nolint:gosec // G304: a file of the test
	if err != nil {
		tb.Fatal(err)
	}
	return content
}

func writeFile(tb testing.TB, path string, content []byte) {
	tb.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// listing is every file and folder below dir with its size.
func listing(tb testing.TB, dir string) []string {
	tb.Helper()
	var all []string
	err := fs.WalkDir(openRoot(tb, dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && !e.IsDir() {
			path = fmt.Sprintf("%s %d", path, info.Size())
		}
		all = append(all, path)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// removeDirectories leaves out subject directories without entries: a header tells nothing.
func removeDirectories(files []string) []string {
	return slices.DeleteFunc(files, func(f string) bool {
		return strings.HasPrefix(f, "directories/") && strings.HasSuffix(f, ".subjects 64")
	})
}

// arrowFile writes the seeded table as Arrow IPC, with dictionaries for codes, in batches of 1,000 rows.
func arrowFile(tb testing.TB, d *enclave.Dataset, rows int64, asFile bool) []byte {
	tb.Helper()
	var fields []arrow.Field
	for i := range d.Columns {
		c := &d.Columns[i]
		f := arrow.Field{Name: c.SourceName(), Type: load.ArrowType(c)}
		if c.Type == enclave.Code {
			f.Type = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}
		}
		fields = append(fields, f)
	}
	schema := arrow.NewSchema(fields, nil)
	var out bytes.Buffer
	var write func(arrow.RecordBatch) error
	var end func() error
	if asFile {
		w, err := ipc.NewFileWriter(&out, ipc.WithSchema(schema), ipc.WithZstd())
		if err != nil {
			tb.Fatal(err)
		}
		write, end = w.Write, w.Close
	} else {
		w := ipc.NewWriter(&out, ipc.WithSchema(schema), ipc.WithDictionaryDeltas(true))
		write, end = w.Write, w.Close
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	n := int64(0)
	for row := range synth.Rows(1, rows) {
		for i, text := range row {
			if err := b.Field(i).AppendValueFromString(text); err != nil {
				tb.Fatal(err)
			}
		}
		if n++; n%1000 == 0 && !asFile || // a file has one dictionary for all of its batches
			n == rows {
			record := b.NewRecordBatch()
			if err := write(record); err != nil {
				tb.Fatal(err)
			}
			record.Release()
		}
	}
	if err := end(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}
