package load_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/internal/synth"
)

func draft(t *testing.T, file []byte, name string) (*enclave.Dataset, string) {
	t.Helper()
	d, notes, err := load.Draft(t.Context(), load.Detect, bytes.NewReader(file), name)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, note := range notes {
		if !enclave.Known(note.Code) {
			t.Errorf("%s has no text", note.Code)
		}
		text.WriteString(note.In(enclave.English) + "\n")
	}
	return d, text.String()
}

// wantColumns are "name type class", with the check, scale, bounds or number of codes that matter.
func wantColumns(t *testing.T, d *enclave.Dataset, want ...string) {
	t.Helper()
	for i, c := range d.Columns {
		got := strings.Join([]string{c.Name, string(c.Type), string(c.Class), string(c.Check), string(c.Min), string(c.Max)}, " ")
		got = strings.Join(strings.Fields(got), " ")
		if i >= len(want) || got != want[i] {
			t.Errorf("column %d is %q", i, got)
		}
	}
	if len(d.Columns) != len(want) {
		t.Errorf("%d columns, want %d", len(d.Columns), len(want))
	}
}

// A draft of the seeded table is nearly its description, and once it has an owner the file loads under it.
func TestDraftOfVisits(t *testing.T) {
	const rows = 5000
	file := bytes.Replace(synthCSV(t, rows),
		[]byte("citizen_id,hospital,district,sex,birth_year,icd10,visit_date,cost"),
		[]byte("身份证号,医疗机构,行政区划代码,性别,birth year,疾病编码,就诊日期,总费用(元)"), 1)
	var parquet bytes.Buffer
	if err := load.WriteParquet(&parquet, synth.Dataset(), synth.Rows(1, rows)); err != nil {
		t.Fatal(err)
	}
	d, notes := draft(t, file, "门诊 Visits 2024.csv")
	wantColumns(t, d,
		"citizen_id text identifier citizen-id", "hospital text identifier uscc", "district code quasi", "sex code quasi",
		"birth_year int quasi 1920 2030", "icd10 code sensitive", "visit_date date quasi 2023-01-01 2024-12-31", "column_8 decimal measure 0.00 20000.00",
	)
	if d.Name != "visits-2024-csv" || d.Subject != (enclave.Subject{Column: "citizen_id", Kind: enclave.Person}) || d.Columns[7].Header != "总费用(元)" {
		t.Errorf("drafted %+v", d)
	}
	if !slices.Equal(d.Columns[3].Codes, []string{"F", "M"}) || !slices.IsSorted(d.Columns[5].Codes) || d.Columns[7].Scale != 2 {
		t.Errorf("drafted %+v", d.Columns)
	}
	for _, about := range []string{"owner", "subject", "就诊日期", "疾病编码"} {
		if !strings.Contains(notes, about) {
			t.Errorf("no note about %s in:\n%s", about, notes)
		}
	}
	if d.Validate() == nil {
		t.Error("a draft without an owner is valid")
	}
	d.Owner = "health-commission"
	ingest(t, open(t, t.TempDir()), d, load.Detect, file)

	d, _ = draft(t, parquet.Bytes(), "visits")
	d.Owner = "health-commission"
	if d.Columns[7].Name != "cost" || d.Columns[7].Type != enclave.Decimal || d.Columns[4].Type != enclave.Int || d.Columns[6].Type != enclave.Date {
		t.Errorf("drafted from Parquet: %+v", d.Columns)
	}
	ingest(t, open(t, t.TempDir()), d, load.Detect, parquet.Bytes())
}

func shared(t *testing.T, name string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if content, err := os.ReadFile(filepath.Join(dir, "shared", "data", name)); err == nil { //nolint:gosec // G304: found by walking up
			return content
		}
		if dir == filepath.Dir(dir) {
			t.Skip("the shared real tables are not here")
		}
	}
}

func TestDraftOfUtilities(t *testing.T) {
	file := shared(t, "eia.csv")
	d, _ := draft(t, file, "eia")
	if d.Subject != (enclave.Subject{Column: "utilityid", Kind: enclave.Organisation}) {
		t.Errorf("subject %+v", d.Subject)
	}
	classes := map[string]enclave.Class{}
	for _, c := range d.Columns {
		classes[c.Name] = c.Class
	}
	for name, want := range map[string]enclave.Class{
		"utilityid": enclave.Identifier, "utilname": enclave.Identifier, "state": enclave.Quasi, "year": enclave.Quasi, "month": enclave.Quasi,
		"resrevenue": enclave.Measure, "totsales": enclave.Measure,
	} {
		if classes[name] != want {
			t.Errorf("%s is %s, want %s", name, classes[name], want)
		}
	}
	d.Owner = "energy-bureau"
	s := open(t, t.TempDir())
	snapshot := ingest(t, s, d, load.Detect, file)
	if snapshot.Rows != 4092 {
		t.Errorf("%d rows", snapshot.Rows)
	}
	scan(t, s, d, snapshot.Digest, 3)
}

func TestDraftOfCensus(t *testing.T) {
	file := shared(t, "adult.csv")
	d, notes := draft(t, file, "adult")
	if d.Subject.Column != "" || !strings.Contains(notes, "add a column with a number for each row") {
		t.Errorf("subject %+v, notes %s", d.Subject, notes)
	}
	wantColumns(t, d, "sex code quasi", "age int quasi 10 100", "race code quasi", "marital_status code quasi", "education code quasi",
		"native_country code quasi", "workclass code quasi", "occupation code quasi", "salary_class code sensitive")

	lines := strings.Split(strings.TrimSpace(string(file)), "\r\n")
	for i := range lines {
		if i == 0 {
			lines[i] = "person_id;" + lines[i]
		} else {
			lines[i] = strings.Repeat("0", 3) + string(rune('a'+i%26)) + ";" + lines[i]
		}
	}
	numbered := strings.Join(lines, "\r\n")
	d, _ = draft(t, []byte(numbered), "adult")
	d.Owner = "statistics"
	s := open(t, t.TempDir())
	if snapshot := ingest(t, s, d, load.Detect, []byte(numbered)); snapshot.Rows != 30162 || snapshot.Subjects != 26 {
		t.Errorf("loaded %+v", snapshot)
	}
}

func TestDraftRefuses(t *testing.T) {
	for name, file := range map[string]string{"empty": "", "only a header": "a,b\n", "ragged": "a,b\n1,2\n3\n", "quotes": "a,b\n1,\"2\n"} {
		if _, _, err := load.Draft(t.Context(), load.Detect, bytes.NewReader([]byte(file)), "x"); enclave.KindOf(err) != enclave.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
