package e2e_test

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
)

// More rows than fit a batch, several for each person, on more than one core: every number of a compiled guest's table, and of one that
// the enclave evaluates alone.
func TestManyVisits(t *testing.T) {
	if testing.Short() {
		t.Skip("much arithmetic, and nothing at once that the smaller tests do not do at once")
	}
	t.Parallel()
	const rows = 150_000
	var file bytes.Buffer
	ok(t, synth.WriteCSV(&file, 11, rows))
	records := readRecords(t, file.Bytes(), ',')
	d := start(t, app.Config{})
	dataset := synth.Dataset()
	persons := map[string]bool{}
	for _, r := range records {
		persons[r["citizen_id"]] = true
	}
	if s := d.load(dataset, file.Bytes()); s.Rows != rows || s.Subjects != int64(len(persons)) {
		t.Fatalf("%d rows of %d persons were loaded of %d of %d", s.Rows, s.Subjects, rows, len(persons))
	}

	band := key{ManifestKey: enclave.ManifestKey{Name: "age_band", Values: []string{"0-17", "18-44", "45-64", "65+"}}, label: func(r record) string {
		born, err := strconv.Atoi(r["birth_year"])
		switch age := 2024 - born; {
		case err != nil || age < 0:
			return "none"
		case age < 18:
			return "0-17"
		case age < 45:
			return "18-44"
		case age < 65:
			return "45-64"
		}
		return "65+"
	}}
	district, icd10 := of("district", "district", "district"), of("icd10", "icd10", "icd10")
	cost := func(op enclave.Op) measure {
		return measure{enclave.ManifestMeasure{Name: "cost_" + string(op), Op: op, Of: "cost"}, "cost", 2}
	}
	ask := func(name string, code []byte, margins [][]string, keys ...key) asked {
		return asked{
			question: question{
				name: name, subject: "citizen_id", keys: keys, margins: margins, measures: []measure{count(), subjects(), cost(enclave.Sum), cost(enclave.Mean)},
			},
			dataset: "visits", columns: []string{"district", "birth_year", "icd10", "cost"}, code: code,
		}
	}
	byGuest := ask("guest", guest(t, scaffold.AgeBand), nil, district, band)
	byGuest.declared = []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2026, Default: "2024"}}
	alone := ask("alone", nil, nil, district, icd10)
	alone.mayLose = 0.02
	d.answered(file.Bytes(), records, map[string]*enclave.Dataset{"visits": dataset}, []asked{
		byGuest,
		alone,
	})
}
