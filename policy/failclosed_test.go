package policy

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// everyCheck is what an honest release must have passed, as the rules would write it.
const everyCheck = `["version","form","exact","automatic","published","threshold","dominance","p_percent","homogeneity","derivable","history","budget","rounding"]`

// TestReleaseFailsClosed gives the release point a bundle that is wrong in one way and judges an honest output with it. Without the wrong
// the output would be released, so a failure to notice shows.
func TestReleaseFailsClosed(t *testing.T) {
	verdict := func(decision, passed, reasons string) string {
		return `result := {"decision": ` + decision + `, "passed": ` + passed + `, "reasons": ` + reasons + `}`
	}
	for name, rules := range map[string]string{ //nolint:gosec // "passed" is no password
		"undefined":                   `result := {} if input.nothing`,
		"missing":                     `other := true`,
		"empty object":                `result := {}`,
		"empty list":                  `result := []`,
		"null":                        `result := null`,
		"true":                        `result := true`,
		"text":                        `result := "release"`,
		"number":                      `result := 1`,
		"decision missing":            `result := {"passed": ` + everyCheck + `, "reasons": []}`,
		"passed missing":              `result := {"decision": "release", "reasons": []}`,
		"reasons missing":             `result := {"decision": "release", "passed": ` + everyCheck + `}`,
		"unknown field":               `result := {"decision": "release", "passed": ` + everyCheck + `, "reasons": [], "note": ""}`,
		"field in other case":         `result := {"Decision": "release", "passed": ` + everyCheck + `, "reasons": []}`,
		"decision is null":            verdict(`null`, everyCheck, `[]`),
		"decision is true":            verdict(`true`, everyCheck, `[]`),
		"decision is a list":          verdict(`["release"]`, everyCheck, `[]`),
		"decision is unknown":         verdict(`"allow"`, everyCheck, `[]`),
		"decision in other case":      verdict(`"Release"`, everyCheck, `[]`),
		"decision is empty":           verdict(`""`, everyCheck, `[]`),
		"passed is null":              verdict(`"release"`, `null`, `[]`),
		"passed is text":              verdict(`"release"`, `"version"`, `[]`),
		"passed is an object":         verdict(`"release"`, `{"version": true}`, `[]`),
		"passed holds a number":       verdict(`"release"`, `[1]`, `[]`),
		"passed is empty":             verdict(`"release"`, `[]`, `[]`),
		"passed lacks one":            verdict(`"release"`, strings.Replace(everyCheck, `"derivable",`, ``, 1), `[]`),
		"passed has one twice":        verdict(`"release"`, strings.Replace(everyCheck, `"derivable"`, `"rounding"`, 1), `[]`),
		"passed has an unknown one":   verdict(`"release"`, strings.Replace(everyCheck, `"derivable"`, `"weather"`, 1), `[]`),
		"reasons is null":             verdict(`"release"`, everyCheck, `null`),
		"released with a reason":      verdict(`"release"`, everyCheck, `[{"code": "DERIVABLE", "args": {}}]`),
		"denied without a reason":     verdict(`"deny"`, everyCheck, `[]`),
		"held with every check":       verdict(`"hold"`, everyCheck, `[{"code": "OUTPUT_CRAFTED", "args": {}}]`),
		"held without a reason":       verdict(`"hold"`, strings.Replace(everyCheck, `"exact",`, ``, 1), `[]`),
		"held and more fails":         verdict(`"hold"`, `["version"]`, `[{"code": "OUTPUT_CRAFTED", "args": {}}]`),
		"reason is text":              verdict(`"deny"`, `[]`, `["DERIVABLE"]`),
		"reason without args":         verdict(`"deny"`, `[]`, `[{"code": "DERIVABLE"}]`),
		"reason with more":            verdict(`"deny"`, `[]`, `[{"code": "DERIVABLE", "args": {}, "text": ""}]`),
		"reason's code is free text":  verdict(`"deny"`, `[]`, `[{"code": "row 17 is Li", "args": {}}]`),
		"reason's code is a number":   verdict(`"deny"`, `[]`, `[{"code": 1, "args": {}}]`),
		"reason's args are a list":    verdict(`"deny"`, `[]`, `[{"code": "DERIVABLE", "args": []}]`),
		"reason's arg is a number":    verdict(`"deny"`, `[]`, `[{"code": "DERIVABLE", "args": {"n": 1}}]`),
		"reason's arg is long":        verdict(`"deny"`, `[]`, `[{"code": "DERIVABLE", "args": {"n": concat("", [sprintf("%200d", [i]) | some i in numbers.range(1, 9)])}}]`),
		"too many reasons":            verdict(`"deny"`, `[]`, `[{"code": "DERIVABLE", "args": {}} | some _ in numbers.range(1, 1001)]`),
		"division by zero":            `result := {"decision": "release", "passed": ` + everyCheck + `, "reasons": []} if not 1 / (input.facts.derivable * 1) == 2`,
		"built-in of the wrong type":  `result := {"decision": "release", "passed": ` + everyCheck + `, "reasons": []} if not count(input.facts.version) == 2`,
		"number that is no number":    `result := {"decision": "release", "passed": ` + everyCheck + `, "reasons": []} if not to_number(input.facts.dataset) == 2`,
		"two decisions":               `result := {"decision": "release", "passed": ` + everyCheck + `, "reasons": []}` + "\n\n" + `result := 1 if input.facts.version == 1`,
		"a set where a text is asked": verdict(`{"release"}`, everyCheck, `[]`),
	} {
		if testing.Short() && !slices.Contains([]string{"undefined", "unknown field", "division by zero", "two decisions"}, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			e, log := wrongEngine(t, "release", rules)
			p := profile(t, e, visits())
			j, err := e.Release(t.Context(), honest(p), p)
			if err != nil || j.Decision != enclave.Deny || !slices.Equal(codes(j), []string{faultCode}) || j.Revision != e.Revision() {
				t.Errorf("%+v, %v", j, err)
			}
			if !strings.Contains(log.String(), "the policy did not answer") {
				t.Error("nobody was told")
			}
			if e.tryCanaries(t.Context()) == nil {
				t.Error("such a bundle must not load")
			}
		})
	}
	// The frame of this test is sound: the same engine releases where nothing is wrong.
	e, _ := wrongEngine(t, "release", verdict(`"release"`, everyCheck, `[]`))
	p := profile(t, e, visits())
	if j, err := e.Release(t.Context(), honest(p), p); err != nil || j.Decision != enclave.Release {
		t.Errorf("%+v, %v", j, err)
	}
}

// TestProgramFailsClosed: whatever the rules for programs say, nothing is released, and nothing is held by knowing fewer checks.
func TestProgramFailsClosed(t *testing.T) {
	all := `["version","form","published","records","identifiers","packed","injective","verbatim","bits","parameters"]`
	held := `[{"code": "OUTPUT_OF_PROGRAM", "args": {}}]`
	verdict := func(decision, passed, reasons string) string {
		return `result := {"decision": "` + decision + `", "passed": ` + passed + `, "reasons": ` + reasons + `}`
	}
	judge := func(rules string) (*Engine, enclave.Judgement, error) {
		e, _ := wrongEngine(t, "program", rules)
		p := profile(t, e, visits())
		j, err := e.Release(t.Context(), honestProgram(), p)
		return e, j, err
	}
	for name, rules := range map[string]string{
		"released with every check":     verdict("release", all, `[]`),
		"released with a table's":       verdict("release", everyCheck, `[]`),
		"released with none":            verdict("release", `[]`, `[]`),
		"released with reasons":         verdict("release", all, held),
		"held without reasons":          verdict("hold", all, `[]`),
		"held with one check fewer":     verdict("hold", strings.Replace(all, `"records",`, ``, 1), held),
		"held with none":                verdict("hold", `[]`, held),
		"held with a table's":           verdict("hold", strings.Replace(everyCheck, `"exact",`, ``, 1), held),
		"held with a check of a table":  verdict("hold", strings.Replace(all, `"bits"`, `"budget"`, 1), held),
		"held with exact besides":       verdict("hold", strings.Replace(all, `"bits"`, `"bits","exact"`, 1), held),
		"undefined":                     `result := {} if input.nothing`,
		"missing rules for the program": `other := true`,
	} {
		e, j, err := judge(rules)
		if err != nil || j.Decision != enclave.Deny || !slices.Equal(codes(j), []string{faultCode}) {
			t.Errorf("%s: %+v, %v", name, j, err)
		}
		if e.tryCanaries(t.Context()) == nil {
			t.Errorf("%s: such a bundle must not load", name)
		}
	}
	if _, j, err := judge(verdict("hold", all, held)); err != nil || j.Decision != enclave.Hold {
		t.Errorf("the frame of this test is not sound: %+v, %v", j, err)
	}
}

// wrongFiles is the default bundle with other rules at one decision point and without tests.
func wrongFiles(t *testing.T, point, rules string) fstest.MapFS {
	t.Helper()
	files := defaultFiles(t)
	for name := range files {
		if strings.HasSuffix(name, "_test.rego") {
			delete(files, name)
		}
	}
	files["darkroom/"+point+".rego"] = &fstest.MapFile{Data: []byte("package darkroom." + point + "\n\n" + rules + "\n")}
	return files
}

// wrongEngine is an engine that no canary has tried, with other rules at one decision point: what [Load] would return if it tried none.
func wrongEngine(t *testing.T, point, rules string) (*Engine, *bytes.Buffer) {
	t.Helper()
	b, err := readBundle(wrongFiles(t, point, rules))
	if err != nil {
		t.Fatal(err)
	}
	e, err := compile(b)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	WithLogger(slog.New(slog.NewTextHandler(&log, nil)))(e)
	return e, &log
}

// TestEndlessRuleIsStopped: rules always end, but not soon.
func TestEndlessRuleIsStopped(t *testing.T) {
	rules := `result := {"decision": "release", "passed": ` + everyCheck + `, "reasons": []} if {
	count([1 | some i in numbers.range(1, 100000); some j in numbers.range(1, 100000); i + j == 0]) == 0
}`
	e, _ := wrongEngine(t, "release", rules)
	e.limit = 50 * time.Millisecond
	p := profile(t, e, visits())
	j, err := e.Release(t.Context(), honest(p), p)
	if err != nil || j.Decision != enclave.Deny || !slices.Equal(codes(j), []string{faultCode}) {
		t.Errorf("%+v, %v", j, err)
	}
}

// TestForbiddenBuiltins: what could reach out, or answer differently tomorrow, does not compile.
func TestForbiddenBuiltins(t *testing.T) {
	for _, call := range []string{
		`http.send({"method": "get", "url": "http://example.com"})`, `net.lookup_ip_addr("example.com")`, `time.now_ns()`,
		`rand.intn("x", 9)`, `uuid.rfc4122("x")`, `opa.runtime()`, `trace("x")`, `io.jwt.decode("x")`,
		`json.match_schema({}, {})`, `rego.parse_module("x", "package x")`, `regex.template_match("x", "x", "{", "}")`,
	} {
		_, err := Load(wrongFiles(t, "release", `result := `+call))
		if e := enclave.AsError(err); e == nil || e.Reason != "POLICY_BUNDLE_INVALID" || !strings.Contains(e.Error(), "undefined function") {
			t.Errorf("%s: %v", call, err)
		}
	}
	_, err := Load(wrongFiles(t, "release", "result := {} if print(input)"))
	if e := enclave.AsError(err); e == nil || e.Reason != "POLICY_BUNDLE_INVALID" {
		t.Errorf("print: %v", err)
	}
}

func TestAccessFailsClosed(t *testing.T) {
	for name, rules := range map[string]string{
		"undefined":        `allow if input.nothing`,
		"text":             `allow := "true"`,
		"number":           `allow := 1`,
		"object":           `allow := {"allow": true}`,
		"null":             `allow := null`,
		"set":              `allow contains true`,
		"division by zero": `allow if not 1 / count(input.owner) == 2`,
		"two answers":      "allow := true\n\nallow := false if input.method != \"x\"",
	} {
		e, _ := wrongEngine(t, "access", rules)
		in := AccessInput{Caller: enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "wu"}, Method: "/darkroom.v1.PolicyService/GetPolicy"}
		if allowed, err := e.Access(t.Context(), in); allowed || err != nil {
			t.Errorf("%s: %v, %v", name, allowed, err)
		}
		if e.tryCanaries(t.Context()) == nil {
			t.Errorf("%s: such a bundle must not load", name)
		}
	}
}

// TestCanaries: rules that are well formed and name every check, but say yes to everything.
func TestCanaries(t *testing.T) {
	for point, c := range map[string]struct{ rules, canary string }{
		"release":   {`result := {"decision": "release", "passed": ` + everyCheck + `, "reasons": []}`, "release of an empty input"},
		"admission": {`result := {"decision": "release", "passed": ["version", "form", "sharing", "identifiers", "module_bytes", "data_bytes", "max_cells", "key_space", "shown", "reviewed"], "reasons": []}`, "admission of "},
		"grant":     {`result := {"decision": "release", "passed": ["version", "scenario", "columns", "sharing", "identifiers", "term", "forms"], "reasons": []}`, "grant of "},
		"program":   {`result := {"decision": "hold", "passed": ["version", "form", "published", "records", "identifiers", "packed", "injective", "verbatim", "bits", "parameters"], "reasons": [{"code": "OUTPUT_OF_PROGRAM", "args": {}}]}`, "release of a program's "},
		"access":    {`allow := true`, "nobody calls nothing"},
	} {
		_, err := Load(wrongFiles(t, point, c.rules))
		e := enclave.AsError(err)
		if e == nil || e.Reason != "POLICY_BUNDLE_CANARY" || !strings.Contains(e.Args["canary"], c.canary) || e.Args["problem"] != "let through" && e.Args["problem"] != "held" {
			t.Errorf("%s: %v", point, err)
		}
	}
}
