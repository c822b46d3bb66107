package enclave_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// program is a manifest with an output column of each kind, as JSON.
const program = `{"darkroom":1,"name":"regression","version":"1.0.0","form":"program",
"inputs":[{"dataset":"visits","columns":["district","cost"],"show":["cost"]}],
"params":[{"name":"as_of","type":"int64","min":2020,"max":2026,"default":2024}],
"output":{"about":"Cost over age, by district.","behind":"30 visits or more.","rows":500,"model":true,"columns":[
{"name":"district","type":"enum","values":["a","b"],"about":"residence"},
{"name":"visits","type":"int64","min":0,"max":1000,"about":"how many"},
{"name":"slope","type":"decimal","min":-10,"max":10,"decimals":3,"about":"yuan a year"},
{"name":"note","type":"text","bytes":80,"about":"a remark"}]}}`

func TestParseProgram(t *testing.T) {
	m, err := enclave.ParseManifest([]byte(program))
	if err != nil {
		t.Fatal(err)
	}
	if !m.Output.Model || m.Output.Rows != 500 || m.ModuleKeys() != nil {
		t.Errorf("%+v", m.Output)
	}
	want := enclave.ManifestColumn{Name: "slope", Type: enclave.KindDecimal, About: "yuan a year", Min: -10, Max: 10, Decimals: 3}
	if !reflect.DeepEqual(m.Output.Columns[2], want) {
		t.Errorf("%+v", m.Output.Columns[2])
	}
}

func TestParseProgramRefuses(t *testing.T) {
	columns := func(n int) string { // before the last one
		var list strings.Builder
		for i := range n {
			fmt.Fprintf(&list, `{"name":"c%d","type":"int64","max":1,"about":"x"},`, i)
		}
		return list.String()
	}
	values := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`"v%d"`, i)
		}
		return strings.Join(list, ",")
	}
	head, _, _ := strings.Cut(program, `,`+"\n"+`"output"`)
	_, list, _ := strings.Cut(program, `"model":true,`)
	const (
		table = `"rows":500,"model":true,"columns":[`
		enum  = `"values":["a","b"]`
		whole = `"min":0,"max":1000`
		dec   = `"min":-10,"max":10,"decimals":3`
	)
	cases := map[string]struct{ old, with, place string }{
		"keys":                          {`"output":`, `"keys":[{"name":"k","values":["a"]}],"output":`, "keys, measures, margins"},
		"no keys, but a list":           {`"output":`, `"keys":[],"output":`, "keys, measures, margins"},
		"measures":                      {`"output":`, `"measures":[{"name":"n","op":"count"}],"output":`, "keys, measures, margins"},
		"margins":                       {`"output":`, `"margins":[[]],"output":`, "keys, measures, margins"},
		"no output":                     {strings.TrimPrefix(program, head), `}`, "output"},
		"an aggregate's output":         {`"form":"program"`, `"form":"aggregate","keys":[{"name":"k","values":["a"]}],"measures":[{"name":"n","op":"count"}]`, "output"},
		"input of no dataset":           {`"dataset":"visits"`, `"dataset":"Visits"`, "inputs[0].dataset"},
		"param out of its domain":       {`"default":2024`, `"default":2027`, "params.as_of.default"},
		"no about":                      {`"about":"Cost over age, by district."`, `"about":""`, "output.about"},
		"long about":                    {`"about":"Cost over age, by district."`, `"about":"` + strings.Repeat("x", 501) + `"`, "output.about"},
		"about as long as can be":       {`"about":"Cost over age, by district."`, `"about":"` + strings.Repeat("x", 500) + `"`, ""},
		"no behind":                     {`"behind":"30 visits or more.",`, ``, "output.behind"},
		"long behind":                   {`"behind":"30 visits or more."`, `"behind":"` + strings.Repeat("好", 167) + `"`, "output.behind"},
		"no rows":                       {`"rows":500`, `"rows":0`, "output.rows"},
		"negative rows":                 {`"rows":500`, `"rows":-1`, "output.rows"},
		"too many rows":                 {`"rows":500`, `"rows":1000001`, "output.rows"},
		"as many rows as can be":        {`"rows":500`, `"rows":1000000`, ""},
		"no columns":                    {list, `"columns":[]}}`, "output.columns"},
		"too many columns":              {table, table + columns(253), "output.columns"},
		"as many columns as can be":     {table, table + columns(252), ""},
		"column name":                   {`"name":"slope"`, `"name":"Slope"`, "output.columns.Slope"},
		"no column name":                {`"name":"slope"`, `"name":""`, "output.columns."},
		"column twice":                  {`"name":"slope"`, `"name":"visits"`, "output.columns.visits"},
		"column without about":          {`,"about":"how many"`, ``, "output.columns.visits.about"},
		"column with a long about":      {`"about":"how many"`, `"about":"` + strings.Repeat("x", 501) + `"`, "output.columns.visits.about"},
		"type":                          {`"type":"text"`, `"type":"float64"`, "output.columns.note.type"},
		"no type":                       {`"type":"text",`, ``, "output.columns.note.type"},
		"int64 with decimals":           {whole, whole + `,"decimals":1`, "output.columns.visits.decimals"},
		"int64 with values":             {whole, whole + `,"values":["a"]`, "output.columns.visits.values"},
		"int64 with bytes":              {whole, whole + `,"bytes":1`, "output.columns.visits.bytes"},
		"int64 without bounds":          {whole + `,`, ``, "output.columns.visits.min"},
		"int64 of one value":            {whole, `"min":7,"max":7`, "output.columns.visits.min"},
		"int64 upside down":             {whole, `"min":8,"max":7`, "output.columns.visits.min"},
		"int64 above 2^53":              {whole, `"max":9007199254740993`, "output.columns.visits.min"},
		"int64 below -2^53":             {whole, `"min":-9007199254740993`, "output.columns.visits.min"},
		"int64 as wide as can be":       {whole, `"min":-9007199254740992,"max":9007199254740992`, ""},
		"hostile bounds":                {whole, `"min":-9223372036854775808,"max":9223372036854775807`, "output.columns.visits.min"},
		"decimal with values":           {dec, dec + `,"values":[]`, "output.columns.slope.values"},
		"decimal with bytes":            {dec, dec + `,"bytes":8`, "output.columns.slope.bytes"},
		"decimal upside down":           {dec, `"min":10,"max":-10,"decimals":3`, "output.columns.slope.min"},
		"decimal above a billion":       {dec, `"min":-10,"max":1000000001,"decimals":3`, "output.columns.slope.min"},
		"decimal below minus a billion": {dec, `"min":-1000000001,"max":10,"decimals":3`, "output.columns.slope.min"},
		"ten decimals":                  {dec, `"min":-10,"max":10,"decimals":10`, "output.columns.slope.decimals"},
		"negative decimals":             {dec, `"min":-10,"max":10,"decimals":-1`, "output.columns.slope.decimals"},
		"decimal as wide as can be":     {dec, `"min":-1000000000,"max":1000000000,"decimals":9`, ""},
		"enum with min":                 {enum, enum + `,"min":1`, "output.columns.district.min"},
		"enum with max":                 {enum, enum + `,"max":1`, "output.columns.district.min"},
		"enum with decimals":            {enum, enum + `,"decimals":1`, "output.columns.district.decimals"},
		"enum with bytes":               {enum, enum + `,"bytes":1`, "output.columns.district.bytes"},
		"enum without values":           {enum + `,`, ``, "output.columns.district.values"},
		"enum of no values":             {enum, `"values":[]`, "output.columns.district.values"},
		"enum with a value twice":       {enum, `"values":["a","a"]`, "output.columns.district.values"},
		"enum with an empty value":      {enum, `"values":["a",""]`, "output.columns.district.values"},
		"enum with the own label":       {enum, `"values":["a","(total)"]`, "output.columns.district.values"},
		"enum of too many values":       {enum, `"values":[` + values(100_001) + `]`, "output.columns.district.values"},
		"enum of as many as can be":     {enum, `"values":[` + values(100_000) + `]`, ""},
		"text with max":                 {`"bytes":80`, `"bytes":80,"max":1`, "output.columns.note.min"},
		"text with values":              {`"bytes":80`, `"bytes":80,"values":["a"]`, "output.columns.note.values"},
		"text without bytes":            {`"bytes":80,`, ``, "output.columns.note.bytes"},
		"text of negative bytes":        {`"bytes":80`, `"bytes":-1`, "output.columns.note.bytes"},
		"text of too many bytes":        {`"bytes":80`, `"bytes":10001`, "output.columns.note.bytes"},
		"text as long as can be":        {`"bytes":80`, `"bytes":10000`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if strings.Count(program, c.old) != 1 {
				t.Fatalf("%q stands %d times in the example", c.old, strings.Count(program, c.old))
			}
			_, err := enclave.ParseManifest([]byte(strings.Replace(program, c.old, c.with, 1)))
			if c.place == "" && strings.Contains(name, "as can be") {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if e := enclave.AsError(err); e == nil || e.Reason != "MANIFEST_INVALID" || e.Args["place"] != c.place {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestUnknownFieldsOfAProgram(t *testing.T) {
	for _, with := range []string{`"rows":500,"extra":1`, `"rows":"500"`, `"rows":500.5`} {
		_, err := enclave.ParseManifest([]byte(strings.Replace(program, `"rows":500`, with, 1)))
		if e := enclave.AsError(err); e == nil || e.Reason != "MANIFEST_MALFORMED" {
			t.Errorf("%s: %v", with, err)
		}
	}
}

// Bits is the logarithm of the size of a column's domain with the empty value, rounded up.
func TestBitsOfAColumn(t *testing.T) {
	for _, c := range []struct {
		column    enclave.ManifestColumn
		bits      int64
		low, high int64
	}{
		{enclave.ManifestColumn{Type: enclave.KindInt, Max: 1}, 2, 0, 1},                                                 // 3 values
		{enclave.ManifestColumn{Type: enclave.KindInt, Max: 2}, 2, 0, 2},                                                 // 4
		{enclave.ManifestColumn{Type: enclave.KindInt, Max: 3}, 3, 0, 3},                                                 // 5
		{enclave.ManifestColumn{Type: enclave.KindInt, Min: -1 << 53, Max: 1 << 53}, 55, -1 << 53, 1 << 53},              // 2^54 + 2
		{enclave.ManifestColumn{Type: enclave.KindDecimal, Min: -1, Max: 1, Decimals: 1}, 5, -10, 10},                    // 22
		{enclave.ManifestColumn{Type: enclave.KindDecimal, Min: -1e9, Max: 1e9, Decimals: 9}, 61, -1e18, 1e18},           // 2 × 10^18 + 2
		{enclave.ManifestColumn{Type: enclave.KindEnum, Values: []string{"a"}}, 1, 0, 0},                                 // 2
		{enclave.ManifestColumn{Type: enclave.KindEnum, Values: []string{"a", "b", "c"}}, 2, 0, 0},                       // 4
		{enclave.ManifestColumn{Type: enclave.KindEnum, Values: []string{"a", "b", "c", "d"}}, 3, 0, 0},                  // 5
		{enclave.ManifestColumn{Type: enclave.KindText, Bytes: 1}, 10, 0, 0},                                             // fewer than 2 × 2^8 + 1
		{enclave.ManifestColumn{Type: enclave.KindText, Bytes: enclave.MaxTextBytes}, 8*enclave.MaxTextBytes + 14, 0, 0}, //
	} {
		if got := c.column.Bits(); got != c.bits {
			t.Errorf("%+v: %d bits, want %d", c.column, got, c.bits)
		}
		if low, high := c.column.Range(); low != c.low || high != c.high {
			t.Errorf("%+v: %d to %d", c.column, low, high)
		}
	}
}
