package load_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/internal/synth"
)

var testKey = [32]byte{1, 2, 3}

func open(tb testing.TB, dir string) *load.Store {
	tb.Helper()
	s, err := load.Open(dir, testKey, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func ingest(tb testing.TB, s *load.Store, d *enclave.Dataset, format load.Format, file []byte) enclave.Snapshot {
	tb.Helper()
	snapshot, err := s.Ingest(tb.Context(), d, format, bytes.NewReader(file), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return snapshot
}

func synthCSV(tb testing.TB, rows int64) []byte {
	tb.Helper()
	var file bytes.Buffer
	if err := synth.WriteCSV(&file, 1, rows); err != nil {
		tb.Fatal(err)
	}
	return file.Bytes()
}

// scanned is a snapshot's rows as text, with subject numbers, read through the port.
type scanned struct {
	subjects []uint32
	rows     [][]string
}

func scan(tb testing.TB, s *load.Store, d *enclave.Dataset, digest enclave.Digest, parts int) scanned {
	tb.Helper()
	rows, err := s.Open(tb.Context(), d, digest)
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // it was only read
	var columns []int
	for i := range d.Columns {
		if d.Columns[i].Type != enclave.Text {
			columns = append(columns, i)
		}
	}
	ranges, err := rows.Split(parts)
	if err != nil {
		tb.Fatal(err)
	}
	var all scanned
	next := int64(0)
	for _, r := range ranges {
		if r.First != next || r.Count < 1 {
			tb.Fatalf("range %+v after row %d", r, next)
		}
		next += r.Count
		start := len(all.rows)
		err := enclave.Scan(tb.Context(), rows, r, columns, func(b *enclave.Batch) error {
			checkPadding(tb, b)
			all.subjects = append(all.subjects, b.Subjects...)
			for row := range b.Rows {
				var line []string
				for i, c := range columns {
					line = append(line, text(&d.Columns[c], &b.Columns[i], row))
				}
				all.rows = append(all.rows, line)
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
		if start > 0 && all.subjects[start] == all.subjects[start-1] {
			tb.Errorf("row %d: a subject is cut in two", start)
		}
	}
	if next != rows.Snapshot().Rows || next != int64(len(all.rows)) {
		tb.Fatalf("ranges end at %d, %d rows came, of %d", next, len(all.rows), rows.Snapshot().Rows)
	}
	return all
}

func checkPadding(tb testing.TB, b *enclave.Batch) {
	tb.Helper()
	for i := range b.Columns {
		v := &b.Columns[i]
		if len(v.Valid) != enclave.BatchRows/8 || len(v.Wide)+len(v.Narrow) != enclave.BatchRows {
			tb.Fatal("a batch is not of the fixed size")
		}
		for row := b.Rows; row < enclave.BatchRows; row++ {
			if v.Valid[row/8]>>(row%8)&1 != 0 || v.Wide != nil && v.Wide[row] != 0 || v.Narrow != nil && v.Narrow[row] != 0 {
				tb.Fatalf("padding at %d is not zero", row)
			}
		}
	}
}

func text(c *enclave.Column, v *enclave.Vector, row int) string {
	var stored int64
	if v.Wide != nil {
		stored = v.Wide[row]
	} else {
		stored = int64(v.Narrow[row])
	}
	if v.Valid[row/8]>>(row%8)&1 == 0 {
		if stored != 0 {
			return "an invalid row with a value"
		}
		return ""
	}
	return c.Format(stored)
}

// A snapshot holds exactly the file: per person the same rows in the same order, people side by side, and never an identifier.
func TestIngestHoldsTheFile(t *testing.T) {
	const rows = 70_000 // more than one batch
	file := synthCSV(t, rows)
	d, dir := synth.Dataset(), t.TempDir()
	s := open(t, dir)
	snapshot := ingest(t, s, d, load.Detect, file)

	records, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][][]string{}
	for _, r := range records[1:] {
		want[r[0]] = append(want[r[0]], r[2:])
	}
	if snapshot.Rows != rows || snapshot.Subjects != int64(len(want)) {
		t.Fatalf("%d rows of %d subjects, want %d of %d", snapshot.Rows, snapshot.Subjects, rows, len(want))
	}
	got := scan(t, s, d, snapshot.Digest, 7)
	groups := map[string]int{}
	for _, g := range want {
		groups[fmt.Sprint(g)]++
	}
	seen := map[uint32]bool{}
	for at := 0; at < rows; {
		end := at
		for end < rows && got.subjects[end] == got.subjects[at] {
			end++
		}
		if seen[got.subjects[at]] {
			t.Fatalf("subject %d stands in two places", got.subjects[at])
		}
		seen[got.subjects[at]] = true
		groups[fmt.Sprint(got.rows[at:end])]--
		at = end
	}
	for g, n := range groups {
		if n != 0 {
			t.Fatalf("%d times too few: %.200s", n, g)
		}
	}
	if slices.IsSorted(got.subjects) {
		t.Error("subjects lie in the order of their numbers")
	}
	forEachFile(t, dir, func(path string, content []byte) {
		for _, identifier := range []string{records[1][0], records[1][1]} {
			if bytes.Contains(content, []byte(identifier)) {
				t.Errorf("%s holds an identifier", path)
			}
		}
	})
}

func forEachFile(tb testing.TB, dir string, visit func(path string, content []byte)) {
	tb.Helper()
	root := openRoot(tb, dir)
	err := fs.WalkDir(root, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, path)
		visit(path, content)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// The same table is the same snapshot, in every format and encoding, in any store with the same key.
func TestOneDigestForOneTable(t *testing.T) {
	const rows = 3000
	d := chinese()
	plain := bytes.Replace(synthCSV(t, rows), []byte("citizen_id,hospital,district,sex"), []byte("身份证号,医院,行政区划,性别"), 1)
	gb, err := simplifiedchinese.GB18030.NewEncoder().Bytes(plain)
	if err != nil {
		t.Fatal(err)
	}
	var parquet bytes.Buffer
	if err := load.WriteParquet(&parquet, d, synth.Rows(1, rows)); err != nil {
		t.Fatal(err)
	}
	s := open(t, t.TempDir())
	want := ingest(t, s, d, load.CSV, plain)
	quoted := strings.ReplaceAll("\""+strings.ReplaceAll(strings.TrimSpace(string(plain)), ",", "\",\""), "\n", "\"\r\n\"") + "\"\r\n"
	for name, c := range map[string]struct {
		format load.Format
		file   []byte
	}{
		"again":            {load.Detect, plain},
		"with a BOM":       {load.CSV, append([]byte("\ufeff"), plain...)},
		"GB18030":          {load.CSV, gb},
		"GB18030 stated":   {load.CSVGB18030, gb},
		"semicolons, CRLF": {load.CSV, bytes.ReplaceAll(bytes.ReplaceAll(plain, []byte(","), []byte(";")), []byte("\n"), []byte("\r\n"))},
		"tabs":             {load.CSV, bytes.ReplaceAll(plain, []byte(","), []byte("\t"))},
		"quoted":           {load.CSV, []byte(quoted)},
		"blank lines":      {load.CSV, append(append([]byte("\r\n\n"), plain...), "\n\n"...)},
		"no last newline":  {load.CSVUTF8, bytes.TrimSuffix(plain, []byte("\n"))},
		"Parquet":          {load.Detect, parquet.Bytes()},
		"Arrow stream":     {load.Detect, arrowFile(t, d, rows, false)},
		"Arrow file":       {load.Detect, arrowFile(t, d, rows, true)},
	} {
		for where, store := range map[string]*load.Store{"same store": s, "fresh store": open(t, t.TempDir())} {
			got := ingest(t, store, d, c.format, c.file)
			if got.Digest != want.Digest {
				t.Errorf("%s, %s: another digest", name, where)
			}
			if where == "same store" && got != want {
				t.Errorf("%s: loaded again as %+v, want %+v", name, got, want)
			}
		}
	}
	other, err := load.Open(t.TempDir(), [32]byte{9}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if ingest(t, other, d, load.CSV, plain).Digest == want.Digest {
		t.Error("another key gave the same order")
	}
}

func chinese() *enclave.Dataset {
	d := synth.Dataset()
	for i, h := range []string{"身份证号", "医院", "行政区划", "性别"} {
		d.Columns[i].Header = h
	}
	return d
}

// Subjects keep their numbers over snapshots and restarts, so that datasets can be joined.
func TestSubjectsKeepTheirNumbers(t *testing.T) {
	d, dir := synth.Dataset(), t.TempDir()
	file := synthCSV(t, 500)
	first := ingest(t, open(t, dir), d, load.CSV, file)
	lines := bytes.SplitAfter(file, []byte("\n"))
	half := bytes.Join(append([][]byte{lines[0]}, lines[251:501]...), nil)
	s := open(t, dir)
	second := ingest(t, s, d, load.CSV, half)
	known := map[string]uint32{}
	for i, all := 0, scan(t, s, d, first.Digest, 1); i < len(all.rows); i++ {
		known[fmt.Sprint(all.rows[i])] = all.subjects[i]
	}
	again := scan(t, s, d, second.Digest, 1)
	for i, row := range again.rows {
		if known[fmt.Sprint(row)] != again.subjects[i] {
			t.Fatalf("row %d: subject %d, was %d", i, again.subjects[i], known[fmt.Sprint(row)])
		}
	}
}

func TestNulls(t *testing.T) {
	d := &enclave.Dataset{
		Name: "t", Owner: "o", Grade: 1, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "n", Type: enclave.Int, Class: enclave.Measure, Min: "-5", Max: "2000000", Nullable: true},
			{Name: "c", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"a", "b"}, Nullable: true},
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "other", Type: enclave.Text, Class: enclave.Identifier, Nullable: true},
		},
	}
	var file strings.Builder
	file.WriteString("n,c,id,other\n")
	var want []string
	for i := range 70_001 {
		n, c := fmt.Sprint(i), []string{"a", "b", ""}[i%3]
		if i%5 == 2 {
			n = ""
		}
		fmt.Fprintf(&file, "%s,%s,%d,\n", n, c, i/3)
		want = append(want, fmt.Sprint([]string{n, c}))
	}
	s := open(t, t.TempDir())
	snapshot := ingest(t, s, d, load.CSV, []byte(file.String()))
	var got []string
	for _, row := range scan(t, s, d, snapshot.Digest, 5).rows {
		got = append(got, fmt.Sprint(row))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Error("the rows are not those of the file")
	}
}

func TestOpenRefuses(t *testing.T) {
	d, dir := synth.Dataset(), t.TempDir()
	snapshot := ingest(t, open(t, dir), d, load.CSV, synthCSV(t, 100))
	expect := func(name string, d *enclave.Dataset, digest enclave.Digest, want *enclave.Error) {
		t.Helper()
		if _, err := open(t, dir).Open(t.Context(), d, digest); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	expect("unknown", d, enclave.Digest{1}, enclave.Fail(enclave.NotFound, "SNAPSHOT_MISSING"))
	changed := synth.Dataset()
	changed.Columns[4].Max = "2031"
	expect("outdated", changed, snapshot.Digest, enclave.Fail(enclave.State, "SNAPSHOT_OUTDATED"))
	renamed := synth.Dataset()
	renamed.Name = "other"
	expect("another dataset", renamed, snapshot.Digest, enclave.Fail(enclave.NotFound, "SNAPSHOT_MISSING"))

	// One byte changed in any file is noticed by a process that opens the snapshot for the first time.
	forEachFile(t, filepath.Join(dir, "snapshots"), func(path string, content []byte) {
		for _, at := range []int{len(content) - 2, len(content) / 2, 5} {
			damaged := slices.Clone(content)
			damaged[at] ^= 1
			writeFile(t, filepath.Join(dir, "snapshots", path), damaged)
			if rows, err := open(t, dir).Open(t.Context(), d, snapshot.Digest); err == nil {
				// Only the time of loading, the directory's length and white space are not covered by the digest.
				if !strings.HasSuffix(path, ".json") || rows.Snapshot().Digest != snapshot.Digest {
					t.Errorf("%s: byte %d changed and nobody noticed", path, at)
				}
				_ = rows.Close()
			}
		}
		writeFile(t, filepath.Join(dir, "snapshots", path), content)
	})
	rows, err := open(t, dir).Open(t.Context(), d, snapshot.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // it was only read
	whole := enclave.Range{Count: 100}
	stop := errors.New("stop")
	if err := rows.Scan(t.Context(), whole, []int{2}, func(*enclave.PackedBatch) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("visit's error came back as %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := rows.Scan(canceled, whole, []int{2}, func(*enclave.PackedBatch) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled scan gave %v", err)
	}
	for name, err := range map[string]error{
		"an identifier":    rows.Scan(t.Context(), whole, []int{0}, func(*enclave.PackedBatch) error { return nil }),
		"a wild column":    rows.Scan(t.Context(), whole, []int{99}, func(*enclave.PackedBatch) error { return nil }),
		"rows beyond":      rows.Scan(t.Context(), enclave.Range{First: 1, Count: 100}, []int{2}, func(*enclave.PackedBatch) error { return nil }),
		"a negative range": rows.Scan(t.Context(), enclave.Range{First: -1, Count: 10}, []int{2}, func(*enclave.PackedBatch) error { return nil }),
	} {
		if err == nil {
			t.Errorf("a scan of %s succeeded", name)
		}
	}
}

// A directory that lost entries would give their numbers to others: no more ingest.
func TestDirectoryThatShrank(t *testing.T) {
	d, dir := synth.Dataset(), t.TempDir()
	first := open(t, dir)
	for range 2 { // the second time, it knows what the snapshot relies on
		ingest(t, first, d, load.CSV, synthCSV(t, 100))
	}
	path := filepath.Join(dir, "directories", "person.subjects")
	content := readFile(t, path)
	writeFile(t, path, content[:len(content)-1])
	for name, store := range map[string]*load.Store{"the same store": first, "another": open(t, dir)} {
		_, err := store.Ingest(t.Context(), d, load.CSV, bytes.NewReader(synthCSV(t, 50)), nil)
		if enclave.KindOf(err) != enclave.Internal {
			t.Errorf("%s, ingest over a directory that lost entries: %v", name, err)
		}
	}
	writeFile(t, path, append(content, 9, 0, 0, 0, 1, 2, 3, 4, 5)) // what a crash leaves
	ingest(t, open(t, dir), d, load.CSV, synthCSV(t, 5000))
	another, err := load.Open(dir, [32]byte{7}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := another.Ingest(t.Context(), d, load.CSV, bytes.NewReader(synthCSV(t, 60)), nil); enclave.KindOf(err) != enclave.Internal {
		t.Errorf("ingest with another key: %v", err)
	}
}

func TestProgressAndCancel(t *testing.T) {
	d, dir := synth.Dataset(), t.TempDir()
	s := open(t, dir)
	file := synthCSV(t, 60_000)
	before := listing(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Ingest(ctx, d, load.CSV, bytes.NewReader(file), func(int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("a canceled ingest gave %v", err)
	}
	if after := removeDirectories(listing(t, dir)); !slices.Equal(after, removeDirectories(before)) {
		t.Errorf("left behind: %v", after)
	}
	last := int64(0)
	if _, err := s.Ingest(t.Context(), d, load.CSV, bytes.NewReader(file), func(rows int64) {
		if rows < last {
			t.Errorf("progress went from %d to %d", last, rows)
		}
		last = rows
	}); err != nil || last != 60_000 {
		t.Errorf("progress ended at %d: %v", last, err)
	}
}

var _ io.ReaderAt = load.Source(nil)
