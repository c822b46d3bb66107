package demo

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/sdk"
)

// answer is a run with what was released of it.
type answer struct {
	run    sdk.Run
	stages []string
	header []string
	rows   [][]string
	bytes  []byte // the Arrow IPC stream
}

// upload attaches a manifest to a module's code, nil for a manifest alone, and hands it in.
func (s *story) upload(ctx context.Context, manifest *enclave.Manifest, code []byte) (sdk.Module, error) {
	module, err := admit.Attach(code, manifest)
	if err != nil {
		return sdk.Module{}, err
	}
	return s.Clients[sdk.Operator].UploadModule(ctx, bytes.NewReader(module))
}

// submit uploads a module and queues a run of it under the story's grant.
func (s *story) submit(ctx context.Context, manifest *enclave.Manifest, code []byte) (sdk.Run, error) {
	module, err := s.upload(ctx, manifest, code)
	if err != nil {
		return sdk.Run{}, err
	}
	return s.Clients[sdk.Operator].Submit(ctx, sdk.Order{Grant: s.grant, Module: module.Digest})
}

// ask runs a module to its release and fetches the result.
func (s *story) ask(ctx context.Context, manifest *enclave.Manifest, code []byte) (answer, error) {
	run, err := s.submit(ctx, manifest, code)
	if err != nil {
		return answer{}, err
	}
	var a answer
	for a.run, err = range s.Clients[sdk.Operator].Watch(ctx, run.ID) {
		if err != nil {
			return answer{}, err
		}
		if !slices.Contains(a.stages, a.run.Stage) {
			a.stages = append(a.stages, a.run.Stage)
		}
	}
	if a.run.Outcome != sdk.RunReleased {
		return answer{}, fmt.Errorf("expected a release, but the run was %s%s", a.run.Outcome, s.reasons(a.run))
	}
	var stream bytes.Buffer
	if err := s.Clients[sdk.Operator].FetchTo(ctx, run.ID, &stream); err != nil {
		return answer{}, err
	}
	a.bytes = stream.Bytes()
	batches, err := s.Clients[sdk.Operator].Fetch(ctx, run.ID)
	if err != nil {
		return answer{}, err
	}
	a.header, a.rows = sdk.Rows(batches)
	return a, nil
}

// ends waits for a run that must end with an outcome and a reason.
func (s *story) ends(ctx context.Context, id string, outcome sdk.Outcome, reason string) (sdk.Run, error) {
	run, err := s.Clients[sdk.Operator].Wait(ctx, id)
	if err != nil {
		return sdk.Run{}, err
	}
	if run.Outcome != outcome || len(run.Reasons) == 0 || run.Reasons[0].Code != reason {
		return sdk.Run{}, fmt.Errorf("expected %s with %s, but the run was %s%s", outcome, reason, run.Outcome, s.reasons(run))
	}
	return run, nil
}

func (s *story) reasons(run sdk.Run) string {
	var text strings.Builder
	for _, reason := range run.Reasons {
		text.WriteString(": " + reason.In(string(s.Lang)) + " [" + reason.Code + "]")
	}
	return text.String()
}

// costManifest asks for visits, patients and cost by the given keys.
func costManifest(keys ...enclave.ManifestKey) *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: "cost-by-age", Version: "1.0.0", Form: enclave.Aggregate,
		Inputs: []enclave.ManifestInput{{Dataset: visits, Columns: []string{"district", "birth_year", "cost"}}},
		Keys:   keys,
		Measures: []enclave.ManifestMeasure{
			{Name: "visits", Op: enclave.Count},
			{Name: "patients", Op: enclave.Subjects},
			{Name: "cost", Op: enclave.Sum, Of: "cost"},
			{Name: "mean_cost", Op: enclave.Mean, Of: "cost"},
		},
		Margins: [][]string{{"district"}},
	}
}

func districtKey() enclave.ManifestKey {
	return enclave.ManifestKey{Name: "district", Of: &enclave.ColumnRule{Column: "district"}}
}

// bandKeys are those of the honest module: it computes the age band itself, from the birth year and the parameter as_of.
func bandKeys() []enclave.ManifestKey {
	return []enclave.ManifestKey{districtKey(), {Name: "age_band", Values: []string{"0-17", "18-44", "45-64", "65+"}}}
}

// cutKeys are the same groups, evaluated by the enclave: in 2024, who is 65 was born in 1959.
func cutKeys() []enclave.ManifestKey {
	return []enclave.ManifestKey{districtKey(), {Name: "born", Of: &enclave.ColumnRule{Column: "birth_year", Cuts: []enclave.Scalar{"1960", "1980", "2007"}}}}
}

// shiftedKeys move one band by a year: each district's table then differs from the first by the people born in 1980.
func shiftedKeys() []enclave.ManifestKey {
	keys := cutKeys()
	keys[1].Of = &enclave.ColumnRule{Column: "birth_year", Cuts: []enclave.Scalar{"1960", "1981", "2007"}}
	return keys
}

// moduleManifest is the honest module's.
func moduleManifest() *enclave.Manifest {
	m := costManifest(bandKeys()...)
	m.Params = []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2026, Default: "2024"}}
	return m
}
