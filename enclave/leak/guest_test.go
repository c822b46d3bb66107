package leak_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/leak"
	"github.com/darkroom-project/darkroom/enclave/program"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// expected is the reason that each program must be denied for, whatever else is wrong with it. Rows that are packed into a number and all differ
// have nothing to be recognised by but their number and size.
var expected = map[string]string{
	"dump": "RECORDS_REPEATED", "shuffled": "RECORDS_REPEATED", "csv": "ROWS_PACKED", "base64": "ROWS_PACKED", "hex": "ROWS_PACKED",
	"xor": "ROWS_PACKED", "packed": "TOO_MANY_BITS", "packed-int": "TOO_MANY_BITS", "injective": "COLUMN_REVERSIBLE",
}

// TestGuests runs the programs that give rows away, and the honest ones, in the sandbox, and lets policy judge what was measured.
func TestGuests(t *testing.T) {
	w := visits(t)
	box, err := sandbox.New(t.Context(), sandbox.Config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := box.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	rules, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := rules.Profile(w.dataset, "research")
	if err != nil {
		t.Fatal(err)
	}
	for _, guest := range guests.Programs() {
		if !guest.Honest && !guest.Leaks || testing.Short() && guest.Name != "dump" && guest.Name != "regression" {
			continue
		}
		t.Run(guest.Name, func(t *testing.T) {
			product := w.perform(t, program.New(box), guest)
			rows, err := w.store.Open(t.Context(), w.dataset, w.snapshot.Digest)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close() //nolint:errcheck // only read from
			inspected, err := leak.New(w.store).Inspect(t.Context(), rows, product, profile)
			if err != nil {
				t.Fatal(err)
			}
			judgement, err := rules.Release(t.Context(), enclave.Facts{
				Version: 1, Form: enclave.Program, Operator: "acme", Scenario: "research", Dataset: w.dataset.Name, Grade: w.dataset.Grade,
				SubjectKind: enclave.Person, Crafted: true, Leak: inspected.Facts,
			}, profile)
			if err != nil {
				t.Fatal(err)
			}
			var reasons []string
			for _, r := range judgement.Reasons {
				reasons = append(reasons, r.Code)
			}
			want, reason := enclave.Deny, expected[guest.Name]
			if guest.Honest {
				want, reason = enclave.Hold, "OUTPUT_OF_PROGRAM"
			}
			if judgement.Decision != want || !slices.Contains(reasons, reason) {
				t.Errorf("%s %q, expected %s %s; %+v", judgement.Decision, reasons, want, reason, inspected.Facts)
			}
			t.Logf("%s %q %+v", judgement.Decision, reasons, inspected.Facts)
		})
	}
}

func (w *world) perform(t *testing.T, performer enclave.Performer, guest guests.Program) *enclave.Product {
	t.Helper()
	code, err := guest.Code(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := admit.Attach(code, guest.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	module, err := admit.Check(whole)
	if err != nil {
		t.Fatal(err)
	}
	var now time.Time
	plan, err := admit.Planner{}.Plan(&enclave.Order{
		Run: enclave.Run{Submitted: now},
		Grant: enclave.Grant{
			State: enclave.GrantActive, Forms: []enclave.Form{enclave.Program}, NotAfter: now.Add(time.Hour),
			Scopes: []enclave.Scope{{Dataset: w.dataset.Name, Columns: guest.Manifest.Inputs[0].Columns}},
		},
		Module: module, Dataset: w.dataset,
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := w.store.Open(t.Context(), w.dataset, w.snapshot.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // only read from
	product, err := performer.Perform(t.Context(), rows, module, plan)
	if err != nil {
		t.Fatal(err)
	}
	return product
}
