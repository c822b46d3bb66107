package cli

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

// TestTexts: every code that the command line uses has its texts, and none of the catalogue's is left over.
func TestTexts(t *testing.T) {
	used := map[string]bool{}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, code := range regexp.MustCompile(`"CLI_[A-Z_]*[A-Z]"`).FindAllString(read(t, name), -1) {
			used[strings.Trim(code, `"`)] = true
		}
	}
	for _, word := range words() {
		used["CLI_WORD_"+strings.ToUpper(word)] = true
	}
	if len(used) < 100 {
		t.Fatalf("found %d codes: the search is broken", len(used))
	}
	for code := range used {
		if !enclave.Known(code) {
			t.Errorf("%s is used and has no text", code)
		}
	}
	for _, code := range enclave.Codes() {
		if strings.HasPrefix(code, "CLI_") && !used[code] {
			t.Errorf("%s has a text that nothing uses", code)
		}
	}
}

// words are what the command line prints in the user's language: states, outcomes, stages and roles.
func words() []string {
	all := []string{"queued", string(enclave.Deny), string(enclave.Hold)}
	for _, s := range []sdk.PolicyChangeState{sdk.PolicyWaiting, sdk.PolicyActive, sdk.PolicyReplaced, sdk.PolicyRejected} {
		all = append(all, string(s))
	}
	for _, s := range []sdk.GrantState{
		sdk.GrantApplied, sdk.GrantAssessed, sdk.GrantActive, sdk.GrantSuspended, sdk.GrantRejected, sdk.GrantRevoked, sdk.GrantExpired,
	} {
		all = append(all, string(s))
	}
	for _, o := range []sdk.Outcome{sdk.RunReleased, sdk.RunHeld, sdk.RunDenied, sdk.RunFailed, sdk.RunCanceled, sdk.RunRehearsed} {
		all = append(all, string(o))
	}
	for _, s := range []sdk.ReviewState{
		sdk.ReviewOpen, sdk.ReviewDiffer, sdk.ReviewReturned, sdk.ReviewAgreed, sdk.ReviewReleased, sdk.ReviewRejected, sdk.ReviewClosed,
	} {
		all = append(all, string(s))
	}
	for _, c := range []sdk.Choice{sdk.ChooseRelease, sdk.ChooseReject, sdk.ChooseReturn} {
		all = append(all, string(c))
	}
	for _, s := range []sdk.ProposalState{sdk.ProposalWaiting, sdk.ProposalApproved, sdk.ProposalRejected, sdk.ProposalWithdrawn} {
		all = append(all, string(s))
	}
	for _, r := range []sdk.Role{sdk.Operator, sdk.Authority, sdk.Source, sdk.Reviewer, sdk.Auditor} {
		all = append(all, string(r))
	}
	for _, s := range []enclave.Stage{
		enclave.StageAdmit, enclave.StageLoad, enclave.StageExecute, enclave.StageMeasure,
		enclave.StageTreat, enclave.StageJudge, enclave.StageRecord, enclave.StageRelease,
	} {
		all = append(all, string(s))
	}
	return all
}

// TestEveryTextIsThePersons: the help of every command speaks one language only, and nothing in it is left to fill in.
func TestEveryTextIsThePersons(t *testing.T) {
	english := regexp.MustCompile(`\b(Usage|Flags|Commands|Available|Example|Global|default|string|help for)\b`)
	chinese := regexp.MustCompile(`\p{Han}`)
	paths := append(slices.Collect(maps.Keys(leaves((&shell{}).root()))), "", "dataset", "grant", "identity", "ledger", "module", "module review", "policy", "review", "run")
	for _, path := range paths {
		for _, lang := range []string{"en", "zh"} {
			status, out, errs := command(t, append(strings.Fields(path), "--help", "--lang", lang)...)
			switch {
			case status != exitDone || errs != "":
				t.Errorf("%s --help: status %d, %s", path, status, errs)
			case lang == "zh" && english.MatchString(out), lang == "en" && chinese.MatchString(out), strings.Contains(out, "CLI_"):
				t.Errorf("the help of %s in %s:\n%s", path, lang, out)
			}
		}
	}
}

// TestRootNamesCommands: the help of the whole names commands, joined as new|build, and each of them is one.
func TestRootNamesCommands(t *testing.T) {
	root := (&shell{}).root()
	for _, lang := range []enclave.Lang{enclave.English, enclave.Chinese} {
		found := regexp.MustCompile(`([a-z]+) ((?:[a-z]+\|)+[a-z]+)`).FindAllStringSubmatch(enclave.Say(lang, "CLI_ROOT_LONG"), -1)
		if len(found) < 3 {
			t.Errorf("%s: found %v: the search is broken", lang, found)
		}
		for _, said := range found {
			for name := range strings.SplitSeq(said[2], "|") {
				if c, rest, err := root.Find([]string{said[1], name}); err != nil || len(rest) > 0 || c.HasSubCommands() {
					t.Errorf("%s: there is no %s %s", lang, said[1], name)
				}
			}
		}
	}
}

// TestCommandsInTexts: where a text of any room tells what to type, there is such a command.
func TestCommandsInTexts(t *testing.T) {
	root, checked := (&shell{}).root(), 0
	files, err := filepath.Glob("../../enclave/messages/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no catalogue", err)
	}
	for _, name := range append(files, "../../sdk/messages.json") {
		var texts map[string]map[string]string
		if err := json.Unmarshal([]byte(read(t, name)), &texts); err != nil {
			t.Fatal(name, err)
		}
		for code, text := range texts {
			for _, said := range regexp.MustCompile(`darkroom ((?:identity|dataset|grant|module(?: review)?|run|review|policy|ledger) [a-z]+)`).FindAllStringSubmatch(text["en"]+"\n"+text["zh"], -1) {
				checked++
				if c, rest, err := root.Find(strings.Fields(said[1])); err != nil || len(rest) > 0 || c.HasSubCommands() {
					t.Errorf("%s names the command %q", code, said[0])
				}
			}
		}
	}
	if checked < 10 {
		t.Errorf("found %d commands in texts: the search is broken", checked)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name) //nolint:gosec // a file of the repository
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
