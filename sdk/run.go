package sdk

import (
	"context"
	"errors"
	"iter"
	"math"
	"strings"
	"time"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// Outcome is how a run ended; "" while it is under way.
type Outcome string

// The outcomes.
const (
	RunReleased Outcome = "released" // the result may be fetched
	RunHeld     Outcome = "held"     // waits for a person
	RunDenied   Outcome = "denied"   // policy said no
	RunFailed   Outcome = "failed"   // the module or the enclave could not finish it
	RunCanceled Outcome = "canceled" // stopped by the operator or the authority
	// RunRehearsed is how a run on synthetic rows ends whose result would be released or, if it has reasons, held. See [Client.Report].
	RunRehearsed Outcome = "rehearsed"
)

// Sample is how many synthetic rows and subjects a run reads; 0 means the enclave's default.
type Sample struct {
	Rows, Subjects int64
}

// Order says what to run.
type Order struct {
	Grant    string
	Module   string            // digest
	Dataset  string            // of Snapshot; empty with it
	Snapshot string            // digest of the dataset's newest snapshot, or else SNAPSHOT_NOT_NEWEST; empty means whichever is the newest
	Params   map[string]string // values for the parameters that the manifest declares
	Dev      *Sample           // to run on synthetic rows, made from the dataset's description alone; everything is reported then
}

// Run is one execution.
type Run struct {
	ID        string
	Operator  string
	Grant     string
	Scenario  string
	Module    string // digest
	Dataset   string
	Snapshot  string // digest
	Params    map[string]string
	Policy    string // digest of the policy revision that judges it
	Stage     string // queued, admit, load, execute, measure, treat, judge, record, release
	Outcome   Outcome
	Reasons   []Reason  // why, where it was not released
	Question  string    // of a held run: what waits for the operator's answer, "" if nothing does
	Result    string    // SHA-256 of the released bytes, "" if nothing was released
	Submitted time.Time // rounded up to 10 seconds
	Finished  time.Time // rounded up to 10 seconds; zero while it is under way
	Support   string    // what to quote when asking the authority what happened; "" while it is under way
	Dev       *Sample   // the synthetic rows that it reads; nil if it reads the snapshot
	Fuel      int64     // units that were set aside for the module before the run began, whatever it needed; 0 without code
}

// Submit queues a run. Everything that it depends on is pinned by digest now.
func (c *Client) Submit(ctx context.Context, o Order) (Run, error) {
	request := &darkroomv1.SubmitRunRequest{Grant: in("grants", o.Grant), Module: in("modules", o.Module), Params: o.Params}
	if o.Snapshot != "" || o.Dataset != "" {
		request.Snapshot = snapshotName(o.Dataset, o.Snapshot)
	}
	if o.Dev != nil {
		request.Environment = darkroomv1.Environment_ENVIRONMENT_DEV
		request.Sample = &darkroomv1.Sample{Rows: o.Dev.Rows, Subjects: o.Dev.Subjects}
	}
	r, err := c.runs.SubmitRun(ctx, request)
	return toRun(r.GetRun()), received(err)
}

// GetRun returns one run as it is now.
func (c *Client) GetRun(ctx context.Context, id string) (Run, error) {
	r, err := c.runs.GetRun(ctx, &darkroomv1.GetRunRequest{Name: in("runs", id)})
	return toRun(r.GetRun()), received(err)
}

// ListRuns iterates over the runs that the caller may see, newest first.
func (c *Client) ListRuns(ctx context.Context) iter.Seq2[Run, error] {
	return pages(func(token string) ([]Run, string, error) {
		r, err := c.runs.ListRuns(ctx, &darkroomv1.ListRunsRequest{PageToken: token})
		return each(r.GetRuns(), toRun), r.GetNextPageToken(), err
	})
}

// Watch yields the run as it is now and after every change, and ends after its outcome. An error is the last thing yielded. Leaving
// the loop early ends the call.
func (c *Client) Watch(ctx context.Context, id string) iter.Seq2[Run, error] {
	return func(yield func(Run, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := c.runs.WatchRun(ctx, &darkroomv1.WatchRunRequest{Name: in("runs", id)})
		for outcome := Outcome(""); err == nil && outcome == ""; {
			var r *darkroomv1.WatchRunResponse
			if r, err = stream.Recv(); err == nil {
				run := toRun(r.GetRun())
				if !yield(run, nil) {
					return
				}
				outcome = run.Outcome
			}
		}
		if err != nil {
			yield(Run{}, ended(err))
		}
	}
}

// Wait returns the run when it has an outcome. That it was denied or failed is not an error here: see [Run.Outcome]. It watches through a
// restart of the enclave: after an error of kind [Unavailable] it tries again, until a minute or so has brought nothing new. With an
// error it returns the run as it was last.
func (c *Client) Wait(ctx context.Context, id string) (Run, error) {
	var latest Run
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := c.follow(ctx, id, func(run Run) {
			if run.Stage != latest.Stage || run.Outcome != latest.Outcome {
				pause = firstPause
			}
			latest = run
		})
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != Unavailable || latest.ID == "" || pause == lastPause {
			return latest, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop() // and the next call says why
		}
	}
}

// How long Wait pauses after an error, doubling from one to the other. All of them together are about a minute.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 64 * time.Second
)

// follow watches a run until its outcome or an error.
func (c *Client) follow(ctx context.Context, id string, see func(Run)) error {
	for run, err := range c.Watch(ctx, id) {
		if err != nil {
			return err
		}
		see(run)
	}
	return nil
}

// Cancel stops a run that has no outcome yet, and returns it as it is: it may still be stopping.
func (c *Client) Cancel(ctx context.Context, id string) (Run, error) {
	r, err := c.runs.CancelRun(ctx, &darkroomv1.CancelRunRequest{Name: in("runs", id)})
	return toRun(r.GetRun()), received(err)
}

// Receipt returns the signed statement of how a released result came to be, JSON. Package sdk/verify reads it with no network.
func (c *Client) Receipt(ctx context.Context, id string) ([]byte, error) {
	r, err := c.runs.GetReceipt(ctx, &darkroomv1.GetReceiptRequest{Name: in("runs", id)})
	return []byte(r.GetReceiptJson()), received(err)
}

// Report returns everything that is known of how a run ended, as JSON: to its operator if it read synthetic rows, to the authority and
// auditors always; else REPORT_NOT_SHOWN.
func (c *Client) Report(ctx context.Context, id string) ([]byte, error) {
	r, err := c.runs.GetReport(ctx, &darkroomv1.GetReportRequest{Name: in("runs", id)})
	return []byte(r.GetReportJson()), received(err)
}

// Explain returns how a run ended and why, as JSON: to the authority, auditors and reviewers with every rule that was asked, the facts that it
// saw and the numbers that it used; to its operator with the outcome and general advice.
func (c *Client) Explain(ctx context.Context, id string) ([]byte, error) {
	r, err := c.runs.ExplainRun(ctx, &darkroomv1.ExplainRunRequest{Name: in("runs", id)})
	return []byte(r.GetExplanationJson()), received(err)
}

// Replay says whether a run that is walked once more ends as its record says. It holds nothing of the output.
type Replay struct {
	SameOutput   bool    // the bytes that would leave, and which row is in which of their cells
	SameDecision bool    // what policy decided, with its reasons, its revision and its numbers
	SameFacts    bool    // the facts that it was decided from
	SameRecord   bool    // what is kept of the run is what was decided then: the record in the ledger, the output
	Stage        string  // the first stage that shows a difference, or that the replay did not come through
	Stopped      *Reason // why the replay came to no decision; nil if it came to one
}

// Same reports whether nothing differs.
func (r *Replay) Same() bool { return r.SameOutput && r.SameDecision && r.SameFacts && r.SameRecord }

// Replay walks the path of a run that was released, held or denied once more, on so many workers, 0 to 64, where 0 means as many as for runs:
// for the authority and auditors. That something differs is not an error. It takes about as long as the run did; REPLAY_BUSY if another replay
// is under way.
func (c *Client) Replay(ctx context.Context, id string, workers int) (Replay, error) {
	request := &darkroomv1.ReplayRunRequest{Name: in("runs", id), Workers: int32(max(min(workers, math.MaxInt32), math.MinInt32))}
	r, err := c.runs.ReplayRun(ctx, request)
	replay := Replay{
		SameOutput: r.GetSameOutput(), SameDecision: r.GetSameDecision(), SameFacts: r.GetSameFacts(), SameRecord: r.GetSameRecord(), Stage: r.GetStage(),
	}
	if stopped := r.GetStopped(); stopped != nil {
		reason := reasonOf(stopped)
		replay.Stopped = &reason
	}
	return replay, received(err)
}

func toRun(r *darkroomv1.Run) Run {
	dataset, snapshot := splitSnapshot(r.GetSnapshot())
	var dev *Sample
	if r.GetEnvironment() == darkroomv1.Environment_ENVIRONMENT_DEV {
		dev = &Sample{Rows: r.GetSample().GetRows(), Subjects: r.GetSample().GetSubjects()}
	}
	return Run{
		ID: last(r.GetName()), Operator: r.GetOperator(), Grant: last(r.GetGrant()), Scenario: r.GetScenario(), Module: last(r.GetModule()),
		Dataset: dataset, Snapshot: snapshot, Params: r.GetParams(), Policy: r.GetPolicyRevision(), Stage: r.GetStage(),
		Outcome: Outcome(word(r.GetOutcome().String(), "RUN_OUTCOME_")), Reasons: each(r.GetReasons(), reasonOf), Question: r.GetQuestion(),
		Result:    r.GetResultDigest(),
		Submitted: at(r.GetCreateTime()), Finished: at(r.GetEndTime()), Support: r.GetSupport(), Dev: dev, Fuel: r.GetReservedFuel(),
	}
}

// splitSnapshot takes "datasets/{dataset}/snapshots/{digest}" apart.
func splitSnapshot(name string) (dataset, digest string) {
	parent, digest, _ := strings.Cut(name, "/snapshots/")
	return last(parent), digest
}
