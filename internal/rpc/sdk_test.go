package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/sdk"
)

func dial(t *testing.T, d *domain, who enclave.Caller) *sdk.Client {
	t.Helper()
	client, err := sdk.Dial(t.Context(), d.credential(t, who))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func one[T any](t *testing.T, list iter.Seq2[T, error]) T {
	t.Helper()
	var all []T
	for item, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	if len(all) != 1 {
		t.Fatalf("%d items", len(all))
	}
	return all[0]
}

// table is an Arrow stream of some batches of 100,000 rows, larger than one message.
func table(t *testing.T, batches int) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	var stream bytes.Buffer
	w := ipc.NewWriter(&stream, ipc.WithSchema(schema))
	for b := range batches {
		builder := array.NewInt64Builder(memory.DefaultAllocator)
		for i := range 100_000 {
			builder.Append(int64(b*100_000 + i))
		}
		if err := w.Write(array.NewRecordBatch(schema, []arrow.Array{builder.NewArray()}, 100_000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return stream.Bytes()
}

func TestAnOperatorsWayThroughTheSDK(t *testing.T) {
	d := start(t)
	d.result = table(t, 3)
	client, ctx := dial(t, d, acme), t.Context()
	if me, err := client.WhoAmI(ctx); err != nil || me != (sdk.Identity{Role: sdk.Operator, Org: "acme", Name: "li"}) {
		t.Errorf("%v, err %v", me, err)
	}
	dataset := one(t, client.ListDatasets(ctx))
	if got, err := client.GetDataset(ctx, dataset.Name); err != nil || got.Name != "visits" || got.Owner != "health" ||
		!strings.Contains(string(got.Description), "citizen") || !got.Created.Equal(loadedAt) {
		t.Errorf("%v, err %v", got, err)
	}
	snapshot := one(t, client.ListSnapshots(ctx, "datasets/visits"))
	if got, err := client.GetSnapshot(ctx, "visits", snapshot.Digest); err != nil || got != snapshot || got.Dataset != "visits" || got.Digest != snapDigest.String() {
		t.Errorf("%v, err %v", got, err)
	}
	grant, err := client.ApplyGrant(ctx, sdk.Application{
		Scenario: "insurance", Purpose: "pricing", TermDays: 30, Scopes: []sdk.Scope{{Dataset: "visits", Columns: []string{"cost"}}},
	})
	if err != nil || grant.ID != grantID || grant.State != sdk.GrantAssessed || grant.Scopes[0].Dataset != "visits" || grant.Waiting[0] != "health" ||
		!grant.Start.Equal(loadedAt) || grant.Note != "noted" || grant.Forms[0] != "aggregate" {
		t.Errorf("%+v, err %v", grant, err)
	}
	for _, id := range []string{grantID, "grants/" + grantID} {
		if got, err := client.GetGrant(ctx, id); err != nil || got.ID != one(t, client.ListGrants(ctx)).ID {
			t.Errorf("%v, err %v", got, err)
		}
	}
	module, err := client.UploadModule(ctx, bytes.NewReader(bytesOfModule))
	if err != nil || module.Digest != moduleDigest.String() || !module.HasCode || module.Size != 4 || d.loaded[0] != string(bytesOfModule) {
		t.Errorf("%+v, err %v", module, err)
	}
	if got, err := client.GetModule(ctx, module.Digest); err != nil || got.Owner != "acme" || one(t, client.ListModules(ctx)).Digest != got.Digest {
		t.Errorf("%v, err %v", got, err)
	}
	run, err := client.Submit(ctx, sdk.Order{
		Grant: grant.ID, Module: module.Digest, Dataset: "visits", Snapshot: snapshot.Digest, Params: map[string]string{"as_of": "2024"},
	})
	if err != nil || run.ID != runID || run.Module != module.Digest || run.Snapshot != snapshot.Digest || run.Params["as_of"] != "2024" ||
		run.Grant != grantID || run.Operator != "acme" || run.Reasons[0].In("zh") == "" {
		t.Errorf("%+v, err %v", run, err)
	}
	var stages []string
	for now, err := range client.Watch(ctx, run.ID) {
		if err != nil {
			t.Fatal(err)
		}
		stages = append(stages, now.Stage+string(now.Outcome))
	}
	if strings.Join(stages, " ") != "queued releasereleased" {
		t.Errorf("stages %v", stages)
	}
	for _, err := range client.Watch(ctx, run.ID) {
		if err != nil {
			t.Error(err)
		}
		break // leaving early is allowed
	}
	if got, err := client.Wait(ctx, run.ID); err != nil || got.Outcome != sdk.RunReleased || got.Finished.Nanosecond() != 0 {
		t.Errorf("%+v, err %v", got, err)
	}
	batches, err := client.Fetch(ctx, run.ID)
	if err != nil || len(batches) != 3 || batches[0].NumRows() != 100_000 || batches[2].NumRows() != 100_000 {
		t.Fatalf("%d batches, err %v", len(batches), err)
	}
	if column, ok := batches[2].Column(0).(*array.Int64); !ok || column.Value(99_999) != 299_999 {
		t.Error("the last value is wrong")
	}
	if receipt, err := client.Receipt(ctx, run.ID); err != nil || string(receipt) != `{"receipt":1}` {
		t.Errorf("%s, err %v", receipt, err)
	}
	if got, err := client.Cancel(ctx, run.ID); err != nil || got.ID != one(t, client.ListRuns(ctx)).ID {
		t.Errorf("%v, err %v", got, err)
	}
	if got, err := client.Policy(ctx); err != nil || got.Files[0].Path != "a.rego" || string(got.Profiles[0].Numbers) != `{"threshold":10}` {
		t.Errorf("%v, err %v", got, err)
	}
}

func TestTheOthersWayThroughTheSDK(t *testing.T) {
	d := start(t)
	ctx, authority, source := t.Context(), dial(t, d, gov), dial(t, d, health)
	if got, err := authority.CreateDataset(ctx, []byte(description)); err != nil || got.Name != "visits" {
		t.Errorf("%v, err %v", got, err)
	}
	var sent int64
	file := strings.Repeat("0123456789", 130_000) // more than two chunks
	got, err := source.Load(ctx, "visits", sdk.CSV, strings.NewReader(file), func(n int64) { sent = n })
	if err != nil || got.Rows != 1234 || got.Subjects != 567 || sent != int64(len(file)) || d.loaded[0] != file {
		t.Errorf("%+v, sent %d, err %v", got, sent, err)
	}
	if _, err := source.Load(ctx, "visits", "xlsx", strings.NewReader("x"), nil); sdk.ReasonOf(err) != "INVALID_REQUEST" {
		t.Errorf("an unknown format: %v", err)
	}
	broken := errors.New("broken disk")
	if _, err := source.Load(ctx, "visits", sdk.CSV, iotest.ErrReader(broken), nil); sdk.ReasonOf(err) != "SOURCE_UNREADABLE" || !errors.Is(err, broken) {
		t.Errorf("an unreadable file: %v", err)
	}
	if _, err := source.ConfirmGrant(ctx, grantID, true, ""); err != nil {
		t.Error(err)
	}
	if _, err := authority.AssessGrant(ctx, grantID, false, "no"); err != nil {
		t.Error(err)
	}
	for _, act := range []func(context.Context, string, string) (sdk.Grant, error){authority.SuspendGrant, authority.ResumeGrant, authority.RevokeGrant} {
		if _, err := act(ctx, grantID, "because"); err != nil {
			t.Error(err)
		}
	}
	if got, err := authority.Checkpoint(ctx); err != nil || got.Head.Size != 1 || got.Head.Origin != "darkroom.test" {
		t.Errorf("%+v, err %v", got, err)
	}
	if got, err := authority.Entry(ctx, 7); err != nil || len(got.Salt) != 32 || !strings.Contains(string(got.Body), "run.submit") {
		t.Errorf("%+v, err %v", got, err)
	}
	if got, err := authority.Inclusion(ctx, 0, 1); err != nil || len(got) != 1 {
		t.Errorf("%v, err %v", got, err)
	}
	if got, err := authority.Consistency(ctx, 1, 1); err != nil || len(got) != 1 {
		t.Errorf("%v, err %v", got, err)
	}
	issued, err := authority.IssueIdentity(ctx, sdk.Identity{Role: sdk.Auditor, Org: "audit", Name: "wang"}, 30)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "auditor.json")
	if err := issued.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	read, err := sdk.ReadCredential(path)
	if err != nil || read != issued {
		t.Fatalf("read back %v, err %v", read, err)
	}
	auditor, err := sdk.Dial(ctx, read, sdk.WithAddress(d.address))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = auditor.Close() }()
	if me, err := auditor.WhoAmI(ctx); err != nil || me.Role != sdk.Auditor || me.Name != "wang" {
		t.Errorf("%v, err %v", me, err)
	}
}

func TestWaitOutlastsARestart(t *testing.T) {
	d := start(t)
	client, failures := dial(t, d, acme), 2
	passing := enclave.Fail(enclave.Unavailable, "SERVER_STOPPING")
	d.watching = func(context.Context) error {
		if failures--; failures >= 0 {
			return passing
		}
		return nil
	}
	if got, err := client.Wait(t.Context(), runID); err != nil || got.Outcome != sdk.RunReleased || failures != -1 {
		t.Errorf("%+v, %v, %d failures to come", got, err, failures)
	}
	failures, passing = 1, enclave.Fail(enclave.State, "RUN_ENDED")
	if got, err := client.Wait(t.Context(), runID); sdk.ReasonOf(err) != "RUN_ENDED" || got.Stage != "queued" || failures != 0 {
		t.Errorf("an error that does not pass: %+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	d.watching = func(context.Context) error {
		defer cancel()
		return enclave.Fail(enclave.Unavailable, "SERVER_STOPPING")
	}
	if _, err := client.Wait(ctx, runID); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up: %v", err)
	}
	d.stop(t)
	if _, err := client.Wait(t.Context(), runID); sdk.ReasonOf(err) != "SERVER_UNREACHABLE" {
		t.Errorf("a server that never was there: %v", err)
	}
}

func TestSDKReplays(t *testing.T) {
	d := start(t)
	client, ctx := dial(t, d, audit), t.Context()
	for _, want := range []run.Replayed{
		{Output: true, Decision: true, Facts: true, Record: true},
		{Decision: true, Facts: true, Record: true, Stage: "treat"},
		{Output: true, Facts: true, Record: true, Stage: "judge"},
		{Output: true, Decision: true, Record: true, Stage: "judge"},
		{Output: true, Decision: true, Facts: true, Stage: "record"},
		{Record: true, Stage: "load", Stopped: &enclave.Reason{Code: "SNAPSHOT_MISSING", Args: map[string]string{"dataset": "visits"}}},
	} {
		d.replay = func(_ context.Context, workers int) (run.Replayed, error) {
			if workers != 7 {
				t.Errorf("%d workers", workers)
			}
			return want, nil
		}
		got, err := client.Replay(ctx, runID, 7)
		if err != nil || got.SameOutput != want.Output || got.SameDecision != want.Decision || got.SameFacts != want.Facts || got.SameRecord != want.Record ||
			got.Stage != string(want.Stage) || got.Same() != want.Same() || (got.Stopped == nil) != (want.Stopped == nil) {
			t.Errorf("%+v, of %+v, %v", got, want, err)
		}
		if got.Stopped != nil && (got.Stopped.Code != want.Stopped.Code || got.Stopped.In("en") != want.Stopped.In(enclave.English)) {
			t.Errorf("%+v", got.Stopped)
		}
	}
	for _, workers := range []int{-1, 65, math.MaxInt} {
		if _, err := client.Replay(ctx, runID, workers); sdk.ReasonOf(err) != "INVALID_REQUEST" {
			t.Errorf("%d workers: %v", workers, err)
		}
	}
}

func TestSDKErrors(t *testing.T) {
	d := start(t)
	client, ctx := dial(t, d, acme), t.Context()
	_, err := client.GetRun(ctx, "not a run")
	var e *sdk.Error
	if !errors.As(err, &e) || e.Kind != sdk.Invalid || e.Reason != "INVALID_REQUEST" || len(e.Fields) != 1 || e.Fields[0].Name != "name" ||
		e.In("zh") == e.In("en") || e.Args["field"] != "name" {
		t.Errorf("%+v", e)
	}
	if _, err := client.AssessGrant(ctx, grantID, true, ""); !errors.Is(err, &sdk.Error{Reason: "METHOD_FORBIDDEN"}) || !strings.Contains(err.Error(), "a role that may: authority.") {
		t.Error(err)
	}
	d.set(func(f *fakes) { f.gone = true })
	for _, err := range []error{client.FetchTo(ctx, runID, new(bytes.Buffer)), second(client.Wait(ctx, runID)), second(client.Fetch(ctx, runID))} {
		if sdk.ReasonOf(err) != "RUN_NOT_FOUND" {
			t.Error(err)
		}
	}
	d.set(func(f *fakes) { f.gone, f.result = false, []byte("not arrow") })
	if _, err := client.Fetch(ctx, runID); sdk.ReasonOf(err) != "RESULT_MALFORMED" {
		t.Error(err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := client.GetRun(canceled, runID); sdk.ReasonOf(err) != "CALL_CANCELED" || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	wrong := d.credential(t, acme)
	wrong.ServerName = "other.example"
	if _, err := sdk.Dial(ctx, wrong); sdk.ReasonOf(err) != "CONNECTION_UNTRUSTED" {
		t.Error(err)
	}
	d.stop(t)
	if _, err := sdk.Dial(ctx, d.credential(t, acme)); sdk.ReasonOf(err) != "SERVER_UNREACHABLE" {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }
