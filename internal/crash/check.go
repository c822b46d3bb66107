package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// check looks, on the running server, whether it stands by what it said: every checkpoint is continued by the newest, and runs have the
// outcomes and results that they had; at most limit of them, chosen by the dice.
func (j *journal) check(ctx context.Context, d *domain, dice *dice, limit int) error {
	auditor, err := d.client(ctx, auditors)
	if err != nil {
		return err
	}
	defer auditor.Close() //nolint:errcheck // nothing is lost
	if err := j.compare(ctx, d, auditor); err != nil {
		return err
	}
	ended := j.ended()
	for n := min(limit, len(ended)); n > 0; n-- {
		at := dice.below(len(ended))
		if limit >= len(ended) {
			at = n - 1
		}
		if err := j.again(ctx, d, ended[at]); err != nil {
			return err
		}
	}
	return nil
}

// compare proves that the newest checkpoint continues every one that was seen.
func (j *journal) compare(ctx context.Context, d *domain, auditor *sdk.Client) error {
	newest, err := auditor.Checkpoint(ctx)
	if err != nil {
		return err
	}
	j.head(newest)
	for _, older := range j.seen() {
		if older.Head.Size > newest.Head.Size {
			j.violated("the ledger has %d entries and had %d", newest.Head.Size, older.Head.Size)
			continue
		}
		var proof []verify.Hash
		if older.Head.Size > 0 && older.Head.Size < newest.Head.Size {
			hashes, err := auditor.Consistency(ctx, older.Head.Size, newest.Head.Size)
			if err != nil {
				return err
			}
			for _, hash := range hashes {
				proof = append(proof, verify.Hash(hash))
			}
		}
		if err := verify.Consistency(d.credentials[auditors].LedgerKey, older.Signed, newest.Signed, proof); err != nil {
			j.violated("the ledger of size %d does not continue that of size %d: %v", newest.Head.Size, older.Head.Size, err)
		}
		j.count(&j.compared)
	}
	return nil
}

// again looks at a run whose outcome was seen before.
func (j *journal) again(ctx context.Context, d *domain, t *taken) error {
	client, err := d.client(ctx, t.operator)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	run, err := client.GetRun(ctx, t.id)
	if err != nil {
		return err
	}
	j.saw(t, run, 0)
	return j.fetch(ctx, client, t)
}

// account is what the ledger says of runs.
type account struct {
	entries  uint64
	acts     map[string]bool              // by id
	verbs    map[string][]string          // by run: verbs of its acts, in order
	places   map[string][]uint64          // by run: the same acts' places in the ledger
	results  map[string]string            // by run that was released: digest of the result
	releases map[string]map[string]string // by dataset: version of the history that was released against → run
}

// read reads every record of the ledger, as an auditor may.
func read(ctx context.Context, d *domain, j *journal) (*account, error) {
	auditor, err := d.client(ctx, auditors)
	if err != nil {
		return nil, err
	}
	defer auditor.Close() //nolint:errcheck // nothing is lost
	head, err := auditor.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	a := &account{
		entries: head.Head.Size, acts: map[string]bool{}, verbs: map[string][]string{}, places: map[string][]uint64{},
		results: map[string]string{}, releases: map[string]map[string]string{},
	}
	for index := range a.entries {
		entry, err := auditor.Entry(ctx, index)
		if err != nil {
			j.violated("entry %d of the ledger has no record: %v", index, err)
			continue
		}
		var act verify.Act
		if err := json.Unmarshal(entry.Body, &act); err != nil {
			return nil, err
		}
		if a.acts[act.ID] {
			j.violated("act %s stands twice in the ledger", act.ID)
		}
		a.acts[act.ID] = true
		if run, about := strings.CutPrefix(act.Object, "runs/"); about {
			a.places[run] = append(a.places[run], index)
			a.note(j, run, &act)
		}
	}
	return a, nil
}

// note takes up an act about a run.
func (a *account) note(j *journal, run string, act *verify.Act) {
	if strings.HasPrefix(act.Verb, "run.") { // not what reviewers do on their way
		a.verbs[run] = append(a.verbs[run], act.Verb)
	}
	if act.Verb != "run.release" {
		return
	}
	dataset, version := act.Detail["dataset"], act.Detail["history"]
	if a.releases[dataset] == nil {
		a.releases[dataset] = map[string]string{}
	}
	if other, twice := a.releases[dataset][version]; twice {
		j.violated("runs %s and %s were both released against version %s of the history of %s", other, run, version, dataset)
	}
	a.releases[dataset][version], a.results[run] = run, act.Detail[verify.DetailResult]
}

// agree compares the ledger with the runs that the server has: each was submitted once and ended once, in the way that the act says, and each
// release is one step of its dataset's history.
func (a *account) agree(j *journal, runs map[string]sdk.Run) {
	verbs := map[sdk.Outcome]string{
		sdk.RunReleased: "run.release", sdk.RunHeld: "run.hold", sdk.RunDenied: "run.deny", sdk.RunFailed: "run.fail", sdk.RunCanceled: "run.cancel",
	}
	for id, run := range runs {
		got, end := strings.Join(a.verbs[id], " "), verbs[run.Outcome]
		if got != "run.submit "+end && got != "run.submit run.hold "+end {
			j.violated("the ledger says of run %s, which was %s: %s", id, run.Outcome, got)
		}
		if a.results[id] != run.Result {
			j.violated("the ledger names the result %q of run %s, which has %q", a.results[id], id, run.Result)
		}
	}
	for id := range a.verbs {
		if _, known := runs[id]; !known {
			j.violated("the ledger speaks of run %s, which nobody knows", id)
		}
	}
	for dataset, steps := range a.releases {
		for version := range len(steps) {
			if steps[strconv.Itoa(version)] == "" {
				j.violated("%d releases of %s, and none against version %d of its history", len(steps), dataset, version)
			}
		}
	}
}

// offline checks, with no server, the ledger's files and every receipt and checkpoint that was handed out.
func (j *journal) offline(d *domain) (receipts int) {
	key, files := d.credentials[auditors].LedgerKey, os.DirFS(app.Ledger(d.dir))
	whole := map[string]bool{}
	extends := func(checkpoint string) {
		if whole[checkpoint] {
			return
		}
		whole[checkpoint] = true
		if _, err := verify.Extends(files, key, []byte(checkpoint)); err != nil {
			j.violated("the ledger's files: %v", err)
		}
	}
	for _, head := range j.seen() {
		extends(string(head.Signed))
	}
	for _, t := range j.all() {
		if t.end.Outcome != sdk.RunReleased {
			continue
		}
		receipt, err := verify.ParseReceipt(t.receipt)
		if err != nil {
			j.violated("run %s: %v", t.id, err)
			continue
		}
		extends(receipt.Checkpoint)
		if err := genuine(key, receipt, t); err != nil {
			j.violated("run %s: %v", t.id, err)
		}
		receipts++
	}
	return receipts
}

// genuine checks that a receipt is of this run's release and of these bytes.
func genuine(key string, receipt *verify.Receipt, t *taken) error {
	statement, err := receipt.Verify(key)
	if err != nil {
		return err
	}
	if statement.Act.Verb != "run.release" || statement.Act.Object != "runs/"+t.id {
		return fmt.Errorf("its receipt says %s of %s", statement.Act.Verb, statement.Act.Object)
	}
	return statement.VerifyResult(t.result)
}
