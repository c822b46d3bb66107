package load

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

var update = flag.Bool("update", false, "write the golden vectors")

// goldenDataset has a column of every stored type.
var goldenDataset = &enclave.Dataset{
	Name: "golden", Owner: "o", Grade: 2, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
	Columns: []enclave.Column{
		{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
		{Name: "year", Type: enclave.Int, Class: enclave.Quasi, Min: "1900", Max: "2100"},
		{Name: "cost", Type: enclave.Decimal, Scale: 2, Class: enclave.Measure, Min: "-10", Max: "1000", Nullable: true},
		{Name: "day", Type: enclave.Date, Class: enclave.Quasi, Min: "1900-01-01", Max: "2100-01-01"},
		{Name: "sex", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"F", "M"}},
	},
}

const goldenCSV = "id,year,cost,day,sex\n" +
	"a,1980,1.50,1969-12-31,F\n" + "b,1990,,2024-02-29,M\n" + "c,2000,-0.01,1970-01-01,M\n" + "a,1980,1000,1970-01-02,F\n" +
	"Ｄ,2010,3,2000-01-01,F\n" + "e,2011,4.4,2000-01-02,F\n" + "D ,2012,5,2000-01-03,M\n" + "f,1900,,1900-01-01,F\n" + "g,2100,7,2100-01-01,M\n"

// The formats on disk: every file of a small snapshot and its subject directory, byte by byte. A change here needs a new version.
func TestGoldenFormat(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, [32]byte{0x42}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := s.Ingest(t.Context(), goldenDataset, CSV, strings.NewReader(goldenCSV), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{"digest": snapshot.Digest.String()}
	files, err := filepath.Glob(filepath.Join(dir, snapshotsDir, snapshot.Digest.String(), "*.col"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(files, filepath.Join(dir, directoriesDir, "person.subjects")) {
		raw, err := os.ReadFile(path) //nolint:gosec // G304: a file of the test
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.Base(path)] = hex.EncodeToString(raw)
	}
	const golden = "testdata/golden.json"
	if *update {
		raw, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, append(raw, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != 7 {
		t.Fatalf("%d golden vectors, want 7", len(want))
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is\n%s, want\n%s", name, got[name], want[name])
		}
	}
}

func TestCheckDigits(t *testing.T) {
	// The examples of GB 11643-1999, and codes of well-known public registers.
	for id, want := range map[string]bool{
		"11010519491231002X": true, "440524188001010014": true, "110105194912310029": false, "11010519491331002X": false,
		"11010519490229002X": false, "1101051949123100": false, "": false, "11010519491231002Ｘ": false,
	} {
		if isCitizenID([]byte(id)) != want {
			t.Errorf("citizen number %q: %t", id, !want)
		}
	}
	for id, want := range map[string]bool{
		"91350100M000100Y43": true, "91440300708461136T": true, "91330100799655058B": true,
		"91350100M000100Y44": false, "91350100I000100Y43": false, "9135010": false, "91350100m000100y43": false,
	} {
		if isUSCC([]byte(id)) != want {
			t.Errorf("credit code %q: %t", id, !want)
		}
	}
}

func TestNormalise(t *testing.T) {
	for in, want := range map[string]string{
		"　11010519491231002x": "11010519491231002X", "１１０１０５１９４９１２３１００２ｘ": "11010519491231002X", "　张三　": "张三", "ab-12": "ab-12",
		"91350100m000100y43": "91350100M000100Y43", "": "", "ＡＢ": "AB",
	} {
		if got := string(normalise([]byte(in))); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// The quick parsers agree with the contract's.
func FuzzNumbers(f *testing.F) {
	for _, text := range []string{"0", "-1", "+7", "12.50", "-.5", "1.", "007", "1_0", "99999999999999999999", "2024-02-29", "1900-02-29", "0000-12-31", "-0.01", "1.+5", "+"} {
		f.Add(text)
	}
	columns := []enclave.Column{{Type: enclave.Int}, {Type: enclave.Date}}
	for scale := 1; scale <= 9; scale++ {
		columns = append(columns, enclave.Column{Type: enclave.Decimal, Scale: scale})
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i := range columns {
			c := &columns[i]
			want, err := c.Parse(text)
			got, ok := (&reader{column: c}).parse(&field{form: formText, text: []byte(text)})
			if ok != (err == nil) || ok && got != want {
				t.Errorf("%q as %s: %d %t, want %d %v", text, c.Type, got, ok, want, err)
			}
		}
	})
}

func TestEveryDay(t *testing.T) {
	for day := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2500; day = day.AddDate(0, 0, 1) {
		if got, ok := parseDate([]byte(day.Format(time.DateOnly))); !ok || got != day.Unix()/86400 {
			t.Fatalf("%s is day %d %t", day.Format(time.DateOnly), got, ok)
		}
	}
}

// Whatever the bytes: no panic, rows of the header's width, trimmed; and what is written by the rules comes back.
func FuzzCSV(f *testing.F) {
	for _, file := range []string{goldenCSV, "\ufeffa;b\r\n\"x\"\"y\";\"1\n2\"\r\n", "a\tb\n\n\n1\t2", "\"a", "a,b\n\"\"x,1\n", "身份证号,姓名\n1,张三\n", "\xc9\xed\xb7\xdd,b\n1,2\n"} {
		f.Add([]byte(file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, format := range []Format{CSV, CSVGB18030} {
			table, err := openTable(t.Context(), bytes.NewReader(file), format)
			if err != nil {
				if enclave.KindOf(err) == enclave.Internal {
					t.Fatal(err)
				}
				continue
			}
			var p part
			for {
				if p, err = table.next(p); err != nil {
					break
				}
				p.each(func(fields []field) *flaw {
					if len(fields) != len(table.headers()) {
						t.Fatalf("%d fields for %d headers", len(fields), len(table.headers()))
					}
					for i := range fields {
						if !bytes.Equal(fields[i].text, bytes.TrimSpace(fields[i].text)) {
							t.Fatal("a field is not trimmed")
						}
					}
					return nil
				})
			}
		}
		// Any value survives quoting.
		value := bytes.TrimSpace(bytes.ToValidUTF8(file, nil))
		if bytes.ContainsRune(value, '\ufffd') || len(value) == 0 || bytes.HasPrefix(value, []byte(byteOrderMark)) {
			return
		}
		quoted := "h,i\r\n1,\"" + strings.ReplaceAll(string(value), "\"", "\"\"") + "\"\r\n2,b\r\n"
		table, err := openTable(t.Context(), strings.NewReader(quoted), CSVUTF8)
		if err != nil {
			t.Fatal(err)
		}
		p, err := table.next(nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		rows, _, wrong := p.each(func(fields []field) *flaw {
			got = append(got, string(fields[1].text))
			return nil
		})
		if wrong != nil || rows != 2 || got[0] != string(value) || got[1] != "b" {
			t.Errorf("%q came back as %q (%+v)", value, got, wrong)
		}
	})
}

func FuzzColumnFile(f *testing.F) {
	day, cost := shape{kind: typeDate, low: -25567, width: 4}, shape{kind: typeDecimal, low: -1000, width: 1, empty: true}
	f.Add(append(day.head(3), 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0), uint32(day.kind), day.low, uint8(2), day.empty, int64(3), int64(1))
	f.Add(append(cost.head(2), 0, 7, 2), uint32(cost.kind), cost.low, uint8(0), cost.empty, int64(2), int64(0))
	f.Fuzz(func(t *testing.T, file []byte, kind uint32, low int64, bits uint8, empty bool, rows, first int64) {
		c := &column{bytes: file, shape: shape{columnType(kind), low, 1 << (bits & 3), empty}, rows: rows}
		if c.check() != nil {
			return
		}
		if !bytes.Equal(file[:columnHeader], c.head(rows)) {
			t.Fatal("another header was taken")
		}
		if first < 0 || first > rows {
			return
		}
		count := int(min(rows-first, enclave.BatchRows))
		var codes enclave.Packed
		if empty {
			codes.Valid = make([]byte, enclave.BatchRows/8)
		}
		c.fill(&codes, first, count)
		if len(codes.One)+len(codes.Two)+len(codes.Four)+len(codes.Eight) != count {
			t.Fatal("another number of codes")
		}
		bitmap := file[c.bitmap(rows):]
		for i := range int64(8 * len(codes.Valid)) {
			want := i < int64(count) && bitmap[(first+i)/8]>>((first+i)%8)&1 == 1
			if got := codes.Valid[i/8]>>(i%8)&1 == 1; got != want {
				t.Fatalf("row %d is valid: %t", first+i, got)
			}
		}
	})
}

func FuzzDirectoryFile(f *testing.F) {
	head := directoryHead(enclave.Person, pseudonym{1})
	frame := append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 16)...)
	binary.LittleEndian.PutUint32(frame[4:], frameSum(frame))
	f.Add([]byte{})
	f.Add(frame)
	f.Add(bytes.Repeat(frame, 2))
	f.Add(append(bytes.Clone(frame), 5, 0, 0, 0))
	f.Add(append(bytes.Clone(frame), make([]byte, 100)...))
	f.Fuzz(func(t *testing.T, frames []byte) {
		file := append(bytes.Clone(head), frames...)
		entries, length, err := readDirectory(bytes.NewReader(file), int64(len(file)), head)
		if err != nil {
			return
		}
		if length < directoryHeader || length > int64(len(file)) {
			t.Fatalf("the sound part has %d of %d bytes", length, len(file))
		}
		again, sound, err := readDirectory(bytes.NewReader(file[:length]), length, head)
		if err != nil || sound != length || len(again) != len(entries) {
			t.Fatalf("the sound part alone reads as %d entries of %d: %v", len(again), len(entries), err)
		}
	})
}

func FuzzSnapshotFile(f *testing.F) {
	inside := content{Version: contentVersion, Dataset: "t", Kind: enclave.Person, Rows: 2, Subjects: 1, Files: []fileEntry{{Name: subjectsFile, Size: 72}}}
	digest, err := enclave.DigestJSON(inside)
	if err != nil {
		f.Fatal(err)
	}
	raw, err := json.Marshal(record{
		Darkroom: 1, Content: inside, Known: 1, Snapshot: enclave.Snapshot{Dataset: "t", Digest: digest, Rows: 2, Subjects: 1},
	})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := parseRecord(raw, digest); err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(bytes.Replace(raw, []byte(`"rows":2`), []byte(`"rows":3`), 1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parseRecord(raw, digest)
		if err != nil {
			return
		}
		if found, err := enclave.DigestJSON(r.Content); err != nil || found != digest || r.Snapshot.Rows != inside.Rows {
			t.Errorf("another content was taken: %+v", r)
		}
	})
}

// A columnar file of any bytes is read or refused; the process lives.
func FuzzColumnar(f *testing.F) {
	var parquet bytes.Buffer
	rows := func(yield func([]string) bool) { _ = yield([]string{"a", "1980", "", "2000-01-01", "F"}) }
	if err := WriteParquet(&parquet, goldenDataset, rows); err != nil {
		f.Fatal(err)
	}
	f.Add(parquet.Bytes())
	f.Add([]byte("ARROW1\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00ARROW1"))
	f.Add([]byte("\xff\xff\xff\xff\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		table, err := openTable(t.Context(), bytes.NewReader(file), Detect)
		if err != nil {
			if k := enclave.KindOf(err); k != enclave.Invalid && k != enclave.Limit {
				t.Fatal(err)
			}
			return
		}
		l, err := newLayout(goldenDataset, table.headers())
		if err != nil {
			return
		}
		b := l.newBlock()
		for {
			p, err := table.next(nil)
			if err != nil {
				break
			}
			if err := guarded(Arrow, func() error {
				b.decode(p, newHasher([]byte("k")))
				p.release()
				return nil
			}); err != nil && errors.Is(err, errTooMuchMemory) {
				break
			}
		}
	})
}
