package enclave_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// example is the design's manifest, as JSON.
const example = `{"darkroom":1,"name":"outpatient-cost","version":"1.0.0","form":"aggregate",
"inputs":[{"dataset":"visits","columns":["district","birth_year","icd10","cost"]}],
"params":[{"name":"as_of","type":"int64","min":2020,"max":2026,"default":2024},{"name":"mode","type":"enum","values":["x","y"],"default":"y"}],
"keys":[{"name":"district","of":{"column":"district"}},{"name":"age_band","values":["0-17","18-44","45-64","65+"]},
{"name":"chapter","of":{"column":"icd10","map":{"I10":"IX"}}},{"name":"price","of":{"column":"cost","cuts":[10,"99.50"]}},{"name":"year","min":2020,"max":2026}],
"measures":[{"name":"visits","op":"count"},{"name":"patients","op":"subjects"},{"name":"cost","op":"sum","of":"cost"},{"name":"mean_cost","op":"mean","of":"cost"}],
"margins":[["district"],["age_band","district"],[]]}`

func TestParseManifest(t *testing.T) {
	m, err := enclave.ParseManifest([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.ModuleKeys(); !reflect.DeepEqual(got, []int{1, 4}) {
		t.Errorf("module keys %v", got)
	}
	if m.Params[0].Default != "2024" || m.Params[1].Default != "y" || !reflect.DeepEqual(m.Keys[3].Of.Cuts, []enclave.Scalar{"10", "99.50"}) {
		t.Errorf("scalars: %+v %+v", m.Params, m.Keys[3].Of)
	}
}

func TestParseManifestRefuses(t *testing.T) {
	repeat := func(n int, item string) string { // item holds %d
		items := make([]string, n)
		for i := range items {
			items[i] = fmt.Sprintf(item, i)
		}
		return strings.Join(items, ",")
	}
	cases := map[string]struct{ old, with, reason, place string }{
		"not JSON":                 {`{"darkroom"`, `{darkroom`, "MANIFEST_MALFORMED", ""},
		"unknown field":            {`"form"`, `"extra":1,"form"`, "MANIFEST_MALFORMED", ""},
		"text behind":              {`[]]}`, `[]]}]`, "MANIFEST_MALFORMED", ""},
		"a second value":           {`[]]}`, `[]]}{}`, "MANIFEST_MALFORMED", ""},
		"scalar is a list":         {`"default":2024`, `"default":[1]`, "MANIFEST_MALFORMED", ""},
		"version of the format":    {`"darkroom":1`, `"darkroom":2`, "MANIFEST_INVALID", "darkroom"},
		"name":                     {`"outpatient-cost"`, `"Outpatient"`, "MANIFEST_INVALID", "name"},
		"no version":               {`"1.0.0"`, `""`, "MANIFEST_INVALID", "version"},
		"long version":             {`"1.0.0"`, `"` + strings.Repeat("1", 33) + `"`, "MANIFEST_INVALID", "version"},
		"long title":               {`"form"`, `"title":"` + strings.Repeat("1", 201) + `","form"`, "MANIFEST_INVALID", "title"},
		"form":                     {`"aggregate"`, `"verify"`, "MANIFEST_INVALID", "form"},
		"no input":                 {`[{"dataset":"visits","columns":["district","birth_year","icd10","cost"]}]`, `[]`, "MANIFEST_INVALID", "inputs"},
		"dataset":                  {`"dataset":"visits"`, `"dataset":"../visits"`, "MANIFEST_INVALID", "inputs[0].dataset"},
		"column twice":             {`"birth_year",`, `"birth_year","district",`, "MANIFEST_INVALID", "inputs[0].columns"},
		"too many columns":         {`"birth_year",`, `"birth_year",` + repeat(253, `"c%d"`) + `,`, "MANIFEST_INVALID", "inputs[0].columns"},
		"show of no input":         {`"cost"]}`, `"cost"],"show":["sex"]}`, "MANIFEST_INVALID", "inputs[0].show"},
		"show twice":               {`"cost"]}`, `"cost"],"show":["cost","cost"]}`, "MANIFEST_INVALID", "inputs[0].show"},
		"param name":               {`"as_of"`, `"As"`, "MANIFEST_INVALID", "params.As"},
		"param twice":              {`"name":"mode"`, `"name":"as_of"`, "MANIFEST_INVALID", "params.as_of"},
		"param type":               {`"type":"enum"`, `"type":"text"`, "MANIFEST_INVALID", "params.mode.type"},
		"param min above max":      {`"min":2020,"max":2026,"default"`, `"min":2027,"max":2026,"default"`, "MANIFEST_INVALID", "params.as_of"},
		"enum without values":      {`"values":["x","y"],`, ``, "MANIFEST_INVALID", "params.mode"},
		"default out of domain":    {`"default":2024`, `"default":2027`, "MANIFEST_INVALID", "params.as_of.default"},
		"key name":                 {`"name":"year"`, `"name":"Year"`, "MANIFEST_INVALID", "keys.Year"},
		"key twice":                {`"name":"year"`, `"name":"district"`, "MANIFEST_INVALID", "keys.district"},
		"key of nothing":           {`,"min":2020,"max":2026}]`, `}]`, "MANIFEST_INVALID", "keys.year"},
		"key of two kinds":         {`"min":2020,"max":2026}]`, `"min":2020,"max":2026,"values":["a"]}]`, "MANIFEST_INVALID", "keys.year"},
		"range without max":        {`"min":2020,"max":2026}]`, `"min":2020}]`, "MANIFEST_INVALID", "keys.year"},
		"range upside down":        {`"min":2020,"max":2026}]`, `"min":2020,"max":2019}]`, "MANIFEST_INVALID", "keys.year"},
		"range with the drop":      {`"min":2020,"max":2026}]`, `"min":-1,"max":3}]`, "MANIFEST_INVALID", "keys.year"},
		"range beyond int32":       {`"min":2020,"max":2026}]`, `"min":2147483640,"max":2147483648}]`, "MANIFEST_INVALID", "keys.year"},
		"range one too wide":       {`"min":2020,"max":2026}]`, `"min":0,"max":100000}]`, "MANIFEST_INVALID", "keys.year"},
		"range as wide as can be":  {`"min":2020,"max":2026}]`, `"min":0,"max":99999}]`, "", ""},
		"hostile range":            {`"min":2020,"max":2026}]`, `"min":-9223372036854775808,"max":9223372036854775807}]`, "MANIFEST_INVALID", "keys.year"},
		"no values":                {`["0-17","18-44","45-64","65+"]`, `[]`, "MANIFEST_INVALID", "keys.age_band.values"},
		"value twice":              {`"18-44"`, `"0-17"`, "MANIFEST_INVALID", "keys.age_band.values"},
		"the enclave's own label":  {`"18-44"`, `"(total)"`, "MANIFEST_INVALID", "keys.age_band.values"},
		"empty label":              {`"18-44"`, `""`, "MANIFEST_INVALID", "keys.age_band.values"},
		"of a column not an input": {`{"column":"district"}`, `{"column":"sex"}`, "MANIFEST_INVALID", "keys.district.of.column"},
		"cuts and map":             {`"map":{"I10":"IX"}`, `"map":{"I10":"IX"},"cuts":[1]`, "MANIFEST_INVALID", "keys.chapter.of.cuts"},
		"inside one cut":           {`"cuts":[10,"99.50"]`, `"cuts":[10],"inside":true`, "MANIFEST_INVALID", "keys.price.of.inside"},
		"inside of nothing":        {`,"cuts":[10,"99.50"]`, `,"inside":true`, "MANIFEST_INVALID", "keys.price.of.inside"},
		"no cuts":                  {`"cuts":[10,"99.50"]`, `"cuts":[]`, "MANIFEST_INVALID", "keys.price.of.cuts"},
		"empty map":                {`{"I10":"IX"}`, `{}`, "MANIFEST_INVALID", "keys.chapter.of.map"},
		"map to the own label":     {`"IX"`, `"(other)"`, "MANIFEST_INVALID", "keys.chapter.of.map"},
		"nine keys":                {`{"name":"year","min"`, repeat(4, `{"name":"k%d","min":1,"max":2}`) + `,{"name":"year","min"`, "MANIFEST_INVALID", "keys"},
		"measure named as a key":   {`"name":"visits","op"`, `"name":"year","op"`, "MANIFEST_INVALID", "measures.year"},
		"measure twice":            {`"name":"visits","op"`, `"name":"cost","op"`, "MANIFEST_INVALID", "measures.cost"},
		"count of a column":        {`"op":"count"`, `"op":"count","of":"cost"`, "MANIFEST_INVALID", "measures.visits.of"},
		"sum of no input":          {`"op":"sum","of":"cost"`, `"op":"sum","of":"sex"`, "MANIFEST_INVALID", "measures.cost.of"},
		"unknown measure":          {`"op":"sum"`, `"op":"max"`, "MANIFEST_INVALID", "measures.cost.op"},
		"33 measures":              {`"measures":[`, `"measures":[` + repeat(29, `{"name":"m%d","op":"count"}`) + `,`, "MANIFEST_INVALID", "measures"},
		"32 measures":              {`"measures":[`, `"measures":[` + repeat(28, `{"name":"m%d","op":"count"}`) + `,`, "", ""},
		"field twice":              {`"measures":[`, `"measures":[],"measures":[`, "MANIFEST_MALFORMED", ""},
		"field twice, other case":  {`"op":"count"`, `"op":"count","OP":"count"`, "MANIFEST_MALFORMED", ""},
		"code twice":               {`{"I10":"IX"}`, `{"I10":"IX","J20":"IX","I10":"X"}`, "MANIFEST_MALFORMED", ""},
		"code twice after none":    {`{"I10":"IX"}`, `{"":"I10","I10":"IX","I10":"X"}`, "MANIFEST_MALFORMED", ""},
		"codes in other cases":     {`{"I10":"IX"}`, `{"I10":"IX","i10":"IX"}`, "", ""},
		"margin of no key":         {`["age_band","district"]`, `["cost"]`, "MANIFEST_INVALID", "margins[1]"},
		"margin twice":             {`["age_band","district"]`, `["district"]`, "MANIFEST_INVALID", "margins[1]"},
		"margin in other order":    {`[]]}`, `["district","age_band"]]}`, "MANIFEST_INVALID", "margins[2]"},
		"margin of every key":      {`["age_band","district"]`, `["district","age_band","chapter","price","year"]`, "MANIFEST_INVALID", "margins[1]"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if strings.Count(example, c.old) != 1 {
				t.Fatalf("%q stands %d times in the example", c.old, strings.Count(example, c.old))
			}
			_, err := enclave.ParseManifest([]byte(strings.Replace(example, c.old, c.with, 1)))
			if c.reason == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if e := enclave.AsError(err); e == nil || e.Reason != c.reason || e.Args["place"] != c.place {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestManifestSize(t *testing.T) {
	padded := func(n int) []byte { return []byte(example + strings.Repeat(" ", n-len(example))) }
	if _, err := enclave.ParseManifest(padded(enclave.MaxManifestBytes)); err != nil {
		t.Error(err)
	}
	if _, err := enclave.ParseManifest(padded(enclave.MaxManifestBytes + 1)); enclave.KindOf(err) != enclave.Limit {
		t.Errorf("got %v", err)
	}
}

// FuzzParseManifest: what is accepted is accepted again as it writes itself, and means the same.
func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(program))
	f.Add([]byte(strings.Replace(example, `"min":2020,"max":2026}]`, `"values":["(x"]}]`, 1)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := enclave.ParseManifest(raw)
		if err != nil {
			if e := enclave.AsError(err); e.Kind == enclave.Internal || !enclave.Known(e.Reason) {
				t.Fatal(err)
			}
			return
		}
		first, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := enclave.ParseManifest(first)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if second, err := json.Marshal(again); err != nil || string(second) != string(first) {
			t.Fatalf("%s became %s", first, second)
		}
	})
}
