package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

// hidden are the reasons that end runs and that an operator does not see in prod, with what each would tell of the rows.
var hidden = map[string]string{
	// All of these are one denial. After treatment hardly any but the first two can come, and each is a rule that some cell broke.
	"NOTHING_TO_PUBLISH":     "that no cell is large enough, rather than that the history forbids one",
	"HISTORY_LEAVES_NOTHING": "that a cell is large enough, and earlier releases forbid it",
	"CELL_TOO_SMALL":         "which rule a cell breaks",
	"DOMINANCE":              "which rule a cell breaks",
	"P_PERCENT":              "which rule a cell breaks",
	"HOMOGENEITY":            "which rule a cell breaks",
	"DERIVABLE":              "which rule a cell breaks",
	"HISTORY":                "that earlier releases matter, whosever they are",
	"GATE_FLOOR":             "that a rule let something pass which breaks another",
	// Of a program's output: each would be an answer about the rows in the terms of its author.
	"COLUMN_REVERSIBLE":   "which fact tripped",
	"IDENTIFIERS_FOUND":   "whether a value is a subject's identifier: a look-up in the directory",
	"OUTPUT_EMPTY":        "how many rows the program returned",
	"RECORDS_REPEATED":    "whether a row is in the data",
	"ROWS_PACKED":         "whether a row is in the data",
	"TOO_MANY_BITS":       "how many rows the program returned",
	"TOO_MANY_PARAMETERS": "how many values the program returned",
	"VALUES_VERBATIM":     "whether values are in the data",
	"PROGRAM_OUTPUT":      "which column the program filled wrongly; it is the cause of MODULE_FAILED",
	"MODULE_FAILED":       "that a guest which sees rows failed, rather than that its output was denied: it can choose",
	// Faults whose cause may be a fact.
	"POLICY_FAULT": "that a rule could not judge these facts",
	"HISTORY_RANK": "how much was released; nothing on the path asks for it",
}

// elsewhere are reasons of calls that are no run's end: they answer a request at once, or never leave a stage.
var elsewhere = strings.Fields(`
	CODE_DIR_OPEN DATASET_INVALID DIGEST_MALFORMED MANIFEST_INVALID MANIFEST_MALFORMED MANIFEST_TOO_LARGE SAMPLE_SIZE VOTES_NOT_ENOUGH
	MODULE_CODE_MISSING MODULE_CODE_NEEDLESS MODULE_COMMAND MODULE_EXPORT MODULE_IMPORT MODULE_MALFORMED MODULE_MANIFEST_MISSING
	MODULE_MANIFEST_TWICE MODULE_NOT_WASM MODULE_TOO_INTRICATE MODULE_TOO_LARGE MODULE_TOO_MANY MODULE_UNSUPPORTED
	POLICY_CHANGE_WAITS POLICY_NUMBER_RANGE POLICY_NUMBER_LOOSER POLICY_NUMBER_MISSING POLICY_NUMBER_SYNTAX POLICY_BUNDLE_CANARY POLICY_BUNDLE_INVALID POLICY_CANCELED POLICY_BUNDLE_UNSIGNED POLICY_BUNDLE_TEST POLICY_BUNDLE_UNTESTED
	POLICY_KEY_UNUSABLE POLICY_PLACE_UNKNOWN POLICY_SIGNATURE_INVALID
	RESULT_NOT_RELEASED RUN_ENDED RUN_NOT_FOUND HISTORY_BUDGET RUN_QUEUE_FULL RUN_SERVICE_CLOSING RUN_SNAPSHOT_DATASET RUN_WATCH_ENDED
	SNAPSHOT_NOT_NEWEST SAMPLE_IN_PROD SNAPSHOT_IN_DEV REPORT_NOT_SHOWN REPORT_NOT_READY RUN_REFUSED OUTPUT_UNSAFE OUTPUT_HELD
	RUN_NOT_ENDED REPLAY_BUSY REPLAY_CANCELED REPLAY_IN_DEV REPLAY_NOT_DECIDED REPLAY_POLICY_GONE`)

var (
	failing = regexp.MustCompile(`Fail\([\w.]+, "([A-Z][A-Z_]+)"`)
	ruled   = regexp.MustCompile(`"code": "([A-Z][A-Z_]+)"`)
)

// TestEveryReasonIsDecided reads the sources of the rooms on the path and of the rules, and wants every code either in the table of what
// prod shows, or above.
func TestEveryReasonIsDecided(t *testing.T) {
	t.Parallel()
	found := map[string]string{}
	scan := func(pattern *regexp.Regexp, globs ...string) {
		for _, glob := range globs {
			files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(glob)))
			ok(t, err)
			for _, file := range files {
				if strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, "_test.rego") || strings.HasSuffix(file, "sight.go") {
					continue
				}
				raw, err := os.ReadFile(file) //nolint:gosec // of this repository
				ok(t, err)
				for _, match := range pattern.FindAllSubmatch(raw, -1) {
					found[string(match[1])] = file
				}
			}
		}
	}
	scan(failing, "enclave/*.go", "enclave/admit/*.go", "enclave/aggregate/*.go", "enclave/sandbox/*.go", "enclave/program/*.go",
		"enclave/measure/*.go", "enclave/leak/*.go", "enclave/treat/*.go", "enclave/history/*.go", "enclave/load/rows.go",
		"internal/run/*.go", "internal/releases/*.go", "internal/store/decisions.go", "policy/*.go")
	scan(ruled, "policy/bundle/darkroom/admission.rego", "policy/bundle/darkroom/release.rego", "policy/bundle/darkroom/program.rego")
	delete(found, "REASON") // an example in a comment
	if len(found) < 60 {
		t.Fatalf("only %d codes were found", len(found))
	}
	shown := run.Shown()
	for code, file := range found {
		_, isShown := shown[code]
		_, isHidden := hidden[code]
		if n := count(isShown, isHidden, slices.Contains(elsewhere, code)); n != 1 {
			t.Errorf("%s (%s): decided %d times whether an operator sees it in prod", code, file, n)
		}
	}
	for _, code := range slices.Concat(slices.Collect(maps.Keys(shown)), slices.Collect(maps.Keys(hidden)), elsewhere) {
		if !enclave.Known(code) {
			t.Errorf("%s has no text: nothing ends with it", code)
		}
	}
	for code, args := range shown {
		if enclave.Message(enclave.English, code, nil) == "" {
			t.Errorf("%s has no text", code)
		}
		for _, name := range args {
			if !strings.Contains(enclave.Message(enclave.English, code, nil), "{"+name+"}") {
				t.Errorf("%s is shown with %s, which its text does not need", code, name)
			}
		}
	}
}

func count(yes ...bool) (n int) {
	for _, y := range yes {
		if y {
			n++
		}
	}
	return n
}

// TestSight decides for every field of a run what is seen of it in prod, for each outcome. A field that is new is empty in prod, and fails
// here until somebody has decided.
func TestSight(t *testing.T) {
	t.Parallel()
	submitted := time.Date(2026, 3, 1, 10, 0, 0, 1, time.UTC)
	full := enclave.Run{
		ID: "r", Grant: "g", Scenario: "s", Module: enclave.Digest{1}, Dataset: "d", Snapshot: enclave.Digest{2},
		Params: map[string]enclave.Scalar{"p": "1"}, Policy: enclave.Digest{3}, Submitter: acme, Submitted: submitted, Environment: enclave.Prod,
		Sample: enclave.Sample{Rows: 2, Subjects: 1}, Stage: enclave.StageRecord, Outcome: enclave.Denied,
		Reasons: []enclave.Reason{{Code: "DOMINANCE"}, {Code: "HISTORY"}, {Code: "OUTPUT_CRAFTED", Args: map[string]string{"secret": "7"}}},
		Result:  enclave.Digest{4}, Finished: submitted.Add(time.Second), Revision: 5, Question: "why?", Support: "stored by nobody", Fuel: 6,
	}
	same := func(of enclave.Run, name string) any { return reflect.ValueOf(of).FieldByName(name).Interface() }
	coarse := []enclave.Reason{{Code: "OUTPUT_UNSAFE"}, {Code: "OUTPUT_CRAFTED"}}
	decided := map[string]func(in enclave.Run) any{}
	for ordered := range strings.FieldsSeq("ID Grant Scenario Module Dataset Snapshot Params Policy Submitter Environment Sample Fuel Stage Outcome Revision Question") {
		decided[ordered] = func(in enclave.Run) any { return same(in, ordered) }
	}
	decided["Submitted"] = func(enclave.Run) any { return submitted.Truncate(enclave.TimeStep).Add(enclave.TimeStep) }
	decided["Finished"] = decided["Submitted"]
	decided["Reasons"] = func(in enclave.Run) any {
		switch in.Outcome {
		case enclave.Held:
			return []enclave.Reason{{Code: "OUTPUT_HELD"}, coarse[1]}
		case enclave.Stopped:
			return []enclave.Reason{{Code: "RUN_CANCELED"}, coarse[1]}
		case enclave.Failed, enclave.Released, "":
			return []enclave.Reason{{Code: "INTERNAL"}, coarse[1]}
		case enclave.Denied: // of a guest that sees rows: nothing but that
			return coarse[:1]
		case enclave.Rehearsed:
		}
		return coarse
	}
	decided["Result"] = func(in enclave.Run) any {
		if in.Outcome == enclave.Released {
			return in.Result
		}
		return enclave.Digest{}
	}
	decided["Support"] = nil // another text for every end, see TestSupport
	kind := reflect.TypeFor[enclave.Run]()
	for i := range kind.NumField() {
		name := kind.Field(i).Name
		want, known := decided[name]
		if !known {
			t.Errorf("nobody decided what of %s is seen in prod", name)
		}
		if reflect.ValueOf(full).Field(i).IsZero() {
			t.Errorf("%s is empty here, so nothing is tested", name)
		}
		for _, outcome := range []enclave.Outcome{enclave.Released, enclave.Held, enclave.Denied, enclave.Failed, enclave.Stopped, enclave.Rehearsed, ""} {
			in := full
			in.Outcome = outcome
			got := run.Sight(run.State{Run: in, Progress: run.Ended, Attempts: 2})
			if want != nil && !reflect.DeepEqual(same(got, name), want(in)) {
				t.Errorf("%s of a run that is %q: %v, want %v", name, outcome, same(got, name), want(in))
			}
			if name == "Support" && (got.Support == "") != (outcome == "") || got.Support == full.Support {
				t.Errorf("support of a run that is %q: %q", outcome, got.Support)
			}
		}
	}
	full.Environment = enclave.Dev
	if got := run.Sight(run.State{Run: full, Progress: run.Ended}); !reflect.DeepEqual(got.Reasons, full.Reasons) {
		t.Errorf("in dev: %v", got.Reasons)
	}
	// Of a refusal at admission, nothing is said of an output.
	full.Environment, full.Stage = enclave.Prod, enclave.StageAdmit
	if got := run.Sight(run.State{Run: full, Progress: run.Ended}); got.Reasons[0].Code != "RUN_REFUSED" {
		t.Errorf("at admission: %v", got.Reasons)
	}
}

// What is hidden shows in the support digest to whoever has the key, and to nobody else: it is another one for each run.
func TestSupport(t *testing.T) {
	t.Parallel()
	end := func(id, reason string) enclave.Run {
		return run.Sight(run.State{Progress: run.Ended, Run: enclave.Run{
			ID: id, Environment: enclave.Prod, Outcome: enclave.Denied, Stage: enclave.StageRecord, Reasons: []enclave.Reason{{Code: reason}},
		}})
	}
	a, b := end("a", "DOMINANCE"), end("a", "HISTORY")
	if !reflect.DeepEqual(a.Reasons, b.Reasons) || a.Support == b.Support || len(a.Support) != 16 || a.Support != end("a", "DOMINANCE").Support {
		t.Errorf("%+v and %+v", a, b)
	}
	if a.Support == end("b", "DOMINANCE").Support {
		t.Error("two runs have one digest, so that an operator sees that they ended alike")
	}
}

// TestReports: the authority and auditors look up what happened; the operator of a run in prod does not, and another's never.
func TestReports(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), started(t)
	auditor := enclave.Caller{Role: enclave.Auditor, Org: "audit", Name: "wang"}
	for do, want := range map[string]struct {
		seen, reason, cause string
		facts               bool
	}{
		"deny":  {"OUTPUT_UNSAFE", "DOMINANCE", "", true},
		"fault": {"INTERNAL", "INTERNAL", "the disk is on fire", false},
		"trap":  {"MODULE_TRAP", "MODULE_TRAP", "crashed", false},
	} {
		ended := w.end(w.submit(acme, do).ID)
		if ended.Reasons[0].Code != want.seen {
			t.Errorf("%s: seen %v", do, ended.Reasons)
		}
		for _, caller := range []enclave.Caller{acme, globex, {Role: enclave.Reviewer, Org: "bureau"}, {Role: enclave.SourceOrg, Org: "health"}} {
			_, err := w.Report(ctx, caller, ended.ID)
			wants(t, err, enclave.Refused, "REPORT_NOT_SHOWN")
		}
		for _, caller := range []enclave.Caller{bureau, auditor} {
			raw, err := w.Report(ctx, caller, ended.ID)
			ok(t, err)
			var report enclave.Report
			ok(t, json.Unmarshal(raw, &report))
			if report.Version != 1 || report.Run != ended.ID || report.Environment != enclave.Prod || report.Support != ended.Support ||
				report.Outcome != ended.Outcome || report.Stage != ended.Stage || report.Reasons[0].Code != want.reason ||
				!strings.Contains(report.Cause, want.cause) || (report.Facts != nil) != want.facts || report.Rehearsal != nil {
				t.Errorf("%s: report %s", do, raw)
			}
		}
	}
	waiting := w.submit(acme, "hang")
	<-w.rooms.hung
	_, err := w.Report(ctx, bureau, waiting.ID)
	wants(t, err, enclave.State, "REPORT_NOT_READY")
	_, err = w.Report(ctx, bureau, "nobody")
	wants(t, err, enclave.NotFound, "RUN_NOT_FOUND")
	// What only a rehearsal tells is not told of real rows, not even if it was kept.
	ok(t, w.store.Runs().End(ctx, waiting.ID, run.Ending{
		Outcome: enclave.Failed, Stage: enclave.StageExecute, Reasons: []enclave.Reason{{Code: "MODULE_FUEL"}}, Time: time.Now(),
		Report: `{"cause":"kept","rehearsal":{"said":"YES","fuel":{"row":3,"allowed":5000,"start":7}}}`,
	}, enclave.NewAct(time.Now(), bureau, "run.fail", "runs/"+waiting.ID)))
	raw, err := w.Report(ctx, bureau, waiting.ID)
	ok(t, err)
	if text := string(raw); !strings.Contains(text, `"kept"`) || strings.Contains(text, "rehearsal") || strings.Contains(text, "fuel") || strings.Contains(text, "YES") {
		t.Errorf("of real rows it is told that %s", raw)
	}
	close(w.rooms.let)
}

// TestAGuestThatSeesRowsChoosesNothing: wherever and however its run goes wrong, its operator sees what it sees of an output that policy denied.
// Of a guest that sees none, of one in dev, and of what nobody chooses by the rows, everything stays.
func TestAGuestThatSeesRowsChoosesNothing(t *testing.T) {
	t.Parallel()
	order := func(form enclave.Form, shown bool, environment enclave.Environment) *enclave.Order {
		input := enclave.ManifestInput{Dataset: "visits"}
		if shown {
			input.Show = []string{"cost"}
		}
		return &enclave.Order{
			Run:    enclave.Run{Environment: environment},
			Module: &enclave.Module{HasCode: true, Manifest: &enclave.Manifest{Form: form, Inputs: []enclave.ManifestInput{input}}},
		}
	}
	// seen is what an operator sees of a run that ended so.
	seen := func(stage enclave.Stage, err error) enclave.Run {
		ending := run.EndingOf(err)
		r := run.Sight(run.State{Progress: run.Ended, Run: enclave.Run{
			ID: "r", Environment: enclave.Prod, Outcome: ending.Outcome, Stage: stage, Reasons: ending.Reasons, Revision: 3,
		}})
		r.Support = "" // drawn at random, to it
		return r
	}
	denied := seen(enclave.StageRecord, enclave.Refusal(enclave.Judgement{Reasons: []enclave.Reason{{Code: "RECORDS_REPEATED"}}}))
	crafted := seen(enclave.StageRecord, enclave.Refusal(enclave.Judgement{Reasons: []enclave.Reason{{Code: "HISTORY_BUDGET"}, {Code: "OUTPUT_CRAFTED"}}}))
	if !reflect.DeepEqual(denied, crafted) {
		t.Errorf("denied outputs are told apart: %+v and %+v", denied, crafted)
	}
	failures := []error{
		enclave.Fail(enclave.Invalid, "MODULE_FAILED").Because(enclave.Fail(enclave.Invalid, "MODULE_TRAP")), enclave.Fail(enclave.Invalid, "MODULE_TRAP"),
		enclave.Fail(enclave.Limit, "RUN_TOO_LONG"), enclave.Fail(enclave.Limit, "TABLE_TOO_INTRICATE"), enclave.Fail(enclave.Limit, "INSPECTION_TOO_LARGE"),
		enclave.Fail(enclave.Limit, "HISTORY_TOO_LARGE"), enclave.Internalf("a fault"), enclave.Fail(enclave.Refused, "HISTORY_BUDGET"),
	}
	kept := []error{
		nil, enclave.Fail(enclave.Canceled, "RUN_CANCELED"), enclave.Fail(enclave.Unavailable, "HISTORY_MOVED"),
	}
	veiled := []*enclave.Order{order(enclave.Program, false, enclave.Prod), order(enclave.Aggregate, true, enclave.Prod)}
	open := []*enclave.Order{nil, order(enclave.Aggregate, false, enclave.Prod), order(enclave.Program, true, enclave.Dev)}
	for _, stage := range enclave.Stages() {
		late := stage != enclave.StageAdmit && stage != enclave.StageLoad
		for _, o := range veiled {
			for _, failure := range failures {
				ended, err := run.Blur(o, stage, failure)
				blurred := late && stage != enclave.StageRelease && (stage != enclave.StageRecord || enclave.AsError(failure).Reason == "RUN_TOO_LONG")
				if blurred && !reflect.DeepEqual(seen(ended, err), denied) {
					t.Errorf("%v at %s is seen as %+v, a denial as %+v", failure, stage, seen(ended, err), denied)
				}
				if !blurred && (ended != stage || !reflect.DeepEqual(err, failure)) {
					t.Errorf("%v at %s became %v", failure, stage, err)
				}
			}
			if got := run.StageOf(o, stage); (got == enclave.StageExecute) != late {
				t.Errorf("%s is seen as %s", stage, got)
			}
		}
		for _, o := range open {
			for _, failure := range failures {
				if ended, err := run.Blur(o, stage, failure); ended != stage || !reflect.DeepEqual(err, failure) {
					t.Errorf("%v at %s became %v", failure, stage, err)
				}
			}
			if got := run.StageOf(o, stage); got != stage {
				t.Errorf("%s is seen as %s", stage, got)
			}
		}
		for _, failure := range kept {
			if ended, err := run.Blur(veiled[0], stage, failure); ended != stage || !reflect.DeepEqual(err, failure) {
				t.Errorf("%v at %s became %v", failure, stage, err)
			}
		}
	}
}

// torn is a rehearsal that ends in an error.
type torn struct {
	taken
	err error
}

func (p *torn) Rehearse(context.Context, *enclave.Order, func(enclave.Stage)) (*enclave.Report, error) {
	return &enclave.Report{}, p.err
}

// TestDevTellsNothingOfTheInside: what a module did wrong, its author reads with all causes; of a fault of the enclave it hears that there was one.
func TestDevTellsNothingOfTheInside(t *testing.T) {
	t.Parallel()
	inside := enclave.Internalf("open /srv/darkroom/key: stack of goroutines")
	for cause, err := range map[string]error{
		"at darkroom_batch": enclave.Fail(enclave.Invalid, "MODULE_TRAP").Because(errors.New("at darkroom_batch")),
		"inside":            inside,
		"inside, caused":    enclave.Fail(enclave.Limit, "RUN_TOO_LONG", "limit", "1s").Because(inside),
	} {
		path := &torn{err: err}
		w := started(t, func(w *world) { w.config.Dev = path })
		order := request(acme, "ok")
		order.Environment = enclave.Dev
		submitted, err := w.Submit(t.Context(), acme, order)
		ok(t, err)
		w.end(submitted.ID)
		raw, err := w.Report(t.Context(), acme, submitted.ID)
		ok(t, err)
		if text := string(raw); strings.Contains(text, "goroutines") || strings.Contains(text, "srv") || strings.Contains(text, "darkroom_batch") != (cause == "at darkroom_batch") {
			t.Errorf("%s: %s", cause, text)
		}
	}
}
