package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// soughtYear is the year of birth of one person of the table, and of nobody else.
const soughtYear = 1903

// wages are what one person each earns. The victim is there, or not.
func wages() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "wages", Owner: office, Grade: 2, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "person", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "person", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"east", "west"}},
			{Name: "birth_year", Type: enclave.Int, Class: enclave.Quasi, Min: "1900", Max: "2030"},
			{Name: "wage", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "100000"},
		},
	}
}

func wagesFile(victim bool) []byte {
	var file bytes.Buffer
	file.WriteString("person,district,birth_year,wage\n")
	for i := range 600 {
		fmt.Fprintf(&file, "p%d,%s,%d,%d\n", i, []string{"east", "west"}[i%2], 1950+i%50, 3000+i)
	}
	if victim {
		fmt.Fprintf(&file, "victim,east,%d,99999\n", soughtYear)
	}
	return file.Bytes()
}

// headcount counts people by a key of a module's. Crafted, the module is shown wages, and so rows.
func headcount(name string, crafted bool) *enclave.Manifest {
	m := &enclave.Manifest{
		Darkroom: 1, Name: name, Version: "1.0.0", Form: enclave.Aggregate,
		Inputs:   []enclave.ManifestInput{{Dataset: "wages", Columns: []string{"birth_year", "wage"}}},
		Keys:     []enclave.ManifestKey{{Name: "group", Values: []string{"all"}}},
		Measures: []enclave.ManifestMeasure{{Name: "people", Op: enclave.Subjects}},
	}
	if crafted {
		m.Inputs[0].Show = []string{"wage"}
	}
	return m
}

var (
	names = regexp.MustCompile(`\b[a-z2-7]{26}\b`)           // of grants and runs
	codes = regexp.MustCompile(`"?[Ss]upport"?:"[a-z2-7]*"`) // keyed by what really happened
	times = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d0Z`)
)

// everything is what an operator sees of a run through every call that it may make, without the names and digests that are drawn at random
// or pinned at submission. Times stay if they are finer than they should be.
func (d *domain) everything(run sdk.Run, module, grant string) string {
	d.t.Helper()
	client, ctx := d.clients[acme], d.t.Context()
	ended, err := client.Wait(ctx, run.ID)
	ok(d.t, err)
	var seen strings.Builder
	put := func(what string, value any, err error) {
		raw, problem := json.Marshal(value)
		ok(d.t, problem)
		failure := ""
		if err != nil {
			failure = fmt.Sprintf("%v %#v", err, sdk.ReasonOf(err))
		}
		fmt.Fprintf(&seen, "%s: %s %s\n", what, raw, failure)
	}
	put("waited for", ended, nil)
	got, err := client.GetRun(ctx, run.ID)
	put("got", got, err)
	var last sdk.Run
	for now, err := range client.Watch(ctx, run.ID) {
		ok(d.t, err)
		last = now
	}
	put("watched", last, nil)
	for listed, err := range client.ListRuns(ctx) {
		ok(d.t, err)
		if listed.ID == run.ID {
			put("listed", listed, nil)
		}
	}
	canceled, err := client.Cancel(ctx, run.ID)
	if ended.Outcome != sdk.RunHeld { // else it is withdrawn, as the operator may
		put("canceled", canceled, err)
	}
	var result bytes.Buffer
	err = client.FetchTo(ctx, run.ID, &result)
	put("fetched", result.Bytes(), err)
	receipt, err := client.Receipt(ctx, run.ID)
	put("receipt", string(receipt), err)
	report, err := client.Report(ctx, run.ID)
	put("report", string(report), err)
	under, err := client.GetGrant(ctx, grant)
	put("grant", under.State, err)
	kept, err := client.GetModule(ctx, module)
	put("module", kept.Manifest, err)
	text := seen.String()
	for _, secret := range []string{run.Snapshot, run.Policy, module} {
		text = strings.ReplaceAll(text, secret, "#")
	}
	return times.ReplaceAllString(codes.ReplaceAllString(names.ReplaceAllString(text, "NAME"), "SUPPORT"), "TIME")
}

// A22, A21, A35: a guest that does something to be noticed by when it meets the victim. One that sees no rows looks the same to its operator
// whether the victim is there or not, to the byte. One that does see rows, so that nothing of it leaves without people, has one bit: that
// its run was denied. That it failed and how, what it printed and how long it took add nothing.
func TestNobodySeesWhatAGuestMet(t *testing.T) {
	t.Parallel()
	var domains [2]*domain
	var grants [2]string
	for i, victim := range []bool{false, true} {
		domains[i] = start(t, app.Config{CallSeconds: 600, MemoryMiB: 32, Workers: 2})
		domains[i].load(wages(), wagesFile(victim))
		grants[i] = domains[i].grant(acme, wages())
	}
	failures, holds := map[string]string{}, map[string]string{}
	for _, g := range guests.OnSight(soughtYear) {
		for _, crafted := range []bool{false, true} {
			var seen [2]string
			for i, d := range domains {
				// One name for all, so that nothing but the module's digest tells which guest it was.
				module := d.upload(acme, headcount("on-sight", crafted), g.Wasm)
				seen[i] = d.everything(d.submit(acme, grants[i], module, nil), module, grants[i])
			}
			switch {
			case !crafted && seen[0] != seen[1] && strings.Contains(seen[0], `"released"`):
				// What was released is about the people themselves: the victim is one more.
			case !crafted && seen[0] != seen[1]:
				t.Errorf("%s: without the victim\n%s\nwith it\n%s", g.Name, seen[0], seen[1])
			case crafted:
				holds[seen[0]] = g.Name
				if g.Reason == "" {
					holds[seen[1]] = g.Name
				} else {
					failures[seen[1]] = g.Name
				}
			}
		}
	}
	for what, views := range map[string]map[string]string{"held": holds, "failed": failures} {
		if len(views) != 1 {
			for view, name := range views {
				t.Errorf("%s: %s\n%s", what, name, view)
			}
		}
	}
	for view := range failures {
		if !strings.Contains(view, `"denied"`) || !strings.Contains(view, "OUTPUT_UNSAFE") || strings.Contains(view, "MODULE_FAILED") || !strings.Contains(view, "REPORT_NOT_SHOWN") {
			t.Errorf("a failed run is seen as\n%s", view)
		}
	}
}

// The same module tells everything in dev, where there is nothing to tell of, and next to nothing in prod; the authority finds out what
// happened by what the operator quotes.
func TestDevTellsEverything(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{CallSeconds: 600, MemoryMiB: 32})
	d.load(wages(), wagesFile(true))
	grant := d.grant(acme, wages())
	report := func(client string, run sdk.Run) (r enclave.Report) {
		t.Helper()
		raw, err := d.clients[client].Report(t.Context(), run.ID)
		ok(t, err)
		ok(t, json.Unmarshal(raw, &r))
		return r
	}
	order := sdk.Order{Grant: grant, Dev: &sdk.Sample{Rows: 20_000, Subjects: 4_000}}
	rehearse := func(module string) sdk.Run {
		t.Helper()
		order.Module = module
		run, err := d.clients[acme].Submit(t.Context(), order)
		ok(t, err)
		run, err = d.clients[acme].Wait(t.Context(), run.ID)
		ok(t, err)
		return run
	}
	for _, g := range guests.OnSight(soughtYear) {
		module := d.upload(acme, headcount(g.Name, false), g.Wasm)
		run := rehearse(module)
		told := report(acme, run)
		if told.Rehearsal == nil || told.Support != run.Support || told.Environment != enclave.Dev || len(told.Rehearsal.Times) < 3 {
			t.Fatalf("%s: %+v", g.Name, told)
		}
		if g.Reason == "" {
			if run.Outcome != sdk.RunRehearsed || told.Rehearsal.Decision != enclave.Release || told.Facts == nil || told.Facts.Cells.Published != 1 ||
				len(told.Rehearsal.Result) == 0 || told.Rehearsal.Times[len(told.Rehearsal.Times)-1].Stage != enclave.StageRelease {
				t.Errorf("%s: %s, %+v", g.Name, run.Outcome, told)
			}
		} else if run.Outcome != sdk.RunFailed || run.Reasons[0].Code != g.Reason || told.Stage != enclave.StageExecute || !strings.Contains(told.Cause, "darkroom_batch") {
			t.Errorf("%s: %s %v, %+v", g.Name, run.Outcome, run.Reasons, told)
		}
		if said := told.Rehearsal.Said; (said == "YES") != (g.Name == "prints-on-sight") {
			t.Errorf("%s: said %q", g.Name, said)
		}
		if _, err := d.clients[rival].Report(t.Context(), run.ID); sdk.ReasonOf(err) != "RUN_NOT_FOUND" {
			t.Errorf("a rival's report: %v", err)
		}
		if err := d.clients[acme].FetchTo(t.Context(), run.ID, io.Discard); sdk.ReasonOf(err) != "RESULT_NOT_RELEASED" {
			t.Errorf("what was made from synthetic rows was fetched: %v", err)
		}
		if _, err := d.clients[acme].Receipt(t.Context(), run.ID); sdk.ReasonOf(err) != "RESULT_NOT_RELEASED" {
			t.Errorf("there is a receipt of a rehearsal: %v", err)
		}
	}
	// In prod a module that sees rows fails without a word, and the authority looks it up.
	g := guests.OnSight(soughtYear)[0]
	failed := d.ends(acme, d.submit(acme, grant, d.upload(acme, headcount("peeps", true), g.Wasm), nil), sdk.RunDenied, "OUTPUT_UNSAFE")
	if _, err := d.clients[acme].Report(t.Context(), failed.ID); sdk.ReasonOf(err) != "REPORT_NOT_SHOWN" {
		t.Errorf("the operator's report: %v", err)
	}
	told := report("authority", failed)
	if told.Support != failed.Support || told.Reasons[0].Code != "MODULE_FAILED" || !strings.Contains(told.Cause, "darkroom_batch") || told.Rehearsal != nil {
		t.Errorf("the authority's report: %+v", told)
	}
}

// A rehearsal suppresses by the same rules and says which; many of them leave the real history where it was; and the same order is the same
// rehearsal for everybody, on a dataset that nothing was loaded for.
func TestRehearsalsLeaveNoTrace(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	raw, err := json.Marshal(wages())
	ok(t, err)
	_, err = d.clients["authority"].CreateDataset(t.Context(), raw)
	ok(t, err)
	narrow := headcount("narrow", false)
	narrow.Keys = []enclave.ManifestKey{
		{Name: "district", Of: &enclave.ColumnRule{Column: "district"}}, {Name: "wage", Of: &enclave.ColumnRule{Column: "wage", Cuts: []enclave.Scalar{"5000", "45000"}}},
	}
	narrow.Inputs[0].Columns = []string{"district", "wage"}
	narrow.Measures = append(narrow.Measures, enclave.ManifestMeasure{Name: "sum", Op: enclave.Sum, Of: "wage"})
	narrow.Margins = [][]string{{"district"}}
	var first enclave.Report
	for i, operator := range []string{acme, acme, rival} {
		grant := d.grant(operator, wages())
		run, err := d.clients[operator].Submit(t.Context(), sdk.Order{
			Grant: grant, Module: d.upload(operator, narrow, nil), Dev: &sdk.Sample{Rows: 400, Subjects: 400},
		})
		ok(t, err)
		run = d.ends(operator, run, sdk.RunRehearsed, "")
		raw, err := d.clients[operator].Report(t.Context(), run.ID)
		ok(t, err)
		var told enclave.Report
		ok(t, json.Unmarshal(raw, &told))
		if i == 0 {
			first = told
		}
		if !bytes.Equal(told.Rehearsal.Result, first.Rehearsal.Result) || told.Facts.History.Releases != 0 || told.Profile.Threshold == 0 {
			t.Errorf("%s: another rehearsal %s", operator, raw)
		}
		suppressed := told.Rehearsal.Cells.LeftOut()
		if suppressed == 0 || int(suppressed) != len(told.Rehearsal.Suppressed) || told.Rehearsal.Rules["threshold"] == 0 || told.Rehearsal.Rules["complement"] == 0 {
			t.Errorf("cells %+v, rules %v, %+v", told.Rehearsal.Cells, told.Rehearsal.Rules, told.Rehearsal.Suppressed)
		}
	}
	// Only prod needs data, and refuses a sample.
	grant := d.grant(acme, wages())
	_, err = d.clients[acme].Submit(t.Context(), sdk.Order{Grant: grant, Module: d.upload(acme, narrow, nil)})
	if sdk.ReasonOf(err) != "DATASET_EMPTY" {
		t.Errorf("a run without data: %v", err)
	}
}
