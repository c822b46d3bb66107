package rpc

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/catalog"
	"github.com/darkroom-project/darkroom/internal/module"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// This file, with seenreview.go, is the one place that turns nouns into what a caller may see.

func seenTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func seenReason(r enclave.Reason) *darkroomv1.Reason {
	return &darkroomv1.Reason{Code: r.Code, Args: r.Args, TextEn: r.In(enclave.English), TextZh: r.In(enclave.Chinese)}
}

func seenDataset(e catalog.Entry) (*darkroomv1.Dataset, error) {
	description, err := toJSON(e.Dataset)
	return &darkroomv1.Dataset{
		Name: datasetName(e.Dataset.Name), Owner: e.Dataset.Owner, DescriptionJson: description,
		Digest: e.Digest.String(), CreateTime: seenTime(e.Created),
	}, err
}

// seenSnapshot tells counts to the authority, the dataset's own source and auditors alone: an exact total of a table is what tables are
// differenced with (A6, A7).
func seenSnapshot(s enclave.Snapshot, owner string, who enclave.Caller) *darkroomv1.Snapshot {
	seen := &darkroomv1.Snapshot{
		Name: snapshotName(s.Dataset, s.Digest), DescriptionDigest: s.Description.String(), CreateTime: seenTime(s.Loaded),
	}
	if who.Role == enclave.Authority || who.Role == enclave.Auditor || who.Role == enclave.SourceOrg && who.Org == owner {
		seen.Rows, seen.Subjects = s.Rows, s.Subjects
	}
	return seen
}

func seenGrant(g enclave.Grant) *darkroomv1.Grant {
	seen := &darkroomv1.Grant{
		Name: grantName(g.ID), Operator: g.Operator, Scenario: g.Scenario, Purpose: g.Purpose,
		StartTime: seenTime(g.NotBefore), ExpireTime: seenTime(g.NotAfter), State: grantStates()[g.State],
		WaitingFor: g.Waiting, Note: g.Note,
	}
	for _, s := range g.Scopes {
		seen.Scopes = append(seen.Scopes, &darkroomv1.Scope{Dataset: datasetName(s.Dataset), Columns: s.Columns})
	}
	for _, f := range g.Forms {
		seen.Forms = append(seen.Forms, string(f))
	}
	return seen
}

func grantStates() map[enclave.GrantState]darkroomv1.GrantState {
	return map[enclave.GrantState]darkroomv1.GrantState{
		enclave.GrantApplied:   darkroomv1.GrantState_GRANT_STATE_APPLIED,
		enclave.GrantAssessed:  darkroomv1.GrantState_GRANT_STATE_ASSESSED,
		enclave.GrantActive:    darkroomv1.GrantState_GRANT_STATE_ACTIVE,
		enclave.GrantSuspended: darkroomv1.GrantState_GRANT_STATE_SUSPENDED,
		enclave.GrantRejected:  darkroomv1.GrantState_GRANT_STATE_REJECTED,
		enclave.GrantRevoked:   darkroomv1.GrantState_GRANT_STATE_REVOKED,
		enclave.GrantExpired:   darkroomv1.GrantState_GRANT_STATE_EXPIRED,
	}
}

func seenModule(e module.Entry) (*darkroomv1.Module, error) {
	manifest, err := toJSON(e.Manifest)
	return &darkroomv1.Module{
		Name: moduleName(e.Digest), Owner: e.Owner, ManifestJson: manifest, HasCode: e.HasCode, Size: e.Size, CreateTime: seenTime(e.Created),
	}, err
}

// seenRun says what the register shows of a run, no more and no less: what that is, it decides (internal/run, sight.go). Coarse times hide
// nothing from the operator itself while the run goes on: whoever watches it, asks for it again and again, or watches the log grow, sees
// with a clock of its own when each stage begins and the run ends.
func seenRun(r enclave.Run) *darkroomv1.Run {
	seen := &darkroomv1.Run{
		Name: runName(r.ID), Operator: r.Submitter.Org, Grant: grantName(r.Grant), Scenario: r.Scenario,
		Module: moduleName(r.Module), Snapshot: snapshotName(r.Dataset, r.Snapshot), PolicyRevision: r.Policy.String(),
		Stage: string(r.Stage), Outcome: outcomes()[r.Outcome], CreateTime: seenTime(r.Submitted), EndTime: seenTime(r.Finished),
		Params: seenParams(r.Params), Environment: darkroomv1.Environment_ENVIRONMENT_PROD, Support: r.Support,
		Question: r.Question, ReservedFuel: r.Fuel,
	}
	if r.Environment == enclave.Dev {
		seen.Environment = darkroomv1.Environment_ENVIRONMENT_DEV
		seen.Sample = &darkroomv1.Sample{Rows: r.Sample.Rows, Subjects: r.Sample.Subjects}
	}
	if !r.Result.IsZero() {
		seen.ResultDigest = r.Result.String()
	}
	for _, reason := range r.Reasons {
		seen.Reasons = append(seen.Reasons, seenReason(reason))
	}
	return seen
}

func seenParams(params map[string]enclave.Scalar) map[string]string {
	seen := make(map[string]string, len(params))
	for name, value := range params {
		seen[name] = string(value)
	}
	return seen
}

func outcomes() map[enclave.Outcome]darkroomv1.RunOutcome {
	return map[enclave.Outcome]darkroomv1.RunOutcome{
		enclave.Released: darkroomv1.RunOutcome_RUN_OUTCOME_RELEASED,
		enclave.Held:     darkroomv1.RunOutcome_RUN_OUTCOME_HELD,
		enclave.Denied:   darkroomv1.RunOutcome_RUN_OUTCOME_DENIED,
		enclave.Failed:   darkroomv1.RunOutcome_RUN_OUTCOME_FAILED,
		enclave.Stopped:  darkroomv1.RunOutcome_RUN_OUTCOME_CANCELED,

		enclave.Rehearsed: darkroomv1.RunOutcome_RUN_OUTCOME_REHEARSED,
	}
}

func seenIdentity(c enclave.Caller) *darkroomv1.Identity {
	return &darkroomv1.Identity{Role: roleOf(c.Role), Org: c.Org, Name: c.Name}
}
