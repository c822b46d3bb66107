package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/sdk"
)

// settling is how long runs have for their outcome when nobody kills any more.
const settling = 5 * time.Minute

// conclude waits for the outcome of every run, stops the server and starts it once more, and then checks everything. It returns what the
// ledger says.
func (d *domain) conclude(ctx context.Context, s *server, j *journal, f *figures) (ledger *account, err error) {
	defer func() {
		if s != nil {
			err = errors.Join(err, s.kill())
		}
	}()
	if err := errors.Join(d.settle(ctx, j), j.check(ctx, d, throw(0, 0), len(j.all()))); err != nil {
		return nil, err
	}
	d.say("")
	if err := s.stop(); err != nil {
		j.violated("a server that was asked to stop: %v", err)
	}
	peak := s.peak()
	if s, err = launch(d.dir); err != nil {
		return nil, err
	}
	address, err := s.up(ctx)
	if err != nil {
		return nil, err
	}
	d.say(address)
	if err := d.adjourn(ctx); err != nil {
		return nil, err
	}
	runs, err := d.runs(ctx)
	if err != nil {
		return nil, err
	}
	if ledger, err = read(ctx, d, j); err != nil {
		return nil, err
	}
	ledger.agree(j, runs)
	if err := j.check(ctx, d, throw(0, 0), len(j.all())); err != nil {
		return nil, err
	}
	if err := s.stop(); err != nil {
		j.violated("a server that was asked to stop: %v", err)
	}
	s = nil
	receipts := j.offline(d)
	j.tell(f, runs)
	f.add("receipts that verify, offline", receipts)
	f.add("results fetched again, the same", j.refetched)
	f.add("checkpoints seen", len(j.heads))
	f.add("  consistency proofs", j.compared)
	f.add("entries of the ledger", ledger.entries)
	f.add("errors in the server's log", d.errors(j))
	f.add("peak memory, MiB", peak)
	f.violations = j.violations
	return ledger, nil
}

// settle waits until every run that was acknowledged has an outcome.
func (d *domain) settle(ctx context.Context, j *journal) error {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	clients := map[string]*sdk.Client{}
	for _, operator := range operators() {
		client, err := d.client(ctx, operator)
		if err != nil {
			return err
		}
		defer client.Close() //nolint:errcheck // nothing is lost
		clients[operator] = client
	}
	_, life, _ := d.where()
	for _, t := range j.all() {
		if err := j.follow(ctx, clients[t.operator], t, life); err != nil {
			j.violated("run %s (%s) is acknowledged and does not end: %v", t.id, t.question.name, err)
		}
	}
	return nil
}

// adjourn waits until what people have agreed on is done.
func (d *domain) adjourn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	client, err := d.client(ctx, panel)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	for agreed := true; agreed; pause(ctx.Done(), session) {
		agreed = false
		for review, err := range client.ListReviews(ctx) {
			if err != nil {
				return err
			}
			agreed = agreed || review.State == sdk.ReviewAgreed
		}
	}
	return nil
}

// runs are all runs that the server has, also those whose submission it was killed over, each with its outcome.
func (d *domain) runs(ctx context.Context) (map[string]sdk.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	authority, err := d.client(ctx, "")
	if err != nil {
		return nil, err
	}
	defer authority.Close() //nolint:errcheck // nothing is lost
	all := map[string]sdk.Run{}
	for run, err := range authority.ListRuns(ctx) {
		if err != nil {
			return nil, err
		}
		if run.Outcome == "" {
			if run, err = authority.Wait(ctx, run.ID); err != nil {
				return nil, err
			}
		}
		all[run.ID] = run
	}
	return all, nil
}

// tell adds what became of the runs.
func (j *journal) tell(f *figures, runs map[string]sdk.Run) {
	all, survivors := j.all(), 0
	outcomes, byHand := map[string]int{}, 0
	for _, t := range all {
		if _, known := runs[t.id]; !known {
			j.violated("run %s was acknowledged and is gone", t.id)
		}
		what := string(t.end.Outcome)
		if slices.Contains(codes(t.end), interrupted) {
			what += ", " + interrupted
		}
		outcomes[what]++
		if t.question.outcome == sdk.RunHeld && t.end.Outcome == sdk.RunReleased {
			byHand++
		}
		if t.endLife > t.life {
			survivors++
		}
	}
	f.add("runs acknowledged", len(all))
	for _, what := range slices.Sorted(maps.Keys(outcomes)) {
		f.add("  "+what, outcomes[what])
	}
	f.add("  ended in another process", survivors)
	f.add("  released by people", byHand)
	f.add("runs that exist, not acknowledged", len(runs)-len(all))
}

// errors counts the server's own complaints, which there should be none of unless its writes fail. Then the log's storage may panic, since it
// does over its lock file: that is a crash like any other.
func (d *domain) errors(j *journal) int {
	log, err := os.Open(logFile(d.dir))
	if err != nil {
		j.violated("%v", err)
		return 0
	}
	defer log.Close() //nolint:errcheck // only read from
	count := 0
	for lines := bufio.NewScanner(log); lines.Scan(); {
		line := lines.Text()
		if !strings.Contains(line, "level=ERROR") && !strings.HasPrefix(line, "panic") && !strings.HasPrefix(line, "fatal error") {
			continue
		}
		if count++; count <= 10 && !j.faulty {
			j.violated("the server logged %s", fmt.Sprintf("%.400s", line))
		}
	}
	return count
}
