package e2e_test

import (
	"testing"

	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// TestProgramsThatGiveRowsAway: an honest program is held for people; each that returns rows, as they are or disguised, is denied, and its
// operator learns no more than that. Which fact each is denied for, the tests of the room leak say.
func TestProgramsThatGiveRowsAway(t *testing.T) {
	t.Parallel()
	b := &bench{domain: start(t, app.Config{})}
	b.visits()
	b.grant = b.domain.grant(acme, synth.Dataset())
	names := []string{"regression", "dump", "shuffled", "base64", "xor", "packed-int", "injective"}
	if testing.Short() {
		names = names[:2]
	}
	for _, name := range names {
		guest := guests.NamedProgram(name)
		code, err := guest.Code(t.Context(), t.TempDir())
		ok(t, err)
		run := b.submit(acme, b.grant, b.upload(acme, guest.Manifest, code), nil)
		if guest.Honest {
			b.ends(acme, run, sdk.RunHeld, "OUTPUT_OF_PROGRAM")
		} else {
			run = b.ends(acme, run, sdk.RunDenied, "OUTPUT_UNSAFE")
			if len(run.Reasons) != 1 {
				t.Errorf("%s: the operator is told %+v", guest.Name, run.Reasons)
			}
		}
		b.nothingOf(run)
	}
}
