package policy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/util"

	"github.com/darkroom-project/darkroom/enclave"
)

// Set returns the files with one number of the profiles changed, or stated where it was not. The place is PROFILE.KEY as in "person.base.threshold",
// "person.grades.4.threshold" or "person.scenarios.census.threshold"; the value is JSON, so that a list of forms can be set as well; "" takes the
// number out, so that what is less strict applies. Reasons of errors: POLICY_PLACE_UNKNOWN, POLICY_NUMBER_SYNTAX, and what [LoadFiles] says of the result, which
// the caller loads.
func Set(files []File, place, value string) ([]File, error) {
	place = strings.TrimPrefix(place, "profiles.") // as [Difference] writes it
	steps := strings.Split(place, ".")
	known := slices.Contains([]string{string(enclave.Person), string(enclave.Organisation)}, steps[0])
	if !known || len(steps) != 3 && len(steps) != 4 || len(steps) == 3 != (steps[1] == "base") || !isNumber(steps[len(steps)-1]) {
		return nil, enclave.Fail(enclave.Invalid, "POLICY_PLACE_UNKNOWN", "place", place, "names", strings.Join(numberNames(), ", "))
	}
	var stated any
	if err := util.UnmarshalJSON([]byte(cmp.Or(value, "null")), &stated); err != nil {
		return nil, enclave.Fail(enclave.Invalid, "POLICY_NUMBER_SYNTAX", "place", place, "value", value)
	}
	changed := slices.Clone(Unsigned(files))
	for i := range changed {
		at := profilesIn(changed[i].Path)
		if at == nil {
			continue
		}
		data, err := parseJSON(changed[i])
		if err != nil {
			return nil, err
		}
		object, there := within(data, at)
		if !there {
			continue
		}
		put(object, steps, stated)
		text, err := json.MarshalIndent(data, "", "  ")
		if err != nil {
			return nil, enclave.Internalf("write numbers: %w", err)
		}
		changed[i].Text = string(text) + "\n"
		return changed, nil
	}
	return nil, invalid("profiles", "an object is missing here")
}

// profilesIn is where in a data file of this path the profiles would be: OPA's own tool joins all data into one file.
func profilesIn(name string) []string {
	switch name {
	case "profiles/data.json":
		return []string{}
	case "data.json":
		return []string{"profiles"}
	}
	return nil
}

func within(data map[string]any, steps []string) (map[string]any, bool) {
	for _, step := range steps {
		next, ok := data[step].(map[string]any)
		if !ok {
			return nil, false
		}
		data = next
	}
	return data, true
}

// put states a value in nested objects, which it makes as needed; nil takes it out, with an object that is empty then.
func put(at map[string]any, steps []string, value any) {
	if len(steps) == 1 {
		if value == nil {
			delete(at, steps[0])
		} else {
			at[steps[0]] = value
		}
		return
	}
	next, ok := at[steps[0]].(map[string]any)
	if !ok {
		next = map[string]any{}
		at[steps[0]] = next
	}
	put(next, steps[1:], value)
	if len(next) == 0 && len(steps) == 2 {
		delete(at, steps[0])
	}
}

func numberNames() []string {
	names := []string{"forms"}
	for _, n := range numbers() {
		names = append(names, n.name)
	}
	return names
}

func isNumber(name string) bool { return slices.Contains(numberNames(), name) }

// parseJSON reads a data file, or the manifest.
func parseJSON(f File) (map[string]any, error) {
	if err := refuseTwice(f); err != nil {
		return nil, err
	}
	var value map[string]any
	if err := util.UnmarshalJSON([]byte(f.Text), &value); err != nil {
		return nil, invalid(f.Path, err.Error())
	}
	return value, nil
}

// Change is one thing in which two revisions differ: a number by its place in the data ("profiles.person.base.threshold"), or a file of rules by
// its path. "" where it is not there; of a file, its digest.
type Change struct {
	Place  string `json:"place"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Difference is what changes from one revision's files to another's, by place.
func Difference(before, after []File) ([]Change, error) {
	old, err := stated(before)
	if err != nil {
		return nil, err
	}
	fresh, err := stated(after)
	if err != nil {
		return nil, err
	}
	places := maps.Clone(old)
	maps.Copy(places, fresh)
	var changes []Change
	for _, place := range slices.Sorted(maps.Keys(places)) {
		if old[place] != fresh[place] {
			changes = append(changes, Change{Place: place, Before: old[place], After: fresh[place]})
		}
	}
	return changes, nil
}

// stated is everything that files say: numbers by place, rules as digests by path.
func stated(files []File) (map[string]string, error) {
	all := map[string]string{}
	for _, f := range Unsigned(files) {
		if path.Base(f.Path) != "data.json" {
			all[f.Path] = enclave.DigestOf([]byte(f.Text)).String()
			continue
		}
		data, err := parseJSON(f)
		if err != nil {
			return nil, err
		}
		prefix := ""
		if dir := path.Dir(f.Path); dir != "." {
			prefix = strings.ReplaceAll(dir, "/", ".") + "."
		}
		flatten(all, prefix, data)
	}
	return all, nil
}

func flatten(all map[string]string, prefix string, data map[string]any) {
	for name, value := range data {
		if object, ok := value.(map[string]any); ok {
			flatten(all, prefix+name+".", object)
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			text = fmt.Append(nil, value) // what was parsed always encodes
		}
		all[prefix+name] = string(text)
	}
}

// Scenarios are those that the rules have numbers of their own for, of a kind of subject.
func (e *Engine) Scenarios(kind enclave.SubjectKind) []string {
	return slices.Sorted(maps.Keys(e.profiles[kind].scenarios))
}

// Origin says where one effective number comes from.
type Origin struct {
	Number string // its name
	Value  string // as JSON
	From   string // the place that states it: "person.base", "person.grades.4", "person.scenarios.census"
	Floor  string // the bound that no bundle goes below: "≥ 3" where more is stricter, "≤ 99" where less is
}

// Origins is the profile for a kind of subject, a grade and a scenario, number by number. POLICY_FAULT for a kind or grade that no dataset
// can have.
func (e *Engine) Origins(kind enclave.SubjectKind, grade int, scenario string) ([]Origin, error) {
	p, ok := e.profiles.choose(kind, grade, scenario)
	if !ok {
		return nil, enclave.Fail(enclave.Refused, faultCode)
	}
	k := e.profiles[kind]
	layers := []struct {
		place  string
		states override
	}{
		{fmt.Sprintf("%s.grades.%d", kind, grade), k.grades[grade]},
		{fmt.Sprintf("%s.scenarios.%s", kind, scenario), k.scenarios[scenario]},
	}
	var origins []Origin
	for _, n := range numbers() {
		o := Origin{Number: n.name, Value: fmt.Sprint(n.get(&p)), From: string(kind) + ".base", Floor: n.floor()}
		for _, layer := range layers {
			if v, there := layer.states.numbers[n.name]; there && v == n.get(&p) && v != n.get(&k.base) {
				o.From = layer.place
			}
		}
		origins = append(origins, o)
	}
	forms, err := json.Marshal(p.Forms)
	if err != nil {
		return nil, enclave.Internalf("encode forms: %w", err)
	}
	from := []string{string(kind) + ".base"}
	for _, layer := range layers {
		if layer.states.forms != nil {
			from = append(from, layer.place)
		}
	}
	return append(origins, Origin{Number: "forms", Value: string(forms), From: strings.Join(from, " ∩ ")}), nil
}

func (n *number) floor() string {
	if n.stricter == larger {
		return fmt.Sprintf("≥ %d", n.min)
	}
	return fmt.Sprintf("≤ %d", n.max)
}
