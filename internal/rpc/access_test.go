package rpc_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/identity"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
	"github.com/darkroom-project/darkroom/sdk"
)

var (
	nobody = enclave.Caller{}
	acme   = enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "li"}
	rival  = enclave.Caller{Role: enclave.Operator, Org: "rival", Name: "bo"}
	gov    = enclave.Caller{Role: enclave.Authority, Org: "data-bureau", Name: "zhao"}
	health = enclave.Caller{Role: enclave.SourceOrg, Org: "health", Name: "wu"}
	tax    = enclave.Caller{Role: enclave.SourceOrg, Org: "tax", Name: "qian"}
	panel  = enclave.Caller{Role: enclave.Reviewer, Org: "data-bureau", Name: "sun"}
	audit  = enclave.Caller{Role: enclave.Auditor, Org: "audit", Name: "zhou"}
)

func everybody() []enclave.Caller {
	return []enclave.Caller{nobody, acme, rival, gov, health, tax, panel, audit}
}

// What each caller, in everybody's order, gets of a call on acme's grant, module and run and on health's dataset: ok; no: the role may
// never call it; nf: not found, though it is there; ow: not for another owner; un: no credential.
const matrix = `
	                                    nobody acme rival gov health tax panel  audit
	ApprovalService/ProposeModule       un     ok   ok    no  no     no  no     no
	ApprovalService/GetProposal         un     ok   nf    ok  ok     nf  ok     ok
	ApprovalService/ListProposals       un     ok   ok    ok  ok     ok  ok     ok
	ApprovalService/FetchProposal       un     no   no    ok  ok     nf  ok     ok
	ApprovalService/VoteProposal        un     no   no    ok  ok     nf  ok     no
	ApprovalService/WithdrawApproval    un     no   no    ok  no     no  no     no
	DatasetService/CreateDataset        un     no   no    ok  ok     ow  no     no
	DatasetService/GetDataset           un     ok   ok    ok  ok     nf  no     ok
	DatasetService/ListDatasets         un     ok   ok    ok  ok     ok  no     ok
	DatasetService/LoadSnapshot         un     no   no    no  ok     nf  no     no
	DatasetService/GetSnapshot          un     ok   ok    ok  ok     nf  no     ok
	DatasetService/ListSnapshots        un     ok   ok    ok  ok     nf  no     ok
	DatasetService/GetReleases          un     no   no    ok  ok     nf  no     ok
	GrantService/ApplyGrant             un     ok   ok    no  no     no  no     no
	GrantService/GetGrant               un     ok   nf    ok  ok     nf  no     ok
	GrantService/ListGrants             un     ok   ok    ok  ok     ok  no     ok
	GrantService/AssessGrant            un     no   no    ok  no     no  no     no
	GrantService/ConfirmGrant           un     no   no    no  ok     nf  no     no
	GrantService/SuspendGrant           un     no   no    ok  no     no  no     no
	GrantService/ResumeGrant            un     no   no    ok  no     no  no     no
	GrantService/RevokeGrant            un     no   no    ok  no     no  no     no
	IdentityService/IssueIdentity       un     no   no    ok  no     no  no     no
	IdentityService/WhoAmI              un     ok   ok    ok  ok     ok  ok     ok
	LedgerService/GetCheckpoint         un     ok   ok    ok  ok     ok  ok     ok
	LedgerService/GetEntry              un     ok   nf    ok  nf     nf  no     ok
	LedgerService/GetInclusionProof     un     ok   ok    ok  ok     ok  ok     ok
	LedgerService/GetConsistencyProof   un     ok   ok    ok  ok     ok  ok     ok
	ModuleService/UploadModule          un     ok   ok    no  no     no  no     no
	ModuleService/GetModule             un     ok   nf    ok  no     no  no     ok
	ModuleService/ListModules           un     ok   ok    ok  no     no  no     ok
	PolicyService/GetPolicy             un     ok   ok    ok  ok     ok  ok     ok
	PolicyService/ProposePolicy         un     no   no    ok  no     no  no     no
	PolicyService/DecidePolicyChange    un     no   no    ok  no     no  no     no
	PolicyService/DryRunPolicy          un     no   no    ok  no     no  no     no
	PolicyService/ListPolicyChanges     un     no   no    ok  no     no  no     ok
	RunService/ExplainRun               un     ok   nf    ok  no     no  ok     ok
	ReviewService/ListReviews           un     ok   ok    ok  ok     ok  ok     ok
	ReviewService/GetReview             un     ok   nf    ok  ok     nf  ok     ok
	ReviewService/GetCase               un     no   no    ok  ok     nf  ok     ok
	ReviewService/CastVote              un     no   no    ok  ok     nf  ok     no
	ReviewService/AnswerQuestion        un     ok   nf    no  no     no  no     no
	RunService/SubmitRun                un     ok   nf    no  no     no  no     no
	RunService/GetRun                   un     ok   nf    ok  no     no  ok     ok
	RunService/WatchRun                 un     ok   nf    ok  no     no  ok     ok
	RunService/CancelRun                un     ok   nf    ok  no     no  no     no
	RunService/ListRuns                 un     ok   ok    ok  no     no  ok     ok
	RunService/FetchResult              un     ok   nf    ok  no     no  no     ok
	RunService/GetReceipt               un     ok   nf    ok  no     no  ok     ok
	RunService/GetReport                un     ok   nf    ok  no     no  no     ok
	RunService/ReplayRun                un     no   no    ok  no     no  no     ok`

// methods are all RPCs of the API, by "Service/Method": from the descriptors, so that none is forgotten.
func methods(t *testing.T) map[string]protoreflect.MethodDescriptor {
	t.Helper()
	all := map[string]protoreflect.MethodDescriptor{}
	protoregistry.GlobalFiles.RangeFilesByPackage("darkroom.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				m := service.Methods().Get(j)
				all[string(service.Name())+"/"+string(m.Name())] = m
			}
		}
		return true
	})
	if len(all) == 0 {
		t.Fatal("no methods found")
	}
	return all
}

const description = `{"name":"visits","owner":"health","grade":3,"sharing":"conditional","subject":{"column":"citizen","kind":"person"},
	"columns":[{"name":"citizen","type":"text","class":"identifier"}]}`

// valid are good requests for every RPC.
func valid(t *testing.T) map[string][]proto.Message {
	t.Helper()
	_, public, err := sdk.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	grant, run, module, dataset := "grants/"+grantID, "runs/"+runID, "modules/"+moduleDigest.String(), "datasets/visits"
	snapshot, proposal := dataset+"/snapshots/"+snapDigest.String(), "proposals/"+proposalID
	one := func(m proto.Message) []proto.Message { return []proto.Message{m} }
	return map[string][]proto.Message{
		"ApprovalService/ProposeModule":     one(&darkroomv1.ProposeModuleRequest{Module: module, Dataset: dataset}),
		"ApprovalService/GetProposal":       one(&darkroomv1.GetProposalRequest{Name: proposal}),
		"ApprovalService/ListProposals":     one(&darkroomv1.ListProposalsRequest{}),
		"ApprovalService/FetchProposal":     one(&darkroomv1.FetchProposalRequest{Name: proposal, File: darkroomv1.ProposalFile_PROPOSAL_FILE_SOURCE}),
		"ApprovalService/VoteProposal":      one(&darkroomv1.VoteProposalRequest{Name: proposal, Choice: darkroomv1.ProposalChoice_PROPOSAL_CHOICE_APPROVE}),
		"ApprovalService/WithdrawApproval":  one(&darkroomv1.WithdrawApprovalRequest{Name: proposal, Note: "n"}),
		"DatasetService/CreateDataset":      one(&darkroomv1.CreateDatasetRequest{DescriptionJson: description}),
		"DatasetService/GetDataset":         one(&darkroomv1.GetDatasetRequest{Name: dataset}),
		"DatasetService/GetReleases":        one(&darkroomv1.GetReleasesRequest{Name: dataset}),
		"DatasetService/ListDatasets":       one(&darkroomv1.ListDatasetsRequest{}),
		"DatasetService/LoadSnapshot":       {head(), chunk("a,b\n")},
		"DatasetService/GetSnapshot":        one(&darkroomv1.GetSnapshotRequest{Name: snapshot}),
		"DatasetService/ListSnapshots":      one(&darkroomv1.ListSnapshotsRequest{Parent: dataset}),
		"GrantService/ApplyGrant":           one(application()),
		"GrantService/GetGrant":             one(&darkroomv1.GetGrantRequest{Name: grant}),
		"GrantService/ListGrants":           one(&darkroomv1.ListGrantsRequest{}),
		"GrantService/AssessGrant":          one(&darkroomv1.AssessGrantRequest{Name: grant, Approve: true}),
		"GrantService/ConfirmGrant":         one(&darkroomv1.ConfirmGrantRequest{Name: grant, Approve: true}),
		"GrantService/SuspendGrant":         one(&darkroomv1.SuspendGrantRequest{Name: grant, Note: "n"}),
		"GrantService/ResumeGrant":          one(&darkroomv1.ResumeGrantRequest{Name: grant, Note: "n"}),
		"GrantService/RevokeGrant":          one(&darkroomv1.RevokeGrantRequest{Name: grant, Note: "n"}),
		"IdentityService/WhoAmI":            one(&darkroomv1.WhoAmIRequest{}),
		"LedgerService/GetCheckpoint":       one(&darkroomv1.GetCheckpointRequest{}),
		"LedgerService/GetEntry":            one(&darkroomv1.GetEntryRequest{Name: "entries/7"}),
		"LedgerService/GetInclusionProof":   one(&darkroomv1.GetInclusionProofRequest{Index: 0, TreeSize: 1}),
		"LedgerService/GetConsistencyProof": one(&darkroomv1.GetConsistencyProofRequest{FromSize: 1, ToSize: 1}),
		"ModuleService/UploadModule":        one(&darkroomv1.UploadModuleRequest{Chunk: bytesOfModule}),
		"ModuleService/GetModule":           one(&darkroomv1.GetModuleRequest{Name: module}),
		"ModuleService/ListModules":         one(&darkroomv1.ListModulesRequest{}),
		"PolicyService/GetPolicy":           one(&darkroomv1.GetPolicyRequest{Name: "policy"}),
		"PolicyService/ProposePolicy":       one(&darkroomv1.ProposePolicyRequest{Bundle: []byte("tarball"), Note: "n"}),
		"PolicyService/DecidePolicyChange":  one(&darkroomv1.DecidePolicyChangeRequest{Name: "policyChanges/" + proposalID, Agree: true}),
		"PolicyService/DryRunPolicy":        one(&darkroomv1.DryRunPolicyRequest{Bundle: []byte("tarball"), Last: 10}),
		"PolicyService/ListPolicyChanges":   one(&darkroomv1.ListPolicyChangesRequest{}),
		"RunService/ExplainRun":             one(&darkroomv1.ExplainRunRequest{Name: run}),
		"ReviewService/ListReviews":         one(&darkroomv1.ListReviewsRequest{}),
		"ReviewService/GetReview":           one(&darkroomv1.GetReviewRequest{Run: run}),
		"ReviewService/GetCase":             one(&darkroomv1.GetCaseRequest{Run: run}),
		"ReviewService/CastVote": one(&darkroomv1.CastVoteRequest{
			Run: run, Choice: darkroomv1.Choice_CHOICE_RELEASE, OutputDigest: moduleDigest.String(), History: 7,
		}),
		"ReviewService/AnswerQuestion": one(&darkroomv1.AnswerQuestionRequest{Run: run, Text: "that"}),
		"RunService/SubmitRun": one(&darkroomv1.SubmitRunRequest{
			Grant: grant, Module: module, Snapshot: snapshot, Params: map[string]string{"as_of": "2024"},
		}),
		"RunService/GetRun":      one(&darkroomv1.GetRunRequest{Name: run}),
		"RunService/WatchRun":    one(&darkroomv1.WatchRunRequest{Name: run}),
		"RunService/CancelRun":   one(&darkroomv1.CancelRunRequest{Name: run}),
		"RunService/ListRuns":    one(&darkroomv1.ListRunsRequest{}),
		"RunService/FetchResult": one(&darkroomv1.FetchResultRequest{Name: run}),
		"RunService/GetReceipt":  one(&darkroomv1.GetReceiptRequest{Name: run}),
		"RunService/GetReport":   one(&darkroomv1.GetReportRequest{Name: run}),
		"RunService/ReplayRun":   one(&darkroomv1.ReplayRunRequest{Name: run, Workers: 3}),
		"IdentityService/IssueIdentity": one(&darkroomv1.IssueIdentityRequest{
			Identity: &darkroomv1.Identity{Role: darkroomv1.Role_ROLE_AUDITOR, Org: "audit", Name: "wang"}, PublicKey: public,
		}),
	}
}

func application() *darkroomv1.ApplyGrantRequest {
	return &darkroomv1.ApplyGrantRequest{
		Scenario: "insurance", Purpose: "pricing", TermDays: 30, Scopes: []*darkroomv1.Scope{{Dataset: "datasets/visits", Columns: []string{"cost"}}},
	}
}

func head() *darkroomv1.LoadSnapshotRequest {
	return &darkroomv1.LoadSnapshotRequest{Part: &darkroomv1.LoadSnapshotRequest_Head{Head: &darkroomv1.LoadSnapshotHead{
		Parent: "datasets/visits", Format: darkroomv1.FileFormat_FILE_FORMAT_CSV,
	}}}
}

func chunk(text string) *darkroomv1.LoadSnapshotRequest {
	return &darkroomv1.LoadSnapshotRequest{Part: &darkroomv1.LoadSnapshotRequest_Chunk{Chunk: []byte(text)}}
}

func TestEveryRPCForEveryRole(t *testing.T) {
	d := start(t)
	d.result = []byte("result")
	expected := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(matrix), "\n")[1:] {
		fields := strings.Fields(line)
		expected[fields[0]] = fields[1:]
	}
	all, requests := methods(t), valid(t)
	if len(expected) != len(all) || len(requests) != len(all) {
		t.Errorf("%d methods, %d of them in the matrix, %d with a request", len(all), len(expected), len(requests))
	}
	for i, who := range everybody() {
		conn := d.connect(t, who)
		for name, m := range all {
			row := expected[name]
			if len(row) != len(everybody()) {
				t.Errorf("%s: no row in the matrix", name)
				continue
			}
			_, err := call(t, conn, m, requests[name]...)
			if got := verdict(err); got != row[i] {
				t.Errorf("%s by %v: %s, should be %s (%v)", name, who, got, row[i], err)
			}
		}
	}
}

func verdict(err error) string {
	switch code, reason := status.Code(err), reasonOf(err); {
	case err == nil:
		return "ok"
	case code == codes.Unauthenticated && reason == "CREDENTIAL_MISSING":
		return "un"
	case code == codes.PermissionDenied && reason == "METHOD_FORBIDDEN":
		return "no"
	case code == codes.PermissionDenied && reason == "OWNER_FORBIDDEN":
		return "ow"
	case code == codes.NotFound:
		return "nf"
	default:
		return code.String() + " " + reason
	}
}

func TestForbiddenAndMissingLookTheSame(t *testing.T) {
	d := start(t)
	requests := valid(t)
	for name, m := range methods(t) {
		for _, who := range []enclave.Caller{rival, tax, health} {
			conn := d.connect(t, who)
			_, forbidden := call(t, conn, m, requests[name]...)
			if status.Code(forbidden) != codes.NotFound {
				continue
			}
			d.set(func(f *fakes) { f.gone = true })
			_, missing := call(t, conn, m, requests[name]...)
			d.set(func(f *fakes) { f.gone = false })
			if !proto.Equal(status.Convert(forbidden).Proto(), status.Convert(missing).Proto()) {
				t.Errorf("%s by %v: forbidden %v, missing %v", name, who, forbidden, missing)
			}
		}
	}
}

func TestListsHoldOnlyWhatTheCallerMayGet(t *testing.T) {
	d := start(t)
	lists := map[string]protoreflect.Name{
		"DatasetService/ListDatasets": "datasets", "GrantService/ListGrants": "grants", "ModuleService/ListModules": "modules", "ApprovalService/ListProposals": "proposals", "RunService/ListRuns": "runs",
		"ReviewService/ListReviews": "reviews",
	}
	all, requests := methods(t), valid(t)
	for name, field := range lists {
		get := strings.TrimSuffix(strings.Replace(name, "/List", "/Get", 1), "s")
		for _, who := range everybody()[1:] {
			conn := d.connect(t, who)
			listed, err := call(t, conn, all[name], requests[name]...)
			if err != nil {
				continue // the matrix says who may list at all
			}
			_, err = call(t, conn, all[get], requests[get]...)
			items := listed[0].ProtoReflect()
			if n := items.Get(items.Descriptor().Fields().ByName(field)).List().Len(); (err == nil) != (n == 1) {
				t.Errorf("%s by %v: %d listed, getting it: %v", name, who, n, err)
			}
		}
	}
}

func TestCountsAreHiddenFromOperators(t *testing.T) {
	d := start(t)
	for _, c := range []struct {
		who  enclave.Caller
		rows int64
	}{{acme, 0}, {gov, 1234}, {health, 1234}, {audit, 1234}} {
		client := darkroomv1.NewDatasetServiceClient(d.connect(t, c.who))
		name := "datasets/visits/snapshots/" + snapDigest.String()
		one, err := client.GetSnapshot(t.Context(), &darkroomv1.GetSnapshotRequest{Name: name})
		if err != nil || one.GetSnapshot().GetRows() != c.rows || (one.GetSnapshot().GetSubjects() == 0) != (c.rows == 0) {
			t.Errorf("%v: %v, err %v", c.who, one, err)
		}
		many, err := client.ListSnapshots(t.Context(), &darkroomv1.ListSnapshotsRequest{Parent: "datasets/visits"})
		if err != nil || len(many.GetSnapshots()) != 1 || many.GetSnapshots()[0].GetRows() != c.rows {
			t.Errorf("%v: %v, err %v", c.who, many, err)
		}
	}
}

func TestHealthAloneAnswersWithoutACredential(t *testing.T) {
	d := start(t)
	conn := d.connect(t, nobody)
	answer, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil || answer.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, err %v", answer, err)
	}
	if _, err := services(t, d, nobody); reasonOf(err) != "CREDENTIAL_MISSING" {
		t.Errorf("reflection without a credential: %v", err)
	}
	if n, err := services(t, d, acme); err != nil || n < 8 {
		t.Errorf("reflection with one: %d services, err %v", n, err)
	}
}

func services(t *testing.T, d *domain, who enclave.Caller) (int, error) {
	t.Helper()
	stream, err := reflectionv1.NewServerReflectionClient(d.connect(t, who)).ServerReflectionInfo(t.Context())
	if err != nil {
		return 0, err
	}
	ask := &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}
	if err := stream.Send(ask); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	answer, err := stream.Recv()
	return len(answer.GetListServicesResponse().GetService()), err
}

func TestForeignAndExpiredCredentials(t *testing.T) {
	d := start(t)
	foreign, err := identity.Open(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	stranger := d.credential(t, acme)
	stranger.Certificate, stranger.Key = issued(t, foreign, acme)
	if _, err := sdk.Dial(t.Context(), stranger); !turnedAway(err) {
		t.Errorf("a foreign CA's certificate: %v", err)
	}
	elsewhere := d.credential(t, acme)
	elsewhere.CA = string(foreign.CertificatePEM())
	if _, err := sdk.Dial(t.Context(), elsewhere); sdk.ReasonOf(err) != "CONNECTION_UNTRUSTED" {
		t.Errorf("a server of another CA: %v", err)
	}
	client, err := sdk.Dial(t.Context(), d.credential(t, acme))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	later := d.credential(t, acme)
	d.now.Store(int64(2 * time.Hour))
	if _, err := client.WhoAmI(t.Context()); sdk.ReasonOf(err) != "CREDENTIAL_EXPIRED" {
		t.Errorf("a connection outlived its certificate: %v", err)
	}
	if _, err := sdk.Dial(t.Context(), later); !turnedAway(err) {
		t.Errorf("an expired certificate: %v", err)
	}
	past, err := identity.Open(t.TempDir(), func() time.Time { return time.Now().Add(-48 * time.Hour) })
	if err != nil {
		t.Fatal(err)
	}
	expired := d.credential(t, acme)
	expired.Certificate, expired.Key = issued(t, past, acme)
	if _, err := sdk.Dial(t.Context(), expired); sdk.ReasonOf(err) != "CREDENTIAL_EXPIRED" {
		t.Errorf("the client shows an expired certificate: %v", err)
	}
}

// turnedAway reports whether the server closed the connection. In TLS 1.3 a client has sent its first bytes before it hears why: it may
// see only that the connection broke.
func turnedAway(err error) bool {
	return sdk.ReasonOf(err) == "CONNECTION_UNTRUSTED" || sdk.ReasonOf(err) == "SERVER_UNREACHABLE"
}
