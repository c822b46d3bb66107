package scaffold

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"runtime"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/rehearse"
)

// Trial is a module's test: a run on synthetic rows, without an enclave.
type Trial struct {
	Module   *enclave.Module
	Dataset  *enclave.Dataset
	Policy   enclave.Policy
	Profile  *enclave.Profile // in place of the one that the policy would choose; may be nil
	Operator string           // for rules that ask who; may be ""
	Scenario string           // that of the grant to be; may be ""
	Params   map[string]enclave.Scalar
	Sample   enclave.Sample
	Workers  int // 0: one for each core
	Log      *slog.Logger
}

// Open reads a compiled module as admission does.
func Open(path string) (*enclave.Module, error) {
	bytes, err := readFile(path, admit.MaxModuleBytes)
	if err != nil {
		return nil, err
	}
	return admit.Check(bytes)
}

// DescriptionIn is where a module's folder has the description of a dataset.
func DescriptionIn(dir, dataset string) string { return filepath.Join(dir, dataset+".yaml") }

// Test walks the path of a run with the module on synthetic rows, under a grant for whatever the manifest asks for. The report says how it
// ended, and Outcome is Released, Held, Denied or Failed, as it would be on data like these. The error is that of a module that did not come
// to a decision: refused before it ran, or failed; the report is there all the same. Of a guest's fault it tells everything, since no row
// is about anybody.
func Test(ctx context.Context, t *Trial) (*enclave.Report, error) {
	order, stage, err := t.order()
	if err != nil {
		return nil, err
	}
	at := enclave.StageAdmit
	report, err := stage.Rehearse(ctx, order, func(stage enclave.Stage) { at = stage })
	report.Version, report.Environment, report.Stage = 1, enclave.Dev, at
	if e := enclave.AsError(err); e != nil {
		if inner, ok := errors.AsType[*enclave.Error](e.Unwrap()); ok && e.Reason == "MODULE_FAILED" {
			e = inner
		}
		report.Outcome, report.Reasons, report.Cause = enclave.Failed, e.Reasons(), e.Error()
		if e.Kind == enclave.Refused {
			report.Outcome = enclave.Denied
		}
		return report, e
	}
	switch report.Rehearsal.Decision {
	case enclave.Release:
		report.Outcome = enclave.Released
	case enclave.Hold:
		report.Outcome = enclave.Held
	case enclave.Deny:
		report.Outcome = enclave.Denied
	default:
		return report, enclave.Internalf("the test ended without a decision")
	}
	return report, nil
}

// order is the run, with everything pinned as an enclave would.
func (t *Trial) order() (*enclave.Order, *rehearse.Stage, error) {
	sample, err := t.Sample.Filled()
	if err != nil {
		return nil, nil, err
	}
	stage := &rehearse.Stage{Workers: cmp.Or(t.Workers, runtime.GOMAXPROCS(0)), Log: t.Log, Now: time.Now}
	snapshot, err := stage.Snapshot(t.Dataset, sample)
	if err != nil {
		return nil, nil, err
	}
	now, input := time.Now(), t.Module.Manifest.Inputs[0]
	operator, scenario := cmp.Or(t.Operator, "operator"), cmp.Or(t.Scenario, "test")
	rules := t.Policy
	if t.Profile != nil {
		rules = withProfile{rules, *t.Profile}
	}
	return &enclave.Order{
		Run: enclave.Run{
			ID: "test", Grant: "test", Scenario: scenario, Module: t.Module.Digest, Dataset: t.Dataset.Name, Snapshot: snapshot.Digest,
			Params: t.Params, Policy: rules.Revision(), Submitted: now, Environment: enclave.Dev, Sample: sample,
		},
		Grant: enclave.Grant{
			ID: "test", Operator: operator, Scenario: scenario, State: enclave.GrantActive, Forms: []enclave.Form{enclave.Aggregate, enclave.Program},
			Scopes: []enclave.Scope{{Dataset: input.Dataset, Columns: input.Columns}}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		},
		Module: t.Module, Dataset: t.Dataset, Snapshot: snapshot, Policy: rules,
	}, stage, nil
}

// withProfile is a policy whose numbers are given.
type withProfile struct {
	enclave.Policy
	profile enclave.Profile
}

func (p withProfile) Profile(*enclave.Dataset, string) (enclave.Profile, error) {
	return p.profile, nil
}
