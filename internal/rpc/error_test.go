package rpc_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/darkroom-project/darkroom/enclave"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
	"github.com/darkroom-project/darkroom/sdk"
)

func TestErrorsCrossWithTheirReasonAndNothingElse(t *testing.T) {
	d := start(t)
	conn := d.connect(t, acme)
	grants := darkroomv1.NewGrantServiceClient(conn)
	cause := errors.New("secret-cause")
	for kind, code := range map[enclave.Kind]codes.Code{
		enclave.Invalid: codes.InvalidArgument, enclave.Unauthenticated: codes.Unauthenticated, enclave.State: codes.FailedPrecondition,
		enclave.NotFound: codes.NotFound, enclave.Refused: codes.PermissionDenied, enclave.Limit: codes.ResourceExhausted,
		enclave.Canceled: codes.Canceled, enclave.Unavailable: codes.Unavailable,
	} {
		d.set(func(f *fakes) {
			f.fail = func() error {
				e := enclave.Fail(kind, "GRANT_FORM", "grant", "k3", "form", "program").Because(cause)
				e.Also = []enclave.Reason{{Code: "GATE_FLOOR"}}
				return fmt.Errorf("wrapped: %w", e)
			}
		})
		_, err := grants.ApplyGrant(t.Context(), application())
		got := detailsOf(err)
		if status.Code(err) != code || got.info.GetReason() != "GRANT_FORM" || got.info.GetDomain() != "darkroom" || got.info.GetMetadata()["form"] != "program" {
			t.Errorf("%s: %v", kind, err)
		}
		if !strings.Contains(got.locales["en"], "modules of form program") || !strings.Contains(got.locales["zh"], "program 形式") {
			t.Errorf("%s: texts %v", kind, got.locales)
		}
		if also, ok := got.others[0].(*darkroomv1.Reason); !ok || also.GetCode() != "GATE_FLOOR" || also.GetTextZh() == "" {
			t.Errorf("%s: also %v", kind, got.others)
		}
		if raw := status.Convert(err).Proto().String(); strings.Contains(raw, "secret") {
			t.Errorf("%s: the cause crossed: %s", kind, raw)
		}
	}
}

func TestInternalFailuresStayInside(t *testing.T) {
	d := start(t)
	client := darkroomv1.NewGrantServiceClient(d.connect(t, acme))
	for name, fail := range map[string]func() error{
		"internal": func() error {
			return enclave.Fail(enclave.Internal, "SECRET", "arg", "secret").Because(errors.New("secret-1"))
		},
		"foreign": func() error { return errors.New("secret-2") },
		"status":  func() error { return status.Error(codes.NotFound, "secret-3") },
		"panic":   func() error { panic("secret-4") },
		"runtime": func() error { var m map[string]int; delete(m, "x"); return fmt.Errorf("secret %d", []int{}[len(m)]) },
	} {
		d.set(func(f *fakes) { f.fail = fail })
		_, err := client.ApplyGrant(t.Context(), application())
		if status.Code(err) != codes.Internal || reasonOf(err) != "INTERNAL" {
			t.Errorf("%s: %v", name, err)
		}
		if raw := status.Convert(err).Proto().String(); strings.Contains(strings.ToLower(raw), "secret") || strings.Contains(raw, "out of range") {
			t.Errorf("%s crossed: %s", name, raw)
		}
	}
	d.set(func(f *fakes) { f.fail = nil })
	if _, err := client.ApplyGrant(t.Context(), application()); err != nil {
		t.Errorf("the server does not go on: %v", err)
	}
	log := d.log.String()
	for _, inside := range []string{"secret-1", "secret-2", "index out of range [0] with length 0", `"org":"acme"`, `"method":"/darkroom.v1.GrantService/ApplyGrant"`} {
		if !strings.Contains(log, inside) {
			t.Errorf("the log lacks %s", inside)
		}
	}
	if strings.Contains(log, "secret-4") {
		t.Error("the log tells what was panicked with")
	}
}

func TestLogHoldsNothingOfARequest(t *testing.T) {
	d := start(t)
	client := darkroomv1.NewGrantServiceClient(d.connect(t, acme))
	a := application()
	a.Purpose, a.Scenario = "purpose-in-words", "Not A Name"
	if _, err := client.ApplyGrant(t.Context(), a); reasonOf(err) != "INVALID_REQUEST" {
		t.Fatal(err)
	}
	if log := d.log.String(); strings.Contains(log, "purpose-in-words") || strings.Contains(log, "Not A Name") || !strings.Contains(log, "INVALID_REQUEST") {
		t.Error(log)
	}
}

func TestAnIdentityIsRecordedBeforeItIsHandedOut(t *testing.T) {
	d := start(t)
	client := darkroomv1.NewIdentityServiceClient(d.connect(t, gov))
	request, ok := valid(t)["IdentityService/IssueIdentity"][0].(*darkroomv1.IssueIdentityRequest)
	if !ok {
		t.Fatal("not the request")
	}
	d.set(func(f *fakes) { f.fail = func() error { return errors.New("ledger is gone") } })
	if r, err := client.IssueIdentity(t.Context(), request); err == nil || len(r.GetCertificate()) != 0 {
		t.Errorf("issued without a record: %v", err)
	}
	d.set(func(f *fakes) { f.fail = nil })
	r, err := client.IssueIdentity(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.acts) != 1 {
		t.Fatalf("%d acts", len(d.acts))
	}
	act := d.acts[0]
	if act.Actor != gov || act.Verb != "identity.issue" || act.Object != "identities/audit/wang" ||
		act.Detail["role"] != "auditor" || act.Detail["certificate"] != enclave.DigestOf(r.GetCertificate()).String() {
		t.Errorf("%+v", act)
	}
}

// TestRunsAreSeenAsTheRegisterShowsThem: every field of the API's run is one of the register's, which decides what it shows in which
// environment (internal/run, sight.go). A field that is new fails here until somebody has decided that.
func TestRunsAreSeenAsTheRegisterShowsThem(t *testing.T) {
	d := start(t)
	d.set(func(f *fakes) { f.result = []byte("result") })
	client := darkroomv1.NewRunServiceClient(d.connect(t, acme))
	r, err := client.GetRun(t.Context(), &darkroomv1.GetRunRequest{Name: "runs/" + runID})
	if err != nil {
		t.Fatal(err)
	}
	run := r.GetRun()
	of := map[protoreflect.Name]string{
		"name": "ID", "operator": "Submitter", "grant": "Grant", "scenario": "Scenario", "module": "Module", "snapshot": "Snapshot",
		"params": "Params", "policy_revision": "Policy", "stage": "Stage", "outcome": "Outcome", "reasons": "Reasons", "result_digest": "Result",
		"create_time": "Submitted", "end_time": "Finished", "environment": "Environment", "sample": "Sample", "support": "Support", "question": "Question",
		"reserved_fuel": "Fuel",
	}
	fields := run.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if _, there := reflect.TypeFor[enclave.Run]().FieldByName(of[field.Name()]); !there || !run.ProtoReflect().Has(field) {
			t.Errorf("%s is not a field that the register shows, or stayed empty", field.Name())
		}
	}
	if len(of) != fields.Len() {
		t.Errorf("%d fields, %d of them known", fields.Len(), len(of))
	}
	reasons := run.GetReasons()
	if len(reasons) != 1 || !strings.Contains(reasons[0].GetTextEn(), "own checks") || !strings.Contains(reasons[0].GetTextZh(), "暗房自身") {
		t.Errorf("reasons %v", reasons)
	}
	stream, err := client.WatchRun(t.Context(), &darkroomv1.WatchRunRequest{Name: "runs/" + runID})
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.Recv()
	if err != nil || first.GetRun().GetResultDigest() != "" || first.GetRun().GetStage() != "queued" {
		t.Errorf("a run under way names its result: %v, err %v", first, err)
	}
	last, err := stream.Recv()
	if err != nil || !proto.Equal(last.GetRun(), run) {
		t.Errorf("%v, err %v", last, err)
	}
}

func TestEveryReasonHasBothTexts(t *testing.T) {
	for _, code := range []string{
		"INVALID_REQUEST", "MESSAGE_MALFORMED", "MESSAGE_TOO_LARGE", "CALL_CANCELED", "CALL_DEADLINE", "CREDENTIAL_MISSING", "CREDENTIAL_EXPIRED",
		"CREDENTIAL_NAME", "METHOD_FORBIDDEN", "OWNER_FORBIDDEN", "UPLOAD_ORDER", "UPLOAD_TOO_LARGE", "UPLOAD_NO_SPACE", "UPLOADS_BUSY", "FETCHES_BUSY",
		"ENTRY_NOT_FOUND", "SERVER_STOPPING",
	} {
		if !enclave.Known(code) {
			t.Errorf("%s lacks a text", code)
		}
	}
	if e := new(sdk.Error); e.In("zh") != "" {
		t.Error("an empty error has a text")
	}
}
