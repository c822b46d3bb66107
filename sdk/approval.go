package sdk

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"time"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// ProposalState is where a proposal of a module stands.
type ProposalState string

// The states of a proposal. Rejected and withdrawn are final: what is changed is another module.
const (
	ProposalWaiting   ProposalState = "waiting"   // reviewers vote next
	ProposalApproved  ProposalState = "approved"  // runs may use the module on the dataset
	ProposalRejected  ProposalState = "rejected"  // two people said no
	ProposalWithdrawn ProposalState = "withdrawn" // approved once, and taken back
)

// ProposalChoice is what a reviewer says of a proposal.
type ProposalChoice string

// The choices.
const (
	ApproveModule ProposalChoice = "approve"
	RejectModule  ProposalChoice = "reject"
)

// Proposal asks that a module may run on a dataset whose policy wants people to approve modules.
type Proposal struct {
	ID       string
	Operator string
	Module   string // digest
	Name     string // of the module, in its manifest
	Version  string // likewise
	Dataset  string
	Source   string // SHA-256 of the archive of the module's source; "" if it was not handed in
	State    ProposalState
	Votes    []ProposalVote // that the caller may see; to the operator, the public comments alone
	Note     string         // why it was withdrawn
	Created  time.Time
	Decided  time.Time // zero while it waits
}

// ProposalVote is what one reviewer said.
type ProposalVote struct {
	Voter   Identity       // the zero value for the operator
	Choice  ProposalChoice // "" for the operator
	Public  string         // for the operator too, once the round is over
	Private string         // for reviewers and auditors
	Round   int            // from 1; the next begins when the two votes of one differ
	Time    time.Time
}

// ProposalMaterial is what reviewers decide from.
type ProposalMaterial struct {
	Manifest json.RawMessage
	Facts    json.RawMessage // what the enclave measured of the module's bytes and of what it asks of the dataset
	Missing  []Reason        // why the policy would refuse the module even once it is approved
	Go       string          // version of Go that the source says it was built with
	Files    []SourceFile    // of the source
	Similar  []Proposal      // of the same bytes, and what the operator was approved of the same name or for the same dataset
}

// SourceFile is one file of a module's source.
type SourceFile struct {
	Path string
	Size int64 // bytes
}

// ProposeModule asks that a module of the caller's organisation may run on a dataset. Archive is the module's source, as 'darkroom module
// propose --source' packs it; empty to hand in none. The same twice is one proposal.
func (c *Client) ProposeModule(ctx context.Context, module, dataset string, archive []byte) (Proposal, error) {
	r, err := c.approvals.ProposeModule(ctx, &darkroomv1.ProposeModuleRequest{
		Module: in("modules", module), Dataset: in("datasets", dataset), Source: archive,
	})
	return toProposal(r.GetProposal()), received(err)
}

// GetProposal returns a proposal, and to reviewers and auditors what they decide from; nil to others. That a reviewer looked is recorded.
func (c *Client) GetProposal(ctx context.Context, id string) (Proposal, *ProposalMaterial, error) {
	r, err := c.approvals.GetProposal(ctx, &darkroomv1.GetProposalRequest{Name: in("proposals", id)})
	if err != nil || r.GetMaterial() == nil {
		return toProposal(r.GetProposal()), nil, received(err)
	}
	m := r.GetMaterial()
	return toProposal(r.GetProposal()), &ProposalMaterial{
		Manifest: json.RawMessage(m.GetManifestJson()), Facts: json.RawMessage(m.GetFactsJson()), Missing: each(m.GetMissing(), reasonOf),
		Go: m.GetGoVersion(), Similar: each(m.GetSimilar(), toProposal),
		Files: each(m.GetSourceFiles(), func(f *darkroomv1.SourceFile) SourceFile { return SourceFile{f.GetPath(), f.GetSize()} }),
	}, nil
}

// ListProposals iterates over the proposals that the caller may see, newest first.
func (c *Client) ListProposals(ctx context.Context) iter.Seq2[Proposal, error] {
	return pages(func(token string) ([]Proposal, string, error) {
		r, err := c.approvals.ListProposals(ctx, &darkroomv1.ListProposalsRequest{PageToken: token})
		return each(r.GetProposals(), toProposal), r.GetNextPageToken(), err
	})
}

// FetchProposedModule writes the bytes of a proposed module, for reviewers. It does not check their digest.
func (c *Client) FetchProposedModule(ctx context.Context, id string, w io.Writer) error {
	return c.fetchProposal(ctx, id, darkroomv1.ProposalFile_PROPOSAL_FILE_MODULE, w)
}

// FetchProposedSource writes the archive of a proposed module's source, for reviewers: a tar file. PROPOSAL_NO_SOURCE if none was handed in.
func (c *Client) FetchProposedSource(ctx context.Context, id string, w io.Writer) error {
	return c.fetchProposal(ctx, id, darkroomv1.ProposalFile_PROPOSAL_FILE_SOURCE, w)
}

func (c *Client) fetchProposal(ctx context.Context, id string, file darkroomv1.ProposalFile, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.approvals.FetchProposal(ctx, &darkroomv1.FetchProposalRequest{Name: in("proposals", id), File: file})
	if err != nil {
		return received(err)
	}
	for {
		r, err := stream.Recv()
		if err == io.EOF { //nolint:errorlint // gRPC documents io.EOF itself
			return nil
		}
		if err != nil {
			return ended(err)
		}
		if _, err := w.Write(r.GetChunk()); err != nil {
			return err
		}
	}
}

// VoteProposal is a reviewer's vote. A rejection needs a public comment.
func (c *Client) VoteProposal(ctx context.Context, id string, choice ProposalChoice, public, private string) (Proposal, error) {
	choices := map[ProposalChoice]darkroomv1.ProposalChoice{
		ApproveModule: darkroomv1.ProposalChoice_PROPOSAL_CHOICE_APPROVE, RejectModule: darkroomv1.ProposalChoice_PROPOSAL_CHOICE_REJECT,
	}
	r, err := c.approvals.VoteProposal(ctx, &darkroomv1.VoteProposalRequest{
		Name: in("proposals", id), Choice: choices[choice], PublicComment: public, PrivateComment: private,
	})
	return toProposal(r.GetProposal()), received(err)
}

// WithdrawApproval is the authority's: from now on no run of the module on the dataset begins. The note is for the operator too.
func (c *Client) WithdrawApproval(ctx context.Context, id, note string) (Proposal, error) {
	r, err := c.approvals.WithdrawApproval(ctx, &darkroomv1.WithdrawApprovalRequest{Name: in("proposals", id), Note: note})
	return toProposal(r.GetProposal()), received(err)
}

func toProposal(p *darkroomv1.Proposal) Proposal {
	return Proposal{
		ID: last(p.GetName()), Operator: p.GetOperator(), Module: last(p.GetModule()), Name: p.GetModuleName(), Version: p.GetModuleVersion(),
		Dataset: last(p.GetDataset()), Source: p.GetSourceDigest(), State: ProposalState(word(p.GetState().String(), "PROPOSAL_STATE_")),
		Note: p.GetNote(), Created: at(p.GetCreateTime()), Decided: at(p.GetDecideTime()),
		Votes: each(p.GetVotes(), func(v *darkroomv1.ProposalVote) ProposalVote {
			return ProposalVote{
				Voter: toIdentity(v.GetVoter()), Choice: ProposalChoice(word(v.GetChoice().String(), "PROPOSAL_CHOICE_")),
				Public: v.GetPublicComment(), Private: v.GetPrivateComment(), Round: int(v.GetRound()), Time: at(v.GetCreateTime()),
			}
		}),
	}
}
