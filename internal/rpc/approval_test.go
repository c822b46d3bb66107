package rpc_test

import (
	"bytes"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/darkroom-project/darkroom/enclave"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
	"github.com/darkroom-project/darkroom/sdk"
)

// What reviewers decide from and say among themselves is for reviewers and auditors alone.
func TestAnOperatorsProposal(t *testing.T) {
	d := start(t)
	name := "proposals/" + proposalID
	for _, c := range []struct {
		who     enclave.Caller
		reviews bool
	}{{acme, false}, {gov, true}, {health, true}, {panel, true}, {audit, true}} {
		client := darkroomv1.NewApprovalServiceClient(d.connect(t, c.who))
		got, err := client.GetProposal(t.Context(), &darkroomv1.GetProposalRequest{Name: name})
		if err != nil || (got.GetMaterial() != nil) != c.reviews || len(got.GetProposal().GetVotes()) != 2 {
			t.Fatalf("%v: %v, %v", c.who, got, err)
		}
		listed, err := client.ListProposals(t.Context(), &darkroomv1.ListProposalsRequest{})
		if err != nil || len(listed.GetProposals()) != 1 || !proto.Equal(listed.GetProposals()[0], got.GetProposal()) {
			t.Errorf("%v: the list says otherwise: %v, %v", c.who, listed, err)
		}
		for _, v := range got.GetProposal().GetVotes() {
			if secret := v.GetVoter() != nil || v.GetPrivateComment() != "" || v.GetCreateTime() != nil || v.GetChoice() != 0; v.GetPublicComment() == "" || secret && !c.reviews {
				t.Errorf("%v sees the vote %v", c.who, v)
			}
		}
	}
}

// Whatever their certificate says, people of the organisation that asked decide nothing.
func TestNobodyApprovesForTheirOwnOrganisation(t *testing.T) {
	d := start(t)
	all, requests := methods(t), valid(t)
	for _, role := range []enclave.Role{enclave.Reviewer, enclave.Authority, enclave.SourceOrg, enclave.Auditor} {
		conn := d.connect(t, enclave.Caller{Role: role, Org: "acme", Name: "li"})
		for _, name := range []string{"ApprovalService/GetProposal", "ApprovalService/FetchProposal", "ApprovalService/VoteProposal"} {
			if _, err := call(t, conn, all[name], requests[name]...); verdict(err) != "nf" && verdict(err) != "no" {
				t.Errorf("%s by a %s of the organisation that asked: %v", name, role, err)
			}
		}
	}
}

func TestProposalsThroughTheSDK(t *testing.T) {
	d := start(t)
	client := func(who enclave.Caller) *sdk.Client {
		c, err := sdk.Dial(t.Context(), d.credential(t, who))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	p, err := client(acme).ProposeModule(t.Context(), moduleDigest.String(), "visits", []byte("archive"))
	if err != nil || p.ID != proposalID || p.Module != moduleDigest.String() || p.Dataset != "visits" || p.State != sdk.ProposalRejected || p.Votes[0].Choice != "" {
		t.Errorf("%+v, %v", p, err)
	}
	decides := client(panel)
	p, m, err := decides.GetProposal(t.Context(), proposalID)
	if err != nil || m.Go != "go1.26.1" || m.Files[0].Path != "main.go" || m.Missing[0].Code != "MODULE_DATA_OVER_PROFILE" || len(m.Similar) != 1 ||
		p.Votes[0].Voter.Org != gov.Org || p.Votes[0].Choice != sdk.RejectModule || p.Votes[0].Private != "watch them" {
		t.Errorf("%+v %+v, %v", p, m, err)
	}
	var module, archive bytes.Buffer
	if err := decides.FetchProposedModule(t.Context(), proposalID, &module); err != nil || !bytes.Equal(module.Bytes(), bytesOfModule) {
		t.Errorf("%q, %v", module.String(), err)
	}
	if err := decides.FetchProposedSource(t.Context(), proposalID, &archive); err != nil || archive.String() != "the source" {
		t.Errorf("%q, %v", archive.String(), err)
	}
	if _, err := decides.VoteProposal(t.Context(), proposalID, sdk.ApproveModule, "", ""); err != nil {
		t.Error(err)
	}
	if _, err := decides.VoteProposal(t.Context(), proposalID, "maybe", "", ""); sdk.ReasonOf(err) != "INVALID_REQUEST" {
		t.Errorf("another choice: %v", err)
	}
	if _, err := client(gov).WithdrawApproval(t.Context(), proposalID, "a fault"); err != nil {
		t.Error(err)
	}
}

// That somebody else voted stands in the ledger for auditors and for the voter alone, even to the authority that sees every act.
func TestVotesInTheLedgerAreBlind(t *testing.T) {
	d := start(t)
	voter := enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "chen"}
	other := enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "sun"}
	for index, verb := range votes() {
		for who, sees := range map[enclave.Caller]bool{voter: true, audit: true, other: false, gov: false} {
			name := "entries/" + strconv.FormatUint(index, 10)
			_, err := darkroomv1.NewLedgerServiceClient(d.connect(t, who)).GetEntry(t.Context(), &darkroomv1.GetEntryRequest{Name: name})
			if (err == nil) != sees || err != nil && reasonOf(err) != "RECORD_NOT_FOUND" {
				t.Errorf("%s for %v: %v", verb, who, err)
			}
		}
	}
}
