package e2e_test

import (
	"encoding/json"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/sdk"
)

// register is what a client is told of what left of a dataset.
func (d *domain) register(client, dataset string) *run.Releases {
	d.t.Helper()
	raw, err := d.clients[client].Releases(d.t.Context(), dataset)
	ok(d.t, err)
	var all run.Releases
	ok(d.t, json.Unmarshal(raw, &all))
	return &all
}

// TestTheRegisterOfReleases: what left of a dataset is told with what each release took of the budget, to the authority, the owner and auditors. A
// table that tells nothing new takes nothing, whoever asks for it, and what is refused is not in it.
func TestTheRegisterOfReleases(t *testing.T) {
	t.Parallel()
	ctx, d := t.Context(), start(t, app.Config{Workers: 2})
	d.load(town(), townFile())
	mine, theirs := d.grant(acme, town()), d.grant(rival, town())
	told := func(client string) *run.Releases {
		t.Helper()
		return d.register(client, "town")
	}
	if none := told("authority"); none.Version != 1 || none.Dataset != "town" || none.Rank != 0 || len(none.Releases)+len(none.Budgets) != 0 {
		t.Errorf("before anything was released: %+v", none)
	}
	for _, asked := range []struct {
		by, grant string
		keys      []enclave.ManifestKey
		rows      int
	}{
		{acme, mine, []enclave.ManifestKey{by("district")}, 2},
		{rival, theirs, []enclave.ManifestKey{by("district")}, 2},
		{acme, mine, []enclave.ManifestKey{by("district"), by("born", "1941")}, 3}, // nobody in the west is older
		{acme, mine, []enclave.ManifestKey{by("district"), by("sex")}, 4},
	} {
		if got := d.asks(asked.by, asked.grant, asked.keys...); len(got) != asked.rows {
			t.Fatalf("%v: %v", asked.keys, got)
		}
	}
	all := told("authority")
	if len(all.Releases) != 4 || all.Subjects != 4001 || len(all.Budgets) != 1 {
		t.Fatalf("%+v", all)
	}
	rank, guess := int64(0), int64(51) // somebody in 2,000
	for i, r := range all.Releases {
		rank += r.Adds
		who := acme
		if i == 1 {
			who = rival
		}
		if r.Number != int64(i+1) || r.Operator != who || r.Rank != rank || r.Scenario != scenario || r.Form != "aggregate" || r.Cells.Published == 0 || r.ByPeople || r.Guess < guess || r.Guess > 85 {
			t.Errorf("release %d: %+v", i+1, r)
		}
		guess = r.Guess
	}
	if first, again, split := all.Releases[0], all.Releases[1], all.Releases[3]; first.Adds != 2 || again.Adds != 0 || split.Adds != 2 {
		t.Errorf("two districts add %d sums, the same again %d, by sex %d", first.Adds, again.Adds, split.Adds)
	}
	b := all.Budgets[0]
	if b.Scenario != scenario || b.Limit != b.Percent*4001/100 || b.Left != b.Limit-all.Rank || all.Rank != rank || b.GuessPercent != 85 {
		t.Errorf("%+v of rank %d", b, all.Rank)
	}
	for client, reason := range map[string]string{acme: "METHOD_FORBIDDEN", "authority": "DATASET_NOT_FOUND"} {
		if _, err := d.clients[client].Releases(ctx, "village"); sdk.ReasonOf(err) != reason {
			t.Errorf("%s: %v", client, err)
		}
	}
	if _, err := d.clients[acme].Releases(ctx, "town"); sdk.ReasonOf(err) != "METHOD_FORBIDDEN" {
		t.Errorf("an operator is told what others asked: %v", err)
	}
}
