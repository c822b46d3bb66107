package load_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/load"
)

// The snapshot of a table that memory does not hold is that of one that it does, byte by byte: its digest says so.
func TestSpilledIngest(t *testing.T) {
	d := &enclave.Dataset{
		Name: "spilled", Owner: "test", Grade: 1, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "who", Kind: enclave.Person},
		Columns: []enclave.Column{{Name: "who", Type: enclave.Text, Class: enclave.Identifier}},
	}
	for i := range 9 { // more than a byte of bits, of both widths
		d.Columns = append(d.Columns,
			enclave.Column{Name: fmt.Sprintf("wide_%d", i), Type: enclave.Int, Class: enclave.Measure, Min: "-1000000", Max: "1000000", Nullable: true},
			enclave.Column{Name: fmt.Sprintf("narrow_%d", i), Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"a", "b"}, Nullable: i%2 == 0})
	}
	var file bytes.Buffer
	var line []string
	for i := range d.Columns {
		line = append(line, d.Columns[i].Name)
	}
	for row := range 20_000 {
		fmt.Fprintln(&file, strings.Join(line, ","))
		line = append(line[:0], strconv.Itoa(row*row%1511))
		for i := range 9 {
			number, code := "", ""
			if (row+i)%7 > 0 {
				number = strconv.Itoa(row*(i+1) - 500_000)
			}
			if i%2 == 1 || (row+i)%5 > 0 {
				code = "ab"[(row+i)%2:][:1]
			}
			line = append(line, number, code)
		}
	}
	var want enclave.Snapshot
	for _, held := range []int{1 << 30, 1 << 20, 5000, 1} {
		dir := t.TempDir()
		s := open(t, dir)
		s.Hold(held)
		got := ingest(t, s, d, load.CSV, file.Bytes())
		if want.Rows == 0 {
			want = got
		}
		if got.Digest != want.Digest || got.Subjects != want.Subjects || got.Rows != 19_999 {
			t.Errorf("holding %d bytes: %d rows of %d subjects, digest %s, want %s", held, got.Rows, got.Subjects, got.Digest, want.Digest)
		}
		if left := listing(t, filepath.Join(dir, "staging")); len(left) > 1 {
			t.Errorf("holding %d bytes leaves %v", held, left)
		}
	}
}

// A file that is refused after rows were spilled leaves nothing behind either.
func TestRefusedAfterSpilling(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	s.Hold(1)
	d := &enclave.Dataset{
		Name: "spilled", Owner: "test", Grade: 1, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "who", Kind: enclave.Person},
		Columns: []enclave.Column{{Name: "who", Type: enclave.Text, Class: enclave.Identifier}, {Name: "n", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "9"}},
	}
	file := append([]byte("who,n\n"), bytes.Repeat([]byte("a,1\n"), 500_000)...)
	if _, err := s.Ingest(t.Context(), d, load.CSV, bytes.NewReader(append(file, "a,10\n"...)), nil); !errors.Is(err, enclave.Fail(enclave.Invalid, "VALUE_INT")) {
		t.Fatalf("error %v", err)
	}
	if left := removeDirectories(listing(t, dir)); len(left) > 4 {
		t.Errorf("left: %v", left)
	}
}
