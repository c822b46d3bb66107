package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/sdk"
)

// town is a table in which one person, the victim, stands out by a known birth year, and whose cost is the secret.
const (
	victimYear = 1931
	victimCost = 77_777
)

func town() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "town", Owner: health, Grade: 1, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"east", "west"}},
			{Name: "sex", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"F", "M"}},
			{Name: "born", Type: enclave.Int, Class: enclave.Quasi, Min: "1900", Max: "2026"},
			{Name: "cost", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "1000000"},
		},
	}
}

// townFile has 4,000 people and the victim.
func townFile() []byte { return townOf(4000, victimCost) }

// townOf has so many people, none born in the victim's year, each with a cost of 1,000 to 3,000, and the victim.
func townOf(people, victim int) []byte {
	var file bytes.Buffer
	fmt.Fprintln(&file, "id,district,sex,born,cost")
	for i := range people {
		fmt.Fprintf(&file, "%d,%s,%s,%d,%d\n", i+1, []string{"east", "west"}[i%2], []string{"F", "M"}[i/2%2], 1940+i%60, 1000+i*7%2001)
	}
	fmt.Fprintf(&file, "9999,east,F,%d,%d\n", victimYear, victim)
	return file.Bytes()
}

// inTown asks for the sum of cost.
func inTown(keys ...enclave.ManifestKey) *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: "town", Version: "1", Form: enclave.Aggregate,
		Inputs: []enclave.ManifestInput{{Dataset: "town", Columns: []string{"district", "sex", "born", "cost"}}}, Keys: keys,
		Measures: []enclave.ManifestMeasure{{Name: "people", Op: enclave.Count}, {Name: "cost", Op: enclave.Sum, Of: "cost"}},
	}
}

// asks submits a manifest alone, and returns what it published by its keys: the sum of cost. Nothing if it was not released.
func (d *domain) asks(operator, grant string, keys ...enclave.ManifestKey) map[string]int64 {
	d.t.Helper()
	run, err := d.clients[operator].Wait(d.t.Context(), d.submit(operator, grant, d.upload(operator, inTown(keys...), nil), nil).ID)
	ok(d.t, err)
	sums := map[string]int64{}
	if run.Outcome != sdk.RunReleased {
		d.t.Logf("%s, %v", run.Outcome, run.Reasons)
		return sums
	}
	_, header, rows := d.result(operator, run)
	for _, row := range rows {
		sum, err := strconv.ParseInt(row[slices.Index(header, "cost")], 10, 64)
		ok(d.t, err)
		key := ""
		for i := range keys {
			key += row[i] + " "
		}
		sums[key] = sum
	}
	return sums
}

func by(column string, cuts ...enclave.Scalar) enclave.ManifestKey {
	return enclave.ManifestKey{Name: column, Of: &enclave.ColumnRule{Column: column, Cuts: cuts}}
}

// TestHistory plays attacks that need several releases, each safe by itself. An attack succeeds if it computes the victim's cost, to
// within the rounding; and in each the same questions without the victim's year are answered, so that safety is not silence.
func TestHistory(t *testing.T) {
	t.Parallel()
	// What follows about the victim, from what was published.
	type attack func(d *domain, grant, other string) (estimate int64, all bool)
	for name, play := range map[string]attack{
		// A7: everybody in the east, then everybody but those born before 1935.
		"difference": func(d *domain, grant, _ string) (int64, bool) {
			one := d.asks(acme, grant, by("district"))
			two := d.asks(acme, grant, by("district"), by("born", "1935"))
			a, first := one["east "]
			b, second := two["east >=1935 "]
			return a - b, first && second
		},
		// A27: the same by two operators.
		"colluding": func(d *domain, grant, other string) (int64, bool) {
			one := d.asks(acme, grant, by("district"))
			two := d.asks(rival, other, by("district"), by("born", "1935"))
			a, first := one["east "]
			b, second := two["east >=1935 "]
			return a - b, first && second
		},
		// A8: the tracker pads the victim with a crowd: q(victim or crowd) − q(crowd), by overlapping bands.
		"tracker": func(d *domain, grant, _ string) (int64, bool) {
			padded := d.asks(acme, grant, by("born", "1960"))
			crowd := d.asks(acme, grant, by("born", "1940", "1960"))
			a, first := padded["<1960 "]
			b, second := crowd["[1940,1960) "]
			return a - b, first && second
		},
		// A9: linked tables: no two of them differ by one person, all three together do.
		"linked": func(d *domain, grant, _ string) (int64, bool) {
			all := d.asks(acme, grant, by("sex"))
			east := d.asks(acme, grant, by("sex"), by("district"))
			old := d.asks(acme, grant, by("sex"), by("district"), by("born", "1940"))
			total, first := all["F "]
			west, second := east["F west "]
			rest, third := old["F east >=1940 "]
			return total - west - rest, first && second && third
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := start(t, app.Config{})
			d.load(town(), townFile())
			grant, other := d.grant(acme, town()), d.grant(rival, town())
			if estimate, all := play(d, grant, other); all && estimate > victimCost-100 && estimate < victimCost+100 {
				t.Errorf("the victim's cost follows: about %d", estimate)
			}
			// The honest reader's question, in the same history, is answered: bands that do not single anybody out.
			if answer := d.asks(acme, grant, by("born", "1970")); len(answer) != 2 {
				t.Errorf("an honest question got %v", answer)
			}
		})
	}
}

// Two operators ask at the same moment for tables that differ by one person: whichever comes first, never both.
func TestInterleaving(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	d.load(town(), townFile())
	grants := map[string]string{acme: d.grant(acme, town()), rival: d.grant(rival, town())}
	type answer struct {
		operator string
		run      sdk.Run
	}
	keys := map[string][]enclave.ManifestKey{acme: {by("district")}, rival: {by("district"), by("born", "1935")}}
	answers := make(chan answer, len(keys))
	for operator, asked := range keys {
		m := &enclave.Manifest{
			Darkroom: 1, Name: "town", Version: "1", Form: enclave.Aggregate,
			Inputs: []enclave.ManifestInput{{Dataset: "town", Columns: []string{"district", "born", "cost"}}}, Keys: asked,
			Measures: []enclave.ManifestMeasure{{Name: "cost", Op: enclave.Sum, Of: "cost"}},
		}
		id := d.submit(operator, grants[operator], d.upload(operator, m, nil), nil).ID
		go func() {
			run, err := d.clients[operator].Wait(t.Context(), id)
			if err != nil {
				t.Error(err)
			}
			answers <- answer{operator, run}
		}()
	}
	published := map[string]bool{}
	for range keys {
		a := <-answers
		if a.run.Outcome != sdk.RunReleased {
			continue
		}
		_, _, rows := d.result(a.operator, a.run)
		for _, row := range rows {
			published[a.operator+" "+row[0]+" "+row[1]] = true
		}
	}
	if len(published) == 0 {
		t.Error("neither was released")
	}
	acmeEast := slices.ContainsFunc(slices.Collect(maps.Keys(published)), func(cell string) bool { return strings.HasPrefix(cell, acme+" east ") })
	if acmeEast && published[rival+" east >=1935"] {
		t.Errorf("both were released: %v", published)
	}
}

// TestWhatEarlierReleasesTakeIsSaid: a table that all of its people may be counted in is denied, since earlier ones leave out a district of six. The
// authority and auditors read that it was those; the operator reads what it reads of a table of one person.
func TestWhatEarlierReleasesTakeIsSaid(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	described, file := town(), townFile()
	described.Columns[1].Codes = append(described.Columns[1].Codes, "north")
	for i := range 6 {
		file = fmt.Appendf(file, "%d,north,F,%d,2000\n", 10_000+i, 1950+i)
	}
	d.load(described, file)
	auditor, err := d.clients["authority"].IssueIdentity(t.Context(), sdk.Identity{Role: sdk.Auditor, Org: "audit-office", Name: "sun"}, 0)
	ok(t, err)
	d.credentials["audit-office"] = auditor
	d.dial("audit-office")
	grant := d.grant(acme, described)
	for _, keys := range [][]enclave.ManifestKey{{by("district"), by("born", "1970", "1990")}, {by("district")}} {
		if published := d.asks(acme, grant, keys...); len(published) == 0 || published["north "] != 0 {
			t.Fatalf("published %v", published)
		}
	}
	for name, c := range map[string]struct {
		from, to enclave.Scalar
		reason   string
		cells    enclave.CellCounts
	}{
		"everybody": {"1900", "2026", "HISTORY_LEAVES_NOTHING", enclave.CellCounts{History: 1}},
		"one":       {"1931", "1932", "NOTHING_TO_PUBLISH", enclave.CellCounts{Primary: 1}},
	} {
		key := by("born", c.from, c.to)
		key.Of.Inside = true
		ended := d.ends(acme, d.submit(acme, grant, d.upload(acme, inTown(key), nil), nil), sdk.RunDenied, "OUTPUT_UNSAFE")
		if report := d.report(ended.ID); len(report.Reasons) != 1 || report.Reasons[0].Code != c.reason || report.Facts.Cells != c.cells {
			t.Errorf("%s: the report says %v %+v", name, report.Reasons, report.Facts.Cells)
		}
		raw, err := d.clients["audit-office"].Explain(t.Context(), ended.ID)
		ok(t, err)
		var explained run.Explanation
		ok(t, json.Unmarshal(raw, &explained))
		if len(explained.All) != 1 || explained.All[0].Code != c.reason {
			t.Errorf("%s: the auditor reads %v", name, explained.All)
		}
		for _, rule := range explained.Decisions[0].Rules {
			if failed := rule.Rule == "published"; rule.Held == failed {
				t.Errorf("%s: of %s the auditor reads %t: %v", name, rule.Rule, rule.Held, rule.Facts)
			}
		}
	}
}
