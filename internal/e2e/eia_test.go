package e2e_test

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/sdk"
)

// divisions are the Census Bureau's, of which some states are left out.
func divisions() map[string][]string {
	return map[string][]string{
		"new-england":     {"CT", "ME", "MA", "NH", "RI", "VT"},
		"middle-atlantic": {"NJ", "NY", "PA"},
		"north-central":   {"IL", "IN", "MI", "OH", "WI", "IA", "KS", "MN", "MO", "NE", "ND", "SD"},
		"south-atlantic":  {"DE", "FL", "GA", "MD", "NC", "SC", "VA", "DC", "WV"},
		"south-central":   {"AL", "KY", "MS", "TN", "AR", "LA", "OK", "TX"},
		"mountain":        {"AZ", "CO", "ID", "MT", "NV", "NM", "UT", "WY"},
	}
}

// Revenues of few utilities, several rows for each, some below zero: dominance and p%, on subjects' absolute totals.
func TestUtilities(t *testing.T) {
	t.Parallel()
	file := sharedData(t, "eia.csv")
	records := readRecords(t, file, ',')
	d := start(t, app.Config{})

	plain := draft(t, file, "eia", 3)
	if plain.Subject != (enclave.Subject{Column: "utilityid", Kind: enclave.Organisation}) {
		t.Fatalf("the draft takes %+v for the subject", plain.Subject)
	}
	for column, class := range map[string]enclave.Class{
		"utilname": enclave.Identifier, "state": enclave.Quasi, "month": enclave.Quasi, "resrevenue": enclave.Measure, "comsales": enclave.Measure,
	} {
		if at := plain.Column(column); at < 0 || plain.Columns[at].Class != class {
			t.Errorf("the draft has another class for %s", column)
		}
	}
	// Tens of dollars in one column: digits after the point that the file does not write.
	commercial := &plain.Columns[plain.Column("comrevenue")]
	commercial.Type, commercial.Scale, commercial.Min, commercial.Max = enclave.Decimal, 2, "-1000000", "1000000"
	months := &plain.Columns[plain.Column("month")]
	months.Min, months.Max = "1", "12"
	strict := *plain
	strict.Name, strict.Grade = "eia-strict", 4
	subjects := map[string]bool{}
	for _, r := range records {
		subjects[r["UTILITYID"]] = true
	}
	for _, description := range []*enclave.Dataset{plain, &strict} {
		if s := d.load(description, file); s.Rows != int64(len(records)) || s.Subjects != int64(len(subjects)) {
			t.Fatalf("%d rows of %d subjects were loaded of %d lines of %d", s.Rows, s.Subjects, len(records), len(subjects))
		}
	}
	grant := d.grant(acme, plain)

	state, month := of("state", "state", "STATE"), of("month", "month", "MONTH")
	division, quarter := mapped("division", "state", "STATE", divisions()), cut("quarter", "month", "MONTH", "", 4, 7, 10)
	some := mapped("some", "state", "STATE", map[string][]string{"AK": {"AK"}, "DE": {"DE"}, "ID": {"ID"}, "IL": {"IL"}, "RI": {"RI"}, "TX": {"TX"}})
	size := cut("size", "totrevenue", "TOTREVENUE", "", 1000, 10000, 50000)
	sum := func(op enclave.Op, column, header string, scale int) measure {
		return measure{enclave.ManifestMeasure{Name: column + "_" + string(op), Op: op, Of: column}, header, scale}
	}
	revenues := []measure{
		count(), sum(enclave.Sum, "resrevenue", "RESREVENUE", 0), sum(enclave.Sum, "comrevenue", "COMREVENUE", 2),
		sum(enclave.Mean, "comrevenue", "COMREVENUE", 2),
	}
	ask := func(name, dataset string, margins [][]string, measures []measure, keys ...key) asked {
		return asked{
			question: question{name: name, subject: "UTILITYID", keys: keys, measures: measures, margins: margins}, dataset: dataset,
			columns: []string{"state", "month", "resrevenue", "comrevenue", "indrevenue", "othrevenue", "totrevenue"},
		}
	}
	industrial := []measure{sum(enclave.Sum, "indrevenue", "INDREVENUE", 0), sum(enclave.Sum, "comrevenue", "COMREVENUE", 2)}

	// A key space as wide as the data is refused before anything is computed; by the policy's own numbers this one must be.
	wide := ask("state-month", "eia", nil, revenues, state, month)
	if cells := int64(len(plain.Columns[plain.Column("state")].Codes)) * 12 * d.inForce(plain).Threshold; cells <= int64(len(subjects)) {
		t.Fatalf("%d cells times the threshold are not too many", cells)
	}
	d.ends(acme, d.submit(acme, grant, d.upload(acme, wide.manifest(), nil), nil), sdk.RunDenied, "KEYSPACE_TOO_LARGE_FOR_DATA")

	d.answered(file, records, map[string]*enclave.Dataset{"eia": plain, "eia-strict": &strict}, []asked{
		ask("state", "eia", nil, revenues, state),
		ask("state-industrial", "eia", nil, industrial, state),
		ask("division-month", "eia", nil, revenues, division, month),
		ask("state-by-month", "eia", nil, revenues, some, month),
		ask("division-quarter-industrial", "eia", nil, industrial, division, quarter),
		ask("division-size", "eia", nil, []measure{count(), sum(enclave.Sum, "totrevenue", "TOTREVENUE", 0)},
			division, size),
		ask("strict-division", "eia-strict", nil, revenues, division),
		ask("strict-quarter", "eia-strict", nil, industrial, quarter),
		// Here two utilities together dominate where one alone would not.
		ask("strict-pairs", "eia-strict", nil, []measure{sum(enclave.Sum, "othrevenue", "OTHREVENUE", 0)},
			cut("commercial", "comrevenue", "COMREVENUE", ".00", 500, 2000, 5000)),
		ask("margins-division-size", "eia", [][]string{{"division"}, {"size"}, {}}, industrial, division, size),
	})
}
