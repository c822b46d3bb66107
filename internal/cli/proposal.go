package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/source"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) modulePropose() *cobra.Command {
	var dataset, folder string
	c := &cobra.Command{
		Use: "propose FILE.wasm --dataset DATASET [--source DIR]", Short: sh.text("CLI_PROPOSE"), Long: sh.text("CLI_PROPOSE_LONG"), Args: sh.exactly("FILE"),
		Example: "darkroom module propose cost-by-age/cost-by-age.wasm --dataset visits --source cost-by-age",
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := id("datasets", dataset)
			if err != nil {
				return err
			}
			var archive []byte
			if folder != "" {
				if archive, err = sh.packed(cmd.Context(), folder, args[0]); err != nil {
					return err
				}
			}
			return sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
				module, err := sh.moduleDigest(ctx, c, args[0])
				if err != nil {
					return err
				}
				p, err := c.ProposeModule(ctx, module, name, archive)
				if err != nil {
					return err
				}
				sh.proposalState(p)
				sh.next("darkroom module review show proposals/" + p.ID)
				return nil
			})(cmd, args)
		},
	}
	c.Flags().StringVar(&dataset, "dataset", "", sh.text("CLI_PROPOSE_DATASET"))
	c.Flags().StringVar(&folder, "source", "", sh.text("CLI_PROPOSE_SOURCE"))
	require(c, "dataset")
	return c
}

// packed reads a module's folder, and makes sure that it is the source of the module before reviewers find that it is not.
func (sh *shell) packed(ctx context.Context, folder, file string) ([]byte, error) {
	module, err := sh.read(file, admit.MaxModuleBytes)
	if err != nil {
		return nil, err
	}
	archive, err := scaffold.Source(ctx, folder)
	if err != nil {
		return nil, err
	}
	if err := sh.rebuild(ctx, archive, module); enclave.AsError(err) != nil && enclave.AsError(err).Reason != "REBUILD_ONLY_GO" {
		return nil, err
	} else if err != nil {
		sh.note("REBUILD_ONLY_GO") // people may want to read it all the same
	}
	return archive.Encode()
}

// rebuild builds a module from its source and says whether it is the same; what differs is an error.
func (sh *shell) rebuild(ctx context.Context, archive *source.Archive, module []byte) error {
	sh.note("CLI_MODULE_BUILDING")
	rebuilt, err := scaffold.Rebuild(ctx, archive, module, sh.err)
	if err != nil {
		return err
	}
	digest := enclave.DigestOf(module).String()
	if len(rebuilt.Differences) == 0 {
		sh.note("CLI_SOURCE_SAME", "digest", digest, "go", rebuilt.Go)
		return nil
	}
	for _, d := range rebuilt.Differences {
		sh.note("CLI_SOURCE_DIFFERENCE", "section", d.Section, "want", strconv.Itoa(d.Want), "got", strconv.Itoa(d.Got), "at", strconv.Itoa(d.At))
	}
	return enclave.Fail(enclave.Refused, "CLI_SOURCE_DIFFERS", "digest", digest, "got", rebuilt.Digest.String(), "go", rebuilt.Go)
}

func (sh *shell) moduleReview() *cobra.Command {
	return sh.group("review", "CLI_PROPOSALS", sh.proposalList(), sh.proposalShow(), sh.proposalVote(), sh.proposalSource(), sh.proposalCheck(), sh.proposalWithdraw())
}

func (sh *shell) proposalList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: sh.text("CLI_PROPOSAL_LIST"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			return list(sh, c.ListProposals(ctx), proposalHeads(), sh.proposalRow)
		}),
	}
}

func proposalHeads() []string {
	return []string{"CLI_HEAD_NAME", "CLI_HEAD_OPERATOR", "CLI_HEAD_MODULE", "CLI_HEAD_DATASET", "CLI_HEAD_STATE", "CLI_HEAD_TIME"}
}

func (sh *shell) proposalRow(p sdk.Proposal) []string {
	return []string{"proposals/" + p.ID, p.Operator, p.Name + " " + p.Version, p.Dataset, sh.word(string(p.State)), second(p.Created)}
}

func (sh *shell) proposalShow() *cobra.Command {
	return &cobra.Command{
		Use: "show PROPOSAL", Short: sh.text("CLI_PROPOSAL_SHOW"), Args: sh.exactly("PROPOSAL"),
		RunE: sh.on("proposals", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			p, material, err := c.GetProposal(ctx, id)
			if err != nil {
				return err
			}
			sh.proposalState(p)
			sh.fields([][2]string{
				{"CLI_HEAD_OPERATOR", p.Operator},
				{"CLI_HEAD_MODULE", p.Name + " " + p.Version + " modules/" + p.Module},
				{"CLI_HEAD_DATASET", p.Dataset},
				{"CLI_HEAD_SOURCE_DIGEST", p.Source},
				{"CLI_HEAD_NOTE", p.Note},
			}...)
			if material != nil {
				if err := sh.proposalMaterial(material); err != nil {
					return err
				}
			}
			sh.proposalVotes(p)
			if material != nil && p.State == sdk.ProposalWaiting {
				if p.Source != "" {
					sh.next("darkroom module review check proposals/" + p.ID)
				}
				sh.next("darkroom module review vote proposals/" + p.ID + " approve|reject --public TEXT")
			}
			return nil
		}),
	}
}

// proposalMaterial prints what reviewers decide from.
func (sh *shell) proposalMaterial(m *sdk.ProposalMaterial) error {
	var manifest enclave.Manifest
	var facts enclave.AdmissionFacts
	if err := json.Unmarshal(m.Manifest, &manifest); err != nil {
		return err
	}
	if err := json.Unmarshal(m.Facts, &facts); err != nil {
		return err
	}
	mark := func(yes bool) string {
		if yes {
			return "✓"
		}
		return ""
	}
	var rows [][]string
	for _, u := range facts.Columns {
		rows = append(rows, []string{u.Column, string(u.Class), mark(u.Shown), mark(u.Key), mark(u.Summed)})
	}
	sh.table("CLI_PROPOSAL_COLUMNS", []string{"CLI_HEAD_COLUMN", "CLI_HEAD_CLASS", "CLI_HEAD_SHOWN_TO", "CLI_HEAD_KEY", "CLI_HEAD_SUMMED"}, rows)
	rows = nil
	for _, p := range manifest.Params {
		domain := strconv.FormatInt(p.Min, 10) + " … " + strconv.FormatInt(p.Max, 10)
		if p.Type == "enum" {
			domain = strings.Join(p.Values, ", ")
		}
		rows = append(rows, []string{p.Name, domain, string(p.Default)})
	}
	sh.table("CLI_PROPOSAL_PARAMS", []string{"CLI_HEAD_PARAM", "CLI_HEAD_DOMAIN", "CLI_HEAD_DEFAULT"}, rows)
	sh.section("CLI_PROPOSAL_FACTS")
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	sh.fields([][2]string{
		{"CLI_HEAD_SIZE", number(facts.Module.Bytes)},
		{"CLI_HEAD_DATA_BYTES", number(facts.Module.DataBytes)},
		{"CLI_HEAD_FUNCTIONS", number(facts.Module.Functions)},
		{"CLI_HEAD_IMPORTS", number(facts.Module.Imports)},
		{"CLI_HEAD_GROUPS", number(facts.Cells)},
	}...)
	if len(m.Missing) == 0 {
		sh.say("CLI_PROPOSAL_CHECKS_PASS")
	}
	for _, reason := range m.Missing {
		sh.say("CLI_PROPOSAL_CHECK_FAILS", "text", reason.In(string(sh.lang)))
	}
	rows = nil
	for _, f := range m.Files {
		rows = append(rows, []string{f.Path, number(f.Size)})
	}
	sh.table("CLI_PROPOSAL_FILES", []string{"CLI_HEAD_NAME", "CLI_HEAD_SIZE"}, rows)
	if len(m.Files) == 0 {
		sh.say("CLI_PROPOSAL_NO_SOURCE")
	}
	rows = nil
	for _, p := range m.Similar {
		rows = append(rows, sh.proposalRow(p))
	}
	sh.table("CLI_PROPOSAL_SIMILAR", proposalHeads(), rows)
	text, err := yaml.JSONToYAML(m.Manifest)
	if err != nil {
		return err
	}
	sh.section("CLI_PROPOSAL_MANIFEST")
	out := term.Indent(sh.out, "  ")
	for line := range strings.Lines(term.Text(string(text))) {
		fmt.Fprint(out, line)
	}
	return nil
}

// proposalVotes prints the votes that the caller may see.
func (sh *shell) proposalVotes(p sdk.Proposal) {
	if len(p.Votes) == 0 {
		return
	}
	sh.section("CLI_PROPOSAL_VOTES")
	for _, v := range p.Votes {
		if v.Choice == "" {
			sh.fields([2]string{"CLI_HEAD_PUBLIC", v.Public})
			continue
		}
		vote := sh.text("CLI_REVIEW_VOTE_LINE", "choice", sh.proposalChoice(v.Choice), "round", strconv.Itoa(v.Round), "voter", v.Voter.Org+"/"+v.Voter.Name)
		sh.fields([2]string{"CLI_HEAD_VOTE", vote}, [2]string{"CLI_HEAD_PUBLIC", v.Public}, [2]string{"CLI_HEAD_PRIVATE", v.Private})
	}
}

func (sh *shell) proposalChoice(choice sdk.ProposalChoice) string {
	if choice == sdk.ApproveModule {
		return sh.text("CLI_PROPOSAL_APPROVE")
	}
	return sh.text("CLI_PROPOSAL_REJECT")
}

// proposalState says where a proposal stands and who has to act next.
func (sh *shell) proposalState(p sdk.Proposal) {
	sh.say("CLI_STATE", "name", "proposals/"+p.ID, "state", sh.word(string(p.State)))
	if p.State == sdk.ProposalWaiting {
		sh.note("CLI_PROPOSAL_WAITS")
	}
}

func (sh *shell) proposalVote() *cobra.Command {
	var public, private string
	c := &cobra.Command{
		Use: "vote PROPOSAL approve|reject [--public TEXT] [--private TEXT]", Short: sh.text("CLI_PROPOSAL_VOTE"), Long: sh.text("CLI_PROPOSAL_VOTE_LONG"),
		Args: sh.exactly("PROPOSAL", "CHOICE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			choice := sdk.ProposalChoice(args[1])
			if !slices.Contains([]sdk.ProposalChoice{sdk.ApproveModule, sdk.RejectModule}, choice) {
				return misuse("CLI_ARG_BAD", "argument", args[1], "expected", "approve, reject")
			}
			if choice == sdk.RejectModule && public == "" {
				return misuse("CLI_FLAG_MISSING", "flags", "--public", "usage", usageLine(cmd))
			}
			return sh.on("proposals", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
				p, err := c.VoteProposal(ctx, id, choice, public, private)
				if err == nil {
					sh.proposalState(p)
				}
				return err
			})(cmd, args)
		},
	}
	c.Flags().StringVar(&public, "public", "", sh.text("CLI_PROPOSAL_PUBLIC"))
	c.Flags().StringVar(&private, "private", "", sh.text("CLI_REVIEW_PRIVATE"))
	return c
}

func (sh *shell) proposalWithdraw() *cobra.Command {
	var note string
	c := &cobra.Command{
		Use: "withdraw PROPOSAL --note TEXT", Short: sh.text("CLI_PROPOSAL_WITHDRAW"), Args: sh.exactly("PROPOSAL"),
		RunE: sh.on("proposals", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			p, err := c.WithdrawApproval(ctx, id, note)
			if err == nil {
				sh.proposalState(p)
			}
			return err
		}),
	}
	c.Flags().StringVar(&note, "note", "", sh.text("CLI_PROPOSAL_NOTE"))
	require(c, "note")
	return c
}

func (sh *shell) proposalSource() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "source PROPOSAL --out DIR", Short: sh.text("CLI_PROPOSAL_SOURCE"), Args: sh.exactly("PROPOSAL"),
		RunE: sh.on("proposals", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			archive, err := sh.fetchSource(ctx, c, id)
			if err != nil {
				return err
			}
			if err := archive.Unpack(out); err != nil {
				return err
			}
			sh.note("CLI_WROTE", "file", out)
			return nil
		}),
	}
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_PROPOSAL_OUT"))
	require(c, "out")
	return c
}

// fetchSource fetches the source of a proposal, and warns of files that are not what they look like.
func (sh *shell) fetchSource(ctx context.Context, c *sdk.Client, id string) (*source.Archive, error) {
	var raw bytes.Buffer
	if err := c.FetchProposedSource(ctx, id, &raw); err != nil {
		return nil, err
	}
	archive, err := source.Parse(raw.Bytes())
	if err != nil {
		return nil, err
	}
	for _, path := range archive.Misleading() {
		sh.note("CLI_SOURCE_MISLEADING", "path", path)
	}
	return archive, nil
}

func (sh *shell) proposalCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check PROPOSAL", Short: sh.text("CLI_PROPOSAL_CHECK"), Long: sh.text("CLI_PROPOSAL_CHECK_LONG"), Args: sh.exactly("PROPOSAL"),
		RunE: sh.on("proposals", func(ctx context.Context, c *sdk.Client, id string, _ []string) error {
			p, _, err := c.GetProposal(ctx, id)
			if err != nil {
				return err
			}
			archive, err := sh.fetchSource(ctx, c, id)
			if err != nil {
				return err
			}
			var module bytes.Buffer
			if err := c.FetchProposedModule(ctx, id, &module); err != nil {
				return err
			}
			if got := enclave.DigestOf(module.Bytes()).String(); got != p.Module {
				return enclave.Fail(enclave.Invalid, "CLI_PROPOSAL_BYTES", "want", p.Module, "got", got)
			}
			if err := sh.rebuild(ctx, archive, module.Bytes()); err != nil {
				return err
			}
			sh.say("CLI_STATE", "name", "modules/"+p.Module, "state", sh.text("CLI_PROPOSAL_GENUINE"))
			return nil
		}),
	}
}
