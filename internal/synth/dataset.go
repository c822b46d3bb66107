package synth

import (
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Dataset describes the table: outpatient visits of one city, owned by its health commission.
func Dataset() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "visits", Title: "Outpatient visits (门诊就诊记录), synthetic", Owner: "health-commission", Grade: 3, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "citizen_id", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "citizen_id", Type: enclave.Text, Class: enclave.Identifier, Check: enclave.CitizenID},
			{Name: "hospital", Type: enclave.Text, Class: enclave.Identifier, Check: enclave.USCC},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: slices.Sorted(slices.Values(districts))},
			{Name: "sex", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"F", "M"}},
			{Name: "birth_year", Type: enclave.Int, Class: enclave.Quasi, Min: "1900", Max: "2030"},
			{Name: "icd10", Type: enclave.Code, Class: enclave.Sensitive, Codes: codeList()},
			{Name: "visit_date", Type: enclave.Date, Class: enclave.Quasi, Min: "2023-01-01", Max: "2024-12-31"},
			{Name: "cost", Type: enclave.Decimal, Scale: 2, Class: enclave.Measure, Min: "0", Max: "100000.00"},
		},
	}
}
