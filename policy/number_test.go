package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

func TestSetOneNumber(t *testing.T) {
	for place, c := range map[string]struct{ value, before, after string }{
		"person.base.threshold":                           {"12", "10", "12"},
		"person.grades.4.threshold":                       {"25", "20", "25"},
		"organisation.grades.4.threshold":                 {"", "20", ""},
		"person.scenarios.insurance-pricing.threshold":    {"20", "", "20"},
		"person.grades.3.forms":                           {`["aggregate"]`, "", `["aggregate"]`},
		"organisation.scenarios.census.round_count":       {"5", "", "5"},
		"organisation.scenarios.census.dominance_percent": {"70", "", "70"},
	} {
		changed, err := Set(builtIn(t), place, c.value)
		if err != nil {
			t.Errorf("%s: %v", place, err)
			continue
		}
		if _, err := LoadFiles(changed); err != nil {
			t.Errorf("%s: %v", place, err)
		}
		diff, err := Difference(builtIn(t), changed)
		if want := []Change{{"profiles." + place, c.before, c.after}}; err != nil || !slices.Equal(diff, want) {
			t.Errorf("%s: %+v, %v", place, diff, err)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	for _, place := range []string{
		"", "person", "person.base", "person.base.treshold", "people.base.threshold", "person.threshold", "person.grades.threshold",
		"person.base.x.threshold", "person.other.x.y.threshold", "grants.person.base.threshold",
	} {
		if _, err := Set(builtIn(t), place, "12"); reasonOf(err) != "POLICY_PLACE_UNKNOWN" {
			t.Errorf("%s: %v", place, err)
		}
	}
	// What the place takes is for loading to say, with the place.
	for _, c := range [][2]string{
		{"person.base.threshold", "2"},
		{"person.base.threshold", `"12"`},
		{"person.base.threshold", "1e1"},
		{"person.base.threshold", "12.5"},
		{"person.base.threshold", ""},
		{"person.grades.5.threshold", "12"},
		{"person.scenarios.Big.threshold", "12"},
		{"person.other.x.threshold", "12"},
		{"person.scenarios.census.threshold", "9"},
		{"person.base.threshold", "ten"},
	} {
		changed, err := Set(builtIn(t), c[0], c[1])
		if err == nil {
			_, err = LoadFiles(changed)
		}
		place := strings.TrimSuffix(strings.TrimSuffix(c[0], ".threshold"), ".x")
		if e := enclave.AsError(err); e == nil || !isBad(e.Reason) || !strings.Contains(e.Args["place"], place) {
			t.Errorf("%s = %s: %v", c[0], c[1], err)
		}
	}
}

// TestSetInABundleOfOPAs: OPA's own tool joins all data into one file at the root.
func TestSetInABundleOfOPAs(t *testing.T) {
	files := builtIn(t)
	b := must(newBundle(files))
	joined := with(with(files, "profiles/data.json", ""), "grants/data.json", "")
	joined = append(joined, File{"data.json", string(must(json.Marshal(b.data)))})
	changed, err := Set(joined, "person.base.threshold", "12")
	if err != nil {
		t.Fatal(err)
	}
	diff, err := Difference(files, changed)
	if want := []Change{{"profiles.person.base.threshold", "10", "12"}}; err != nil || !slices.Equal(diff, want) {
		t.Errorf("%+v, %v", diff, err)
	}
	if _, err := LoadFiles(changed); err != nil {
		t.Error(err)
	}
}

func TestDifferenceOfRules(t *testing.T) {
	files := builtIn(t)
	changed := with(with(files, "darkroom/grant.rego", "package darkroom.grant\n"), "darkroom/grant_test.rego", "")
	diff, err := Difference(files, changed)
	if err != nil || len(diff) != 2 || diff[0].Place != "darkroom/grant.rego" || diff[1].Place != "darkroom/grant_test.rego" || diff[1].After != "" {
		t.Errorf("%+v, %v", diff, err)
	}
}

func TestOrigins(t *testing.T) {
	changed := must(Set(builtIn(t), "person.scenarios.census.threshold", "30"))
	changed = must(Set(changed, "person.scenarios.census.forms", `["aggregate"]`))
	e := must(LoadFiles(changed))
	from := func(grade int, scenario, number string) [3]string {
		for _, o := range must(e.Origins(enclave.Person, grade, scenario)) {
			if o.Number == number {
				return [3]string{o.Value, o.From, o.Floor}
			}
		}
		return [3]string{}
	}
	for _, c := range []struct {
		grade            int
		scenario, number string
		want             [3]string
	}{
		{3, "other", "threshold", [3]string{"10", "person.base", "≥ 3"}},
		{4, "other", "threshold", [3]string{"20", "person.grades.4", "≥ 3"}},
		{4, "census", "threshold", [3]string{"30", "person.scenarios.census", "≥ 3"}},
		{4, "census", "dominance_percent", [3]string{"80", "person.grades.4", "≤ 99"}},
		{4, "census", "forms", [3]string{`["aggregate"]`, "person.base ∩ person.grades.4 ∩ person.scenarios.census", ""}},
	} {
		if got := from(c.grade, c.scenario, c.number); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	if _, err := e.Origins("pet", 1, ""); reasonOf(err) != faultCode {
		t.Error(err)
	}
}

// isBad reports whether a reason is one of those that a bundle is refused for by what stands in it.
func isBad(reason string) bool {
	return reason == "POLICY_BUNDLE_INVALID" || strings.HasPrefix(reason, "POLICY_NUMBER_")
}

// TestSetNamesWhatIsWrong: whoever changes one number is told what it may be, in words that a catalogue has in both languages.
func TestSetNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ place, value, reason string }{
		{"person.base.threshold", "2", "POLICY_NUMBER_RANGE"},
		{"person.scenarios.census.reviewers", "6", "POLICY_NUMBER_RANGE"},
		{"person.scenarios.census.guess_percent", "90", "POLICY_NUMBER_LOOSER"},
		{"person.base.guess_percent", "80%", "POLICY_NUMBER_SYNTAX"},
		{"person.base.forms", "aggregate", "POLICY_NUMBER_SYNTAX"},
		{"person.base.threshold", "", "POLICY_NUMBER_MISSING"},
		{"profiles.person.base.threshold", "2", "POLICY_NUMBER_RANGE"}, // as a difference is written
	} {
		changed, err := Set(builtIn(t), c.place, c.value)
		if err == nil {
			_, err = LoadFiles(changed)
		}
		if reasonOf(err) != c.reason || !enclave.Known(c.reason) {
			t.Errorf("%s=%s: %v", c.place, c.value, err)
		}
	}
}
