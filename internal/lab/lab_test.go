package lab_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/enclave/treat"
	"github.com/darkroom-project/darkroom/internal/lab"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/testdata/attacks"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// builtin are the rules, compiled once.
var builtin = sync.OnceValues(func() (*policy.Engine, error) { return policy.Default() })

// laboratory has a scene of the attacks. The town's are 600 people and the victim, the only one who was born before 1935.
func laboratory(t *testing.T, natives lab.Natives, scene string, off ...lab.Mechanism) *lab.Lab {
	t.Helper()
	rules, err := builtin()
	ok(t, err)
	l := lab.New(lab.Config{Policy: rules, Sandbox: natives, Seed: history.Seed{1}, Off: off})
	ok(t, l.Load(attacks.Scenes()[scene](1).Tables["first"]))
	return l
}

// asked is a table of some keys.
func asked(dataset string, keys []enclave.ManifestKey, margins [][]string, measures ...enclave.ManifestMeasure) *enclave.Manifest {
	m := &enclave.Manifest{
		Darkroom: 1, Name: "table", Version: "1", Form: enclave.Aggregate, Keys: keys, Margins: margins, Measures: measures,
		Inputs: []enclave.ManifestInput{{Dataset: dataset}},
	}
	for _, k := range keys {
		if k.Of != nil && !slices.Contains(m.Inputs[0].Columns, k.Of.Column) {
			m.Inputs[0].Columns = append(m.Inputs[0].Columns, k.Of.Column)
		}
	}
	for _, measure := range measures {
		if measure.Of != "" && !slices.Contains(m.Inputs[0].Columns, measure.Of) {
			m.Inputs[0].Columns = append(m.Inputs[0].Columns, measure.Of)
		}
	}
	return m
}

func key(column string, cuts ...int) enclave.ManifestKey {
	k := enclave.ManifestKey{Name: "by_" + column, Of: &enclave.ColumnRule{Column: column}}
	for _, cut := range cuts {
		k.Of.Cuts = append(k.Of.Cuts, enclave.Scalar(strconv.Itoa(cut)))
	}
	return k
}

var count = enclave.ManifestMeasure{Name: "people", Op: enclave.Count}

func ask(t *testing.T, l *lab.Lab, manifest *enclave.Manifest) *lab.Answer {
	t.Helper()
	module, err := lab.Manifest(manifest)
	ok(t, err)
	answer, err := l.Run(t.Context(), "acme", module, nil)
	ok(t, err)
	return answer
}

// TestReleaseIsWhatTheBytesSay: a laboratory writes a release from fates, and it must be what anybody reads in the bytes.
func TestReleaseIsWhatTheBytesSay(t *testing.T) {
	t.Parallel()
	measures := []enclave.ManifestMeasure{
		count,
		{Name: "subjects", Op: enclave.Subjects},
		{Name: "ill", Op: enclave.Sum, Of: "ill"},
		{Name: "cost", Op: enclave.Sum, Of: "cost"},
		{Name: "mean_ill", Op: enclave.Mean, Of: "ill"},
		{Name: "mean_cost", Op: enclave.Mean, Of: "cost"},
	}
	for _, scene := range []string{"town", "padded", "odd"} {
		for name, manifest := range map[string]*enclave.Manifest{
			"keys":    asked("town", []enclave.ManifestKey{key("district"), key("sex")}, nil, measures...),
			"margins": asked("town", []enclave.ManifestKey{key("district"), key("job")}, [][]string{{"by_job"}, {}}, measures...),
			"cuts":    asked("town", []enclave.ManifestKey{key("birth_year", 1935, 1960), key("job")}, [][]string{{"by_birth_year"}}, measures...),
			"counts":  asked("town", []enclave.ManifestKey{key("district"), key("illness")}, [][]string{{"by_district"}}, count),
		} {
			t.Run(fmt.Sprint(scene, " ", name), func(t *testing.T) {
				t.Parallel()
				answer := ask(t, laboratory(t, nil, scene), manifest)
				if answer.Outcome != enclave.Released {
					t.Fatal(answer.Outcome, answer.Reasons)
				}
				header, values, _, err := treat.Preview(answer.Bytes, 1000)
				ok(t, err)
				read := &lab.Release{Header: header}
				for _, row := range values {
					var texts []string
					for _, v := range row {
						if v == nil {
							v = new(string)
						}
						texts = append(texts, *v)
					}
					read.Rows = append(read.Rows, texts)
				}
				if !reflect.DeepEqual(answer.Release, read) {
					t.Errorf("released is %q, and the bytes say %q", answer.Release, read)
				}
			})
		}
	}
}

// TestWhatIsOffDoesNothing: each mechanism does something about a question in its place, and nothing once it is switched off.
func TestWhatIsOffDoesNothing(t *testing.T) {
	t.Parallel()
	natives := lab.Natives{}
	byIllness := asked("town", []enclave.ManifestKey{{Name: "who", Values: []string{"some", "others"}}}, nil, count)
	byIllness.Inputs[0].Columns, byIllness.Inputs[0].Show = []string{"birth_year", "ill"}, []string{"ill"}
	crafted, err := natives.Module(byIllness, func(values []int64) []int32 { return []int32{int32(values[1])} }, 1) //nolint:gosec // 0 or 1
	ok(t, err)
	young := key("birth_year", 1935)
	var years, even, odd []int
	for year := 1940; year < 2000; year += 2 {
		years, even, odd = append(years, year, year+1), append(even, year), append(odd, year+1)
	}
	took := func(m lab.Mechanism) func(answer *lab.Answer) bool {
		return func(answer *lab.Answer) bool { return answer.Rules[string(m)] > 0 }
	}
	refused := func(reason string) func(answer *lab.Answer) bool {
		return func(answer *lab.Answer) bool {
			return slices.ContainsFunc(answer.Reasons, func(r enclave.Reason) bool { return r.Code == reason })
		}
	}
	for m, c := range map[lab.Mechanism]struct {
		scene string
		asked []*enclave.Manifest
		does  func(answer *lab.Answer) bool // with the last question
	}{
		lab.Threshold:   {"town", []*enclave.Manifest{asked("town", []enclave.ManifestKey{young}, nil, count)}, took(lab.Threshold)},
		lab.Dominance:   {"firms", []*enclave.Manifest{asked("firms", []enclave.ManifestKey{key("region"), key("branch")}, nil, enclave.ManifestMeasure{Name: "turnover", Op: enclave.Sum, Of: "turnover"})}, took(lab.Dominance)},
		lab.Homogeneity: {"alike", []*enclave.Manifest{asked("town", []enclave.ManifestKey{young, key("illness")}, nil, count)}, took(lab.Homogeneity)},
		lab.Complement:  {"town", []*enclave.Manifest{asked("town", []enclave.ManifestKey{young, key("district")}, [][]string{{"by_district"}}, count)}, took(lab.Complement)},
		lab.History: {"town", []*enclave.Manifest{
			asked("town", []enclave.ManifestKey{key("district")}, nil, count), asked("town", []enclave.ManifestKey{young, key("district")}, nil, count),
		}, took(lab.History)},
		lab.Blocks: {"town", []*enclave.Manifest{
			asked("town", []enclave.ManifestKey{key("illness")}, nil, count), asked("town", []enclave.ManifestKey{young, key("illness")}, nil, count),
		}, func(answer *lab.Answer) bool { return answer.Rules[string(lab.History)] == 4 }}, // whatever the victim has
		lab.Budget: {"town", []*enclave.Manifest{
			asked("town", []enclave.ManifestKey{key("birth_year", even...)}, nil, count), asked("town", []enclave.ManifestKey{key("birth_year", odd...)}, nil, count),
		}, refused("HISTORY_BUDGET")},
		lab.KeySpace: {"town", []*enclave.Manifest{asked("town", []enclave.ManifestKey{key("birth_year", years...), key("district"), key("job")}, nil, count)}, refused("KEYSPACE_TOO_LARGE_FOR_DATA")},
		lab.People:   {"town", nil, refused("OUTPUT_CRAFTED")},
	} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			last := func(off ...lab.Mechanism) (answer *lab.Answer) {
				l := laboratory(t, natives, c.scene, off...)
				if c.asked == nil {
					answer, err := l.Run(t.Context(), "acme", crafted, nil)
					ok(t, err)
					return answer
				}
				for _, manifest := range c.asked {
					answer = ask(t, l, manifest)
				}
				return answer
			}
			if answer := last(); !c.does(answer) {
				t.Errorf("in place it does nothing: %s %v %v", answer.Outcome, answer.Reasons, answer.Rules)
			}
			off := []lab.Mechanism{m}
			if m == lab.Blocks {
				off = append(off, lab.Alike) // which sees that what is missing could only be one's
			}
			if answer := last(off...); c.does(answer) && m != lab.People || m == lab.People && answer.Outcome != enclave.Released {
				t.Errorf("switched off it does something: %s %v %v", answer.Outcome, answer.Reasons, answer.Rules)
			}
		})
	}
}

// never are the mechanisms that no attack is played without alone, and why.
var never = map[lab.Mechanism]string{
	lab.Threshold:  "the account of releases has the same threshold, and a cell of one breaks the rules of sums too",
	lab.Dominance:  "what one could estimate from a single cell, the account of releases would find too, so both have to be off",
	lab.Blocks:     "a value that is missing beside others that are not is somebody's, as what everybody shares is, so both have to be off",
	lab.Complement: "what a table's own cells would tell, the account of releases would find too, so both have to be off",
	lab.Bounds:     "bounds tell how many are in a cell, and nobody's value: TestBoundsOfCounts plays without them",
	lab.Guess:      "it leaves guesses that are tolerated, so chance is not all that is left: TestReconstruction plays without it",
	lab.Budget:     "it bounds good guesses, and no attack of the corpus asks enough for one: TestReconstruction plays without it",
	lab.KeySpace:   "large tables are no attack by themselves: TestWhatIsOffDoesNothing has one",
}

// TestEveryMechanismIsMissed: of each mechanism there is an attack that succeeds without it alone, or it is said why there is none.
func TestEveryMechanismIsMissed(t *testing.T) {
	t.Parallel()
	all, err := attacks.All()
	ok(t, err)
	missed := map[lab.Mechanism]string{}
	for _, a := range all {
		for _, v := range a.Variants {
			for _, m := range v.Off {
				if !slices.Contains(lab.Mechanisms(), m) {
					t.Errorf("%s, %s: there is no mechanism %q", a.Folder, v.Name, m)
				}
			}
			if len(v.Off) == 1 {
				missed[v.Off[0]] = a.Folder + ", " + v.Name
			}
		}
	}
	for _, m := range lab.Mechanisms() {
		switch {
		case missed[m] == "" && never[m] == "":
			t.Errorf("no attack is played without %q alone, and nothing says why", m)
		case missed[m] != "" && never[m] != "":
			t.Errorf("%q has a reason to be in no attack, and is in %s", m, missed[m])
		}
	}
	for m := range maps.Keys(never) {
		if !slices.Contains(lab.Mechanisms(), m) {
			t.Errorf("there is no mechanism %q", m)
		}
	}
}
