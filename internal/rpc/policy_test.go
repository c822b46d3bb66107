package rpc_test

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

// TestTheRulesThroughTheSDK: what the register of the rules says arrives, and what people decide reaches it.
func TestTheRulesThroughTheSDK(t *testing.T) {
	d := start(t)
	c := dial(t, d, gov)
	want := sdk.PolicyChange{
		ID: proposalID, Revision: enclave.DigestOf([]byte("p")).String(), Base: enclave.DigestOf([]byte("q")).String(), State: sdk.PolicyRejected,
		Proposer: sdk.Identity{Role: sdk.Authority, Org: "data-bureau", Name: "zhao"},
		Decider:  sdk.Identity{Role: sdk.Authority, Org: "data-bureau", Name: "chen"},
		Note:     "n", Proposed: loadedAt, Decided: loadedAt,
		Differences: []sdk.PolicyDifference{{Place: "profiles.person.base.threshold", Before: "10", After: "20"}},
	}
	same := func(got sdk.PolicyChange, err error, done string) {
		t.Helper()
		if err != nil || got.ID != want.ID || got.State != want.State || got.Proposer != want.Proposer || got.Decider != want.Decider ||
			got.Differences[0] != want.Differences[0] || !got.Decided.Equal(want.Decided) || got.Base != want.Base || got.Note != want.Note {
			t.Errorf("%+v, %v", got, err)
		}
		if d.ruled != done {
			t.Errorf("the register was told to %q, not to %q", d.ruled, done)
		}
	}
	change, err := c.ProposePolicy(t.Context(), []byte("tarball"), "n")
	same(change, err, "propose")
	change, err = c.DecidePolicyChange(t.Context(), proposalID, true)
	same(change, err, "agree")
	change, err = c.DecidePolicyChange(t.Context(), proposalID, false)
	same(change, err, "reject")
	for change, err := range c.ListPolicyChanges(t.Context()) {
		same(change, err, "reject")
	}
	report, err := c.DryRunPolicy(t.Context(), []byte("tarball"), 3, false)
	if err != nil || string(report) == "" {
		t.Errorf("%s, %v", report, err)
	}
	if _, err := c.DryRunPolicy(t.Context(), []byte("tarball"), 0, false); sdk.ReasonOf(err) != "INVALID_REQUEST" {
		t.Error(err)
	}
	if _, err := c.Explain(t.Context(), runID); err != nil {
		t.Error(err)
	}
}
