package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
)

// Organisations of the tests.
const (
	office = "stats-office"
	health = "health-commission"
	acme   = "acme-analytics"
	rival  = "rival-analytics"
)

const scenario = "fair-premiums"

// domain is an enclave that is served, with a client for each organisation. It can be stopped and started again.
type domain struct {
	t           *testing.T
	dir         string
	config      app.Config
	address     string // another one after each start
	credentials map[string]sdk.Credential
	clients     map[string]*sdk.Client // by organisation; "authority"
	stop        func() error
}

// tempDir is a directory for a domain. Nobody can wait for tessera's publisher, which may look at the tree once more after the ledger was closed, and leave a file
// in a directory that is being removed: so it is removed until nothing is left, before the test fails for what is there.
func tempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		for range 100 {
			if os.RemoveAll(dir) == nil {
				return
			}
		}
	})
	return dir
}

// start opens an enclave in a new directory. It is closed when the test ends.
func start(t *testing.T, config app.Config) *domain {
	t.Helper()
	config.Listen = "127.0.0.1:0"
	d := &domain{t: t, dir: tempDir(t), config: config, credentials: map[string]sdk.Credential{}}
	t.Cleanup(d.close)
	d.open()
	for org, role := range map[string]sdk.Role{office: sdk.Source, health: sdk.Source, acme: sdk.Operator, rival: sdk.Operator} {
		credential, err := d.clients["authority"].IssueIdentity(t.Context(), sdk.Identity{Role: role, Org: org, Name: "somebody"}, 0)
		ok(t, err)
		d.credentials[org] = credential
		d.dial(org)
	}
	return d
}

// open serves the directory, and connects everybody who has a credential.
func (d *domain) open() {
	d.t.Helper()
	log := slog.New(slog.NewTextHandler(d.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	opened, err := app.Open(d.t.Context(), d.dir, d.config, log)
	ok(d.t, err)
	d.address = opened.Address()
	serving, stop := context.WithCancel(context.WithoutCancel(d.t.Context()))
	done := make(chan error, 1)
	go func() { done <- opened.Serve(serving) }()
	d.stop = func() error {
		stop()
		return <-done
	}
	if d.credentials["authority"].Address == "" {
		credential, err := sdk.ReadCredential(app.AuthorityCredential(d.dir))
		ok(d.t, err)
		d.credentials["authority"] = credential
	}
	d.clients = map[string]*sdk.Client{}
	for _, org := range slices.Sorted(maps.Keys(d.credentials)) {
		d.dial(org)
	}
}

func (d *domain) dial(org string) {
	d.t.Helper()
	client, err := sdk.Dial(d.t.Context(), d.credentials[org], sdk.WithAddress(d.address))
	ok(d.t, err)
	d.clients[org] = client
}

// close stops the enclave and waits for it.
func (d *domain) close() {
	for _, client := range d.clients {
		if err := client.Close(); err != nil {
			d.t.Error(err)
		}
	}
	d.clients = nil
	if d.stop == nil {
		return
	}
	if err := d.stop(); err != nil {
		d.t.Error(err)
	}
	d.stop = nil
}

// load catalogues a dataset and loads a file.
func (d *domain) load(description *enclave.Dataset, file []byte) sdk.Snapshot {
	d.t.Helper()
	raw, err := json.Marshal(description)
	ok(d.t, err)
	_, err = d.clients["authority"].CreateDataset(d.t.Context(), raw)
	ok(d.t, err)
	snapshot, err := d.clients[description.Owner].Load(d.t.Context(), description.Name, sdk.CSV, bytes.NewReader(file), nil)
	ok(d.t, err)
	return snapshot
}

// visits loads the synthetic table, for tests whose matter is not the data.
func (d *domain) visits() {
	d.t.Helper()
	var file bytes.Buffer
	ok(d.t, synth.WriteCSV(&file, 7, 8000))
	d.load(synth.Dataset(), file.Bytes())
}

// grant takes an application for whole datasets, but for their identifiers, through its chain.
func (d *domain) grant(operator string, datasets ...*enclave.Dataset) string {
	d.t.Helper()
	application := sdk.Application{
		Scenario: scenario, Purpose: "a test", TermDays: 30, Forms: []string{string(enclave.Aggregate), string(enclave.Program)},
	}
	for _, dataset := range datasets {
		if dataset.Grade == 4 { // the policy allows no programs there
			application.Forms = application.Forms[:1]
		}
		scope := sdk.Scope{Dataset: dataset.Name}
		for i := range dataset.Columns {
			if dataset.Columns[i].Class != enclave.Identifier {
				scope.Columns = append(scope.Columns, dataset.Columns[i].Name)
			}
		}
		application.Scopes = append(application.Scopes, scope)
	}
	grant, err := d.clients[operator].ApplyGrant(d.t.Context(), application)
	ok(d.t, err)
	_, err = d.clients["authority"].AssessGrant(d.t.Context(), grant.ID, true, "")
	ok(d.t, err)
	grant, err = d.clients[datasets[0].Owner].ConfirmGrant(d.t.Context(), grant.ID, true, "")
	ok(d.t, err)
	if grant.State != sdk.GrantActive {
		d.t.Fatalf("the grant is %s", grant.State)
	}
	return grant.ID
}

// upload hands in a manifest with code, nil for none, and has two people approve it if it sees rows.
func (d *domain) upload(operator string, manifest *enclave.Manifest, code []byte) string {
	d.t.Helper()
	module := d.uploadUnapproved(operator, manifest, code)
	if !manifest.SeesRows() {
		return module
	}
	name := manifest.Inputs[0].Dataset
	p, err := d.clients[operator].ProposeModule(d.t.Context(), module, name, nil)
	if sdk.ReasonOf(err) == "PROPOSAL_EXISTS" {
		return module
	}
	ok(d.t, err)
	dataset, err := d.clients["authority"].GetDataset(d.t.Context(), name)
	ok(d.t, err)
	d.vote("authority", p, sdk.ProposalWaiting)
	d.vote(dataset.Owner, p, sdk.ProposalApproved)
	return module
}

func (d *domain) uploadUnapproved(operator string, manifest *enclave.Manifest, code []byte) string {
	d.t.Helper()
	whole, err := admit.Attach(code, manifest)
	ok(d.t, err)
	return d.uploadWhole(operator, whole)
}

func (d *domain) uploadWhole(operator string, whole []byte) string {
	d.t.Helper()
	module, err := d.clients[operator].UploadModule(d.t.Context(), bytes.NewReader(whole))
	ok(d.t, err)
	return module.Digest
}

// submit queues a run.
func (d *domain) submit(operator, grant, module string, params map[string]string) sdk.Run {
	d.t.Helper()
	run, err := d.clients[operator].Submit(d.t.Context(), sdk.Order{Grant: grant, Module: module, Params: params})
	ok(d.t, err)
	return run
}

// ends waits for a run that must end so, with that reason first; "" for none.
func (d *domain) ends(operator string, run sdk.Run, outcome sdk.Outcome, reason string) sdk.Run {
	d.t.Helper()
	run, err := d.clients[operator].Wait(d.t.Context(), run.ID)
	ok(d.t, err)
	got := ""
	if len(run.Reasons) > 0 {
		got = run.Reasons[0].Code
	}
	if run.Outcome != outcome || got != reason {
		d.t.Fatalf("the run was %s %+v, expected %s %s", run.Outcome, run.Reasons, outcome, reason)
	}
	return run
}

// result fetches what was released: the bytes and the table.
func (d *domain) result(operator string, run sdk.Run) (raw []byte, header []string, rows [][]string) {
	d.t.Helper()
	run = d.ends(operator, run, sdk.RunReleased, "")
	var stream bytes.Buffer
	ok(d.t, d.clients[operator].FetchTo(d.t.Context(), run.ID, &stream))
	batches, err := d.clients[operator].Fetch(d.t.Context(), run.ID)
	ok(d.t, err)
	header, rows = sdk.Rows(batches)
	return stream.Bytes(), header, rows
}

// sharedData is a table of the folder shared/data, looked for upward from here.
func sharedData(t *testing.T, name string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	ok(t, err)
	for {
		file := filepath.Join(dir, "shared", "data", name)
		if raw, err := os.ReadFile(file); err == nil { //nolint:gosec // a fixed name
			return raw
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skipf("there is no shared/data/%s", name)
		}
		dir = parent
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
