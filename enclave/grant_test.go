package enclave_test

import (
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

func TestGrantPermits(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(1, 0, 0)
	for name, c := range map[string]struct {
		change  func(*enclave.Grant)
		now     time.Time
		form    enclave.Form
		dataset string
		columns []string
		reason  string
		state   string
	}{
		"first moment":      {nil, from, enclave.Aggregate, "visits", []string{"cost", "district"}, "", ""},
		"last moment":       {nil, to, enclave.Aggregate, "visits", []string{"cost"}, "", ""},
		"too early":         {nil, from.Add(-1), enclave.Aggregate, "visits", []string{"cost"}, "GRANT_NOT_ACTIVE", "active"},
		"too late":          {nil, to.Add(1), enclave.Aggregate, "visits", []string{"cost"}, "GRANT_NOT_ACTIVE", "expired"},
		"suspended":         {func(g *enclave.Grant) { g.State = enclave.GrantSuspended }, from, enclave.Aggregate, "visits", nil, "GRANT_NOT_ACTIVE", "suspended"},
		"suspended, late":   {func(g *enclave.Grant) { g.State = enclave.GrantSuspended }, to.Add(1), enclave.Aggregate, "visits", nil, "GRANT_NOT_ACTIVE", "expired"},
		"revoked, late":     {func(g *enclave.Grant) { g.State = enclave.GrantRevoked }, to.Add(1), enclave.Aggregate, "visits", nil, "GRANT_NOT_ACTIVE", "revoked"},
		"applied":           {func(g *enclave.Grant) { g.State = enclave.GrantApplied }, from, enclave.Aggregate, "visits", nil, "GRANT_NOT_ACTIVE", "applied"},
		"no state":          {func(g *enclave.Grant) { g.State = "" }, from, enclave.Aggregate, "visits", nil, "GRANT_NOT_ACTIVE", ""},
		"other form":        {nil, from, "program", "visits", []string{"cost"}, "GRANT_FORM", ""},
		"other dataset":     {nil, from, enclave.Aggregate, "persons", []string{"cost"}, "GRANT_DATASET", ""},
		"column of another": {nil, from, enclave.Aggregate, "visits", []string{"cost", "capital"}, "GRANT_COLUMN", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := &enclave.Grant{
				ID: "g1", State: enclave.GrantActive, Forms: []enclave.Form{enclave.Aggregate}, NotBefore: from, NotAfter: to,
				Scopes: []enclave.Scope{{Dataset: "visits", Columns: []string{"district", "cost"}}, {Dataset: "firms", Columns: []string{"capital"}}},
			}
			if c.change != nil {
				c.change(g)
			}
			e := enclave.AsError(g.Permits(c.now, c.form, c.dataset, c.columns))
			switch {
			case c.reason == "" && e != nil, c.reason != "" && e == nil:
				t.Errorf("got %v", e)
			case e != nil && (e.Reason != c.reason || e.Args["state"] != c.state):
				t.Errorf("got %s %v", e.Reason, e.Args)
			}
		})
	}
}
