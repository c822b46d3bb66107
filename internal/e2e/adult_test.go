package e2e_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/internal/app"
)

// numbered gives each line of a file a number, as the subject, and leaves everything else as it is: what parts values, what ends lines.
func numbered(file []byte, comma, end string) []byte {
	var out bytes.Buffer
	for i, line := range bytes.Split(bytes.TrimSuffix(file, []byte(end)), []byte(end)) {
		number := "id"
		if i > 0 {
			number = strconv.Itoa(i)
		}
		out.WriteString(number + comma + string(line) + end)
	}
	return out.Bytes()
}

// draft is what an official starts from, with what every draft lacks.
func draft(t *testing.T, file []byte, name string, grade int) *enclave.Dataset {
	t.Helper()
	description, notes, err := load.Draft(t.Context(), load.Detect, bytes.NewReader(file), name)
	ok(t, err)
	if len(notes) == 0 || description.Validate() == nil {
		t.Fatal("a draft is nothing to be taken as it is")
	}
	description.Owner, description.Grade, description.Sharing = office, grade, enclave.Conditional
	ok(t, description.Validate())
	return description
}

// of is a key that the enclave evaluates as the file has it.
func of(name, column, header string) key {
	return key{ManifestKey: enclave.ManifestKey{Name: name, Of: &enclave.ColumnRule{Column: column}}, label: func(r record) string { return r[header] }}
}

// cut is a key of intervals; the test takes the last bound that is not above the value. Bounds are
// written with a fraction where the column is..
func cut(name, column, header, fraction string, bounds ...int) key {
	rule := &enclave.ColumnRule{Column: column}
	for _, b := range bounds {
		rule.Cuts = append(rule.Cuts, enclave.Scalar(strconv.Itoa(b)))
	}
	return key{ManifestKey: enclave.ManifestKey{Name: name, Of: rule}, label: func(r record) string {
		v, err := strconv.Atoi(r[header])
		if err != nil {
			return "not a number"
		}
		label := fmt.Sprintf("<%d%s", bounds[0], fraction)
		for i, b := range bounds {
			switch {
			case v < b:
			case i+1 < len(bounds):
				label = fmt.Sprintf("[%d%s,%d%s)", b, fraction, bounds[i+1], fraction)
			default:
				label = fmt.Sprintf(">=%d%s", b, fraction)
			}
		}
		return label
	}}
}

// mapped is a key of groups of codes; what is in none is "(other)".
func mapped(name, column, header string, groups map[string][]string) key {
	rule := &enclave.ColumnRule{Column: column, Map: map[string]string{}}
	for group, codes := range groups {
		for _, code := range codes {
			rule.Map[code] = group
		}
	}
	return key{ManifestKey: enclave.ManifestKey{Name: name, Of: rule}, label: func(r record) string {
		for group, codes := range groups {
			if slices.Contains(codes, r[header]) {
				return group
			}
		}
		return "(other)"
	}}
}

func count() measure {
	return measure{ManifestMeasure: enclave.ManifestMeasure{Name: "people", Op: enclave.Count}}
}

func subjects() measure {
	return measure{ManifestMeasure: enclave.ManifestMeasure{Name: "persons", Op: enclave.Subjects}}
}

// asked is a question that was submitted: of which dataset, with what numbers in force.
type asked struct {
	question
	dataset string
	columns []string
	code    []byte

	declared []enclave.ManifestParam
	params   map[string]string
}

// answered asks each question of a dataset of its own, with no release before it, and compares the answers: what a table by itself
// must lose, and nothing else. What it loses to earlier ones is for TestHistory.
func (d *domain) answered(file []byte, records []record, tables map[string]*enclave.Dataset, list []asked) {
	for i := range list {
		q := &list[i]
		d.t.Run(q.name, func(t *testing.T) {
			t.Parallel()
			d := *d
			d.t = t
			own := *tables[q.dataset]
			q.protect(&own)
			own.Name = fmt.Sprintf("%s-%d", own.Name, i)
			d.load(&own, file)
			manifest := q.manifest()
			manifest.Inputs[0].Dataset = own.Name
			run := d.submit(acme, d.grant(acme, &own), d.upload(acme, manifest, q.code), q.params)
			_, header, rows := d.result(acme, run)
			cells, n := q.tabulate(t, records), d.inForce(&own)
			absent, published := q.compare(t, cells, n, header, rows)
			t.Logf("%d cells: %d published, %d suppressed, %d of them for homogeneity alone", len(cells), published, len(absent), n.alike(&q.question, absent))
			if len(q.margins) > 0 {
				q.checkNothingFollows(t, cells, n, absent)
			}
		})
	}
}

func (a *asked) manifest() *enclave.Manifest {
	m := a.question.manifest(a.dataset, a.columns...)
	m.Params = a.declared
	return m
}

// A census of single persons: small cells in counts, and sums that nobody dominates.
func TestCensus(t *testing.T) {
	if testing.Short() {
		t.Skip("much arithmetic, and nothing at once that the smaller tests do not do at once")
	}
	t.Parallel()
	file := numbered(sharedData(t, "adult.csv"), ";", "\r\n")
	records := readRecords(t, file, ';')
	d := start(t, app.Config{})

	plain := draft(t, file, "adult", 3)
	if plain.Subject != (enclave.Subject{Column: "id", Kind: enclave.Person}) {
		t.Fatalf("the draft takes %+v for the subject", plain.Subject)
	}
	for column, class := range map[string]enclave.Class{
		"sex": enclave.Quasi, "age": enclave.Quasi, "race": enclave.Quasi, "marital_status": enclave.Quasi, "education": enclave.Quasi,
		"native_country": enclave.Quasi, "workclass": enclave.Quasi, "occupation": enclave.Quasi, "salary_class": enclave.Sensitive,
	} {
		if at := plain.Column(column); at < 0 || plain.Columns[at].Class != class {
			t.Errorf("the draft has another class for %s", column)
		}
	}
	// The same file again, more protected, and with age to be summed.
	summed := draft(t, file, "adult-ages", 4)
	age := &summed.Columns[summed.Column("age")]
	age.Class, age.Type, age.Scale, age.Min, age.Max = enclave.Measure, enclave.Decimal, 1, "0", "120"
	for _, description := range []*enclave.Dataset{plain, summed} {
		if s := d.load(description, file); s.Rows != int64(len(records)) || s.Subjects != int64(len(records)) {
			t.Fatalf("%d rows of %d subjects were loaded of %d lines", s.Rows, s.Subjects, len(records))
		}
	}
	tables := map[string]*enclave.Dataset{"adult": plain, "adult-ages": summed}

	_, code := ageGroup(t)
	byModule := key{ManifestKey: enclave.ManifestKey{Name: "age_group", Values: []string{"young", "middle", "senior", "retired"}}, label: func(r record) string {
		v, err := strconv.Atoi(r["age"])
		switch {
		case err != nil:
			return "not a number"
		case v < 25:
			return "young"
		case v < 45:
			return "middle"
		case v < 67:
			return "senior"
		}
		return "retired"
	}}
	sum := func(op enclave.Op) measure {
		return measure{enclave.ManifestMeasure{Name: "age_" + string(op), Op: op, Of: "age"}, "age", 1}
	}
	sex, race, education, country := of("sex", "sex", "sex"), of("race", "race", "race"), of("education", "education", "education"), of("country", "native_country", "native-country")
	salary, marital := of("salary", "salary_class", "salary-class"), of("marital", "marital_status", "marital-status")
	occupation, work := of("occupation", "occupation", "occupation"), of("work", "workclass", "workclass")
	ask := func(name string, columns []string, margins [][]string, keys ...key) asked {
		return asked{question: question{name: name, subject: "id", keys: keys, measures: []measure{count(), subjects()}, margins: margins}, dataset: "adult", columns: columns}
	}
	sums := func(name string, columns []string, margins [][]string, keys ...key) asked {
		a := ask(name, append(columns, "age"), margins, keys...)
		a.dataset, a.measures = "adult-ages", []measure{count(), sum(enclave.Sum), subjects(), sum(enclave.Mean)}
		return a
	}
	withModule := func(a asked) asked {
		a.declared = []enclave.ManifestParam{
			{Name: "retired", Type: "int64", Min: 60, Max: 70, Default: "65"}, {Name: "work", Type: "int64", Max: 1, Default: "0"},
		}
		a.code, a.params = code, map[string]string{"retired": "67"}
		return a
	}
	d.answered(file, records, tables, []asked{
		ask("one-sex", []string{"sex"}, nil, sex),
		ask("one-country", []string{"native_country"}, nil, country),
		ask("one-age", []string{"age"}, nil, of("age", "age", "age")),
		ask("two-education-marital", []string{"education", "marital_status"}, nil, education, marital),
		ask("two-country-salary", []string{"native_country", "salary_class"}, nil, country, salary),
		ask("two-education-salary", []string{"education", "salary_class"}, nil, education, salary),
		ask("three-country-sex-salary", []string{"native_country", "sex", "salary_class"}, nil, country, sex, salary),
		ask("three-race-occupation-salary", []string{"race", "occupation", "salary_class"}, nil, race, occupation, salary),
		ask("margins-education-salary", []string{"education", "salary_class"}, [][]string{{"education"}, {"salary"}, {}}, education, salary),
		ask("margins-race-occupation-salary", []string{"race", "occupation", "salary_class"}, [][]string{{"race", "salary"}, {"occupation", "salary"}, {"salary"}},
			race, occupation, salary),
		ask("two-origin-work", []string{"native_country", "workclass"}, nil, mapped("origin", "native_country", "native-country", map[string][]string{
			"home": {"United-States", "Puerto-Rico", "Outlying-US(Guam-USVI-etc)"}, "near": {"Mexico", "Canada", "Cuba"},
		}), work),
		ask("three-race-education-occupation", []string{"race", "education", "occupation"}, nil, race, education, occupation),
		ask("three-age-work-marital", []string{"age", "workclass", "marital_status"}, nil, cut("age_band", "age", "age", "", 18, 25, 45, 65, 80), work, marital),
		withModule(ask("module-age-occupation", []string{"age", "occupation"}, nil, byModule, occupation)),
		withModule(ask("module-race-age-marital", []string{"race", "age", "marital_status"}, nil, race, byModule, marital)),
		sums("sums-race-sex", []string{"race", "sex"}, nil, race, sex),
		sums("sums-education-occupation", []string{"education", "occupation"}, nil, education, occupation),
		ask("margins-race-work", []string{"race", "workclass"}, [][]string{{"race"}, {"work"}, {}}, race, work),
		sums("margins-sums", []string{"education", "race"}, [][]string{{"education"}, {"race"}, {}}, education, race),
		withModule(ask("margins-module", []string{"race", "age", "marital_status"}, [][]string{{"race", "age_group"}, {"age_group", "marital"}, {"age_group"}},
			race, byModule, marital)),
	})
}
