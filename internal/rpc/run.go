package rpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/grant"
	"github.com/darkroom-project/darkroom/internal/run"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// resultChunk is how many bytes of a result go in one message.
const resultChunk = 256 << 10

// runs serves the register of runs.
type runs struct {
	darkroomv1.UnimplementedRunServiceServer
	Config
	gate     *gate
	stopping <-chan struct{}
	fetches  *transfers
}

func runTarget(r enclave.Run) target { return target{owner: r.Submitter.Org} }

// find looks a run up for a caller.
func (s *runs) find(ctx context.Context, resource string) (enclave.Run, error) {
	id := last(resource)
	found, err := s.Runs.Get(ctx, id)
	return reach(ctx, s.gate, found, err, runTarget, run.NotFound(id))
}

func (s *runs) SubmitRun(ctx context.Context, r *darkroomv1.SubmitRunRequest) (*darkroomv1.SubmitRunResponse, error) {
	id := last(r.GetGrant())
	under, err := s.Grants.Get(ctx, id)
	if _, err := reach(ctx, s.gate, under, err, grantTarget, grant.NotFound(id)); err != nil {
		return nil, err
	}
	request := run.Request{
		Grant: id, Environment: environmentOf(r.GetEnvironment()), Sample: enclave.Sample{Rows: r.GetSample().GetRows(), Subjects: r.GetSample().GetSubjects()},
	}
	if request.Module, err = enclave.ParseDigest(last(r.GetModule())); err != nil {
		return nil, err
	}
	if r.GetSnapshot() != "" {
		dataset, digest, err := splitSnapshot(r.GetSnapshot())
		if err != nil {
			return nil, err
		}
		request.Snapshot = &run.SnapshotRef{Dataset: dataset, Digest: digest}
	}
	if len(r.GetParams()) > 0 {
		request.Params = make(map[string]enclave.Scalar, len(r.GetParams()))
	}
	for name, value := range r.GetParams() {
		request.Params[name] = enclave.Scalar(value)
	}
	submitted, err := s.Runs.Submit(ctx, callerOf(ctx), request)
	if err != nil {
		return nil, err
	}
	return &darkroomv1.SubmitRunResponse{Run: seenRun(submitted)}, nil
}

func (s *runs) GetRun(ctx context.Context, r *darkroomv1.GetRunRequest) (*darkroomv1.GetRunResponse, error) {
	found, err := s.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	return &darkroomv1.GetRunResponse{Run: seenRun(found)}, nil
}

func (s *runs) ListRuns(ctx context.Context, r *darkroomv1.ListRunsRequest) (*darkroomv1.ListRunsResponse, error) {
	visible := s.gate.viewer(ctx, darkroomv1.RunService_GetRun_FullMethodName)
	list, next, err := gather(r, lightPart,
		func(page enclave.Page) ([]enclave.Run, string, error) {
			return s.Runs.List(ctx, scope(callerOf(ctx)), page)
		},
		func(item enclave.Run) (*darkroomv1.Run, bool, error) {
			ok, err := visible(runTarget(item))
			return seenRun(item), ok, err
		})
	return &darkroomv1.ListRunsResponse{Runs: list, NextPageToken: next}, err
}

func (s *runs) CancelRun(ctx context.Context, r *darkroomv1.CancelRunRequest) (*darkroomv1.CancelRunResponse, error) {
	found, err := s.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	canceled, err := s.Runs.Cancel(ctx, callerOf(ctx), found.ID)
	if err != nil {
		return nil, err
	}
	return &darkroomv1.CancelRunResponse{Run: seenRun(canceled)}, nil
}

// WatchRun ends with SERVER_STOPPING when the server stops: a watcher would hold it up for as long as the run takes.
func (s *runs) WatchRun(r *darkroomv1.WatchRunRequest, stream grpc.ServerStreamingServer[darkroomv1.WatchRunResponse]) error {
	found, err := s.find(stream.Context(), r.GetName())
	if err != nil {
		return err
	}
	return s.stoppable(stream.Context(), func(ctx context.Context) error {
		return s.Runs.Watch(ctx, found.ID, func(now enclave.Run) error {
			return receiving(stream.Send(&darkroomv1.WatchRunResponse{Run: seenRun(now)}))
		})
	})
}

// stoppable is a call that may take as long as a run. It is cut off when the server stops, and then fails with SERVER_STOPPING.
func (s *runs) stoppable(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	ended, returned := make(chan bool, 1), make(chan struct{})
	go func() {
		select {
		case <-s.stopping:
			cancel()
			ended <- true
		case <-returned:
			ended <- false
		}
	}()
	err := call(ctx)
	close(returned)
	stopped := <-ended
	cancel()
	if err != nil && stopped {
		return enclave.Fail(enclave.Unavailable, "SERVER_STOPPING").Because(err)
	}
	return err
}

// ReplayRun ends with SERVER_STOPPING when the server stops, like WatchRun.
func (s *runs) ReplayRun(ctx context.Context, r *darkroomv1.ReplayRunRequest) (*darkroomv1.ReplayRunResponse, error) {
	found, err := s.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	var replayed run.Replayed
	err = s.stoppable(ctx, func(ctx context.Context) error {
		replayed, err = s.Runs.Replay(ctx, callerOf(ctx), found.ID, int(r.GetWorkers()))
		return err
	})
	if err != nil {
		return nil, err
	}
	seen := &darkroomv1.ReplayRunResponse{
		SameOutput: replayed.Output, SameDecision: replayed.Decision, SameFacts: replayed.Facts, SameRecord: replayed.Record,
		Stage: string(replayed.Stage),
	}
	if replayed.Stopped != nil {
		seen.Stopped = seenReason(*replayed.Stopped)
	}
	return seen, nil
}

func (s *runs) FetchResult(r *darkroomv1.FetchResultRequest, stream grpc.ServerStreamingServer[darkroomv1.FetchResultResponse]) error {
	found, err := s.find(stream.Context(), r.GetName())
	if err != nil {
		return err
	}
	leave, err := s.fetches.enter(callerOf(stream.Context()).Org)
	if err != nil {
		return err
	}
	defer leave()
	result, err := s.Runs.Result(stream.Context(), found.ID)
	if err != nil {
		return err
	}
	for len(result) > 0 {
		n := min(len(result), resultChunk)
		if err := stream.Send(&darkroomv1.FetchResultResponse{Chunk: result[:n]}); err != nil {
			return receiving(err)
		}
		result = result[n:]
	}
	return nil
}

func (s *runs) GetReceipt(ctx context.Context, r *darkroomv1.GetReceiptRequest) (*darkroomv1.GetReceiptResponse, error) {
	found, err := s.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	receipt, err := s.Runs.Receipt(ctx, found.ID)
	if err != nil {
		return nil, err
	}
	return &darkroomv1.GetReceiptResponse{ReceiptJson: string(receipt)}, nil
}

// GetReport leaves it to the register whether the caller may see what happened, beside whether it may reach the run.
func (s *runs) GetReport(ctx context.Context, r *darkroomv1.GetReportRequest) (*darkroomv1.GetReportResponse, error) {
	found, err := s.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	report, err := s.Runs.Report(ctx, callerOf(ctx), found.ID)
	if err != nil {
		return nil, err
	}
	return &darkroomv1.GetReportResponse{ReportJson: string(report)}, nil
}

// ExplainRun leaves it to the register how much the caller may see.
func (s *runs) ExplainRun(ctx context.Context, r *darkroomv1.ExplainRunRequest) (*darkroomv1.ExplainRunResponse, error) {
	found, err := s.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	explanation, err := s.Runs.Explain(ctx, callerOf(ctx), found.ID)
	if err != nil {
		return nil, err
	}
	text, err := toJSON(explanation)
	return &darkroomv1.ExplainRunResponse{ExplanationJson: text}, err
}

// environmentOf is Prod unless Dev is asked for.
func environmentOf(e darkroomv1.Environment) enclave.Environment {
	if e == darkroomv1.Environment_ENVIRONMENT_DEV {
		return enclave.Dev
	}
	return enclave.Prod
}
