package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// genuine verifies a receipt offline, of these bytes, against the ledger as it is now.
func (d *domain) genuine(receipt, result []byte) {
	d.t.Helper()
	key, err := os.ReadFile(app.PublicKey(d.dir))
	ok(d.t, err)
	parsed, err := verify.ParseReceipt(receipt)
	ok(d.t, err)
	statement, report, err := verify.Contains(os.DirFS(app.Ledger(d.dir)), strings.TrimSpace(string(key)), parsed)
	ok(d.t, err)
	ok(d.t, statement.VerifyResult(result))
	if statement.Act.Verb != "run.release" || report.Size <= statement.Index {
		d.t.Errorf("the receipt says %s at %d of %d", statement.Act.Verb, statement.Index, report.Size)
	}
	if statement.VerifyResult(append(bytes.Clone(result), 0)) == nil {
		d.t.Error("the receipt holds for other bytes too")
	}
}

// What was released before a restart is there after it, with its receipt, and the same question has the same answer.
func TestRestart(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	d.visits()
	grant := d.grant(acme, synth.Dataset())
	module := d.upload(acme, bands("honest"), guest(t, scaffold.AgeBand))
	run := d.submit(acme, grant, module, nil)
	before, _, _ := d.result(acme, run)
	receipt, err := d.clients[acme].Receipt(t.Context(), run.ID)
	ok(t, err)
	d.genuine(receipt, before)
	head, err := d.clients[acme].Checkpoint(t.Context())
	ok(t, err)

	d.close()
	d.open()
	after, _, _ := d.result(acme, run)
	if !bytes.Equal(before, after) {
		t.Error("the released result is another one after the restart")
	}
	again := d.submit(acme, grant, module, nil)
	repeated, _, _ := d.result(acme, again)
	if again.ID == run.ID || !bytes.Equal(before, repeated) {
		t.Error("the same question has another answer after the restart")
	}
	d.genuine(receipt, before) // the old one, in the log that has grown
	for _, id := range []string{run.ID, again.ID} {
		fresh, err := d.clients[acme].Receipt(t.Context(), id)
		ok(t, err)
		d.genuine(fresh, before)
	}
	report, err := verify.Extends(os.DirFS(app.Ledger(d.dir)), d.credentials[acme].LedgerKey, head.Signed)
	ok(t, err)
	if report.Size <= head.Head.Size {
		t.Errorf("the ledger has %d entries and had %d", report.Size, head.Head.Size)
	}
}

// people is a table for the tests' own guest. By the catalogue, ages are up to a million, so that the guest is asked in dozens of batches: what takes
// long is not one batch, which has only so much fuel.
func people() (*enclave.Dataset, []byte) {
	var file bytes.Buffer
	fmt.Fprintln(&file, "id,age,occupation")
	for i := range 3000 {
		fmt.Fprintf(&file, "p%d,%d,%s\n", i, 17+i*7%70, []string{"farmer", "nurse", "smith"}[i%3])
	}
	return &enclave.Dataset{
		Name: "people", Owner: office, Grade: 2, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "age", Type: enclave.Int, Class: enclave.Quasi, Min: "0", Max: "1000000"},
			{Name: "occupation", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"farmer", "nurse", "smith"}},
		},
	}, file.Bytes()
}

// underWay submits a run that takes long enough for change to come while it executes: longer and longer until it does.
func (d *domain) underWay(grant, module string, change func(), undo func()) sdk.Run {
	d.t.Helper()
	for work := 1; work <= 512; work *= 4 { // a batch has fuel for some 600
		run := d.submit(acme, grant, module, map[string]string{"work": strconv.Itoa(work)})
		for now, err := range d.clients[acme].Watch(d.t.Context(), run.ID) {
			ok(d.t, err)
			if now.Stage == "execute" {
				break
			}
		}
		change()
		now, err := d.clients[acme].GetRun(d.t.Context(), run.ID)
		ok(d.t, err)
		if now.Outcome == "" && now.Stage == "execute" {
			d.t.Logf("%d million steps a batch took long enough", work)
			return run
		}
		undo()
	}
	d.t.Fatal("no run took long enough")
	return sdk.Run{}
}

// What a run that is under way meets: its grant is suspended, its enclave is stopped. The two share an enclave, since the guest takes a while to
// compile.
func TestUnderWay(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{CallSeconds: 600, Workers: 1})
	dataset, file := people()
	d.load(dataset, file)
	grant := d.grant(acme, dataset)
	manifest, code := ageGroup(t)
	manifest.Fuel = enclave.MaxFuel // it takes long
	module := d.upload(acme, manifest, code)
	want, _, _ := d.result(acme, d.submit(acme, grant, module, nil))

	d.suspendUnderWay(grant, module)
	resumed, _, _ := d.result(acme, d.submit(acme, grant, module, nil))
	if !bytes.Equal(resumed, want) {
		t.Error("another result under the resumed grant")
	}
	for _, run := range d.stopUnderWay(grant, module) {
		if got, _, _ := d.result(acme, run); !bytes.Equal(got, want) {
			t.Error("an interrupted run has another result")
		}
	}
}

// suspendUnderWay checks that a suspended grant stops what comes, what waits and what is under way, and resumes it.
func (d *domain) suspendUnderWay(grant, module string) {
	d.t.Helper()
	authority := d.clients["authority"]
	var waiting sdk.Run
	resume := func() {
		_, err := authority.ResumeGrant(d.t.Context(), grant, "settled")
		ok(d.t, err)
	}
	atWork := d.underWay(grant, module, func() {
		waiting = d.submit(acme, grant, module, nil)
		_, err := authority.SuspendGrant(d.t.Context(), grant, "a complaint")
		ok(d.t, err)
	}, resume)
	d.nothingOf(d.ends(acme, atWork, sdk.RunFailed, "GRANT_NOT_ACTIVE"))
	d.nothingOf(d.ends(acme, waiting, sdk.RunFailed, "GRANT_NOT_ACTIVE"))
	_, err := d.clients[acme].Submit(d.t.Context(), sdk.Order{Grant: grant, Module: module})
	if got := sdk.ReasonOf(err); got != "GRANT_NOT_ACTIVE" {
		d.t.Errorf("a run under a suspended grant ended with %q", got)
	}
	resume()
}

// stopUnderWay stops the enclave while a run executes and another waits, and starts it again.
func (d *domain) stopUnderWay(grant, module string) []sdk.Run {
	d.t.Helper()
	interrupted := d.underWay(grant, module, func() {}, func() {})
	waiting := d.submit(acme, grant, module, nil)
	d.close()
	d.open()
	return []sdk.Run{interrupted, waiting}
}
