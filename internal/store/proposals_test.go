package store_test

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/approval"
	"github.com/darkroom-project/darkroom/internal/store"
)

func testProposals(t *testing.T, s *store.Store) {
	t.Helper()
	settled(t, s)
	ctx, proposals := t.Context(), s.Proposals()
	first := proposalOf("p1")
	ok(t, proposals.Insert(ctx, first, act("approval.propose")))
	equal(t, "what was proposed", must(proposals.Get(ctx, "p1")), first)
	equal(t, "found by what it is of", must(proposals.Find(ctx, "acme", first.Module, "visits")), first)
	twice := proposalOf("p2")
	wants(t, proposals.Insert(ctx, twice, act("approval.propose")), enclave.State, "PROPOSAL_EXISTS")
	_, err := proposals.Get(ctx, "p2")
	wants(t, err, enclave.NotFound, "PROPOSAL_NOT_FOUND")
	for _, of := range [][2]string{{"rival", "visits"}, {"acme", "people"}} {
		_, err = proposals.Find(ctx, of[0], first.Module, of[1])
		wants(t, err, enclave.NotFound, "PROPOSAL_NOT_FOUND")
	}
	theirs := proposalOf("p3")
	theirs.Proposer.Org, theirs.Archive = "rival", enclave.Digest{}
	if err := proposals.Insert(ctx, theirs, act("approval.propose")); err == nil {
		t.Error("a proposal of a module that its organisation does not have")
	}
	ok(t, s.Modules().Insert(ctx, moduleOf("rival", "wasm"), act("module.upload")))
	ok(t, proposals.Insert(ctx, theirs, act("approval.propose")))

	changed := first
	changed.State, changed.Note, changed.Decided = approval.Withdrawn, "a fault", epoch
	changed.Views = []approval.View{{By: operator, Round: 1}}
	changed.Votes = []approval.Vote{{Voter: operator, Choice: approval.Approve, Public: "好", Private: "p", Round: 1, Time: epoch, Salt: "s"}}
	ok(t, proposals.Update(ctx, changed, act("approval.withdraw")))
	wants(t, proposals.Update(ctx, changed, act("approval.withdraw")), enclave.State, "PROPOSAL_CHANGED")
	changed.Revision++
	equal(t, "what was changed", must(proposals.Get(ctx, "p1")), changed)

	equal(t, "of the module", must(proposals.Of(ctx, first.Module)), []approval.Proposal{theirs, changed})
	mine, end, err := proposals.List(ctx, "acme", enclave.Page{Size: 5})
	ok(t, err)
	equal(t, "of acme", mine, []approval.Proposal{changed})
	all, next, err := proposals.List(ctx, "", enclave.Page{Size: 1})
	ok(t, err)
	equal(t, "of all", all, []approval.Proposal{theirs})
	rest, last, err := proposals.List(ctx, "", enclave.Page{Size: 1, After: next})
	ok(t, err)
	equal(t, "the next page", rest, []approval.Proposal{changed})
	if end != "" || last != "" {
		t.Errorf("tokens %q %q", end, last)
	}
	for file, named := range map[string]bool{"source": true, "nothing": false} {
		equal(t, file+" is named", must(s.Runs().Names(ctx, enclave.DigestOf([]byte(file)))), named)
	}
}
