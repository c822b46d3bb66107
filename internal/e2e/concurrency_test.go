package e2e_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// shared are the stages in which runs over one dataset meet; what they do before touches nothing of each other's.
func shared() []enclave.Stage {
	return enclave.Stages()[slices.Index(enclave.Stages(), enclave.StageMeasure):]
}

// TestEveryInterleaving asks two questions at the same moment that together would tell of one person, in every order that their stages can
// come in, each time over a history of its own: never are both answered in full, and never neither. Two hundred people and the victim are
// in the table.
func TestEveryInterleaving(t *testing.T) {
	t.Parallel()
	sex, district := by("sex"), by("district")
	cost := enclave.ManifestMeasure{Name: "cost", Op: enclave.Sum, Of: "cost"}
	people := enclave.ManifestMeasure{Name: "people", Op: enclave.Subjects}
	total := 0
	every := 1
	if testing.Short() {
		every = 21
	}
	for _, pair := range []struct {
		name          string
		measure       enclave.ManifestMeasure
		before        []enclave.ManifestKey // asked and answered first
		first, second []enclave.ManifestKey
		isolate       []string // cells that tell of the victim if all of them are published
	}{
		{"difference", cost, nil, keys(district), keys(district, by("born", "1935")), []string{"a east", "b east >=1935"}},
		{"tracker", cost, nil, keys(by("born", "1960")), keys(by("born", "1940", "1960")), []string{"a <1960", "b [1940,1960)"}},
		{
			"linked", cost, keys(sex), keys(sex, district), keys(sex, district, by("born", "1940")),
			[]string{"before F", "a F west", "b F east >=1940"},
		},
		{"distinct", people, nil, keys(district), keys(district, by("born", "1935")), []string{"a east", "b east >=1935"}},
	} {
		all := words(len(shared()), len(shared()))
		total += len(all)
		t.Run(pair.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			answered, again := 0, 0
			for n := 0; n < len(all); n += every {
				town := w.town(fmt.Sprint("town-", n))
				published := map[string]bool{}
				if pair.before != nil {
					town.publishes("before", town.asks("before", pair.measure, pair.before), published)
				}
				a, b := town.asks("a", pair.measure, pair.first), town.asks("b", pair.measure, pair.second)
				interleave(all[n], a.actor, b.actor)
				town.publishes("a", a, published)
				town.publishes("b", b, published)
				if !slices.ContainsFunc(pair.isolate, func(cell string) bool { return !published[cell] }) {
					t.Errorf("%v: all of %v are published: %v, %v", all[n], pair.isolate, a.actor.taken, b.actor.taken)
				}
				if len(a.published)+len(b.published) > 0 {
					answered++
				}
				again += len(a.actor.taken) + len(b.actor.taken) - 2*len(shared())
				town.agrees()
			}
			if tried := (len(all) + every - 1) / every; answered != tried || again == 0 {
				t.Errorf("of %d interleavings %d were answered at all; %d steps were taken again", tried, answered, again)
			}
		})
	}
	if total < 1000 {
		t.Errorf("%d interleavings", total)
	}
}

// TestEveryInterleavingWithALateRelease is the same of a run and an output that was held, and that two people release at that moment.
func TestEveryInterleavingWithALateRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cost := enclave.ManifestMeasure{Name: "cost", Op: enclave.Sum, Of: "cost"}
	byHand, byRun := 0, 0
	all := words(len(shared()), len(lateSteps()))
	for n := range all {
		if testing.Short() && n%13 != 0 {
			continue
		}
		town := w.town(fmt.Sprint("town-", n))
		held := town.holds("held", cost, keys(by("district")))
		a, published := town.asks("a", cost, keys(by("district"), by("born", "1935"))), map[string]bool{}
		late := town.releases(held)
		interleave(all[n], a.actor, late)
		town.publishes("a", a, published)
		town.publishes("held", held, published)
		if published["held east"] && published["a east >=1935"] {
			t.Errorf("%v: both are published: %v, %v", all[n], a.actor.taken, late.taken)
		}
		if len(a.published)+len(held.published) == 0 {
			t.Errorf("%v: neither is published: %v, %v", all[n], a.actor.taken, late.taken)
		}
		if len(held.published) > 0 {
			byHand++
		} else {
			byRun++
		}
		town.agrees()
	}
	if byHand == 0 || byRun == 0 {
		t.Errorf("the late release came first %d times, the run %d times", byHand, byRun)
	}
}

func keys(list ...enclave.ManifestKey) []enclave.ManifestKey { return list }
