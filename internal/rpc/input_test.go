package rpc_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/darkroom-project/darkroom/enclave"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// callers may call each method.
func callers() map[string]enclave.Caller {
	may := map[string]enclave.Caller{}
	for _, line := range strings.Split(strings.TrimSpace(matrix), "\n")[1:] {
		fields := strings.Fields(line)
		for i, who := range everybody() {
			if fields[1+i] == "ok" {
				may[fields[0]] = who
			}
		}
	}
	return may
}

// An empty request is fine for these alone.
func needsNothing(name string) bool {
	switch name {
	case "IdentityService/WhoAmI", "LedgerService/GetCheckpoint", "ModuleService/UploadModule",
		"DatasetService/ListDatasets", "GrantService/ListGrants", "ModuleService/ListModules", "RunService/ListRuns",
		"ReviewService/ListReviews", "ApprovalService/ListProposals", "PolicyService/ListPolicyChanges":
		return true
	}
	return false
}

// Every field of every request, left out, of a wrong form, and too large.
func TestBadInputsOfEveryField(t *testing.T) {
	d := start(t)
	requests, may := valid(t), callers()
	wrong := func(name string, m protoreflect.MethodDescriptor, what string, request proto.Message) {
		conn := d.connect(t, may[name])
		_, err := call(t, conn, m, request)
		got := detailsOf(err)
		if status.Code(err) != codes.InvalidArgument || got.info.GetReason() != "INVALID_REQUEST" {
			t.Errorf("%s, %s: %v", name, what, err)
			return
		}
		if len(got.bad.GetFieldViolations()) == 0 || got.info.GetMetadata()["rule"] == "" || got.info.GetMetadata()["expected"] == "" {
			t.Errorf("%s, %s: the field is not named: %v", name, what, got)
		}
		if len(err.Error()) > 2000 {
			t.Errorf("%s, %s: the error gives %d bytes back", name, what, len(err.Error()))
		}
	}
	for name, m := range methods(t) {
		good := requests[name][0]
		if !needsNothing(name) {
			wrong(name, m, "empty", good.ProtoReflect().New().Interface())
		}
		fields := good.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			field := fields.Get(i)
			for what, value := range badValues(field) {
				bad := proto.Clone(good)
				bad.ProtoReflect().Set(field, value)
				wrong(name, m, string(field.Name())+" "+what, bad)
			}
		}
	}
}

func badValues(field protoreflect.FieldDescriptor) map[string]protoreflect.Value {
	long := strings.Repeat("a", 300<<10)
	switch {
	case field.IsList() || field.IsMap() || field.Kind() == protoreflect.MessageKind || field.Kind() == protoreflect.BoolKind:
		return nil
	case field.Name() == "note" || field.Name() == "purpose" || field.Name() == "page_token" || field.Name() == "public_comment" ||
		field.Name() == "private_comment" || field.FullName() == "darkroom.v1.AnswerQuestionRequest.text":
		return map[string]protoreflect.Value{"too large": protoreflect.ValueOfString(long)}
	case field.Kind() == protoreflect.StringKind:
		return map[string]protoreflect.Value{
			"too large": protoreflect.ValueOfString(long), "malformed": protoreflect.ValueOfString("../../etc/passwd\x00"),
		}
	case field.Name() == "public_key":
		return map[string]protoreflect.Value{"too large": protoreflect.ValueOfBytes([]byte(long)), "too short": protoreflect.ValueOfBytes([]byte("a"))}
	case field.Kind() == protoreflect.Int32Kind:
		return map[string]protoreflect.Value{"negative": protoreflect.ValueOfInt32(-1), "too large": protoreflect.ValueOfInt32(1 << 30)}
	case field.FullName() == "darkroom.v1.SubmitRunRequest.environment": // prod where it is not specified
		return map[string]protoreflect.Value{"unknown": protoreflect.ValueOfEnum(99)}
	case field.Kind() == protoreflect.EnumKind:
		return map[string]protoreflect.Value{"unspecified": protoreflect.ValueOfEnum(0), "unknown": protoreflect.ValueOfEnum(99)}
	case field.Name() == "history":
		return map[string]protoreflect.Value{"negative": protoreflect.ValueOfInt64(-1)}
	case field.Name() == "index" || field.Name() == "from_size":
		return map[string]protoreflect.Value{"negative": protoreflect.ValueOfInt64(-1), "too large": protoreflect.ValueOfInt64(1 << 60)}
	case field.Kind() == protoreflect.Int64Kind:
		return map[string]protoreflect.Value{"negative": protoreflect.ValueOfInt64(-1), "zero": protoreflect.ValueOfInt64(0)}
	}
	return map[string]protoreflect.Value{"too large": protoreflect.ValueOfBytes(make([]byte, 2<<20+1))} // a chunk, or a source
}

func TestBadInputsWithinMessages(t *testing.T) {
	d := start(t)
	all, may := methods(t), callers()
	edit := func(change func(*darkroomv1.ApplyGrantRequest)) proto.Message {
		a := application()
		change(a)
		return a
	}
	identity := func(change func(*darkroomv1.IssueIdentityRequest)) proto.Message {
		r, ok := proto.Clone(valid(t)["IdentityService/IssueIdentity"][0]).(*darkroomv1.IssueIdentityRequest)
		if !ok {
			t.Fatal("not the request")
		}
		change(r)
		return r
	}
	submit := func(params map[string]string) proto.Message {
		return &darkroomv1.SubmitRunRequest{Grant: "grants/" + grantID, Module: "modules/" + moduleDigest.String(), Params: params}
	}
	for what, c := range map[string]struct {
		method, reason string
		request        proto.Message
	}{
		"no scopes":       {"GrantService/ApplyGrant", "INVALID_REQUEST", edit(func(a *darkroomv1.ApplyGrantRequest) { a.Scopes = nil })},
		"too many scopes": {"GrantService/ApplyGrant", "INVALID_REQUEST", edit(func(a *darkroomv1.ApplyGrantRequest) { a.Scopes = make([]*darkroomv1.Scope, 33) })},
		"a bad column":    {"GrantService/ApplyGrant", "INVALID_REQUEST", edit(func(a *darkroomv1.ApplyGrantRequest) { a.Scopes[0].Columns = []string{"A B"} })},
		"a column twice":  {"GrantService/ApplyGrant", "INVALID_REQUEST", edit(func(a *darkroomv1.ApplyGrantRequest) { a.Scopes[0].Columns = []string{"a", "a"} })},
		"many forms":      {"GrantService/ApplyGrant", "INVALID_REQUEST", edit(func(a *darkroomv1.ApplyGrantRequest) { a.Forms = strings.Split("abcdefghi", "") })},
		"no identity":     {"IdentityService/IssueIdentity", "INVALID_REQUEST", identity(func(r *darkroomv1.IssueIdentityRequest) { r.Identity = nil })},
		"no role":         {"IdentityService/IssueIdentity", "INVALID_REQUEST", identity(func(r *darkroomv1.IssueIdentityRequest) { r.Identity.Role = 0 })},
		"unknown role":    {"IdentityService/IssueIdentity", "INVALID_REQUEST", identity(func(r *darkroomv1.IssueIdentityRequest) { r.Identity.Role = 99 })},
		"bad org":         {"IdentityService/IssueIdentity", "INVALID_REQUEST", identity(func(r *darkroomv1.IssueIdentityRequest) { r.Identity.Org = "a/b" })},
		"not a key":       {"IdentityService/IssueIdentity", "PUBLIC_KEY_INVALID", identity(func(r *darkroomv1.IssueIdentityRequest) { r.PublicKey = make([]byte, 64) })},
		"a large value":   {"RunService/SubmitRun", "INVALID_REQUEST", submit(map[string]string{"a": strings.Repeat("x", 201)})},
		"a large sample": {"RunService/SubmitRun", "INVALID_REQUEST", &darkroomv1.SubmitRunRequest{
			Grant: "grants/" + grantID, Module: "modules/" + moduleDigest.String(), Sample: &darkroomv1.Sample{Rows: 1_000_001},
		}},
		"no head": {"DatasetService/LoadSnapshot", "UPLOAD_ORDER", chunk("a")},
		"no format": {"DatasetService/LoadSnapshot", "INVALID_REQUEST", &darkroomv1.LoadSnapshotRequest{
			Part: &darkroomv1.LoadSnapshotRequest_Head{Head: &darkroomv1.LoadSnapshotHead{Parent: "datasets/visits"}},
		}},
		"unknown field":     {"DatasetService/CreateDataset", "INVALID_REQUEST", &darkroomv1.CreateDatasetRequest{DescriptionJson: `{"extra":1}`}},
		"two descriptions":  {"DatasetService/CreateDataset", "INVALID_REQUEST", &darkroomv1.CreateDatasetRequest{DescriptionJson: description + description}},
		"bad description":   {"DatasetService/CreateDataset", "DATASET_INVALID", &darkroomv1.CreateDatasetRequest{DescriptionJson: `{"name":"A"}`}},
		"large description": {"DatasetService/CreateDataset", "INVALID_REQUEST", &darkroomv1.CreateDatasetRequest{DescriptionJson: strings.Repeat(" ", 4<<20+1)}},
	} {
		who := may[c.method]
		if strings.HasPrefix(c.method, "Dataset") {
			who = health
		}
		if c.method == "RunService/SubmitRun" {
			who = acme
		}
		_, err := call(t, d.connect(t, who), all[c.method], c.request)
		if status.Code(err) != codes.InvalidArgument || reasonOf(err) != c.reason {
			t.Errorf("%s: %v %s", what, err, reasonOf(err))
		}
	}
}
