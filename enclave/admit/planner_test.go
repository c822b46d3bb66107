package admit

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// visits is the design's dataset of outpatient visits, with a column for each case that planning knows.
func visits() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "visits", Owner: "health", Grade: 3, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "citizen", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "citizen", Type: enclave.Text, Class: enclave.Identifier, Check: enclave.CitizenID},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"110101", "110102", "110105"}},
			{Name: "birth_year", Type: enclave.Int, Class: enclave.Quasi, Min: "1900", Max: "2025"},
			{Name: "icd10", Type: enclave.Code, Class: enclave.Sensitive, Codes: []string{"I10", "I11", "J00", "K35"}, Nullable: true},
			{Name: "visited", Type: enclave.Date, Class: enclave.Open, Min: "2024-01-30", Max: "2024-02-02"},
			{Name: "cost", Type: enclave.Decimal, Class: enclave.Measure, Scale: 2, Min: "0", Max: "99999.99"},
			{Name: "days", Type: enclave.Int, Class: enclave.Measure, Min: "-5", Max: "300", Nullable: true},
			{Name: "weight", Type: enclave.Decimal, Class: enclave.Sensitive, Scale: 1, Min: "0", Max: "300"},
			{Name: "number", Type: enclave.Int, Class: enclave.Open, Min: "0", Max: "100000"},
		},
	}
}

func orderOf(t *testing.T, manifest string) *enclave.Order {
	t.Helper()
	dataset := visits()
	if err := dataset.Validate(); err != nil {
		t.Fatal(err)
	}
	columns := []string{"gone"}
	for _, c := range dataset.Columns {
		if c.Class != enclave.Identifier {
			columns = append(columns, c.Name)
		}
	}
	submitted := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	return &enclave.Order{
		Run: enclave.Run{Submitted: submitted},
		Grant: enclave.Grant{
			ID: "g1", Operator: "insurer", Scenario: "pricing", State: enclave.GrantActive, Forms: []enclave.Form{enclave.Aggregate},
			Scopes:    []enclave.Scope{{Dataset: "visits", Columns: columns}},
			NotBefore: submitted.Add(-time.Hour), NotAfter: submitted.Add(time.Hour),
		},
		Module:   &enclave.Module{Manifest: parsed(t, manifest), Facts: enclave.ModuleFacts{Bytes: 7}},
		Dataset:  dataset,
		Snapshot: enclave.Snapshot{Dataset: "visits", Rows: 10_000, Subjects: 4_000},
	}
}

// manifestOf makes a manifest of inputs[0]'s fields, keys, and measures, with anything else behind.
func manifestOf(input, keys, measures string, rest ...string) string {
	return `{"darkroom":1,"name":"m","version":"1","form":"aggregate","inputs":[{"dataset":"visits",` + input + `}],"keys":[` + keys +
		`],"measures":[` + measures + `]` + strings.Join(rest, "") + `}`
}

const (
	countRows = `{"name":"n","op":"count"}`
	half      = `{"name":"half","values":["a","b"]}`
)

func of(column, rule string) string {
	return manifestOf(`"columns":["`+column+`"]`, `{"name":"k","of":{"column":"`+column+`"`+rule+`}}`, countRows)
}

func TestPlanOfTheDesignsExample(t *testing.T) {
	order := orderOf(t, manifestOf(`"columns":["icd10","district","birth_year","cost","days"]`,
		`{"name":"district","of":{"column":"district"}},
		 {"name":"age_band","values":["0-17","18-44","45-64","65+"]},
		 {"name":"chapter","of":{"column":"icd10","map":{"I10":"IX","I11":"IX","J00":"X"}}},
		 {"name":"year","min":2020,"max":2022}`,
		`{"name":"visits","op":"count"},{"name":"patients","op":"subjects"},{"name":"cost","op":"sum","of":"cost"},
		 {"name":"stay","op":"mean","of":"days"},{"name":"mean_cost","op":"mean","of":"cost"}`,
		`,"margins":[["year","district"],[]],"params":[{"name":"as_of","type":"int64","min":2020,"max":2026,"default":2024},
		 {"name":"mode","type":"enum","values":["x","y"],"default":"x"}]`))
	order.Run.Params = map[string]enclave.Scalar{"as_of": "2025"}
	plan, err := Planner{}.Plan(order)
	if err != nil {
		t.Fatal(err)
	}
	want := &enclave.Plan{
		Dataset: order.Dataset, Manifest: order.Module.Manifest, Shown: []int{1, 2},
		Keys: []enclave.Key{
			{Name: "district", Labels: []string{"110101", "110102", "110105"}, Module: -1, Column: 1, Lookup: []int32{0, 1, 2}, Missing: -1},
			{Name: "age_band", Labels: []string{"0-17", "18-44", "45-64", "65+"}, Module: 0, Column: -1, Missing: -1},
			{Name: "chapter", Labels: []string{"IX", "X", "(other)", "(missing)"}, Module: -1, Column: 3, Lookup: []int32{0, 0, 1, 2}, Missing: 3},
			{Name: "year", Labels: []string{"2020", "2021", "2022"}, Module: 1, Offset: 2020, Column: -1, Missing: -1},
		},
		Sets:   []enclave.Set{{0, 1, 2, 3}, {0, 3}, {}},
		Summed: []int{5, 6},
		Measures: []enclave.PlannedMeasure{
			{Name: "visits", Op: enclave.Count, Sum: -1},
			{Name: "patients", Op: enclave.Subjects, Sum: -1},
			{Name: "cost", Op: enclave.Sum, Sum: 0},
			{Name: "stay", Op: enclave.Mean, Sum: 1},
			{Name: "mean_cost", Op: enclave.Mean, Sum: 0},
		},
		Params: []byte(`{"params":{"as_of":2025,"mode":"x"},"columns":["district","birth_year"],"keys":["age_band","year"]}`),
	}
	if !reflect.DeepEqual(plan, want) {
		t.Errorf("got\n%+v\n%s\nwant\n%+v", plan, plan.Params, want)
	}
	order.Module.HasCode, order.Approved = true, true
	facts, err := Planner{}.Facts(order)
	if err != nil {
		t.Fatal(err)
	}
	wantFacts := enclave.AdmissionFacts{
		Version: 1, Form: enclave.Aggregate, Operator: "insurer", Scenario: "pricing", Dataset: "visits", Grade: 3,
		SubjectKind: enclave.Person, Sharing: enclave.Conditional, Module: enclave.ModuleFacts{Bytes: 7}, Cells: 3 * 4 * 4 * 3, Subjects: 2_048,
		HasCode: true, Approved: true,
		Columns: []enclave.UseFacts{
			{Column: "icd10", Class: enclave.Sensitive, Key: true},
			{Column: "district", Class: enclave.Quasi, Shown: true, Key: true},
			{Column: "birth_year", Class: enclave.Quasi, Shown: true},
			{Column: "cost", Class: enclave.Measure, Summed: true},
			{Column: "days", Class: enclave.Measure, Summed: true},
		},
	}
	if !reflect.DeepEqual(facts, wantFacts) {
		t.Errorf("got\n%+v\nwant\n%+v", facts, wantFacts)
	}
}

func TestKeysThatTheEnclaveEvaluates(t *testing.T) {
	cases := map[string]struct {
		column, rule string
		want         enclave.Key
	}{
		"codes of a nullable column": {"icd10", ``, enclave.Key{Labels: []string{"I10", "I11", "J00", "K35", "(missing)"}, Lookup: []int32{0, 1, 2, 3}, Missing: 4}},
		"map of every code":          {"district", `,"map":{"110101":"east","110102":"west","110105":"east"}`, enclave.Key{Labels: []string{"east", "west"}, Lookup: []int32{0, 1, 0}, Missing: -1}},
		"one cut":                    {"birth_year", `,"cuts":[2000]`, enclave.Key{Labels: []string{"<2000", ">=2000"}, Cuts: []int64{2000}, Missing: -1}},
		"cuts of decimals":           {"cost", `,"cuts":["0.5",100]`, enclave.Key{Labels: []string{"<0.50", "[0.50,100.00)", ">=100.00"}, Cuts: []int64{50, 10000}, Missing: -1}},
		"cuts of dates":              {"visited", `,"cuts":["2024-02-01"]`, enclave.Key{Labels: []string{"<2024-02-01", ">=2024-02-01"}, Cuts: []int64{19754}, Missing: -1}},
		"cuts of a nullable measure": {"days", `,"cuts":[0,7]`, enclave.Key{Labels: []string{"<0", "[0,7)", ">=7", "(missing)"}, Cuts: []int64{0, 7}, Missing: 3}},
		"inside cuts":                {"birth_year", `,"cuts":[1960,1980,2007],"inside":true`, enclave.Key{Labels: []string{"[1960,1980)", "[1980,2007)"}, Cuts: []int64{1960, 1980, 2007}, Inside: true, Missing: -1}},
		"inside a map":               {"district", `,"map":{"110102":"in","110101":"in"},"inside":true`, enclave.Key{Labels: []string{"in"}, Lookup: []int32{0, 0, -1}, Missing: -1}},
		"cuts of a sensitive number": {"weight", `,"cuts":["80.5"]`, enclave.Key{Labels: []string{"<80.5", ">=80.5"}, Cuts: []int64{805}, Missing: -1}},
		"every date": {"visited", ``, enclave.Key{
			Labels: []string{"2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02"}, Cuts: []int64{19753, 19754, 19755}, Missing: -1,
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			order := orderOf(t, of(c.column, c.rule))
			plan, err := Planner{}.Plan(order)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Name, c.want.Module, c.want.Column = "k", -1, order.Dataset.Column(c.column)
			if !reflect.DeepEqual(plan.Keys, []enclave.Key{c.want}) {
				t.Errorf("got %+v, want %+v", plan.Keys[0], c.want)
			}
			if plan.Shown != nil || plan.Crafted {
				t.Errorf("there is no guest, yet it is shown %v (crafted %v)", plan.Shown, plan.Crafted)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	cases := map[string]struct{ manifest, reason string }{
		"other dataset":          {strings.Replace(of("district", ``), `"visits"`, `"persons"`, 1), "DATASET_NOT_INPUT"},
		"unknown column":         {of("gone", ``), "COLUMN_UNKNOWN"},
		"group by identity":      {of("citizen", ``), "GROUP_BY_IDENTITY"},
		"identity with cuts":     {of("citizen", `,"cuts":["11"]`), "GROUP_BY_IDENTITY"},
		"identifier as input":    {manifestOf(`"columns":["district","citizen"]`, half, countRows), "INPUT_IDENTIFIER"},
		"identifier shown":       {manifestOf(`"columns":["citizen"],"show":["citizen"]`, half, countRows), "INPUT_IDENTIFIER"},
		"map of unknown code":    {of("icd10", `,"map":{"I10":"IX","Z99":"XX"}`), "COLUMN_MAP_UNKNOWN"},
		"map of a number":        {of("birth_year", `,"map":{"1999":"x"}`), "COLUMN_MAP_TYPE"},
		"cuts of codes":          {of("district", `,"cuts":[1]`), "CUTS_TYPE"},
		"inside a measure":       {of("cost", `,"cuts":[1,2],"inside":true`), "INSIDE_PROTECTED"},
		"inside a sensitive map": {of("icd10", `,"map":{"I10":"IX"},"inside":true`), "INSIDE_PROTECTED"},
		"cuts not ascending":     {of("birth_year", `,"cuts":[2000,1990]`), "CUTS_VALUE"},
		"cut twice":              {of("birth_year", `,"cuts":[2000,2000]`), "CUTS_VALUE"},
		"cut not a value":        {of("visited", `,"cuts":["soon"]`), "CUTS_VALUE"},
		"cut of finer scale":     {of("cost", `,"cuts":["0.001"]`), "CUTS_VALUE"},
		"measure without cuts":   {of("days", ``), "KEY_NEEDS_CUTS"},
		"decimal without cuts":   {of("weight", ``), "KEY_NEEDS_CUTS"},
		"too many whole values":  {of("number", ``), "KEY_NEEDS_CUTS"},
		"sum of a quasi":         {manifestOf(`"columns":["birth_year"]`, half, `{"name":"s","op":"sum","of":"birth_year"}`), "SUM_NOT_MEASURE"},
		"mean of a sensitive":    {manifestOf(`"columns":["weight"]`, half, `{"name":"s","op":"mean","of":"weight"}`), "SUM_NOT_MEASURE"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Planner{}.Plan(orderOf(t, c.manifest))
			wantReason(t, err, c.reason)
			for _, reason := range enclave.AsError(err).Reasons() {
				for _, lang := range []enclave.Lang{enclave.English, enclave.Chinese} {
					if text := reason.In(lang); strings.ContainsAny(text, "{}") {
						t.Errorf("a place was not filled in: %s", text)
					}
				}
			}
		})
	}
}

// TestFactsOfIdentifiers: the authority's rule must be able to give the reason, so the facts come out where Plan refuses.
func TestFactsOfIdentifiers(t *testing.T) {
	facts, err := Planner{}.Facts(orderOf(t, manifestOf(`"columns":["citizen","district"]`,
		`{"name":"who","of":{"column":"citizen"}},{"name":"district","of":{"column":"district"}}`, countRows)))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(facts.Columns, enclave.UseFacts{Column: "citizen", Class: enclave.Identifier, Key: true}) || facts.Cells != 4_000*3 {
		t.Errorf("got %+v", facts)
	}
	facts, err = Planner{}.Facts(orderOf(t, manifestOf(`"columns":["citizen"],"show":["citizen"]`, half, countRows)))
	if err != nil || !facts.Columns[0].Shown {
		t.Errorf("got %+v, %v", facts, err)
	}
}

func TestShown(t *testing.T) {
	columns := `"columns":["cost","number","icd10","district"]`
	for name, c := range map[string]struct {
		input   string
		shown   []int
		crafted bool
	}{
		"quasi and open":           {columns, []int{8, 1}, false},
		"a quasi column asked for": {columns + `,"show":["district"]`, []int{8, 1}, false},
		"a sensitive column":       {columns + `,"show":["icd10"]`, []int{8, 3, 1}, true},
		"a measure":                {columns + `,"show":["cost"]`, []int{5, 8, 1}, true},
	} {
		plan, err := Planner{}.Plan(orderOf(t, manifestOf(c.input, half, countRows)))
		if err != nil || !slices.Equal(plan.Shown, c.shown) || plan.Crafted != c.crafted {
			t.Errorf("%s: shown %v, crafted %v, %v", name, plan.Shown, plan.Crafted, err)
		}
	}
}

func TestGrantComesFirst(t *testing.T) {
	grant := func(f func(*enclave.Order)) error {
		order := orderOf(t, of("district", ``))
		f(order)
		_, facts := Planner{}.Facts(order)
		_, plan := Planner{}.Plan(order)
		if enclave.AsError(facts).Reason != enclave.AsError(plan).Reason {
			t.Errorf("facts say %v, plan says %v", facts, plan)
		}
		return plan
	}
	wantReason(t, grant(func(o *enclave.Order) { o.Run.Submitted = o.Grant.NotAfter.Add(time.Second) }), "GRANT_NOT_ACTIVE")
	wantReason(t, grant(func(o *enclave.Order) { o.Grant.State = enclave.GrantSuspended }), "GRANT_NOT_ACTIVE")
	wantReason(t, grant(func(o *enclave.Order) { o.Grant.Scopes[0].Columns = []string{"cost"} }), "GRANT_COLUMN")
	wantReason(t, grant(func(o *enclave.Order) { o.Grant.Scopes[0].Dataset = "persons" }), "GRANT_DATASET")
}

func TestKeySpace(t *testing.T) {
	wide := func(last string) string {
		return manifestOf(`"columns":["district"]`, `{"name":"a","min":0,"max":2047},{"name":"b","min":0,"max":`+last+`}`, countRows)
	}
	_, err := Planner{}.Plan(orderOf(t, wide("2047"))) // 2^22
	wantReason(t, err, "")
	_, err = Planner{}.Plan(orderOf(t, wide("2048")))
	wantReason(t, err, "KEYSPACE_TOO_LARGE")
	keys := []string{}
	for _, name := range []string{"a", "b", "c", "d"} {
		keys = append(keys, `{"name":"`+name+`","min":0,"max":99999}`)
	}
	facts, err := Planner{}.Facts(orderOf(t, manifestOf(`"columns":["district"]`, strings.Join(keys, ","), countRows)))
	if err != nil || facts.Cells != math.MaxInt64 {
		t.Errorf("10^20 cells are measured as %d (%v)", facts.Cells, err)
	}
}

func TestSumOverflow(t *testing.T) {
	sum := manifestOf(`"columns":["days"]`, half, `{"name":"s","op":"sum","of":"days"}`)
	for name, c := range map[string]struct {
		low, high enclave.Scalar
		rows      int64
		reason    string
	}{
		"largest that fits":  {"0", "4611686018427387", 1000, ""},
		"one more":           {"0", "4611686018427388", 1000, "SUM_OVERFLOW"},
		"negative side":      {"-4611686018427388", "0", 1000, "SUM_OVERFLOW"},
		"the least int64":    {"-9223372036854775808", "0", 1, "SUM_OVERFLOW"},
		"product of 2^64":    {"0", "4294967296", 1 << 32, "SUM_OVERFLOW"},
		"an empty snapshot":  {"0", "9223372036854775807", 0, ""},
		"only zeros, always": {"0", "0", math.MaxInt64, ""},
	} {
		t.Run(name, func(t *testing.T) {
			order := orderOf(t, sum)
			days := &order.Dataset.Columns[order.Dataset.Column("days")]
			days.Min, days.Max, order.Snapshot.Rows = c.low, c.high, c.rows
			_, err := Planner{}.Plan(order)
			wantReason(t, err, c.reason)
		})
	}
}

func TestParams(t *testing.T) {
	text := manifestOf(`"columns":["district"]`, half, countRows,
		`,"params":[{"name":"b","type":"int64","min":-3,"max":3,"default":0},{"name":"a","type":"enum","values":["x","y"],"default":"y"}]`)
	for name, c := range map[string]struct {
		given        map[string]enclave.Scalar
		want, reason string
	}{
		"defaults":        {nil, `{"a":"y","b":0}`, ""},
		"given":           {map[string]enclave.Scalar{"b": "-3", "a": "x"}, `{"a":"x","b":-3}`, ""},
		"written oddly":   {map[string]enclave.Scalar{"b": "+03"}, `{"a":"y","b":3}`, ""},
		"undeclared":      {map[string]enclave.Scalar{"c": "1"}, "", "PARAM_UNKNOWN"},
		"beyond range":    {map[string]enclave.Scalar{"b": "4"}, "", "PARAM_OUT_OF_DOMAIN"},
		"not of the list": {map[string]enclave.Scalar{"a": "z"}, "", "PARAM_OUT_OF_DOMAIN"},
		"not a number":    {map[string]enclave.Scalar{"b": "1e0"}, "", "PARAM_OUT_OF_DOMAIN"},
	} {
		t.Run(name, func(t *testing.T) {
			order := orderOf(t, text)
			order.Run.Params = c.given
			plan, err := Planner{}.Plan(order)
			wantReason(t, err, c.reason)
			if err == nil && string(plan.Params) != `{"params":`+c.want+`,"columns":["district"],"keys":["half"]}` {
				t.Errorf("got %s", plan.Params)
			}
		})
	}
}

// programOf makes the manifest of a program over columns, some of them shown.
func programOf(columns, show string) string {
	return `{"darkroom":1,"name":"m","version":"1","form":"program","inputs":[{"dataset":"visits","columns":[` + columns + `],"show":[` + show + `]}],
		"params":[{"name":"as_of","type":"int64","min":2020,"max":2026,"default":2024}],
		"output":{"about":"a","behind":"b","rows":9,"columns":[{"name":"n","type":"int64","max":9,"about":"c"},{"name":"t","type":"text","bytes":9,"about":"d"}]}}`
}

func programOrder(t *testing.T, manifest string) *enclave.Order {
	t.Helper()
	order := orderOf(t, manifest)
	order.Grant.Forms = []enclave.Form{enclave.Program}
	order.Module.HasCode = true
	return order
}

func TestPlanOfAProgram(t *testing.T) {
	order := programOrder(t, programOf(`"cost","district","icd10","number"`, `"icd10","cost"`))
	order.Approved = true
	plan, err := Planner{}.Plan(order)
	if err != nil {
		t.Fatal(err)
	}
	want := &enclave.Plan{
		Dataset: order.Dataset, Manifest: order.Module.Manifest, Shown: []int{5, 1, 3, 8}, Crafted: true,
		Params: []byte(`{"params":{"as_of":2024},"columns":["cost","district","icd10","number"],"keys":[],"output":["n","t"]}`),
	}
	if !reflect.DeepEqual(plan, want) {
		t.Errorf("got\n%+v\n%s\nwant\n%+v", plan, plan.Params, want)
	}
	facts, err := Planner{}.Facts(order)
	if err != nil {
		t.Fatal(err)
	}
	wantFacts := enclave.AdmissionFacts{
		Version: 1, Form: enclave.Program, Operator: "insurer", Scenario: "pricing", Dataset: "visits", Grade: 3, SubjectKind: enclave.Person,
		Sharing: enclave.Conditional, Module: enclave.ModuleFacts{Bytes: 7}, Cells: 1, Subjects: 2_048, HasCode: true, Approved: true,
		Columns: []enclave.UseFacts{
			{Column: "cost", Class: enclave.Measure, Shown: true},
			{Column: "district", Class: enclave.Quasi, Shown: true},
			{Column: "icd10", Class: enclave.Sensitive, Shown: true},
			{Column: "number", Class: enclave.Open, Shown: true},
		},
	}
	if !reflect.DeepEqual(facts, wantFacts) {
		t.Errorf("got\n%+v\nwant\n%+v", facts, wantFacts)
	}
}

// A program of open and quasi columns alone is crafted all the same, and however many values these may have.
func TestEveryProgramIsCrafted(t *testing.T) {
	plan, err := Planner{}.Plan(programOrder(t, programOf(`"number","birth_year","visited","district"`, ``)))
	if err != nil || !plan.Crafted || plan.Tuples() <= enclave.MaxTuples {
		t.Fatalf("%+v, %v", plan, err)
	}
}

func TestPlanRefusesPrograms(t *testing.T) {
	for name, c := range map[string]struct {
		columns, show, reason string
		change                func(*enclave.Order)
	}{
		"a measure that is not shown":   {`"district","cost"`, ``, "COLUMN_NOT_SHOWN", nil},
		"a diagnosis that is not shown": {`"icd10","cost"`, `"cost"`, "COLUMN_NOT_SHOWN", nil},
		"an identifier":                 {`"citizen","district"`, ``, "INPUT_IDENTIFIER", nil},
		"an identifier to show":         {`"citizen","district"`, `"citizen"`, "INPUT_IDENTIFIER", nil},
		"an unknown column":             {`"gone"`, ``, "COLUMN_UNKNOWN", nil},
		"a form without a grant":        {`"district"`, ``, "GRANT_FORM", func(o *enclave.Order) { o.Grant.Forms = []enclave.Form{enclave.Aggregate} }},
		"a column without a grant":      {`"district"`, ``, "GRANT_COLUMN", func(o *enclave.Order) { o.Grant.Scopes[0].Columns = nil }},
		"a parameter out of its domain": {`"district"`, ``, "PARAM_OUT_OF_DOMAIN", func(o *enclave.Order) { o.Run.Params = map[string]enclave.Scalar{"as_of": "1"} }},
		"an unknown parameter":          {`"district"`, ``, "PARAM_UNKNOWN", func(o *enclave.Order) { o.Run.Params = map[string]enclave.Scalar{"x": "1"} }},
	} {
		t.Run(name, func(t *testing.T) {
			order := programOrder(t, programOf(c.columns, c.show))
			if c.change != nil {
				c.change(order)
			}
			_, err := Planner{}.Plan(order)
			wantReason(t, err, c.reason)
		})
	}
}
