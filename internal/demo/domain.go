// Package demo plays the main job on a real enclave, for a person to read, and fails if any step does not come out as it must.
//
// Everything goes through the gRPC API and the Go SDK, with one credential for each role, as a user's own program would.
package demo

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/sdk"
)

// cast is who plays beside the authority: one person for each role.
func cast() []sdk.Identity {
	return []sdk.Identity{
		{Role: sdk.Source, Org: "health-commission", Name: "wang"},
		{Role: sdk.Operator, Org: "acme-analytics", Name: "li"},
		{Role: sdk.Reviewer, Org: "expert-panel", Name: "chen"},
		{Role: sdk.Auditor, Org: "audit-office", Name: "zhao"},
	}
}

// Domain is a running enclave with a client for each role.
type Domain struct {
	Dir     string
	App     *app.App
	Clients map[sdk.Role]*sdk.Client
	done    chan error
	stop    context.CancelFunc
}

// Start opens an enclave in a directory, serves it, and issues a credential for each role into DIR/credentials. Close MUST be called.
func Start(ctx context.Context, dir string, config app.Config, log *slog.Logger) (*Domain, error) {
	return open(ctx, dir, config, log, (*Domain).issue)
}

// Resume opens an enclave that Start made earlier, with the credentials that lie there. Close MUST be called.
func Resume(ctx context.Context, dir string, config app.Config, log *slog.Logger) (*Domain, error) {
	return open(ctx, dir, config, log, func(*Domain, context.Context) error { return nil })
}

func open(ctx context.Context, dir string, config app.Config, log *slog.Logger, issue func(*Domain, context.Context) error) (*Domain, error) {
	service, err := app.Open(ctx, dir, config, log)
	if err != nil {
		return nil, err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	d := &Domain{Dir: dir, App: service, Clients: map[sdk.Role]*sdk.Client{}, done: make(chan error, 1), stop: stop}
	go func() { d.done <- service.Serve(serving) }()
	if err := d.connect(ctx, issue); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// connect dials as each role, the authority first: it issues the others' credentials.
func (d *Domain) connect(ctx context.Context, issue func(*Domain, context.Context) error) error {
	if err := d.dial(ctx, sdk.Authority); err != nil {
		return err
	}
	if err := issue(d, ctx); err != nil {
		return err
	}
	for _, who := range cast() {
		if err := d.dial(ctx, who.Role); err != nil {
			return err
		}
	}
	return nil
}

// issue writes a credential file for each of the cast.
func (d *Domain) issue(ctx context.Context) error {
	for _, who := range cast() {
		credential, err := d.Clients[sdk.Authority].IssueIdentity(ctx, who, 0)
		if err != nil {
			return err
		}
		if err := credential.WriteFile(d.Credential(who.Role)); err != nil {
			return err
		}
	}
	return nil
}

// Credential is the path of a role's credential file.
func (d *Domain) Credential(role sdk.Role) string {
	return filepath.Join(d.Dir, "credentials", string(role)+".json")
}

// dial connects as a role. The port may be another than when the credential was issued.
func (d *Domain) dial(ctx context.Context, role sdk.Role) error {
	credential, err := sdk.ReadCredential(d.Credential(role))
	if err != nil {
		return err
	}
	client, err := sdk.Dial(ctx, credential, sdk.WithAddress(d.App.Address()))
	if err != nil {
		return err
	}
	d.Clients[role] = client
	return nil
}

// Key is the domain's public key.
func (d *Domain) Key() (string, error) {
	raw, err := os.ReadFile(app.PublicKey(d.Dir))
	return strings.TrimSpace(string(raw)), err
}

// Wait returns when the enclave stops serving.
func (d *Domain) Wait() error { return <-d.done }

// Close hangs up and stops the enclave.
func (d *Domain) Close() error {
	var err error
	for _, client := range d.Clients {
		err = errors.Join(err, client.Close())
	}
	d.stop()
	return errors.Join(err, d.Wait())
}
