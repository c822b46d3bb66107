package main

import (
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// The tables, and how many rows they have. Nothing of the small one may be published. The third is for what people decide on: each release of the
// same data voids their votes.
const (
	crowd   = "visits"
	handful = "visits-handful"
	judged  = "visits-judged"
)

func tables() map[string]int64 { return map[string]int64{crowd: 3000, handful: 8, judged: 1000} }

// question is something to ask, and how a run of it ends unless it is canceled.
type question struct {
	name     string
	manifest *enclave.Manifest
	code     []byte // nil for a manifest alone
	weight   int    // how often it is asked, beside the others
	outcome  sdk.Outcome
	reason   string
}

// dataset is what the question is about.
func (q *question) dataset() string { return q.manifest.Inputs[0].Dataset }

// questions come to every outcome that there is, by a guest and without, before judgement and by it.
func questions() ([]question, error) {
	honest, err := scaffold.AgeBand.Wasm()
	if err != nil {
		return nil, err
	}
	endless, err := scaffold.Endless.Wasm()
	if err != nil {
		return nil, err
	}
	district, sex := by("district"), by("sex")
	band := enclave.ManifestKey{Name: "age_band", Values: []string{"0-17", "18-44", "45-64", "65+"}}
	shown := ask(judged, "shown", band)
	shown.Inputs[0].Show = []string{"cost"}
	return []question{
		{"by-district", ask(crowd, "by-district", district), nil, 4, sdk.RunReleased, ""},
		{"by-sex", ask(crowd, "by-sex", sex), nil, 4, sdk.RunReleased, ""},
		{"by-both", ask(crowd, "by-both", district, sex), nil, 4, sdk.RunReleased, ""},
		{"by-birth", ask(crowd, "by-birth", by("birth_year", "1960", "1980")), nil, 4, sdk.RunReleased, ""},
		{"by-guest", ask(crowd, "by-guest", band), honest, 4, sdk.RunReleased, ""},
		{"by-diagnosis", ask(crowd, "by-diagnosis", by("icd10"), by("district"), by("visit_date")), nil, 2, sdk.RunDenied, ""},
		{"too-few", ask(handful, "too-few", sex), nil, 2, sdk.RunDenied, ""},
		{"shown", shown, honest, 3, sdk.RunHeld, "OUTPUT_CRAFTED"},
		{"traps", ask(crowd, "traps", band), guests.Named("traps").Wasm, 2, sdk.RunFailed, "MODULE_TRAP"},
		{"endless", ask(crowd, "endless", band), endless, 1, sdk.RunFailed, "MODULE_FUEL"},
	}, nil
}

// ask is a manifest for visits, patients and cost by the given keys.
func ask(dataset, name string, keys ...enclave.ManifestKey) *enclave.Manifest {
	m := &enclave.Manifest{
		Darkroom: 1, Name: name, Version: "1.0.0", Form: enclave.Aggregate,
		Inputs: []enclave.ManifestInput{{Dataset: dataset, Columns: []string{"cost"}}}, Keys: keys,
		Measures: []enclave.ManifestMeasure{
			{Name: "visits", Op: enclave.Count}, {Name: "patients", Op: enclave.Subjects}, {Name: "cost", Op: enclave.Sum, Of: "cost"},
		},
	}
	for _, key := range keys {
		column := "birth_year" // what guests compute their key from
		if key.Of != nil {
			column = key.Of.Column
		} else if name != "endless" && name != "traps" {
			m.Params = []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2026, Default: "2024"}}
		}
		if !slices.Contains(m.Inputs[0].Columns, column) {
			m.Inputs[0].Columns = append(m.Inputs[0].Columns, column)
		}
	}
	return m
}

func by(column string, cuts ...enclave.Scalar) enclave.ManifestKey {
	return enclave.ManifestKey{Name: column, Of: &enclave.ColumnRule{Column: column, Cuts: cuts}}
}
