package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/sdk"
)

// candidate is a signed bundle of the rules in force with one number changed.
func (d *domain) candidate(place, value string) []byte {
	d.t.Helper()
	active, err := d.clients["authority"].Policy(d.t.Context())
	ok(d.t, err)
	var files []policy.File
	for _, f := range active.Files {
		files = append(files, policy.File{Path: f.Path, Text: f.Text})
	}
	files, err = policy.Set(files, place, value)
	ok(d.t, err)
	key, err := os.ReadFile(app.PolicyKey(d.dir))
	ok(d.t, err)
	files, err = policy.Sign(files, key)
	ok(d.t, err)
	archive, err := policy.EncodeArchive(files)
	ok(d.t, err)
	return archive
}

// colleague is a second person of the authority.
func (d *domain) colleague() *sdk.Client {
	d.t.Helper()
	const name = "colleague"
	if d.clients[name] == nil {
		credential, err := d.clients["authority"].IssueIdentity(d.t.Context(), sdk.Identity{Role: sdk.Authority, Org: "data-authority", Name: "chen"}, 0)
		ok(d.t, err)
		d.credentials[name] = credential
		d.dial(name)
	}
	return d.clients[name]
}

// rule changes one number as the authority does: one person proposes, another agrees.
func (d *domain) rule(place, value string) sdk.PolicyChange {
	d.t.Helper()
	change, err := d.clients["authority"].ProposePolicy(d.t.Context(), d.candidate(place, value), "a test")
	ok(d.t, err)
	change, err = d.colleague().DecidePolicyChange(d.t.Context(), change.ID, true)
	ok(d.t, err)
	return change
}

// report is what the authority reads of a run.
func (d *domain) report(id string) (report enclave.Report) {
	d.t.Helper()
	raw, err := d.clients["authority"].Report(d.t.Context(), id)
	ok(d.t, err)
	ok(d.t, json.Unmarshal(raw, &report))
	return report
}

// narrow asks for the persons of each district born in one year.
func narrow(year int) *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: "born-in-" + strconv.Itoa(year), Version: "1.0.0", Form: enclave.Aggregate,
		Inputs: []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"district", "birth_year"}}},
		Keys: []enclave.ManifestKey{
			{Name: "district", Of: &enclave.ColumnRule{Column: "district"}},
			{Name: "born", Of: &enclave.ColumnRule{Column: "birth_year", Cuts: []enclave.Scalar{enclave.Scalar(strconv.Itoa(year)), enclave.Scalar(strconv.Itoa(year + 1))}, Inside: true}},
		},
		Measures: []enclave.ManifestMeasure{{Name: "patients", Op: enclave.Subjects}},
	}
}

// TestDenialsAreNoOracle: whether a table is denied says whether its groups are large enough, so each denial is an answer (A23). A grant has so many
// of them; then it is suspended, and the authority reads why.
func TestDenialsAreNoOracle(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	d.visits()
	d.rule("person.scenarios."+scenario+".denials", "3")
	grant := d.grant(acme, synth.Dataset())
	year := 1940
	denied := func() {
		t.Helper()
		year++
		d.nothingOf(d.ends(acme, d.submit(acme, grant, d.upload(acme, narrow(year), nil), nil), sdk.RunDenied, "OUTPUT_UNSAFE"))
	}
	suspended := func() {
		t.Helper()
		year++
		_, err := d.clients[acme].Submit(t.Context(), sdk.Order{Grant: grant, Module: d.upload(acme, narrow(year), nil)})
		if got := sdk.ReasonOf(err); got != "GRANT_NOT_ACTIVE" {
			t.Fatalf("one question too many ended with %q", got)
		}
		seen, err := d.clients["authority"].GetGrant(t.Context(), grant)
		ok(t, err)
		if seen.State != sdk.GrantSuspended || !strings.Contains(seen.Note, "denied") {
			t.Errorf("the authority reads %s %q", seen.State, seen.Note)
		}
	}
	for range 3 {
		denied()
	}
	suspended()
	// The ledger says that the enclave did it, and why.
	if act := d.lastAct("grant.suspend"); act.Actor.Org != enclave.SelfOrg || act.Object != "grants/"+grant || act.Detail["denials"] != "3" || act.Detail["operator"] != acme {
		t.Errorf("the ledger says %+v", act)
	}
	// Another grant has denials of its own, and what the authority resumes begins anew.
	other := d.grant(acme, synth.Dataset())
	d.nothingOf(d.ends(acme, d.submit(acme, other, d.upload(acme, narrow(1990), nil), nil), sdk.RunDenied, "OUTPUT_UNSAFE"))
	_, err := d.clients["authority"].ResumeGrant(t.Context(), grant, "looked at")
	ok(t, err)
	for range 3 {
		denied()
	}
	suspended()
}

// lastAct is the last act of a verb in the ledger.
func (d *domain) lastAct(verb string) (last enclave.Act) {
	d.t.Helper()
	for index := uint64(0); ; index++ {
		entry, err := d.clients["authority"].Entry(d.t.Context(), index)
		if err != nil {
			return last
		}
		var act enclave.Act
		ok(d.t, json.Unmarshal([]byte(entry.Body), &act))
		if act.Verb == verb {
			last = act
		}
	}
}

// TestParametersAreNoQuery: one module with a parameter is as many questions as the parameter has values (A39). Their number is bounded; what was
// asked before may be asked again; the refusal does not say which number it was.
func TestParametersAreNoQuery(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	d.visits()
	d.rule("person.scenarios."+scenario+".questions", "3")
	grant := d.grant(acme, synth.Dataset())
	module := d.upload(acme, bands("asking"), guest(t, scaffold.AgeBand))
	ask := func(grant, year string) error {
		_, err := d.clients[acme].Submit(t.Context(), sdk.Order{Grant: grant, Module: module, Params: map[string]string{"as_of": year}})
		return err
	}
	for _, year := range []string{"2020", "2021", "2022", "2021"} {
		ok(t, ask(grant, year))
	}
	spent := ask(grant, "2023")
	if got := sdk.ReasonOf(spent); got != "BUDGET_SPENT" {
		t.Fatalf("a fourth value ended with %q", got)
	}
	ok(t, ask(grant, "2020"))
	ok(t, ask(d.grant(acme, synth.Dataset()), "2023"))
	// Another module with a parameter asks another question too; one without asks none.
	other := d.upload(acme, bands("asking-too"), guest(t, scaffold.AgeBand))
	_, err := d.clients[acme].Submit(t.Context(), sdk.Order{Grant: grant, Module: other, Params: map[string]string{"as_of": "2020"}})
	if got := sdk.ReasonOf(err); got != "BUDGET_SPENT" {
		t.Errorf("another module ended with %q", got)
	}
	// A grant without any run left is refused in the same words.
	d.rule("person.scenarios."+scenario+".runs", "5")
	if again := ask(grant, "2020"); again == nil || again.Error() != spent.Error() {
		t.Errorf("runs: %v, questions: %v", again, spent)
	}
}

// TestRunsKeepTheRulesTheyWerePinnedTo: rules come in force while runs wait, are at work and are submitted. Each is judged by one revision, the one
// in force when it was submitted, and none fails or waits for the change.
func TestRunsKeepTheRulesTheyWerePinnedTo(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{Workers: 2})
	d.visits()
	grant := d.grant(acme, synth.Dataset())
	module := d.upload(acme, bands("under-load"), guest(t, scaffold.AgeBand))
	thresholds := map[string]int64{}
	active, err := d.clients["authority"].Policy(t.Context())
	ok(t, err)
	thresholds[active.Revision] = 10

	var mu sync.Mutex
	var submitted []sdk.Run
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // until told to stop, and some runs after the last change
		defer close(stopped)
		for after := 0; after < 5; {
			select {
			case <-stop:
				after++
			default:
			}
			run, err := d.clients[acme].Submit(t.Context(), sdk.Order{Grant: grant, Module: module})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			submitted = append(submitted, run)
			mu.Unlock()
			if _, err := d.clients[acme].Wait(t.Context(), run.ID); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	first := d.submit(acme, grant, module, nil)
	changes := []int64{12, 14}
	if testing.Short() {
		changes = changes[1:]
	}
	for _, threshold := range changes {
		change := d.rule("person.scenarios."+scenario+".threshold", strconv.FormatInt(threshold, 10))
		thresholds[change.Revision] = threshold
	}
	close(stop)
	<-stopped
	last := d.submit(acme, grant, module, nil)
	used := map[string]int{}
	for _, submitted := range append(submitted, first, last) {
		ended, err := d.clients[acme].Wait(t.Context(), submitted.ID)
		ok(t, err)
		if ended.Policy != submitted.Policy || ended.Outcome == sdk.RunFailed {
			t.Errorf("%s: submitted under %s, ended %s under %s", ended.ID, submitted.Policy, ended.Outcome, ended.Policy)
		}
		if report := d.report(ended.ID); report.Profile == nil || report.Profile.Threshold != thresholds[submitted.Policy] {
			t.Errorf("%s: pinned to threshold %d, judged by %+v", ended.ID, thresholds[submitted.Policy], report.Profile)
		}
		used[ended.Policy]++
	}
	if len(used) < 2 || used[first.Policy] == 0 || thresholds[last.Policy] != 14 {
		t.Errorf("%d runs under each of %v", len(submitted), used)
	}
	// An auditor walks the first run again, by the rules that are no longer in force.
	replay, err := d.clients["authority"].Replay(t.Context(), first.ID, 0)
	ok(t, err)
	if !replay.Same() {
		t.Errorf("%+v", replay)
	}
}

// TestARaisedThresholdFreezesNothing: what left under a lower threshold is out; the scenario goes on by the new one, beside it.
func TestARaisedThresholdFreezesNothing(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	d.visits()
	grant := d.grant(acme, synth.Dataset())
	module := d.upload(acme, bands("fine"), guest(t, scaffold.AgeBand))
	first := d.report(d.ends(acme, d.submit(acme, grant, module, nil), sdk.RunReleased, "").ID).Facts
	threshold := first.MinSubjects + 5
	d.rule("person.scenarios."+scenario+".threshold", strconv.FormatInt(threshold, 10))
	other := &enclave.Manifest{
		Darkroom: 1, Name: "by-sex", Version: "1.0.0", Form: enclave.Aggregate,
		Inputs:   []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"sex"}}},
		Keys:     []enclave.ManifestKey{{Name: "sex", Of: &enclave.ColumnRule{Column: "sex"}}},
		Measures: []enclave.ManifestMeasure{{Name: "visits", Op: enclave.Count}},
	}
	for _, next := range []string{module, d.upload(acme, other, nil)} {
		facts := d.report(d.ends(acme, d.submit(acme, grant, next, nil), sdk.RunReleased, "").ID).Facts
		if !facts.History.Clean || facts.MinSubjects < threshold || next == module && facts.Cells.Published >= first.Cells.Published {
			t.Errorf("before: %+v; under the new threshold: %+v", first, facts)
		}
	}
}

// TestWhatIf: an official sees which outputs a number would have changed, before anybody decides, and nothing comes of it.
func TestWhatIf(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	d.visits()
	grant := d.grant(acme, synth.Dataset())
	fine := bands("fine")
	coarse := bands("coarse")
	coarse.Keys, coarse.Margins = coarse.Keys[:1], nil
	finely := d.ends(acme, d.submit(acme, grant, d.upload(acme, fine, guest(t, scaffold.AgeBand)), nil), sdk.RunReleased, "")
	denied := d.ends(acme, d.submit(acme, grant, d.upload(acme, narrow(1950), nil), nil), sdk.RunDenied, "OUTPUT_UNSAFE")
	before := d.report(finely.ID)

	try := func(place, value string, exact bool) (what run.WhatIf) {
		t.Helper()
		raw, err := d.clients["authority"].DryRunPolicy(t.Context(), d.candidate(place, value), 10, exact)
		ok(t, err)
		ok(t, json.Unmarshal(raw, &what))
		if what.Judged != 2 {
			t.Fatalf("%d outputs judged", what.Judged)
		}
		return what
	}
	find := func(what run.WhatIf, id string) *run.WhatIfRun {
		for i := range what.Runs {
			if what.Runs[i].Run == id {
				return &what.Runs[i]
			}
		}
		return nil
	}
	// A number that is only judged: the answer is exact by itself.
	what := try("person.scenarios."+scenario+".rank_percent", "1", false)
	one := find(what, finely.ID)
	if what.Approximate != 0 || one == nil || one.After != enclave.Deny || one.Before != enclave.Release || what.Rules["budget"][acme] != 1 {
		t.Errorf("%+v", what)
	}
	if find(what, denied.ID) != nil {
		t.Error("what was denied is denied still")
	}
	// One that changes the treatment: approximately, and it says so; run again, exactly.
	place, value := "person.scenarios."+scenario+".threshold", strconv.FormatInt(before.Facts.MinSubjects+1, 10)
	one = find(try(place, value, false), finely.ID)
	if one == nil || !one.Approximate || one.Exact || len(one.Numbers) != 1 || one.Numbers[0].Name != "threshold" || one.After != enclave.Deny {
		t.Fatalf("%+v", one)
	}
	one = find(try(place, value, true), finely.ID)
	if one == nil || one.Approximate || !one.Exact || one.SameOutput || one.After != enclave.Release || one.Cells == nil || one.Cells[1] >= one.Cells[0] {
		t.Fatalf("%+v", one)
	}
	if act := d.lastAct("policy.dry-run"); act.Detail["judged"] != "2" || act.Detail["exact"] != "true" {
		t.Errorf("the ledger says %+v", act)
	}
	// Nothing came of it.
	if after := d.report(finely.ID); after.Profile.Threshold != 10 || after.Outcome != enclave.Released {
		t.Errorf("%+v", after)
	}
	for _, who := range []string{acme, health} {
		if _, err := d.clients[who].DryRunPolicy(t.Context(), d.candidate(place, value), 1, false); sdk.ReasonOf(err) != "METHOD_FORBIDDEN" {
			t.Errorf("%s: %v", who, err)
		}
	}
}

// TestExplanations: whoever may see facts reads which rules ran, what they saw and used; the operator reads no more than before.
func TestExplanations(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	d.visits()
	for org, role := range map[string]sdk.Role{"panel": sdk.Reviewer, "audit-office": sdk.Auditor} {
		credential, err := d.clients["authority"].IssueIdentity(t.Context(), sdk.Identity{Role: role, Org: org, Name: "somebody"}, 0)
		ok(t, err)
		d.credentials[org] = credential
		d.dial(org)
	}
	grant := d.grant(acme, synth.Dataset())
	wide := narrow(1950)
	wide.Keys[1].Of = &enclave.ColumnRule{Column: "birth_year", Cuts: years()}
	districts := len(synth.Dataset().Columns[synth.Dataset().Column("district")].Codes)
	explain := func(who, id string) (e run.Explanation) {
		t.Helper()
		raw, err := d.clients[who].Explain(t.Context(), id)
		ok(t, err)
		ok(t, json.Unmarshal(raw, &e))
		return e
	}
	for name, c := range map[string]struct {
		run    sdk.Run
		point  string
		failed string
		facts  map[string]string
		number string
	}{
		"denied by its output": {
			d.ends(acme, d.submit(acme, grant, d.upload(acme, narrow(1950), nil), nil), sdk.RunDenied, "OUTPUT_UNSAFE"),
			"release", "published",
			map[string]string{"cells.published": "0"},
			"",
		},
		"denied at admission": {
			d.ends(acme, d.submit(acme, grant, d.upload(acme, wide, nil), nil), sdk.RunDenied, "KEYSPACE_TOO_LARGE_FOR_DATA"),
			"admission", "key_space",
			map[string]string{"cells": strconv.Itoa(districts * (len(years()) + 1))},
			"threshold",
		},
	} {
		mine := explain(acme, c.run.ID)
		if len(mine.Decisions) != 0 || len(mine.All) != 0 || mine.Cause != "" || mine.Outcome != enclave.Denied || mine.Advice.Code != "ADVICE_RUN_DENIED" {
			t.Errorf("%s: the operator reads %+v", name, mine)
		}
		for _, who := range []string{"authority", "audit-office", "panel"} {
			all := explain(who, c.run.ID)
			if len(all.Decisions) != 1 || all.Decisions[0].Point != c.point || all.Decisions[0].Policy.String() != c.run.Policy {
				t.Errorf("%s: %s reads %+v", name, who, all)
				continue
			}
			held := 0
			for _, rule := range all.Decisions[0].Rules {
				if rule.Held {
					held++
				}
				if rule.Rule != c.failed {
					continue
				}
				if rule.Held || rule.Text == "" || !strings.HasPrefix(rule.Place, "darkroom/"+c.point+".rego:") {
					t.Errorf("%s: %+v", name, rule)
				}
				for fact, value := range c.facts {
					if rule.Facts[fact] != value {
						t.Errorf("%s: %s is %q in %+v, not %s", name, fact, rule.Facts[fact], rule.Facts, value)
					}
				}
				if c.number != "" && rule.Numbers[c.number] == "" {
					t.Errorf("%s: the number %s is missing in %v", name, c.number, rule.Numbers)
				}
			}
			if held == 0 || held == len(all.Decisions[0].Rules) {
				t.Errorf("%s: %d of %d rules held", name, held, len(all.Decisions[0].Rules))
			}
		}
		if _, err := d.clients[rival].Explain(t.Context(), c.run.ID); sdk.ReasonOf(err) != "RUN_NOT_FOUND" {
			t.Errorf("%s: a rival reads it (%v)", name, err)
		}
	}
}

// years cut birth years finer than the data bears.
func years() (cuts []enclave.Scalar) {
	for year := 1930; year < 2020; year += 2 {
		cuts = append(cuts, enclave.Scalar(strconv.Itoa(year)))
	}
	return cuts
}

// TestThePolicyKeyIsTheAuthoritys: the enclave keeps the half that verifies, and starts without the other.
func TestThePolicyKeyIsTheAuthoritys(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	bundle := d.candidate("person.base.threshold", "12")
	d.close()
	ok(t, os.Remove(app.PolicyKey(d.dir)))
	d.open()
	change, err := d.clients["authority"].ProposePolicy(t.Context(), bundle, "")
	ok(t, err)
	if change.State != sdk.PolicyWaiting {
		t.Errorf("%+v", change)
	}
	spoiled := append([]byte{}, bundle...)
	spoiled[len(spoiled)/2] ^= 1
	if _, err := d.clients["authority"].ProposePolicy(t.Context(), spoiled, ""); err == nil {
		t.Error("a spoiled bundle is taken")
	}
	if found, err := filepath.Glob(filepath.Join(d.dir, "*", "policy.pem")); err != nil || len(found) != 0 {
		t.Errorf("the enclave made the key again: %v %v", found, err)
	}
}
