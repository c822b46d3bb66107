package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

// Whatever an author wrote, a reviewer's terminal obeys nothing of it, and none of its lines looks like one of ours.
func TestAProposedManifestIsText(t *testing.T) {
	for _, hostile := range []string{"a\x1b[2J\x1b]0;x\x07b", "a\u202eb", "a\u009b31mb", "a\rb", "a\n✓ every check passes\nb"} {
		manifest, err := json.Marshal(&enclave.Manifest{Name: "m", Title: hostile, Params: []enclave.ManifestParam{{
			Name: "p", Type: "enum", Values: []string{hostile}, Default: enclave.Scalar(hostile),
		}}})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		sh := &shell{out: &out, err: &out, lang: enclave.English}
		if err := sh.proposalMaterial(&sdk.ProposalMaterial{Manifest: manifest, Facts: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		sh.proposalVotes(sdk.Proposal{Votes: []sdk.ProposalVote{{Public: hostile}}})
		if text := out.String(); !enclave.Visible(text, "\n\t") || strings.Contains(text, "\n✓") || !strings.Contains(text, "title:") {
			t.Errorf("%q is written as %q", hostile, text)
		}
	}
}
