package rpc_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/darkroom-project/darkroom/internal/rpc"
	"github.com/darkroom-project/darkroom/internal/run"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// upload sends messages and returns the answer's error. A send that fails is answered already.
func upload(t *testing.T, client darkroomv1.DatasetServiceClient, parts ...*darkroomv1.LoadSnapshotRequest) error {
	t.Helper()
	stream, err := client.LoadSnapshot(t.Context())
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := stream.Send(part); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	_, err = stream.CloseAndRecv()
	return err
}

func TestUploadAbuseLeavesNothing(t *testing.T) {
	d := start(t)
	client := darkroomv1.NewDatasetServiceClient(d.connect(t, health))
	million := chunk(strings.Repeat("x", 1<<20))
	for name, c := range map[string]struct {
		parts  []*darkroomv1.LoadSnapshotRequest
		reason string
	}{
		"nothing":            {nil, "UPLOAD_ORDER"},
		"chunk before head":  {[]*darkroomv1.LoadSnapshotRequest{chunk("a"), head()}, "UPLOAD_ORDER"},
		"head twice":         {[]*darkroomv1.LoadSnapshotRequest{head(), chunk("a"), head()}, "UPLOAD_ORDER"},
		"neither":            {[]*darkroomv1.LoadSnapshotRequest{head(), {}}, "INVALID_REQUEST"},
		"a large chunk":      {[]*darkroomv1.LoadSnapshotRequest{head(), chunk(strings.Repeat("x", 1<<20+1))}, "INVALID_REQUEST"},
		"a huge message":     {[]*darkroomv1.LoadSnapshotRequest{head(), chunk(strings.Repeat("x", 5<<20))}, "MESSAGE_TOO_LARGE"},
		"too much":           {[]*darkroomv1.LoadSnapshotRequest{head(), million, million, million, chunk("x")}, "UPLOAD_TOO_LARGE"},
		"exactly the limit":  {[]*darkroomv1.LoadSnapshotRequest{head(), million, million, million}, ""},
		"in several pieces":  {[]*darkroomv1.LoadSnapshotRequest{head(), chunk("a,"), chunk(""), chunk("b")}, ""},
		"a head and no file": {[]*darkroomv1.LoadSnapshotRequest{head()}, ""},
	} {
		d.set(func(f *fakes) { f.loaded = nil })
		err := upload(t, client, c.parts...)
		if c.reason == "MESSAGE_TOO_LARGE" && status.Code(err) == codes.ResourceExhausted {
			continue // gRPC answers this one by itself, without details; the client words it so
		}
		if (err == nil) != (c.reason == "") || err != nil && reasonOf(err) != c.reason {
			t.Errorf("%s: %v", name, err)
		}
		if (len(d.loaded) == 1) != (c.reason == "") {
			t.Errorf("%s: loaded %d files", name, len(d.loaded))
		}
		if name == "in several pieces" && d.loaded[0] != "a,b" {
			t.Errorf("%s became %q", name, d.loaded[0])
		}
		d.emptySpool(t)
	}
	d.loading = func(context.Context) error { return errors.New("no such thing") }
	if err := upload(t, client, head(), chunk("a")); reasonOf(err) != "INTERNAL" {
		t.Errorf("a failing load: %v", err)
	}
	d.emptySpool(t)
	d.loading = func(context.Context) error { panic("load") }
	if err := upload(t, client, head(), chunk("a")); reasonOf(err) != "INTERNAL" {
		t.Errorf("a panicking load: %v", err)
	}
	d.emptySpool(t)
}

func TestAnAbandonedUploadLeavesNothing(t *testing.T) {
	d := start(t)
	began := make(chan struct{})
	d.loading = func(ctx context.Context) error {
		close(began)
		<-ctx.Done()
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := darkroomv1.NewDatasetServiceClient(d.connect(t, health)).LoadSnapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stream.Send(head()), stream.Send(chunk("a")), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	<-began
	cancel()
	d.stop(t) // waits for the handler
	d.emptySpool(t)
	if !strings.Contains(d.log.String(), "LoadSnapshot") {
		t.Error("the call was not logged")
	}
}

func TestUploadsOfAnOrganisationAreLimited(t *testing.T) {
	d := start(t)
	began, release := make(chan struct{}), make(chan struct{})
	d.loading = func(context.Context) error {
		close(began)
		<-release
		return nil
	}
	client := darkroomv1.NewDatasetServiceClient(d.connect(t, health))
	first := make(chan error, 1)
	go func() { first <- upload(t, client, head(), chunk("a")) }()
	<-began
	if err := upload(t, client, head()); status.Code(err) != codes.Unavailable || reasonOf(err) != "UPLOADS_BUSY" {
		t.Errorf("a second upload: %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("the first upload: %v", err)
	}
	d.loading = nil
	if err := upload(t, client, head()); err != nil {
		t.Errorf("an upload after it: %v", err)
	}
}

// A result that its operator does not take stays in memory, so that an organisation may have only so many of them under way.
func TestFetchesOfAnOrganisationAreLimited(t *testing.T) {
	d := start(t)
	d.set(func(f *fakes) { f.result = make([]byte, 8<<20) }) // more than flow control lets the server send unread
	client := darkroomv1.NewRunServiceClient(d.connect(t, acme))
	fetch := func(ctx context.Context) (grpc.ServerStreamingClient[darkroomv1.FetchResultResponse], error) {
		stream, err := client.FetchResult(ctx, &darkroomv1.FetchResultRequest{Name: "runs/" + runID})
		if err == nil {
			_, err = stream.Recv()
		}
		return stream, err
	}
	slow, err := fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fetch(t.Context()); status.Code(err) != codes.Unavailable || reasonOf(err) != "FETCHES_BUSY" {
		t.Errorf("a second one: %v", err)
	}
	for err == nil {
		_, err = slow.Recv()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("the first one: %v", err)
	}
	if _, err := fetch(t.Context()); err != nil {
		t.Errorf("one after it: %v", err)
	}
}

func TestModuleUploadIsLimited(t *testing.T) {
	d := start(t)
	client := darkroomv1.NewModuleServiceClient(d.connect(t, acme))
	send := func(millions int) error {
		stream, err := client.UploadModule(t.Context())
		if err != nil {
			return err
		}
		for range millions {
			if err := stream.Send(&darkroomv1.UploadModuleRequest{Chunk: make([]byte, 1<<20)}); err != nil {
				break
			}
		}
		_, err = stream.CloseAndRecv()
		return err
	}
	if err := send(33); status.Code(err) != codes.ResourceExhausted || reasonOf(err) != "UPLOAD_TOO_LARGE" {
		t.Errorf("33 MiB: %v", err)
	}
	if err := send(32); err != nil || len(d.loaded[0]) != 32<<20 {
		t.Errorf("32 MiB: %v", err)
	}
}

func TestStartRemovesWhatAKilledServerLeft(t *testing.T) {
	start(t, func(c *rpc.Config) {
		if err := os.WriteFile(filepath.Join(c.Spool, "upload-123"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}) // its end finds the spool empty
}

func TestShutdownSendsWatchersAway(t *testing.T) {
	d := start(t)
	watching := make(chan struct{})
	d.watching = func(ctx context.Context) error {
		close(watching)
		<-ctx.Done()
		return context.Cause(ctx)
	}
	stream, err := darkroomv1.NewRunServiceClient(d.connect(t, acme)).WatchRun(t.Context(), &darkroomv1.WatchRunRequest{Name: "runs/" + runID})
	if err != nil {
		t.Fatal(err)
	}
	<-watching
	d.server.Shutdown(t.Context()) // gracefully: nothing is cancelled
	if err := lastError(stream); reasonOf(err) != "SERVER_STOPPING" || status.Code(err) != codes.Unavailable {
		t.Errorf("%v", err)
	}
}

func TestShutdownEndsReplays(t *testing.T) {
	d := start(t)
	replaying := make(chan struct{})
	d.replay = func(ctx context.Context, _ int) (run.Replayed, error) {
		close(replaying)
		<-ctx.Done()
		return run.Replayed{}, context.Cause(ctx)
	}
	client := darkroomv1.NewRunServiceClient(d.connect(t, audit))
	failed := make(chan error, 1)
	go func() {
		_, err := client.ReplayRun(t.Context(), &darkroomv1.ReplayRunRequest{Name: "runs/" + runID})
		failed <- err
	}()
	<-replaying
	d.server.Shutdown(t.Context()) // gracefully: nothing is cancelled
	if err := <-failed; reasonOf(err) != "SERVER_STOPPING" || status.Code(err) != codes.Unavailable {
		t.Errorf("%v", err)
	}
}

func lastError(stream grpc.ServerStreamingClient[darkroomv1.WatchRunResponse]) error {
	for {
		if _, err := stream.Recv(); err != nil {
			return err
		}
	}
}
