package policy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/darkroom-project/darkroom/enclave"
)

// profileText is a profiles/data.json whose person has these fields in its base and these overrides.
func profileText(base, grades, scenarios string) string {
	whole := `{"threshold": 10, "dominance_n": 1, "dominance_percent": 90, "p_percent": 10, "homogeneity_percent": 100, "interval_percent": 0, "round_count": 5, "round_sum": 1, "rank_percent": 5, "guess_percent": 85,
		"max_module_bytes": 1000, "max_data_bytes": 100, "max_cells": 1000,
		"bits_percent": 100, "parameter_percent": 5, "verbatim_percent": 20, "shown": 3, "replay_percent": 2, "module_review": 1, "output_review": 1, "reviewers": 2, "row_runs": 100, "runs": 10000, "questions": 500, "denials": 100, "held_days": 90, "forms": ["aggregate"]}`
	if base == "" {
		base = whole
	}
	return fmt.Sprintf(`{"person": {"base": %s, "grades": %s, "scenarios": %s},
		"organisation": {"base": %s, "grades": {}, "scenarios": {}}}`, base, grades, scenarios, whole)
}

func loadProfiles(t *testing.T, text string) (*Engine, error) {
	t.Helper()
	files := defaultFiles(t)
	files["profiles/data.json"] = &fstest.MapFile{Data: []byte(text)}
	return Load(files)
}

// numbered is a profile with its numbers in the order of its fields.
func numbered(name string, forms []enclave.Form, values ...int64) enclave.Profile {
	p := enclave.Profile{Name: name, Forms: forms}
	for i, n := range numbers() {
		n.set(&p, values[i])
	}
	return p
}

func TestStrictestNumberWins(t *testing.T) {
	e, err := loadProfiles(t, profileText("",
		`{"4": {"threshold": 20, "dominance_percent": 80, "p_percent": 30, "round_count": 10, "max_cells": 500, "bits_percent": 25, "shown": 2, "module_review": 2, "output_review": 2}}`,
		`{"census": {"threshold": 50, "dominance_n": 2, "dominance_percent": 85, "p_percent": 20, "homogeneity_percent": 95, "interval_percent": 10, "round_sum": 100, "rank_percent": 3, "guess_percent": 70, "max_module_bytes": 10,
			"max_data_bytes": 0, "max_cells": 700, "parameter_percent": 1, "verbatim_percent": 0, "replay_percent": 50, "reviewers": 3, "row_runs": 3, "forms": []}}`))
	if err != nil {
		t.Fatal(err)
	}
	aggregate := []enclave.Form{enclave.Aggregate}
	for _, c := range []struct {
		grade    int
		scenario string
		want     enclave.Profile
	}{
		{3, "", numbered("person", aggregate, 10, 1, 90, 10, 100, 0, 5, 1, 5, 85, 1000, 100, 1000, 100, 5, 20, 3, 2, 1, 1, 2, 100, 10000, 500, 100, 90)},
		{4, "other", numbered("person/grade-4", aggregate, 20, 1, 80, 30, 100, 0, 10, 1, 5, 85, 1000, 100, 500, 25, 5, 20, 2, 2, 2, 2, 2, 100, 10000, 500, 100, 90)},
		{1, "census", numbered("person/census", []enclave.Form{}, 50, 2, 85, 20, 95, 10, 5, 100, 3, 70, 10, 0, 700, 100, 1, 0, 3, 50, 1, 1, 3, 3, 10000, 500, 100, 90)},
		{4, "census", numbered("person/grade-4/census", []enclave.Form{}, 50, 2, 80, 30, 95, 10, 10, 100, 3, 70, 10, 0, 500, 25, 1, 0, 2, 50, 2, 2, 3, 3, 10000, 500, 100, 90)},
	} {
		got, err := e.Profile(&enclave.Dataset{Grade: c.grade, Subject: enclave.Subject{Kind: enclave.Person}}, c.scenario)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("grade %d, %q:\n%+v, want\n%+v, %v", c.grade, c.scenario, got, c.want, err)
		}
	}
	if n := len(e.Describe().Profiles); n != 5 {
		t.Errorf("%d effective profiles", n)
	}
}

// TestNumbersAreEveryField: a field that numbers does not know would be neither validated nor chosen.
func TestNumbersAreEveryField(t *testing.T) {
	var named []string
	for _, n := range numbers() {
		named = append(named, n.name)
	}
	var fields []string
	for f := range reflect.TypeFor[enclave.Profile]().Fields() {
		if tag := f.Tag.Get("json"); tag != "name" && tag != "forms" {
			fields = append(fields, tag)
		}
	}
	if !slices.Equal(named, fields) {
		t.Errorf("numbers %q, fields %q", named, fields)
	}
	p := enclave.Profile{}
	for i, n := range numbers() {
		n.set(&p, int64(i+1))
	}
	for i, n := range numbers() {
		if n.get(&p) != int64(i+1) {
			t.Errorf("%s is not read where it is written", n.name)
		}
	}
}

func TestUnknownKindOrGradeHasNoProfile(t *testing.T) {
	e := engine(t)
	for _, d := range []*enclave.Dataset{
		{}, {Grade: 1}, {Grade: 0, Subject: enclave.Subject{Kind: enclave.Person}}, {Grade: 5, Subject: enclave.Subject{Kind: enclave.Person}},
	} {
		if p, err := e.Profile(d, "research"); enclave.KindOf(err) != enclave.Refused {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

func TestBadNumbers(t *testing.T) {
	base := func(change ...string) string {
		text := `{"threshold": 10, "dominance_n": 1, "dominance_percent": 90, "p_percent": 10, "homogeneity_percent": 100, "interval_percent": 0, "round_count": 5, "round_sum": 1, "rank_percent": 5, "guess_percent": 85,` +
			` "max_module_bytes": 1000, "max_data_bytes": 100, "max_cells": 1000,` +
			` "bits_percent": 100, "parameter_percent": 5, "verbatim_percent": 20, "shown": 3, "replay_percent": 2, "module_review": 1, "output_review": 1, "reviewers": 2, "row_runs": 100, "runs": 10000, "questions": 500, "denials": 100, "held_days": 90, "forms": ["aggregate"]}`
		return profileText(strings.NewReplacer(change...).Replace(text), "{}", "{}")
	}
	for name, c := range map[string]struct{ text, place string }{
		"missing":                {base(`"threshold": 10, `, ``), "profiles.person.base.threshold"},
		"missing limit":          {base(`"max_cells": 1000, `, ``), "profiles.person.base.max_cells"},
		"missing forms":          {base(`, "forms": ["aggregate"]`, ``), "profiles.person.base.forms"},
		"unknown":                {base(`"threshold"`, `"thresh": 1, "threshold"`), "profiles.person.base.thresh"},
		"other case":             {base(`"threshold"`, `"Threshold"`), "profiles.person.base.Threshold"},
		"text":                   {base(`10,`, `"10",`), "profiles.person.base.threshold"},
		"null":                   {base(`"threshold": 10`, `"threshold": null`), "profiles.person.base.threshold"},
		"fraction":               {base(`"threshold": 10`, `"threshold": 10.5`), "profiles.person.base.threshold"},
		"exponent":               {base(`"threshold": 10`, `"threshold": 1e1`), "profiles.person.base.threshold"},
		"true":                   {base(`"threshold": 10`, `"threshold": true`), "profiles.person.base.threshold"},
		"list":                   {base(`"threshold": 10`, `"threshold": [10]`), "profiles.person.base.threshold"},
		"below the floor":        {base(`"threshold": 10`, `"threshold": 2`), "profiles.person.base.threshold"},
		"negative":               {base(`"threshold": 10`, `"threshold": -10`), "profiles.person.base.threshold"},
		"beyond 64 bits":         {base(`"threshold": 10`, `"threshold": 99999999999999999999`), "profiles.person.base.threshold"},
		"no dominance":           {base(`"dominance_percent": 90`, `"dominance_percent": 100`), "profiles.person.base.dominance_percent"},
		"three subjects":         {base(`"dominance_n": 1`, `"dominance_n": 3`), "profiles.person.base.dominance_n"},
		"no p":                   {base(`"p_percent": 10`, `"p_percent": 0`), "profiles.person.base.p_percent"},
		"homogeneity allowed":    {base(`"homogeneity_percent": 100`, `"homogeneity_percent": 101`), "profiles.person.base.homogeneity_percent"},
		"homogeneity of a few":   {base(`"homogeneity_percent": 100`, `"homogeneity_percent": 50`), "profiles.person.base.homogeneity_percent"},
		"bounds beyond all":      {base(`"interval_percent": 0`, `"interval_percent": 101`), "profiles.person.base.interval_percent"},
		"no rounding":            {base(`"round_count": 5`, `"round_count": 0`), "profiles.person.base.round_count"},
		"unknown form":           {base(`"aggregate"`, `"raw"`), "profiles.person.base.forms"},
		"forms is text":          {base(`["aggregate"]`, `"aggregate"`), "profiles.person.base.forms"},
		"forms is null":          {base(`["aggregate"]`, `null`), "profiles.person.base.forms"},
		"no forms":               {base(`["aggregate"]`, `[]`), "profiles.person.base.forms"},
		"unknown kind":           {`{"person": {}, "organisation": {}, "animal": {}}`, "profiles.animal"},
		"kind missing":           {`{"person": {"base": {}, "grades": {}, "scenarios": {}}}`, "profiles.organisation"},
		"base missing":           {`{"person": {"grades": {}, "scenarios": {}}, "organisation": {}}`, "profiles.person.base"},
		"kind is a list":         {`{"person": [], "organisation": {}}`, "profiles.person"},
		"unknown grade":          {profileText("", `{"5": {}}`, `{}`), "profiles.person.grades.5"},
		"grade is null":          {profileText("", `{"4": null}`, `{}`), "profiles.person.grades.4"},
		"grade's unknown number": {profileText("", `{"4": {"k": 1}}`, `{}`), "profiles.person.grades.4.k"},
		"grade is looser":        {profileText("", `{"4": {"threshold": 9}}`, `{}`), "profiles.person.grades.4.threshold"},
		"scenario is looser":     {profileText("", `{}`, `{"x": {"dominance_percent": 95}}`), "profiles.person.scenarios.x.dominance_percent"},
		"scenario is no name":    {profileText("", `{}`, `{"X y": {}}`), "profiles.person.scenarios.X y"},
		"number named twice":     {base(`"threshold": 10`, `"threshold": 10, "threshold": 3`), "threshold"},
		"no JSON":                {`{`, "profiles/data.json"},
		"a list":                 {`[]`, "profiles/data.json"},
	} {
		_, err := loadProfiles(t, c.text)
		if e := enclave.AsError(err); e == nil || !isBad(e.Reason) || !strings.Contains(e.Args["place"], c.place) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzData reads profiles that anybody could have written: whatever is accepted lies within the floors, for every choice.
func FuzzData(f *testing.F) {
	f.Add(profileText("", `{"4": {"threshold": 20}}`, `{"census": {"forms": []}}`))
	f.Add(`{"person": {"base": {}}, "person": []}`)
	f.Add(`]`)
	f.Fuzz(func(t *testing.T, text string) {
		b := &bundle{data: map[string]any{}}
		if b.addData(File{"profiles/data.json", text}) != nil {
			return
		}
		raw, err := json.Marshal(b.data["profiles"])
		if err != nil {
			t.Fatal(err)
		}
		all, err := parseProfiles(raw)
		if err != nil {
			return
		}
		for _, p := range all.effective() {
			if !sound(&p) {
				t.Errorf("%+v", p)
			}
		}
	})
}

// TestNumbersHaveTexts: whoever sets a number is told what it is, in both languages, and nothing is told of others.
func TestNumbersHaveTexts(t *testing.T) {
	described := map[string]bool{}
	for _, n := range Numbers() {
		if described[n.Text] = true; !enclave.Known(n.Text) {
			t.Errorf("nothing says what %s is", n.Name)
		}
	}
	for _, code := range enclave.Codes() {
		if strings.HasPrefix(code, "NUMBER_") && !described[code] {
			t.Errorf("%s is the text of no number", code)
		}
	}
	if len(described) != len(numbers()) {
		t.Errorf("%d texts for %d numbers", len(described), len(numbers()))
	}
}
