package e2e_test

import (
	"bytes"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
)

// On a dataset of grade 4 a module with code runs only while two people let exactly its bytes run.
func TestModuleReview(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	panel, err := d.clients["authority"].IssueIdentity(t.Context(), sdk.Identity{Role: sdk.Reviewer, Org: "expert-panel", Name: "sun"}, 0)
	ok(t, err)
	d.credentials["expert-panel"] = panel
	d.dial("expert-panel")
	dataset := synth.Dataset()
	dataset.Grade = 4
	var file bytes.Buffer
	ok(t, synth.WriteCSV(&file, 7, 8000))
	d.load(dataset, file.Bytes())
	grant := d.grant(acme, dataset)
	code := guest(t, scaffold.AgeBand)
	module := d.upload(acme, bands("honest"), code)
	runs := func(module, reason string) {
		t.Helper()
		run := d.submit(acme, grant, module, map[string]string{"as_of": "2024"})
		if reason == "" {
			d.ends(acme, run, sdk.RunReleased, "")
			return
		}
		ended := d.ends(acme, run, sdk.RunDenied, reason)
		d.nothingOf(ended)
		if len(ended.Reasons) != 1 {
			t.Errorf("reasons %+v", ended.Reasons)
		}
	}
	const refused = "MODULE_NOT_APPROVED"
	runs(module, refused)
	alone := bands("alone")
	alone.Keys, alone.Params = alone.Keys[1:], nil
	alone.Margins = nil
	d.ends(acme, d.submit(acme, grant, d.upload(acme, alone, nil), nil), sdk.RunReleased, "") // without code there is nothing to approve

	p, err := d.clients[acme].ProposeModule(t.Context(), module, dataset.Name, nil)
	ok(t, err)
	runs(module, refused)
	d.vote("expert-panel", p, sdk.ProposalWaiting)
	runs(module, refused)
	d.vote(health, p, sdk.ProposalApproved)
	runs(module, "")

	// Only as approved: within its parameters' domains, these bytes, this organisation.
	_, err = d.clients[acme].Submit(t.Context(), sdk.Order{Grant: grant, Module: module, Params: map[string]string{"as_of": "2027"}})
	if got := sdk.ReasonOf(err); got != "PARAM_OUT_OF_DOMAIN" {
		t.Errorf("a parameter outside its domain: %v", err)
	}
	wider := bands("honest")
	wider.Params = []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2030, Default: "2024"}}
	runs(d.upload(acme, wider, code), refused)
	d.upload(rival, bands("honest"), code)
	theirs := d.submit(rival, d.grant(rival, dataset), module, map[string]string{"as_of": "2024"})
	d.ends(rival, theirs, sdk.RunDenied, refused)

	d.close() // what people said outlives a restart
	d.open()
	runs(module, "")
	withdrawn, err := d.clients["authority"].WithdrawApproval(t.Context(), p.ID, "a fault")
	if err != nil || withdrawn.State != sdk.ProposalWithdrawn {
		t.Fatalf("%+v, %v", withdrawn, err)
	}
	runs(module, refused)
	_, err = d.clients[acme].ProposeModule(t.Context(), module, dataset.Name, nil)
	if got := sdk.ReasonOf(err); got != "PROPOSAL_FINAL" {
		t.Errorf("asked again: %v", err)
	}
}

// vote approves a proposal and expects the state that follows.
func (d *domain) vote(org string, p sdk.Proposal, state sdk.ProposalState) {
	d.t.Helper()
	_, material, err := d.clients[org].GetProposal(d.t.Context(), p.ID)
	if err != nil || material == nil || len(material.Missing) != 0 {
		d.t.Fatalf("what %s decides from: %+v, %v", org, material, err)
	}
	after, err := d.clients[org].VoteProposal(d.t.Context(), p.ID, sdk.ApproveModule, "", "")
	if err != nil || after.State != state {
		d.t.Fatalf("%s voted: %+v, %v", org, after, err)
	}
}

// A run that was queued before an approval was withdrawn does not begin after it.
func TestWithdrawnBeforeTheRunBegins(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{CallSeconds: 600, Workers: 1})
	dataset, file := people()
	dataset.Grade = 4
	d.load(dataset, file)
	grant := d.grant(acme, dataset)
	manifest, code := ageGroup(t)
	manifest.Fuel = enclave.MaxFuel
	module := d.upload(acme, manifest, code)
	p, err := d.clients[acme].ProposeModule(t.Context(), module, dataset.Name, nil)
	ok(t, err)
	panel, err := d.clients["authority"].IssueIdentity(t.Context(), sdk.Identity{Role: sdk.Reviewer, Org: "expert-panel", Name: "sun"}, 0)
	ok(t, err)
	d.credentials["expert-panel"] = panel
	d.dial("expert-panel")
	d.vote("expert-panel", p, sdk.ProposalWaiting)
	d.vote(office, p, sdk.ProposalApproved)
	atWork := d.submit(acme, grant, module, map[string]string{"work": "600"}) // seconds, or as far as its fuel goes
	waiting := d.submit(acme, grant, module, nil)
	_, err = d.clients["authority"].WithdrawApproval(t.Context(), p.ID, "a fault")
	ok(t, err)
	if _, err = d.clients["authority"].Cancel(t.Context(), atWork.ID); err != nil && sdk.ReasonOf(err) != "RUN_ENDED" {
		t.Fatal(err)
	}
	d.ends(acme, waiting, sdk.RunDenied, "MODULE_NOT_APPROVED")
}

// What was held while its module stood approved is not released once the approval is withdrawn, whatever people vote.
func TestWithdrawnBeforeTheVotes(t *testing.T) {
	t.Parallel()
	b := &bench{domain: start(t, app.Config{})}
	dataset := synth.Dataset()
	dataset.Grade = 4
	var file bytes.Buffer
	ok(t, synth.WriteCSV(&file, 7, 8000))
	b.load(dataset, file.Bytes())
	b.grant, b.chen, b.source = b.domain.grant(acme, dataset), b.person(sdk.Reviewer, panel, "chen"), b.clients[health]
	manifest := bands("peeping")
	manifest.Inputs[0].Show = []string{"cost"}
	module := b.uploadUnapproved(acme, manifest, guest(t, scaffold.AgeBand))
	p, err := b.clients[acme].ProposeModule(t.Context(), module, dataset.Name, nil)
	ok(t, err)
	b.vote(panel+"/chen", p, sdk.ProposalWaiting)
	b.vote(health, p, sdk.ProposalApproved)
	run := b.ends(acme, b.submit(acme, b.grant, module, nil), sdk.RunHeld, "OUTPUT_CRAFTED")
	_, err = b.clients["authority"].WithdrawApproval(t.Context(), p.ID, "it steals")
	ok(t, err)
	b.votes(b.chen, run, sdk.ChooseRelease, "", "")
	if last := b.votes(b.source, run, sdk.ChooseRelease, "", ""); last.State != sdk.ReviewClosed {
		t.Errorf("the review is %s", last.State)
	}
	b.nothingOf(b.ends(acme, run, sdk.RunDenied, "MODULE_NOT_APPROVED"))
}
