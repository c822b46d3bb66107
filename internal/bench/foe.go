package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/darkroom-project/darkroom/internal/demo"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

const largest = 1 << 20 // bytes of a module

// foe is an operator of nothing but hostile modules.
type foe struct {
	client  *sdk.Client
	grant   string
	classes []*class // the mix of all first
}

// class is what some hostile modules have in common: runs of those that are let in, uploads of those that are not.
type class struct {
	name   string
	orders []sdk.Order
	files  [][]byte

	next  atomic.Int64
	ended atomic.Int64 // runs, and uploads where nothing is let in
}

// classOf names the class of a hostile module.
func classOf(g *guests.Guest) string {
	switch {
	case strings.HasPrefix(g.Name, "bomb-"):
		return "compile bombs"
	case g.Door == guests.DoorAdmit, g.Door == guests.DoorCompile:
		return "refused uploads"
	case g.Door == guests.NoDoor:
		return "tricks, then rows as usual"
	case g.Reason == "MODULE_FUEL":
		return "endless loops"
	case g.Reason == "MODULE_MEMORY":
		return "memory growers"
	}
	return "traps and breaches"
}

// newFoe issues an identity, has it granted the table, and uploads the hostile modules that are let in.
func newFoe(ctx context.Context, d *demo.Domain) (*foe, error) {
	credential, err := d.Clients[sdk.Authority].IssueIdentity(ctx, sdk.Identity{Role: sdk.Operator, Org: "mallory-analytics", Name: "mallory"}, 0)
	if err != nil {
		return nil, err
	}
	f := &foe{classes: []*class{{name: "all of them"}}}
	if f.client, err = sdk.Dial(ctx, credential, sdk.WithAddress(d.App.Address())); err != nil {
		return nil, err
	}
	if f.grant, err = f.apply(ctx, d); err != nil {
		return nil, errors.Join(err, f.client.Close())
	}
	for _, g := range guests.Hostile() {
		if err := f.enlist(ctx, &g); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", g.Name, err), f.client.Close())
		}
	}
	for _, c := range f.classes { // by their digests: in no order, and the same every time
		slices.SortFunc(c.orders, func(a, b sdk.Order) int { return strings.Compare(a.Module, b.Module) })
	}
	return f, nil
}

// apply has a grant given to the foe.
func (f *foe) apply(ctx context.Context, d *demo.Domain) (string, error) {
	grant, err := f.client.ApplyGrant(ctx, sdk.Application{
		Scenario: "planning", Purpose: "To see what an enclave can bear.", TermDays: 30,
		Scopes: []sdk.Scope{{Dataset: large, Columns: []string{"district", "birth_year", "cost"}}},
	})
	if err != nil {
		return "", err
	}
	if _, err := d.Clients[sdk.Authority].AssessGrant(ctx, grant.ID, true, ""); err != nil {
		return "", err
	}
	_, err = d.Clients[sdk.Source].ConfirmGrant(ctx, grant.ID, true, "")
	return grant.ID, err
}

// enlist uploads a module that is let in, and puts it with those of its class.
func (f *foe) enlist(ctx context.Context, g *guests.Guest) error {
	whole := g.With(guests.Question(g.Name))
	if len(whole) > largest {
		return nil // to send it would take this process, which is the foe's too, longer than to refuse it takes the enclave
	}
	classes := []*class{f.classes[0], f.class(classOf(g))}
	switch g.Door {
	case guests.DoorAdmit, guests.DoorCompile:
		for _, c := range classes {
			c.files = append(c.files, whole)
		}
	case guests.DoorFinish: // programs, which people look at first
	case guests.DoorStart, guests.DoorBatch, guests.DoorKeys, guests.NoDoor:
		module, err := f.client.UploadModule(ctx, bytes.NewReader(whole))
		if err != nil {
			return err
		}
		for _, c := range classes {
			c.orders = append(c.orders, sdk.Order{Grant: f.grant, Module: module.Digest})
		}
	}
	return nil
}

// class is the one of a name, which is made if it is not there.
func (f *foe) class(name string) *class {
	at := slices.IndexFunc(f.classes, func(c *class) bool { return c.name == name })
	if at < 0 {
		at = len(f.classes)
		f.classes = append(f.classes, &class{name: name})
	}
	return f.classes[at]
}

// attack has so many of a class under way at any time until stop is called, which cancels them and waits for their end. Where some are let in
// and others are not, so many run and one is uploaded.
func (f *foe) attack(ctx context.Context, c *class, many int) (stop func() error) {
	attacking, end := context.WithCancel(ctx)
	var all sync.WaitGroup
	failures := make([]error, many)
	uploads := min(many, len(c.files))
	if len(c.orders) > 0 {
		uploads = min(1, len(c.files))
		for i := range many {
			all.Go(func() {
				for attacking.Err() == nil && failures[i] == nil {
					failures[i] = f.one(ctx, attacking, c)
				}
			})
		}
	}
	for first := range uploads {
		all.Go(func() {
			for i := first; attacking.Err() == nil; i++ {
				// Each fails, for its own reason or because it was too often.
				_, _ = f.client.UploadModule(attacking, bytes.NewReader(c.files[i%len(c.files)]))
				if len(c.orders) == 0 && attacking.Err() == nil {
					c.ended.Add(1)
				}
			}
		})
	}
	return func() error {
		end()
		all.Wait()
		return errors.Join(failures...)
	}
}

// one runs the next module of a class to its end, or cancels it when the attack ends.
func (f *foe) one(ctx, attacking context.Context, c *class) error {
	run, err := f.client.Submit(ctx, c.orders[int(c.next.Add(1))%len(c.orders)])
	if err != nil {
		return err
	}
	if _, err := f.client.Wait(attacking, run.ID); err == nil {
		c.ended.Add(1)
		return nil
	}
	if _, err := f.client.Cancel(ctx, run.ID); err != nil && sdk.ReasonOf(err) != "RUN_ENDED" {
		return err
	}
	_, err = f.client.Wait(ctx, run.ID)
	return err
}
