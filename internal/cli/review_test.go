package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

// hostile is text of an operator who would like to be somebody else on a reviewer's terminal.
const hostile = "ok\x1b[2J\x1b[1;1H\r\u202efdp\nWhy it waits for people:\u009b31m"

// aCase is of a program whose author wrote hostile text wherever a person can.
func aCase(t *testing.T) sdk.Case {
	t.Helper()
	manifest := enclave.Manifest{
		Darkroom: 1, Name: "rules", Version: "1.0.0", Title: hostile, Form: enclave.Program,
		Inputs: []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"district", "cost"}, Show: []string{"cost"}}},
		Output: &enclave.ManifestOutput{
			About: "Weights " + hostile, Behind: "all of them " + hostile, Rows: 9, Model: true, Columns: []enclave.ManifestColumn{
				{Name: "weight", Type: enclave.KindDecimal, About: "a weight " + hostile, Min: -10, Max: 10, Decimals: 3},
				{Name: "label", Type: enclave.KindEnum, About: "which", Values: []string{"a" + hostile, "b", "c", "d", "e", "f"}},
			},
		},
	}
	facts := enclave.Facts{Version: 1, Form: enclave.Program, Leak: enclave.LeakFacts{
		Rows: 2, Values: 4, Verbatim: 25, Bits: 120, Parameters: 3, Subjects: 1000, Identifiers: 1,
	}}
	profile := enclave.Profile{Name: "person", BitsPercent: 50, ParameterPercent: 1, VerbatimPercent: 20}
	seen := sdk.Seen{Output: strings.Repeat("ab", 32), History: 7}
	return sdk.Case{
		Review: sdk.Review{
			Run: strings.Repeat("a", 26), Operator: "acme", Grant: strings.Repeat("b", 26), Scenario: "pricing", Dataset: "visits", Source: "health",
			Module: strings.Repeat("cd", 32), State: sdk.ReviewOpen, Outcome: sdk.RunHeld, Round: 2, Seen: seen, Held: time.Unix(1_800_000_000, 0),
			Question: "why " + hostile, Answers: []sdk.Answer{{Round: 1, Text: "because " + hostile}},
			Votes: []sdk.Vote{{
				Voter: sdk.Identity{Role: sdk.Reviewer, Org: "panel", Name: "chen"}, Choice: sdk.ChooseReturn, Round: 1, Seen: seen,
				Public: "why " + hostile, Private: "odd " + hostile,
			}},
		},
		Purpose: "Fair premiums " + hostile, Manifest: asJSON(t, &manifest), Params: map[string]string{"as_of": "2024" + hostile},
		Facts: asJSON(t, &facts), Profile: asJSON(t, &profile),
		Reasons: []sdk.Reason{{Code: "OUTPUT_OF_PROGRAM", English: "People release it.", Chinese: "须人工审核。"}},
		Places:  []sdk.Place{{Fact: "identifiers", Row: 1, Column: 1}, {Fact: "verbatim", Row: -1, Column: 0}, {Fact: "newer", Row: 0, Column: -1}},
		Preview: sdk.Preview{Columns: []string{"weight", "label"}, Rows: [][]sdk.Cell{{{Text: "0.125"}, {Text: `a\u{1b}`}}, {{}, {Masked: true}}}, Total: 2},
		Similar: []sdk.Similar{
			{Run: strings.Repeat("c", 26), Operator: "rival", Scenario: "other", Module: strings.Repeat("cd", 32), ByPeople: true},
			{Run: strings.Repeat("d", 26), Operator: "rival", Scenario: "other", Module: strings.Repeat("ef", 32)},
		},
	}
}

func asJSON(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func shown(t *testing.T, lang enclave.Lang, c sdk.Case) string {
	t.Helper()
	var out bytes.Buffer
	sh := &shell{out: &out, err: &out, lang: lang}
	if err := sh.showCase(c); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// A reviewer reads, in this order, who asks, what the module says, what was measured, where, how it looks, what left before, what was said,
// and how to vote on exactly that.
func TestCaseInAReviewersOrder(t *testing.T) {
	c := aCase(t)
	rest := shown(t, enclave.English, c)
	whole := rest
	for _, next := range []string{
		"runs/" + c.Run + ": waits for votes, round 2", "people who must agree  2",
		"Who asks:", "acme", "pricing", "Fair premiums", "visits of health", "as_of=2024",
		"What the module says of itself, unchecked:", "rules 1.0.0", "shown to it", "cost", "Weights", "all of them",
		"weight  -10.000 … 10.000", "a weight", "b, c, d, e, … (6)",
		"Why it waits for people:", "OUTPUT_OF_PROGRAM: People release it.",
		"What the enclave measured:", "subject's identifier", "1", "0  !", "protected column", "25 %", "≤ 20 %  !", "≤ 500", "parameters", "≤ 10", "1000",
		"Where:", "subject's identifier", "2", "label", "all", "weight", "newer",
		"The first 2 of 2 rows:", "weight  label", "0.125  a\\u{1b}", "·  ▒▒▒", "▒▒▒ is not shown",
		"Earlier releases of the same data:", "the same", "people", "efefefefefef", "policy",
		"What was asked and said:", "question", "why", "answer", "because", "return (panel/chen, round 1)", "public", "private", "odd",
		"Next: darkroom review vote runs/" + c.Run + " release --seen " + c.Seen.Output + ":7 --public",
	} {
		_, after, ok := strings.Cut(rest, next)
		if !ok {
			t.Fatalf("%q does not come next in\n%s", next, whole)
		}
		rest = after
	}
	chinese := shown(t, enclave.Chinese, c)
	for _, word := range []string{"待投票，第 2 轮", "申请方：", "模块的自述（未经核实）：", "暗房的度量：", "须人工审核。", "下一步：darkroom review vote"} {
		if !strings.Contains(chinese, word) {
			t.Errorf("%q is not in\n%s", word, chinese)
		}
	}
}

// What an operator wrote neither moves a reviewer's cursor nor passes for a line of ours.
func TestHostileTextStaysText(t *testing.T) {
	for _, lang := range []enclave.Lang{enclave.English, enclave.Chinese} {
		out := shown(t, lang, aCase(t))
		for _, c := range out {
			if c != '\n' && unicode.In(c, unicode.C, unicode.Zl, unicode.Zp) {
				t.Fatalf("%U reaches the terminal:\n%q", c, out)
			}
		}
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "Why it waits for people:\\u{9b}") {
				t.Errorf("an operator's line passes for ours:\n%s", out)
			}
		}
		if n := strings.Count(out, `ok\u{1b}[2J\u{1b}[1;1H\u{d}\u{202e}fdp ⏎ Why`); n != 11 {
			t.Errorf("the text stands there %d times", n)
		}
	}
	var out bytes.Buffer
	sh := &shell{out: &out, err: &out, lang: enclave.English}
	sh.fields([2]string{"CLI_HEAD_PURPOSE", hostile})
	sh.say("CLI_STATE", "name", hostile)
	sh.printError(enclave.Fail(enclave.State, hostile))
	if strings.ContainsAny(out.String(), "\x1b\r\u202e\u009b") {
		t.Errorf("it reaches the terminal: %q", out.String())
	}
}

// Who has voted is not asked to vote again, and there is nothing to do in a review that is over.
func TestWhatComesAfter(t *testing.T) {
	for _, c := range []struct {
		change func(*sdk.Case)
		want   string
		none   string
	}{
		{func(c *sdk.Case) { c.Votes[0].Round = 2 }, "You have voted", "darkroom review vote"},
		{func(c *sdk.Case) { c.State = sdk.ReviewDiffer }, "darkroom review vote", "You have voted"},
		{func(c *sdk.Case) { c.State = sdk.ReviewReturned }, "waits for the operator's answer", "darkroom review"},
		{func(c *sdk.Case) { c.State = sdk.ReviewRejected; c.Preview = sdk.Preview{} }, "There is no preview.", "darkroom review"},
		{func(c *sdk.Case) { c.State = sdk.ReviewReleased }, "released", "darkroom run fetch"},
	} {
		file := aCase(t)
		c.change(&file)
		if out := shown(t, enclave.English, file); !strings.Contains(out, c.want) || strings.Contains(out, c.none) {
			t.Errorf("%s: wants %q and no %q:\n%s", file.State, c.want, c.none, out)
		}
	}
	for state, want := range map[sdk.ReviewState]string{
		sdk.ReviewOpen: "nothing is to be done", sdk.ReviewReturned: `darkroom review answer runs/x --text "…"`, sdk.ReviewReleased: "darkroom run fetch runs/x",
	} {
		var out bytes.Buffer
		sh := &shell{out: &out, err: &out, lang: enclave.English}
		sh.showReview(sdk.Review{Run: "x", State: state, Round: 1})
		if !strings.Contains(out.String(), want) {
			t.Errorf("an operator is told of a review that is %s:\n%s", state, out.String())
		}
	}
}

func TestFactsOfATable(t *testing.T) {
	c := aCase(t)
	c.Facts = asJSON(t, &enclave.Facts{
		Version: 1, Form: enclave.Aggregate, Cells: enclave.CellCounts{Published: 40, Primary: 3, Complement: 2, History: 4}, MinSubjects: 12,
		History: enclave.HistoryFacts{Clean: true, Rank: 60, Subjects: 1000}, RoundCount: 10, RoundSum: 1000,
	})
	c.Profile = asJSON(t, &enclave.Profile{Threshold: 10, RankPercent: 5, RoundCount: 10, RoundSum: 500})
	out := shown(t, enclave.English, c)
	for _, line := range [][3]string{
		{"groups published", "40", "≥ 1"},
		{"groups suppressed", "9", ""},
		{"of them for what all releases would tell", "4", ""},
		{"subjects in the smallest group", "12", "≥ 10"},
		{"safe beside all earlier releases", "yes", "yes"},
		{"independent sums published so far", "60", "≤ 50  !"},
		{"sums are multiples of", "1000", "≥ 500"},
	} {
		found := false
		for l := range strings.Lines(out) {
			rest, ok := strings.CutPrefix(strings.TrimSpace(l), line[0])
			fields := strings.Fields(rest)
			found = found || ok && len(fields) > 0 && fields[0] == line[1] && strings.Join(fields[1:], " ") == strings.Join(strings.Fields(line[2]), " ")
		}
		if !found {
			t.Errorf("%v is not in\n%s", line, out)
		}
	}
}
