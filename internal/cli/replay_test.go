package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

// A replay says what is the same, and anything else than everything ends with an error.
func TestReplayedIsSaid(t *testing.T) {
	for _, c := range []struct {
		replay sdk.Replay
		reason string
		says   []string
	}{
		{sdk.Replay{SameOutput: true, SameDecision: true, SameFacts: true, SameRecord: true}, "", []string{"output same", "record same", "runs/r ends as"}},
		{
			sdk.Replay{SameDecision: true, SameFacts: true, SameRecord: true, Stage: "treat"},
			"CLI_REPLAY_DIFFERS",
			[]string{"output DIFFERS", "decision same", "facts same", "record same"},
		},
		{sdk.Replay{SameOutput: true, SameDecision: true, SameFacts: true, Stage: "record"}, "CLI_REPLAY_DIFFERS", []string{"output same", "record DIFFERS"}},
		{
			sdk.Replay{SameRecord: true, Stage: "load", Stopped: &sdk.Reason{Code: "SNAPSHOT_MISSING"}},
			"CLI_REPLAY_STOPPED",
			[]string{"output not compared", "facts not compared", "record same"},
		},
	} {
		var out bytes.Buffer
		err := (&shell{out: &out, err: &out, lang: enclave.English}).replayed("runs/r", &c.replay)
		if e := enclave.AsError(err); (e == nil) != (c.reason == "") || e != nil && (e.Reason != c.reason || e.Args["stage"] == "") {
			t.Errorf("%+v: %v", c.replay, err)
		}
		said := strings.Join(strings.Fields(out.String()), " ")
		for _, want := range c.says {
			if !strings.Contains(said, want) {
				t.Errorf("%+v: %q lacks %q", c.replay, said, want)
			}
		}
		if strings.Contains(said, "ends as") != (c.reason == "") {
			t.Errorf("%+v: %q", c.replay, said)
		}
	}
}
