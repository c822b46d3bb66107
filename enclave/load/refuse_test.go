package load_test

import (
	"bytes"
	"errors"
	"fmt"
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

// refuses ingests a bad file and checks the reason, its arguments, its texts, and that nothing stays on disk.
func refuses(t *testing.T, d *enclave.Dataset, format load.Format, file []byte, reason string, args ...string) {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir)
	before := listing(t, dir)
	_, err := s.Ingest(t.Context(), d, format, bytes.NewReader(file), nil)
	failed, ok := errors.AsType[*enclave.Error](err)
	if !ok || failed.Reason != reason || failed.Kind != enclave.Invalid && failed.Kind != enclave.Limit {
		t.Errorf("%v, want %s", err, reason)
		return
	}
	for pair := range slices.Chunk(args, 2) {
		if name, want := pair[0], pair[1]; failed.Args[name] != want {
			t.Errorf("%s: %s is %q, want %q", reason, name, failed.Args[name], want)
		}
	}
	for _, lang := range []enclave.Lang{enclave.English, enclave.Chinese} {
		if text := failed.In(lang); strings.ContainsAny(text, "{}") || strings.Contains(text, reason) {
			t.Errorf("%s in %s: %s", reason, lang, text)
		}
	}
	if after := removeDirectories(listing(t, dir)); !slices.Equal(after, before) {
		t.Errorf("%s left behind %v", reason, after)
	}
}

// Every bad value refuses the whole file, with its place and what was expected.
func TestRefusesValues(t *testing.T) {
	good := strings.SplitAfter(string(synthCSV(t, 20_000)), "\n")
	rows, met := []int{1, 17_345, 20_000}, map[string]bool{}
	if testing.Short() {
		rows = rows[1:2] // amid blocks that are read at the same time
	}
	for _, c := range []struct {
		column int
		value  string
		reason string
		expect string
	}{
		{0, "11010519491231002Y", "VALUE_CITIZEN_ID", "GB 11643-1999"},
		{0, "110105194912310021", "VALUE_CITIZEN_ID", "GB 11643-1999"}, // the check digit is X
		{0, "", "VALUE_MISSING", "a value"},
		{1, "91350100M000100Y44", "VALUE_USCC", "GB 32100-2015"}, // the check character is 3
		{2, "440399", "VALUE_CODE", "9 codes"},
		{3, "", "VALUE_MISSING", "a value"},
		{4, "1899", "VALUE_INT", "1900 … 2030"},
		{4, "1980.5", "VALUE_INT", "1900 … 2030"},
		{4, "99999999999999999999", "VALUE_INT", "1900 … 2030"},
		{5, "j06", "VALUE_CODE", "135 codes"},
		{6, "2023-02-29", "VALUE_DATE", "2023-01-01 … 2024-12-31"},
		{6, "2025-01-01", "VALUE_DATE", "2023-01-01 … 2024-12-31"},
		{6, "2023/02/01", "VALUE_DATE", "2023-01-01 … 2024-12-31"},
		{7, "12.345", "VALUE_DECIMAL", "0.00 … 100000.00"},
		{7, "-0.01", "VALUE_DECIMAL", "0.00 … 100000.00"},
		{7, "1e3", "VALUE_DECIMAL", "0.00 … 100000.00"},
		{7, "NaN", "VALUE_DECIMAL", "0.00 … 100000.00"},
	} {
		if testing.Short() && met[c.reason] {
			continue
		}
		met[c.reason] = true
		for _, row := range rows {
			lines := slices.Clone(good)
			fields := strings.Split(strings.TrimSpace(lines[row]), ",")
			fields[c.column] = c.value
			lines[row] = strings.Join(fields, ",") + "\n"
			if row < 20_000 { // a later mistake is not the one that is told
				lines[20_000] = "x\n"
			}
			refuses(t, synth.Dataset(), load.CSV, []byte(strings.Join(lines, "")), c.reason,
				"row", fmt.Sprint(row), "line", fmt.Sprint(row+1), "column", synth.Dataset().Columns[c.column].Name, "expected", c.expect)
		}
	}
}

func TestRefusesFiles(t *testing.T) {
	d := synth.Dataset()
	good := string(synthCSV(t, 10))
	_, row, _ := strings.Cut(good, "\n")
	latin := strings.Replace(good, "\n", "\n\xe9\xff", 1)
	for name, c := range map[string]struct {
		file   string
		format load.Format
		reason string
		args   []string
	}{
		"empty":             {"", load.CSV, "FILE_EMPTY", nil},
		"only a header":     {good[:strings.Index(good, "\n")+1], load.CSV, "FILE_EMPTY", nil},
		"no header":         {row, load.CSV, "FILE_NO_HEADER", nil},
		"unknown column":    {strings.Replace(good, "cost\n", "cost,费用\n", 1), load.CSV, "FILE_COLUMN_UNKNOWN", []string{"column", `"费用"`}},
		"missing column":    {strings.Replace(good, ",cost\n", "\n", 1), load.CSV, "FILE_COLUMN_MISSING", []string{"column", "cost"}},
		"column twice":      {strings.Replace(good, ",cost\n", ",sex\n", 1), load.CSV, "FILE_COLUMN_TWICE", []string{"column", "sex"}},
		"too few fields":    {good + "1,2\n", load.CSV, "FILE_FIELDS", []string{"row", "11", "line", "12", "found", "2", "expected", "8"}},
		"a quote inside":    {good + "a\"b,,,,,,,\n", load.CSV, "FILE_QUOTES", []string{"row", "11", "line", "12"}},
		"quote not closed":  {good + "\"ab,,,,,,,\n\n", load.CSV, "FILE_QUOTES", []string{"row", "11", "line", "12"}},
		"text after quote":  {good + "\"a\"b,,,,,,,\n", load.CSV, "FILE_QUOTES", []string{"row", "11"}},
		"endless quote":     {good + "\"" + strings.Repeat("ab,\n", 2<<20), load.CSV, "FILE_ROW_TOO_LONG", nil},
		"encoding":          {latin, load.CSVUTF8, "FILE_ENCODING", []string{"row", "1", "line", "2"}},
		"encoding, GB18030": {latin, load.CSVGB18030, "FILE_ENCODING", []string{"row", "1", "line", "2"}},
		"too wide":          {strings.Repeat("a,", 5000) + "\n", load.CSV, "FILE_TOO_WIDE", nil},
		"unknown format":    {good, "xlsx", "FILE_FORMAT", nil},
		"not Parquet":       {good, load.Parquet, "FILE_UNREADABLE", []string{"format", "parquet"}},
		"cut Parquet":       {"PAR1abcd", load.Detect, "FILE_UNREADABLE", []string{"format", "parquet"}},
		"not Arrow":         {good, load.Arrow, "FILE_UNREADABLE", []string{"format", "arrow"}},
		"cut Arrow":         {"ARROW1\x00\x00", load.Detect, "FILE_UNREADABLE", nil},
	} {
		t.Run(name, func(t *testing.T) { refuses(t, d, c.format, []byte(c.file), c.reason, c.args...) })
	}
}

// small is a dataset of one column beside the subject.
func small(c enclave.Column) *enclave.Dataset {
	c.Name = "v"
	return &enclave.Dataset{
		Name: "t", Owner: "o", Grade: 1, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{{Name: "id", Type: enclave.Text, Class: enclave.Identifier}, c},
	}
}

func arrowOf(t *testing.T, typ arrow.DataType, values ...string) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int32}, {Name: "v", Type: typ, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i, v := range values {
		if err := b.Field(0).AppendValueFromString(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		if err := b.Field(1).AppendValueFromString(v); err != nil {
			t.Fatal(err)
		}
	}
	record := b.NewRecordBatch()
	defer record.Release()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	if err := errors.Join(w.Write(record), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What each Arrow type may become, and what is refused.
func TestArrowTypes(t *testing.T) {
	whole := enclave.Column{Type: enclave.Int, Class: enclave.Measure, Min: "-100", Max: "3000000000"}
	money := enclave.Column{Type: enclave.Decimal, Scale: 2, Class: enclave.Measure, Min: "-100", Max: "1000"}
	day := enclave.Column{Type: enclave.Date, Class: enclave.Quasi, Min: "1960-01-01", Max: "2030-01-01"}
	code := enclave.Column{Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"7", "true", "x"}}
	nullable := whole
	nullable.Nullable = true
	types := arrow.PrimitiveTypes
	for _, c := range []struct {
		typ    arrow.DataType
		column enclave.Column
		value  string
		want   string // the stored value, or the reason
	}{
		{types.Int8, whole, "-7", "-7"},
		{types.Uint16, whole, "65535", "65535"},
		{types.Uint32, whole, "3000000000", "3000000000"},
		{types.Uint64, whole, "7", "7"},
		{types.Uint64, whole, "18446744073709551615", "VALUE_INT"},
		{types.Int64, money, "12", "12.00"},
		{types.Int64, code, "7", "7"},
		{types.Int64, code, "8", "VALUE_CODE"},
		{types.Int64, day, "8", "FILE_COLUMN_TYPE"},
		{types.Float64, money, "12.34", "12.34"},
		{types.Float32, money, "0.1", "0.10"},
		{types.Float64, money, "12.345", "VALUE_DECIMAL"},
		{types.Float64, money, "NaN", "VALUE_DECIMAL"},
		{types.Float64, money, "+Inf", "VALUE_DECIMAL"},
		{types.Float64, whole, "12", "12"},
		{types.Float64, whole, "12.5", "VALUE_INT"},
		{types.Float64, code, "7", "FILE_COLUMN_TYPE"},
		{&arrow.Decimal128Type{Precision: 20, Scale: 1}, money, "-3.5", "-3.50"},
		{&arrow.Decimal128Type{Precision: 20, Scale: 4}, money, "3.5000", "3.50"},
		{&arrow.Decimal128Type{Precision: 20, Scale: 4}, money, "3.5001", "VALUE_DECIMAL"},
		{&arrow.Decimal128Type{Precision: 38, Scale: 0}, money, "36893488147419103232", "VALUE_DECIMAL"},
		{&arrow.Decimal256Type{Precision: 50, Scale: 2}, money, "3.51", "3.51"},
		{&arrow.Decimal256Type{Precision: 50, Scale: 2}, money, "368934881474191032320", "VALUE_DECIMAL"},
		{&arrow.Decimal128Type{Precision: 20, Scale: 2}, whole, "3.00", "3"},
		{types.Date32, day, "2024-02-29", "2024-02-29"},
		{types.Date64, day, "1969-12-31", "1969-12-31"},
		{types.Date32, whole, "2024-02-29", "FILE_COLUMN_TYPE"},
		{arrow.FixedWidthTypes.Timestamp_ms, day, "2024-02-29T00:00:00Z", "FILE_COLUMN_TYPE"},
		{arrow.BinaryTypes.String, day, " 2024-02-29 ", "2024-02-29"},
		{arrow.BinaryTypes.LargeString, money, "1.5", "1.50"},
		{arrow.BinaryTypes.StringView, code, "x", "x"},
		{arrow.BinaryTypes.Binary, code, "eA==", "FILE_COLUMN_TYPE"},
		{&arrow.DictionaryType{IndexType: types.Uint8, ValueType: arrow.BinaryTypes.String}, code, "x", "x"},
		{&arrow.DictionaryType{IndexType: types.Uint8, ValueType: types.Int64}, code, "7", "FILE_COLUMN_TYPE"},
		{arrow.FixedWidthTypes.Boolean, code, "true", "true"},
		{arrow.ListOf(types.Int64), whole, "[1]", "FILE_COLUMN_TYPE"},
		{types.Int64, nullable, "(null)", ""},
		{types.Int64, whole, "(null)", "VALUE_MISSING"},
		{arrow.Null, whole, "(null)", "FILE_COLUMN_TYPE"},
	} {
		t.Run(fmt.Sprint(c.typ, " ", c.value, " as ", c.column.Type), func(t *testing.T) {
			d, file := small(c.column), arrowOf(t, c.typ, c.value)
			if strings.Contains(c.want, "_") {
				refuses(t, d, load.Arrow, file, c.want, "column", "v")
				return
			}
			s := open(t, t.TempDir())
			snapshot := ingest(t, s, d, load.Arrow, file)
			if got := scan(t, s, d, snapshot.Digest, 1).rows[0][0]; got != c.want {
				t.Errorf("stored %q, want %q", got, c.want)
			}
		})
	}
}

// Damage anywhere in a columnar file is a refusal or is harmless; it never takes the process down.
func TestDamagedColumnarFiles(t *testing.T) {
	d := synth.Dataset()
	var parquet bytes.Buffer
	if err := load.WriteParquet(&parquet, d, synth.Rows(1, 300)); err != nil {
		t.Fatal(err)
	}
	for _, file := range [][]byte{parquet.Bytes(), arrowFile(t, d, 300, false), arrowFile(t, d, 300, true)} {
		s := open(t, t.TempDir())
		for at := 0; at < len(file); at += 1 + len(file)/60 {
			for _, damaged := range [][]byte{file[:at], slices.Concat(file[:at], []byte{file[at] ^ 0xff}, file[at+1:])} {
				_, err := s.Ingest(t.Context(), d, load.Detect, bytes.NewReader(damaged), nil)
				if err != nil && enclave.KindOf(err) != enclave.Invalid && enclave.KindOf(err) != enclave.Limit {
					t.Fatalf("damage at %d: %v", at, err)
				}
			}
		}
	}
}
