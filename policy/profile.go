package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/darkroom-project/darkroom/enclave"
)

// direction says which of two numbers protects more.
type direction bool

const (
	smaller direction = false
	larger  direction = true
)

// number is one field of a profile: where it may lie, whatever a bundle says, and which direction is the stricter.
type number struct {
	name     string
	min, max int64
	stricter direction
	get      func(*enclave.Profile) int64
	set      func(*enclave.Profile, int64)
}

// numbers are the fields of a profile; nobody changes the list.
//
//   - threshold: larger is stricter; at least 3, below which two subjects who know themselves would learn the third.
//   - dominance_n: larger is stricter: two subjects together reach the share sooner than one.
//   - dominance_percent: smaller is stricter: a lower share already counts as dominance.
//   - p_percent: larger is stricter: a wider estimate of the largest contributor is still too close.
//   - homogeneity_percent: smaller is stricter: a value that fewer of a group share is already unsafe. At most 100, so that what all share
//     always is; above half, since less is not what the group has in common.
//   - interval_percent: larger is stricter: a cell below the threshold could have more than it has; 0 asks nothing.
//   - round_count, round_sum: larger is stricter. Where both numbers apply, neither need divide the other, the larger is taken.
//   - rank_percent: smaller is stricter.
//   - guess_percent: smaller is stricter; above half, which is right by chance. 100 asks nothing.
//   - max_module_bytes, max_data_bytes, max_cells, bits_percent, parameter_percent, verbatim_percent, row_runs, runs, questions, denials, held_days:
//     smaller is stricter.
//   - shown: smaller is stricter: 1 shows guests open and quasi columns alone, 2 measures too, 3 sensitive ones too.
//   - replay_percent: larger is stricter: more of what a guest sees is shown to it again.
//   - module_review: larger is stricter: 2 asks for the review of more modules than 1.
//   - output_review: larger is stricter: 2 has all outputs wait for people, 1 those that a module made of rows.
//   - reviewers: larger is stricter: more people agree.
//
// Forms are intersected.
var numbers = sync.OnceValue(func() []number {
	return []number{
		{
			"threshold", 3, 255, larger, // 255: the most that the audit of the release history can promise
			func(p *enclave.Profile) int64 { return p.Threshold }, func(p *enclave.Profile, v int64) { p.Threshold = v },
		},
		{
			"dominance_n", 1, 2, larger,
			func(p *enclave.Profile) int64 { return int64(p.DominanceN) }, func(p *enclave.Profile, v int64) { p.DominanceN = int(v) },
		},
		{
			"dominance_percent", 1, 99, smaller,
			func(p *enclave.Profile) int64 { return p.DominancePercent }, func(p *enclave.Profile, v int64) { p.DominancePercent = v },
		},
		{
			"p_percent", 1, 100, larger,
			func(p *enclave.Profile) int64 { return p.PPercent }, func(p *enclave.Profile, v int64) { p.PPercent = v },
		},
		{
			"homogeneity_percent", 51, 100, smaller,
			func(p *enclave.Profile) int64 { return p.HomogeneityPercent }, func(p *enclave.Profile, v int64) { p.HomogeneityPercent = v },
		},
		{
			"interval_percent", 0, 100, larger,
			func(p *enclave.Profile) int64 { return p.IntervalPercent }, func(p *enclave.Profile, v int64) { p.IntervalPercent = v },
		},
		{
			"round_count", 1, 1_000_000, larger,
			func(p *enclave.Profile) int64 { return p.RoundCount }, func(p *enclave.Profile, v int64) { p.RoundCount = v },
		},
		{
			"round_sum", 1, 1_000_000_000, larger,
			func(p *enclave.Profile) int64 { return p.RoundSum }, func(p *enclave.Profile, v int64) { p.RoundSum = v },
		},
		{
			"rank_percent", 1, 50, smaller,
			func(p *enclave.Profile) int64 { return p.RankPercent }, func(p *enclave.Profile, v int64) { p.RankPercent = v },
		},
		{
			"guess_percent", 51, 100, smaller,
			func(p *enclave.Profile) int64 { return p.GuessPercent }, func(p *enclave.Profile, v int64) { p.GuessPercent = v },
		},
		{
			"max_module_bytes", 1, 256 << 20, smaller,
			func(p *enclave.Profile) int64 { return p.MaxModuleBytes }, func(p *enclave.Profile, v int64) { p.MaxModuleBytes = v },
		},
		{
			"max_data_bytes", 0, 256 << 20, smaller,
			func(p *enclave.Profile) int64 { return p.MaxDataBytes }, func(p *enclave.Profile, v int64) { p.MaxDataBytes = v },
		},
		{
			"max_cells", 1, 100_000_000, smaller,
			func(p *enclave.Profile) int64 { return p.MaxCells }, func(p *enclave.Profile, v int64) { p.MaxCells = v },
		},
		{
			"bits_percent", 1, 10_000, smaller,
			func(p *enclave.Profile) int64 { return p.BitsPercent }, func(p *enclave.Profile, v int64) { p.BitsPercent = v },
		},
		{
			"parameter_percent", 0, 100, smaller,
			func(p *enclave.Profile) int64 { return p.ParameterPercent }, func(p *enclave.Profile, v int64) { p.ParameterPercent = v },
		},
		{
			"verbatim_percent", 0, 100, smaller,
			func(p *enclave.Profile) int64 { return p.VerbatimPercent }, func(p *enclave.Profile, v int64) { p.VerbatimPercent = v },
		},
		{
			"shown", 1, 3, smaller,
			func(p *enclave.Profile) int64 { return p.Shown }, func(p *enclave.Profile, v int64) { p.Shown = v },
		},
		{
			"replay_percent", 1, 100, larger,
			func(p *enclave.Profile) int64 { return p.ReplayPercent }, func(p *enclave.Profile, v int64) { p.ReplayPercent = v },
		},
		{
			"module_review", 1, 2, larger, // 1: how a run ends whose guest sees rows is that guest's choice, so people read it first
			func(p *enclave.Profile) int64 { return p.ModuleReview }, func(p *enclave.Profile, v int64) { p.ModuleReview = v },
		},
		{
			"output_review", 1, 2, larger,
			func(p *enclave.Profile) int64 { return p.OutputReview }, func(p *enclave.Profile, v int64) { p.OutputReview = v },
		},
		{
			"reviewers", enclave.Approvals, 5, larger,
			func(p *enclave.Profile) int64 { return p.Reviewers }, func(p *enclave.Profile, v int64) { p.Reviewers = v },
		},
		{
			"row_runs", 0, 1000, smaller,
			func(p *enclave.Profile) int64 { return p.RowRuns }, func(p *enclave.Profile, v int64) { p.RowRuns = v },
		},
		{
			"runs", 1, 1_000_000, smaller,
			func(p *enclave.Profile) int64 { return p.Runs }, func(p *enclave.Profile, v int64) { p.Runs = v },
		},
		{
			"questions", 1, 100_000, smaller,
			func(p *enclave.Profile) int64 { return p.Questions }, func(p *enclave.Profile, v int64) { p.Questions = v },
		},
		{
			"denials", 1, 10_000, smaller,
			func(p *enclave.Profile) int64 { return p.Denials }, func(p *enclave.Profile, v int64) { p.Denials = v },
		},
		{
			"held_days", 1, 3650, smaller,
			func(p *enclave.Profile) int64 { return p.HeldDays }, func(p *enclave.Profile, v int64) { p.HeldDays = v },
		},
	}
})

// override is the numbers that a grade or a scenario states; a base states all of them.
type override struct {
	numbers map[string]int64
	forms   []enclave.Form // nil: not stated
}

// kindProfiles is the numbers for one kind of subject.
type kindProfiles struct {
	base      enclave.Profile
	grades    map[int]override
	scenarios map[string]override
}

type profiles map[enclave.SubjectKind]kindProfiles

// parseProfiles reads data.profiles: kind of subject → base, grades ("1" to "4") and scenarios by name.
func parseProfiles(raw json.RawMessage) (profiles, error) {
	kinds := []string{string(enclave.Person), string(enclave.Organisation)}
	fields, err := object("profiles", raw, kinds, true)
	if err != nil {
		return nil, err
	}
	all := profiles{}
	for _, kind := range kinds {
		if all[enclave.SubjectKind(kind)], err = parseKind(kind, fields[kind]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func parseKind(kind string, raw json.RawMessage) (kindProfiles, error) {
	place := "profiles." + kind
	k := kindProfiles{base: enclave.Profile{Name: kind}, grades: map[int]override{}, scenarios: map[string]override{}}
	fields, err := object(place, raw, []string{"base", "grades", "scenarios"}, true)
	if err != nil {
		return k, err
	}
	base, err := parseNumbers(place+".base", fields["base"], true)
	if err != nil {
		return k, err
	}
	for _, n := range numbers() {
		n.set(&k.base, base.numbers[n.name])
	}
	k.base.Forms = base.forms
	if len(base.forms) == 0 {
		return k, invalid(place+".base.forms", "at least one form")
	}
	grades, err := object(place+".grades", fields["grades"], []string{"1", "2", "3", "4"}, false)
	if err != nil {
		return k, err
	}
	for _, name := range slices.Sorted(maps.Keys(grades)) {
		grade, err := strconv.Atoi(name)
		if err != nil {
			return k, enclave.Internalf("grade %s: %w", name, err)
		}
		if k.grades[grade], err = parseOverride(place+".grades."+name, grades[name], &k.base); err != nil {
			return k, err
		}
	}
	scenarios, err := object(place+".scenarios", fields["scenarios"], nil, false)
	if err != nil {
		return k, err
	}
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		if !enclave.ValidName(name) {
			return k, invalid(place+".scenarios."+name, "a scenario's name, [a-z][a-z0-9-]*")
		}
		if k.scenarios[name], err = parseOverride(place+".scenarios."+name, scenarios[name], &k.base); err != nil {
			return k, err
		}
	}
	return k, nil
}

// parseOverride refuses a number that is looser than the base's: the strictest wins, so it would do nothing, and whoever wrote it
// would not know.
func parseOverride(place string, raw json.RawMessage, base *enclave.Profile) (override, error) {
	o, err := parseNumbers(place, raw, false)
	if err != nil {
		return o, err
	}
	for _, n := range numbers() {
		if v, ok := o.numbers[n.name]; ok && n.strictest(v, n.get(base)) != v {
			return o, enclave.Fail(enclave.Invalid, "POLICY_NUMBER_LOOSER", "place", place+"."+n.name, "value", strconv.FormatInt(v, 10),
				"base", strconv.FormatInt(n.get(base), 10))
		}
	}
	return o, nil
}

// parseNumbers reads the fields of a profile. Each must be a whole number within its floor and ceiling; whole says that none may be
// missing.
func parseNumbers(place string, raw json.RawMessage, whole bool) (override, error) {
	o := override{numbers: map[string]int64{}}
	names := []string{"forms"}
	for _, n := range numbers() {
		names = append(names, n.name)
	}
	fields, err := object(place, raw, names, whole)
	if err != nil {
		return o, err
	}
	for _, n := range numbers() {
		text, stated := fields[n.name]
		if !stated {
			continue
		}
		if o.numbers[n.name], err = integer(place+"."+n.name, text, n.min, n.max); err != nil {
			return o, err
		}
	}
	if text, stated := fields["forms"]; stated {
		if o.forms, err = parseForms(place+".forms", text); err != nil {
			return o, err
		}
	}
	return o, nil
}

func parseForms(place string, raw json.RawMessage) ([]enclave.Form, error) {
	forms := []enclave.Form{}
	if err := json.Unmarshal(raw, &forms); err != nil || forms == nil {
		return nil, invalid(place, "a list of forms")
	}
	for _, f := range forms {
		if f != enclave.Aggregate && f != enclave.Program {
			return nil, invalid(place, fmt.Sprintf("%q is no form; there are %q and %q", f, enclave.Aggregate, enclave.Program))
		}
	}
	return forms, nil
}

// integer reads a whole number, written as one, within bounds.
func integer(place string, raw json.RawMessage, low, high int64) (int64, error) {
	v, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || v < low || v > high {
		return 0, enclave.Fail(enclave.Invalid, "POLICY_NUMBER_RANGE", "place", place, "low", strconv.FormatInt(low, 10), "high", strconv.FormatInt(high, 10))
	}
	return v, nil
}

// object reads the fields of an object. With names, no other field may be there; whole says that each of them must be.
func object(place string, raw json.RawMessage, names []string, whole bool) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&fields); err != nil || fields == nil {
		return nil, invalid(place, "an object is missing here")
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if names != nil && !slices.Contains(names, name) {
			return nil, invalid(place+"."+name, "unknown; known are "+strings.Join(names, ", "))
		}
	}
	for _, name := range names {
		if _, ok := fields[name]; whole && !ok {
			return nil, enclave.Fail(enclave.Invalid, "POLICY_NUMBER_MISSING", "place", place+"."+name)
		}
	}
	return fields, nil
}

func (n *number) strictest(a, b int64) int64 {
	if n.stricter == larger {
		return max(a, b)
	}
	return min(a, b)
}

// choose is the numbers for a kind, a grade and a scenario: the strictest of base, grade and scenario, field by field.
func (all profiles) choose(kind enclave.SubjectKind, grade int, scenario string) (enclave.Profile, bool) {
	k, ok := all[kind]
	if !ok || grade < 1 || grade > 4 {
		return enclave.Profile{}, false
	}
	p := k.base
	p.Forms = slices.Clone(p.Forms)
	if o, ok := k.grades[grade]; ok {
		o.tighten(&p, fmt.Sprintf("grade-%d", grade))
	}
	if o, ok := k.scenarios[scenario]; ok {
		o.tighten(&p, scenario)
	}
	return p, true
}

func (o *override) tighten(p *enclave.Profile, name string) {
	p.Name += "/" + name
	for _, n := range numbers() {
		if v, ok := o.numbers[n.name]; ok {
			n.set(p, n.strictest(n.get(p), v))
		}
	}
	if o.forms != nil {
		p.Forms = slices.DeleteFunc(p.Forms, func(f enclave.Form) bool { return !slices.Contains(o.forms, f) })
	}
}

// effective lists every profile that can be chosen, by name: each kind with each grade and scenario that changes something.
func (all profiles) effective() []enclave.Profile {
	byName := map[string]enclave.Profile{}
	for kind, k := range all {
		for grade := 1; grade <= 4; grade++ {
			for _, scenario := range append(slices.Collect(maps.Keys(k.scenarios)), "") {
				if p, ok := all.choose(kind, grade, scenario); ok {
					byName[p.Name] = p
				}
			}
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b enclave.Profile) int { return strings.Compare(a.Name, b.Name) })
}

// ParseProfile reads one profile with all of its numbers, in JSON as [Description] has it. Errors are POLICY_BUNDLE_INVALID or POLICY_NUMBER_… and name the
// number; place is what to call the profile there.
func ParseProfile(raw []byte, place string) (enclave.Profile, error) {
	var p enclave.Profile
	fields, err := object(place, raw, nil, false)
	if err != nil {
		return p, err
	}
	if text, named := fields["name"]; named {
		if err := json.Unmarshal(text, &p.Name); err != nil {
			return p, invalid(place+".name", "a text")
		}
		delete(fields, "name")
	}
	rest, err := json.Marshal(fields)
	if err != nil {
		return p, enclave.Internalf("encode a profile again: %w", err)
	}
	stated, err := parseNumbers(place, rest, true)
	if err != nil {
		return p, err
	}
	for _, n := range numbers() {
		n.set(&p, stated.numbers[n.name])
	}
	p.Forms = stated.forms
	return p, nil
}

// sound reports whether a profile that somebody hands in lies within the floors; a zero profile does not.
func sound(p *enclave.Profile) bool {
	return !slices.ContainsFunc(numbers(), func(n number) bool { v := n.get(p); return v < n.min || v > n.max })
}
