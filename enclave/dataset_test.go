package enclave_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

func visits() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "visits", Owner: "health-bureau", Grade: 3, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "citizen", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "citizen", Header: "身份证号", Type: enclave.Text, Class: enclave.Identifier, Check: enclave.CitizenID},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"110101", "110102"}},
			{Name: "birth_year", Type: enclave.Int, Class: enclave.Quasi, Min: "1900", Max: "2025", Nullable: true},
			{Name: "visited", Type: enclave.Date, Class: enclave.Open, Min: "2024-01-01", Max: "2024-12-31"},
			{Name: "cost", Type: enclave.Decimal, Class: enclave.Measure, Scale: 2, Min: "0", Max: "99999.99"},
		},
	}
}

func TestDatasetValidate(t *testing.T) {
	if err := visits().Validate(); err != nil {
		t.Fatal(err)
	}
	const citizen, district, year, visited, cost = 0, 1, 2, 3, 4
	column := func(i int, f func(*enclave.Column)) func(*enclave.Dataset) {
		return func(d *enclave.Dataset) { f(&d.Columns[i]) }
	}
	for name, c := range map[string]struct {
		change func(*enclave.Dataset)
		place  string
	}{
		"name":                    {func(d *enclave.Dataset) { d.Name = "Visits" }, "name"},
		"long name":               {func(d *enclave.Dataset) { d.Name = strings.Repeat("a", 64) }, "name"},
		"owner":                   {func(d *enclave.Dataset) { d.Owner = "" }, "owner"},
		"grade 0":                 {func(d *enclave.Dataset) { d.Grade = 0 }, "grade"},
		"grade 5":                 {func(d *enclave.Dataset) { d.Grade = 5 }, "grade"},
		"sharing":                 {func(d *enclave.Dataset) { d.Sharing = "public" }, "sharing"},
		"kind":                    {func(d *enclave.Dataset) { d.Subject.Kind = "cat" }, "subject.kind"},
		"no columns":              {func(d *enclave.Dataset) { d.Columns = nil }, "columns"},
		"257 columns":             {func(d *enclave.Dataset) { d.Columns = make([]enclave.Column, 257) }, "columns"},
		"subject unknown":         {func(d *enclave.Dataset) { d.Subject.Column = "person" }, "subject.column"},
		"subject no identifier":   {func(d *enclave.Dataset) { d.Subject.Column = "district" }, "subject.column"},
		"subject may be empty":    {column(citizen, func(c *enclave.Column) { c.Nullable = true }), "subject.column"},
		"column twice":            {column(cost, func(c *enclave.Column) { c.Name = "visited" }), "columns.visited"},
		"header of another":       {column(cost, func(c *enclave.Column) { c.Header = "visited" }), "columns.cost"},
		"column name":             {column(cost, func(c *enclave.Column) { c.Name = "Cost" }), "columns.Cost.name"},
		"type":                    {column(cost, func(c *enclave.Column) { c.Type = "float" }), "columns.cost.type"},
		"class":                   {column(cost, func(c *enclave.Column) { c.Class = "secret" }), "columns.cost.class"},
		"text to show":            {column(citizen, func(c *enclave.Column) { c.Class = enclave.Open }), "columns.citizen.type"},
		"identifier as number":    {column(year, func(c *enclave.Column) { c.Class = enclave.Identifier }), "columns.birth_year.type"},
		"measure of codes":        {column(district, func(c *enclave.Column) { c.Class = enclave.Measure }), "columns.district.type"},
		"decimal without scale":   {column(cost, func(c *enclave.Column) { c.Scale = 0 }), "columns.cost.scale"},
		"scale 10":                {column(cost, func(c *enclave.Column) { c.Scale = 10 }), "columns.cost.scale"},
		"scale of an int":         {column(year, func(c *enclave.Column) { c.Scale = 1 }), "columns.birth_year.scale"},
		"check of a number":       {column(year, func(c *enclave.Column) { c.Check = enclave.USCC }), "columns.birth_year.check"},
		"check unknown":           {column(citizen, func(c *enclave.Column) { c.Check = "iban" }), "columns.citizen.check"},
		"no codes":                {column(district, func(c *enclave.Column) { c.Codes = nil }), "columns.district.codes"},
		"100001 codes":            {column(district, func(c *enclave.Column) { c.Codes = make([]string, 100_001) }), "columns.district.codes"},
		"codes of a date":         {column(visited, func(c *enclave.Column) { c.Codes = []string{"a"} }), "columns.visited.codes"},
		"code twice":              {column(district, func(c *enclave.Column) { c.Codes[1] = c.Codes[0] }), "columns.district.codes"},
		"code with a space":       {column(district, func(c *enclave.Column) { c.Codes[1] = " x" }), "columns.district.codes"},
		"code like our own label": {column(district, func(c *enclave.Column) { c.Codes[1] = "(missing)" }), "columns.district.codes"},
		"no bounds":               {column(cost, func(c *enclave.Column) { c.Max = "" }), "columns.cost.min"},
		"bounds upside down":      {column(cost, func(c *enclave.Column) { c.Max = "-1" }), "columns.cost.min"},
		"bounds of another type":  {column(visited, func(c *enclave.Column) { c.Min = "2024" }), "columns.visited.min"},
	} {
		t.Run(name, func(t *testing.T) {
			d := visits()
			c.change(d)
			if e := enclave.AsError(d.Validate()); e == nil || e.Reason != "DATASET_INVALID" || e.Args["place"] != c.place {
				t.Errorf("got %v", e)
			}
		})
	}
}

func TestDatasetDigest(t *testing.T) {
	one, err := visits().Digest()
	if err != nil {
		t.Fatal(err)
	}
	// Pinned: snapshots on disk name the description they were loaded under by this digest.
	if want := "7acbadede773f7ed746107c7f4bcb78549bb8a1fb0c212fca3e7872a4a62567b"; one.String() != want {
		t.Errorf("digest %s", one)
	}
	changed := visits()
	changed.Columns[4].Max = "100000"
	if two, err := changed.Digest(); err != nil || one == two {
		t.Errorf("a changed bound does not show (%v)", err)
	}
}

func TestColumnValues(t *testing.T) {
	cost := enclave.Column{Type: enclave.Decimal, Scale: 2}
	date := enclave.Column{Type: enclave.Date}
	number := enclave.Column{Type: enclave.Int}
	code := enclave.Column{Type: enclave.Code, Codes: []string{"a", "b"}}
	for _, c := range []struct {
		column *enclave.Column
		text   string
		want   int64
		back   string // "" if it cannot be read
	}{
		{&cost, "12.5", 1250, "12.50"},
		{&cost, "-0.05", -5, "-0.05"},
		{&cost, "+3", 300, "3.00"},
		{&cost, "1.2300000000000000000000", 123, "1.23"},
		{&cost, "92233720368547758.07", math.MaxInt64, "92233720368547758.07"},
		{&cost, "92233720368547758.08", 0, ""},
		{&cost, "-92233720368547758.08", 0, ""},
		{&cost, "1.234", 0, ""},
		{&cost, "1.-2", 0, ""},
		{&cost, ".5", 0, ""},
		{&cost, "-.5", 0, ""},
		{&cost, "", 0, ""},
		{&cost, "1e3", 0, ""},
		{&cost, "1_0.5", 0, ""},
		{&cost, "NaN", 0, ""},
		{&date, "1969-12-31", -1, "1969-12-31"},
		{&date, "2024-02-29", 19782, "2024-02-29"},
		{&date, "2023-02-29", 0, ""},
		{&date, "2024-2-9", 0, ""},
		{&number, "-9223372036854775808", math.MinInt64, "-9223372036854775808"},
		{&number, "9223372036854775808", 0, ""},
		{&number, "1.0", 0, ""},
		{&code, "b", 1, "b"},
		{&code, "c", 0, ""},
		{&enclave.Column{Type: enclave.Text}, "x", 0, ""},
	} {
		v, err := c.column.Parse(c.text)
		if c.back == "" {
			if err == nil {
				t.Errorf("%s %q was read as %d", c.column.Type, c.text, v)
			}
			continue
		}
		if err != nil || v != c.want || c.column.Format(v) != c.back {
			t.Errorf("%s %q: %d, written %q, %v", c.column.Type, c.text, v, c.column.Format(v), err)
		}
	}
	if code.Format(2) != "" || code.Format(-1) != "" {
		t.Error("a code outside the list is written as something")
	}
}

func TestScalar(t *testing.T) {
	for text, want := range map[string]enclave.Scalar{`12`: "12", `"12"`: "12", `12.50`: "12.50", `"x"`: "x", `1e3`: "1e3"} {
		var s enclave.Scalar
		if err := json.Unmarshal([]byte(text), &s); err != nil || s != want {
			t.Errorf("%s: %q, %v", text, s, err)
		}
	}
	for _, text := range []string{`true`, `{}`, `[1]`} {
		var s enclave.Scalar
		if err := json.Unmarshal([]byte(text), &s); err == nil {
			t.Errorf("%s was read as %q", text, s)
		}
	}
}

// FuzzDecimal: what can be read is written in one way, which reads as the same value.
func FuzzDecimal(f *testing.F) {
	f.Add("-12.50", 2)
	f.Add("0.000000001", 9)
	f.Fuzz(func(t *testing.T, text string, scale int) {
		if scale < 1 || scale > 9 {
			return
		}
		c := enclave.Column{Type: enclave.Decimal, Scale: scale}
		v, err := c.Parse(text)
		if err != nil {
			return
		}
		if again, err := c.Parse(c.Format(v)); err != nil || again != v {
			t.Fatalf("%q is %d, written %q, read %d (%v)", text, v, c.Format(v), again, err)
		}
	})
}
