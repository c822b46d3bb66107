package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/internal/lab"
	"github.com/darkroom-project/darkroom/policy"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Of a seed, a few worlds and as many questions as are enough to isolate somebody where nothing keeps account of releases.
const (
	seed      = 1
	first     = 8
	worlds    = 4
	questions = 8
)

// TestTheSearchFinds: without the account of releases the search isolates somebody in one of a few small worlds; in the same worlds with everything in
// place it breaks no promise. What it found is written down, found again from the file alone, and not found if the file says that nothing is off.
func TestTheSearchFinds(t *testing.T) {
	t.Parallel()
	rules, err := policy.Default()
	ok(t, err)
	var found *trial
	at := -1
	for number := uint64(first); number < first+worlds; number++ {
		careful, err := (&machine{rules: rules}).play(t.Context(), seed, number, questions)
		ok(t, err)
		if at := slices.IndexFunc(careful.found, func(f finding) bool { return promised(f.Kind) }); at >= 0 {
			t.Errorf("world %d: %+v", number, careful.found[at])
		}
		careless, err := (&machine{rules: rules, off: []lab.Mechanism{lab.History}}).play(t.Context(), seed, number, questions)
		ok(t, err)
		if at < 0 {
			at = slices.IndexFunc(careless.found, func(f finding) bool { return f.Kind == fewSums && f.Value == 1 })
			found = careless
		}
	}
	if at < 0 {
		t.Fatal("nobody was isolated without the account of releases, so it means nothing that nobody is with it")
	}
	f := found.found[at]
	t.Logf("world %d, after %d questions: %s %s", found.number, f.Step, f.Kind, f.About)
	file := filepath.Join(t.TempDir(), "finding.json")
	ok(t, found.write(file, f))
	var told bytes.Buffer
	if err := (&machine{rules: rules}).replay(t.Context(), file, &told); !errors.Is(err, errBroken) {
		t.Fatalf("replayed, it ended with %v", err)
	}
	if !strings.Contains(told.String(), f.Kind+": "+f.About) {
		t.Errorf("replayed, it was told without %q", f.About)
	}
	ok(t, mend(file))
	if err := (&machine{rules: rules}).replay(t.Context(), file, &told); err != nil {
		t.Errorf("replayed with everything in place, it ended with %v", err)
	}
}

// TestTheSearchEstimates: where only the p % rule of all releases is off, the search finds a sum in which somebody can estimate another; in the same world with
// everything in place it does not.
func TestTheSearchEstimates(t *testing.T) {
	t.Parallel()
	rules, err := policy.Default()
	ok(t, err)
	for _, off := range [][]lab.Mechanism{{lab.Estimate}, nil} {
		played, err := (&machine{rules: rules, off: off}).play(t.Context(), seed, 40, questions)
		ok(t, err)
		found := slices.ContainsFunc(played.found, func(f finding) bool { return f.Kind == estimated })
		if found != (len(off) > 0) {
			t.Errorf("without %v it found %+v", off, played.found)
		}
	}
}

// mend rewrites a finding so that nothing is off.
func mend(file string) error {
	raw, err := os.ReadFile(file) //nolint:gosec // of the test
	if err != nil {
		return err
	}
	var d description
	if err := json.Unmarshal(raw, &d); err != nil {
		return err
	}
	d.Off = nil
	if raw, err = json.Marshal(&d); err != nil {
		return err
	}
	return os.WriteFile(file, raw, 0o600)
}

// TestTheSameSeedIsTheSameSearch: or what was found could not be told apart from what was not tried.
func TestTheSameSeedIsTheSameSearch(t *testing.T) {
	t.Parallel()
	rules, err := policy.Default()
	ok(t, err)
	m := &machine{rules: rules, off: []lab.Mechanism{lab.History}}
	one, err := m.play(t.Context(), seed, first, questions)
	ok(t, err)
	other, err := m.play(t.Context(), seed, first, questions)
	ok(t, err)
	if !reflect.DeepEqual(one.asked, other.asked) || !reflect.DeepEqual(one.found, other.found) || one.released != other.released {
		t.Errorf("one search asked %d and found %d, the other %d and %d", len(one.asked), len(one.found), len(other.asked), len(other.found))
	}
	if len(one.asked) != questions {
		t.Errorf("asked %d questions", len(one.asked))
	}
}

// A module that finds nobody is one nevertheless, written down and read again.
func TestAModuleOfNobodyIsWrittenDown(t *testing.T) {
	raw, err := json.Marshal(&ask{Groups: map[string]int32{}})
	ok(t, err)
	var again ask
	ok(t, json.Unmarshal(raw, &again))
	if again.function() == nil {
		t.Errorf("%s has no module", raw)
	}
}
