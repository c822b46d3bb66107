package rehearse_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/rehearse"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// tried walks the path with a guest and its manifest, on synthetic visits.
func tried(t *testing.T, code []byte, manifest *enclave.Manifest) (*enclave.Report, error) {
	t.Helper()
	rules, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := admit.Attach(code, manifest)
	if err != nil {
		t.Fatal(err)
	}
	module, err := admit.Check(whole)
	if err != nil {
		t.Fatal(err)
	}
	stage := &rehearse.Stage{Workers: 1, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	sample := enclave.Sample{Rows: 20_000, Subjects: 4_000}
	snapshot, err := stage.Snapshot(synth.Dataset(), sample)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	return stage.Rehearse(t.Context(), &enclave.Order{
		Run: enclave.Run{
			ID: "r", Grant: "g", Module: module.Digest, Dataset: "visits", Snapshot: snapshot.Digest, Policy: rules.Revision(),
			Submitted: now, Environment: enclave.Dev, Sample: sample,
		},
		Grant: enclave.Grant{
			ID: "g", Operator: "acme", Scenario: "planning", State: enclave.GrantActive, Forms: []enclave.Form{manifest.Form},
			Scopes:    []enclave.Scope{{Dataset: "visits", Columns: manifest.Inputs[0].Columns}},
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		},
		Module: module, Dataset: synth.Dataset(), Snapshot: snapshot, Policy: rules,
	}, func(enclave.Stage) {})
}

// A program is rehearsed like any run: its table is inspected, and the report holds it.
func TestAProgramIsRehearsed(t *testing.T) {
	guest := guests.NamedProgram("regression")
	code, err := guest.Code(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	report, err := tried(t, code, guest.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	if report.Facts == nil || report.Facts.Form != enclave.Program || report.Facts.Leak.Rows == 0 || len(report.Rehearsal.Result) == 0 {
		t.Errorf("%+v, facts %+v", report.Rehearsal, report.Facts)
	}
}
