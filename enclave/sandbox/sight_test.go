package sandbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// TestOnSight: the guests that tell of a value do so in the sandbox, so that a test in which nobody hears of it tests something; and what
// they write is heard by a listener alone, up to its limit.
func TestOnSight(t *testing.T) {
	plan := planOf(0)
	for _, g := range guests.OnSight(1903) {
		for _, there := range []bool{false, true} {
			heard := &sandbox.Listener{}
			config := sandbox.Config{CallTimeout: time.Hour, Output: heard}
			batch := batchOf(plan, 100, func(_, row int) int64 {
				if there && row == 17 {
					return 1903
				}
				return 1950
			})
			_, err := assign(t, open(t, config), g.Wasm, plan, batch)
			want := ""
			if there {
				want = g.Reason
			}
			got := ""
			if err != nil {
				got = enclave.AsError(err).Reason
			}
			if got != want {
				t.Errorf("%s, %t: %v, want %q", g.Name, there, err, want)
			}
			if said := heard.Text(); (said == "YES") != (there && g.Name == "prints-on-sight") {
				t.Errorf("%s, %t: said %q", g.Name, there, said)
			}
		}
	}
	full := &sandbox.Listener{}
	for range 3 {
		if n, err := full.Write([]byte(strings.Repeat("é", 20_000))); n != 40_000 || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}
	if got := full.Text(); len(got) != sandbox.MaxSaid {
		t.Errorf("%d bytes are kept", len(got))
	}
	full.Reset()
	if got := full.Text(); got != "" {
		t.Errorf("after a reset: %q", got)
	}
}
