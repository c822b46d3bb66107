package sandbox_test

import (
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// TestOnSight: the guests that tell of a value do so in the sandbox, so that a test in which nobody hears of it tests something; and what
// they write is heard in a rehearsal alone.
func TestOnSight(t *testing.T) {
	plan := planOf(0)
	for _, g := range guests.OnSight(1903) {
		for _, there := range []bool{false, true} {
			s := rehearse(t, sandbox.Config{CallTimeout: time.Hour})
			batch := batchOf(plan, 100, func(_, row int) int64 {
				if there && row == 17 {
					return 1903
				}
				return 1950
			})
			_, err := assign(t, s, g.Wasm, plan, batch)
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
			if said := s.Said(); (said == "YES") != (there && g.Name == "prints-on-sight") {
				t.Errorf("%s, %t: said %q", g.Name, there, said)
			}
		}
	}
}
