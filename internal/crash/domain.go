package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
)

const (
	health   = "health-commission"
	auditors = "audit-office"
	panel    = "expert-panel"
)

func operators() []string { return []string{"acme-analytics", "globex-insurance", "initech-research"} }

// config is what the domain's directory says of itself: a module is stopped soon, so that those that never end do not take all time.
const config = ""

// domain is a directory with the server on it, which comes and goes, and a credential for everybody.
type domain struct {
	dir         string
	credentials map[string]sdk.Credential    // by organisation; "" is the authority
	grants      map[string]map[string]string // by operator and dataset
	modules     map[string]map[string]string // by operator and question

	mu      sync.Mutex
	address string        // "" while the server is down
	life    int           // how often it was down
	changed chan struct{} // closed at the next change
}

// open makes a domain on a new directory, with datasets, grants and modules, on a server that is left alone meanwhile.
func open(ctx context.Context, dir string, env ...string) (*domain, *server, error) {
	d := &domain{
		dir: dir, changed: make(chan struct{}), credentials: map[string]sdk.Credential{},
		grants: map[string]map[string]string{}, modules: map[string]map[string]string{},
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "darkroom.yaml"), []byte(config), 0o600); err != nil {
		return nil, nil, err
	}
	s, err := launch(dir, env...)
	if err != nil {
		return nil, nil, err
	}
	address, err := s.up(ctx)
	if err == nil {
		d.say(address)
		err = d.furnish(ctx)
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.kill())
	}
	return d, s, nil
}

// say tells everybody where the server is now; "" for nowhere.
func (d *domain) say(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if address == "" {
		d.life++
	}
	d.address = address
	close(d.changed)
	d.changed = make(chan struct{})
}

// where is the server's address, how often it was down, and a channel that is closed when that changes.
func (d *domain) where() (address string, life int, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.address, d.life, d.changed
}

// client connects as somebody of an organisation as soon as there is a server. It fails only when ctx ends.
func (d *domain) client(ctx context.Context, org string) (*sdk.Client, error) {
	for {
		address, _, changed := d.where()
		if address != "" {
			client, err := sdk.Dial(ctx, d.credentials[org], sdk.WithAddress(address))
			if err == nil || !passing(err) {
				return client, err
			}
		}
		again := time.NewTimer(time.Second)
		select {
		case <-changed:
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// passing reports whether an error says no more than that the server went away.
func passing(err error) bool {
	e := asError(err)
	return e != nil && (e.Kind == sdk.Unavailable || e.Kind == sdk.Canceled)
}

// asError is the SDK's own error, nil if it is none.
func asError(err error) *sdk.Error {
	e, _ := errors.AsType[*sdk.Error](err)
	return e
}

// furnish issues credentials, loads the datasets, and takes grants and modules through their steps.
func (d *domain) furnish(ctx context.Context) error {
	var err error
	if d.credentials[""], err = sdk.ReadCredential(app.AuthorityCredential(d.dir)); err != nil {
		return err
	}
	authority, err := d.client(ctx, "")
	if err != nil {
		return err
	}
	defer authority.Close() //nolint:errcheck // nothing is lost
	for org, role := range map[string]sdk.Role{
		health: sdk.Source, auditors: sdk.Auditor, panel: sdk.Reviewer, operators()[0]: sdk.Operator, operators()[1]: sdk.Operator, operators()[2]: sdk.Operator,
	} {
		if d.credentials[org], err = authority.IssueIdentity(ctx, sdk.Identity{Role: role, Org: org, Name: "somebody"}, 0); err != nil {
			return err
		}
	}
	source, err := d.client(ctx, health)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // nothing is lost
	for name, rows := range tables() {
		if err := d.load(ctx, authority, source, name, rows); err != nil {
			return err
		}
	}
	for _, operator := range operators() {
		if err := d.equip(ctx, authority, source, operator); err != nil {
			return err
		}
	}
	return nil
}

// load catalogues a table of so many rows under a name, and loads it.
func (d *domain) load(ctx context.Context, authority, source *sdk.Client, name string, rows int64) error {
	dataset := synth.Dataset()
	dataset.Name = name
	description, err := json.Marshal(dataset)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := synth.WriteCSV(&file, 7, rows); err != nil {
		return err
	}
	if _, err := authority.CreateDataset(ctx, description); err != nil {
		return err
	}
	_, err = source.Load(ctx, name, sdk.CSV, &file, nil)
	return err
}

// equip gives an operator its grants and its modules.
func (d *domain) equip(ctx context.Context, authority, source *sdk.Client, operator string) error {
	client, err := d.client(ctx, operator)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	d.grants[operator], d.modules[operator] = map[string]string{}, map[string]string{}
	for name := range tables() {
		grant, err := client.ApplyGrant(ctx, sdk.Application{
			Scenario: "fair-premiums", Purpose: "To be killed over.", TermDays: 30, Scopes: []sdk.Scope{{Dataset: name, Columns: columns()}},
		})
		if err != nil {
			return err
		}
		if _, err := authority.AssessGrant(ctx, grant.ID, true, ""); err != nil {
			return err
		}
		if _, err := source.ConfirmGrant(ctx, grant.ID, true, ""); err != nil {
			return err
		}
		d.grants[operator][name] = grant.ID
	}
	asked, err := questions()
	if err != nil {
		return err
	}
	for _, q := range asked {
		whole, err := admit.Attach(q.code, q.manifest)
		if err != nil {
			return err
		}
		module, err := client.UploadModule(ctx, bytes.NewReader(whole))
		if err != nil {
			return err
		}
		d.modules[operator][q.name] = module.Digest
		if !q.manifest.SeesRows() {
			continue
		}
		if err := approve(ctx, client, []*sdk.Client{authority, source}, module.Digest, q.dataset()); err != nil {
			return err
		}
	}
	return nil
}

// approve has people let a module run that sees rows.
func approve(ctx context.Context, operator *sdk.Client, people []*sdk.Client, module, dataset string) error {
	proposal, err := operator.ProposeModule(ctx, module, dataset, nil)
	if err != nil {
		return err
	}
	for _, person := range people {
		if _, _, err := person.GetProposal(ctx, proposal.ID); err != nil {
			return err
		}
		if _, err := person.VoteProposal(ctx, proposal.ID, sdk.ApproveModule, "", ""); err != nil {
			return err
		}
	}
	return nil
}

// columns are what the grants cover: all of the table's but identifiers.
func columns() []string {
	var names []string
	dataset := synth.Dataset()
	for i := range dataset.Columns {
		if dataset.Columns[i].Class != enclave.Identifier {
			names = append(names, dataset.Columns[i].Name)
		}
	}
	return names
}
