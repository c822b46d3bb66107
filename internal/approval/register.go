package approval

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/source"
)

// Modules finds modules, or fails with MODULE_NOT_FOUND.
type Modules interface {
	// Manifest is of an organisation's own module.
	Manifest(ctx context.Context, owner string, digest enclave.Digest) (*enclave.Manifest, error)
	// Module reads the bytes and checks them once more.
	Module(ctx context.Context, digest enclave.Digest) (*enclave.Module, error)
}

// Datasets finds datasets, or fails with DATASET_NOT_FOUND; Newest with DATASET_EMPTY where nothing was loaded.
type Datasets interface {
	Dataset(ctx context.Context, name string) (*enclave.Dataset, error)
	Newest(ctx context.Context, dataset string) (enclave.Snapshot, error)
}

// Files keeps bytes by digest, durably before Put returns.
type Files interface {
	Put(content []byte) (enclave.Digest, error)
	Get(digest enclave.Digest) ([]byte, error)
}

// Recorder records acts that change nothing.
type Recorder interface {
	Record(ctx context.Context, act enclave.Act) error
}

// Config is what a register works with. Every port must be set.
type Config struct {
	Store    Store
	Modules  Modules
	Datasets Datasets
	Files    Files
	Acts     Recorder
	// Facts measures what a module asks of a dataset (see [enclave.Planner]).
	Facts func(order *enclave.Order) (enclave.AdmissionFacts, error)
	// Policy is the one in force.
	Policy func() enclave.Policy
	Now    func() time.Time
}

// Register is the register of proposals. It is safe for concurrent use.
type Register struct{ config Config }

// New makes the register.
func New(c Config) *Register { return &Register{c} }

// Propose asks for a module of the caller's organisation on the dataset that its manifest names. Archive is its source (see package source),
// empty to hand in none. The same again returns the proposal as it stands; one with another source is PROPOSAL_EXISTS, and one that was rejected
// or withdrawn PROPOSAL_FINAL. What the enclave could not run whatever people say fails with the planner's reasons.
func (r *Register) Propose(ctx context.Context, caller enclave.Caller, module enclave.Digest, dataset string, archive []byte) (Proposal, error) {
	manifest, err := r.config.Modules.Manifest(ctx, caller.Org, module)
	if err != nil {
		return Proposal{}, err
	}
	about, err := r.config.Datasets.Dataset(ctx, dataset)
	if err != nil {
		return Proposal{}, err
	}
	p := Proposal{
		ID: enclave.NewID(), Module: module, Name: manifest.Name, Version: manifest.Version, Dataset: dataset, Source: about.Owner,
		Proposer: caller, State: Waiting, Revision: 1,
	}
	if len(archive) > 0 {
		if _, err := source.Parse(archive); err != nil {
			return Proposal{}, err
		}
		p.Archive = enclave.DigestOf(archive)
	}
	if there, err := r.config.Store.Find(ctx, caller.Org, module, dataset); err == nil {
		return again(there, p)
	} else if enclave.KindOf(err) != enclave.NotFound {
		return Proposal{}, err
	}
	if _, err := r.facts(ctx, &p); err != nil {
		return Proposal{}, err
	}
	act := r.act(caller, "approval.propose", &p)
	if len(archive) > 0 {
		if _, err := r.config.Files.Put(archive); err != nil {
			return Proposal{}, err
		}
		act.Detail["source"] = p.Archive.String()
	}
	p.Created = act.Time
	err = r.config.Store.Insert(ctx, p, act)
	if errors.Is(err, enclave.Fail(enclave.State, "PROPOSAL_EXISTS")) { // the same came first meanwhile
		there, err := r.config.Store.Find(ctx, caller.Org, module, dataset)
		if err != nil {
			return Proposal{}, err
		}
		return again(there, p)
	}
	return p, err
}

// again answers who proposes what was proposed before.
func again(there, p Proposal) (Proposal, error) {
	switch {
	case there.State == Rejected || there.State == Withdrawn:
		return Proposal{}, enclave.Fail(enclave.State, "PROPOSAL_FINAL", "proposal", there.ID, "state", string(there.State))
	case there.Archive != p.Archive:
		return Proposal{}, enclave.Fail(enclave.State, "PROPOSAL_EXISTS", "proposal", there.ID)
	}
	return there, nil
}

// act is an act on a proposal.
func (r *Register) act(caller enclave.Caller, verb string, p *Proposal) enclave.Act {
	return enclave.NewAct(r.config.Now(), caller, verb, "proposals/"+p.ID,
		"module", p.Module.String(), "dataset", p.Dataset, "operator", p.Proposer.Org)
}

// facts measures what a proposed module asks, as if it had been approved and granted all that it asks.
func (r *Register) facts(ctx context.Context, p *Proposal) (facts enclave.AdmissionFacts, err error) {
	order, err := r.order(ctx, p)
	if err != nil {
		return facts, err
	}
	return r.config.Facts(order)
}

func (r *Register) order(ctx context.Context, p *Proposal) (*enclave.Order, error) {
	now := r.config.Now()
	order := &enclave.Order{Approved: true, Run: enclave.Run{Submitted: now}}
	var err error
	if order.Module, err = r.config.Modules.Module(ctx, p.Module); err != nil {
		return nil, err
	}
	if order.Dataset, err = r.config.Datasets.Dataset(ctx, p.Dataset); err != nil {
		return nil, err
	}
	if order.Snapshot, err = r.config.Datasets.Newest(ctx, p.Dataset); err != nil {
		return nil, err
	}
	manifest := order.Module.Manifest
	order.Grant = enclave.Grant{
		Operator: p.Proposer.Org, State: enclave.GrantActive, NotBefore: now, NotAfter: now.Add(time.Hour), Forms: []enclave.Form{manifest.Form},
		Scopes: []enclave.Scope{{Dataset: manifest.Inputs[0].Dataset, Columns: manifest.Inputs[0].Columns}},
	}
	return order, nil
}

// Get returns a proposal with everything that the register knows of it, or PROPOSAL_NOT_FOUND. See [Proposal.Seen] for what to show.
func (r *Register) Get(ctx context.Context, id string) (Proposal, error) {
	return r.config.Store.Get(ctx, id)
}

// List lists an operator's proposals, or all for "", newest first. The string is After of the next page, "" at the end.
func (r *Register) List(ctx context.Context, operator string, page enclave.Page) ([]Proposal, string, error) {
	return r.config.Store.List(ctx, operator, page)
}

// Material is what a reviewer decides from.
type Material struct {
	Manifest *enclave.Manifest
	// Facts is what the enclave measured of the module's bytes and of what it asks of the dataset; Missing are the reasons for which the
	// policy would refuse it even approved, as far as the policy can say without a grant and its scenario.
	Facts   enclave.AdmissionFacts
	Missing []enclave.Reason
	Archive *source.Archive // nil if none was handed in
	// Similar are other proposals that the reviewer may see: of the same bytes, whoever's, and what the operator was approved of the same
	// name or for the same dataset.
	Similar []Proposal
}

// maxSimilar is how many similar proposals a reviewer is shown.
const maxSimilar = 10

// Review returns what a reviewer decides from, and records who looked, in which round.
func (r *Register) Review(ctx context.Context, caller enclave.Caller, p Proposal) (*Material, error) {
	order, err := r.order(ctx, &p)
	if err != nil {
		return nil, err
	}
	m := &Material{Manifest: order.Module.Manifest}
	if m.Facts, err = r.config.Facts(order); err != nil {
		return nil, err
	}
	policy := r.config.Policy()
	profile, err := policy.Profile(order.Dataset, "")
	if err != nil {
		return nil, err
	}
	judgement, err := policy.Admission(ctx, m.Facts, profile)
	if err != nil {
		return nil, err
	}
	if judgement.Decision != enclave.Release {
		m.Missing = judgement.Reasons
	}
	m.Facts.Approved = p.State == Approved
	if m.Archive, err = r.archive(p); err != nil {
		return nil, err
	}
	if m.Similar, err = r.similar(ctx, caller, p); err != nil {
		return nil, err
	}
	_, err = r.change(ctx, caller, p.ID, "approval.view", func(now Proposal, act *enclave.Act) (Proposal, error) {
		round := p.round() // that the caller is shown, whatever happened since
		act.Detail["round"] = strconv.Itoa(round)
		return now.viewed(View{By: caller, Round: round}), nil
	})
	return m, err
}

func (r *Register) archive(p Proposal) (*source.Archive, error) {
	if p.Archive.IsZero() {
		return nil, nil //nolint:nilnil // none was handed in
	}
	raw, err := r.config.Files.Get(p.Archive)
	if err != nil {
		return nil, enclave.Internalf("source of proposal %s: %w", p.ID, err)
	}
	return source.Parse(raw)
}

func (r *Register) similar(ctx context.Context, caller enclave.Caller, p Proposal) ([]Proposal, error) {
	similar, err := r.config.Store.Of(ctx, p.Module)
	if err != nil {
		return nil, err
	}
	theirs, _, err := r.config.Store.List(ctx, p.Proposer.Org, enclave.Page{Size: 200})
	if err != nil {
		return nil, err
	}
	for _, other := range theirs {
		if other.Module != p.Module && other.State == Approved && (other.Name == p.Name || other.Dataset == p.Dataset) {
			similar = append(similar, other)
		}
	}
	similar = slices.DeleteFunc(similar, func(other Proposal) bool { return other.ID == p.ID || !other.ReviewedBy(caller) })
	return similar[:min(len(similar), maxSimilar)], nil
}

// File returns the module's bytes, or the archive of its source (PROPOSAL_NO_SOURCE), and records who took it.
func (r *Register) File(ctx context.Context, caller enclave.Caller, p Proposal, wantSource bool) ([]byte, error) {
	digest, verb := p.Module, "approval.take-module"
	if wantSource {
		if digest, verb = p.Archive, "approval.take-source"; digest.IsZero() {
			return nil, enclave.Fail(enclave.NotFound, "PROPOSAL_NO_SOURCE", "proposal", p.ID)
		}
	}
	content, err := r.config.Files.Get(digest)
	if err != nil {
		return nil, enclave.Internalf("file of proposal %s: %w", p.ID, err)
	}
	return content, r.config.Acts.Record(ctx, r.act(caller, verb, &p))
}

// Vote adds a reviewer's vote. Reasons of errors: PROPOSAL_NOT_FOUND, also for whom the proposal is none of; PROPOSAL_STATE once it was decided;
// PROPOSAL_VOTED; PROPOSAL_TAKEN for all but the two who differed; PROPOSAL_NOT_VIEWED unless Review showed it in this round; PROPOSAL_CHOICE,
// PROPOSAL_COMMENT_REQUIRED, PROPOSAL_COMMENT_LONG, PROPOSAL_COMMENT_HIDDEN.
func (r *Register) Vote(ctx context.Context, caller enclave.Caller, id string, choice Choice, public, private string) (Proposal, error) {
	return r.change(ctx, caller, id, "approval.vote", func(p Proposal, act *enclave.Act) (Proposal, error) {
		v := Vote{Voter: caller, Choice: choice, Public: public, Private: private, Time: act.Time, Salt: enclave.NewID()}
		changed, err := p.vote(v)
		if err != nil {
			return p, err
		}
		// The record must not tell the next voter what this one said, so it names the vote's digest alone.
		digest, err := enclave.DigestJSON(changed.Votes[len(changed.Votes)-1])
		act.Detail["vote"] = digest.String()
		return changed, err
	})
}

// Withdraw takes an approval back: from now on no run of the module on the dataset begins. Reasons of errors: PROPOSAL_NOT_FOUND, PROPOSAL_STATE
// unless it is approved, PROPOSAL_COMMENT_REQUIRED, PROPOSAL_COMMENT_LONG, PROPOSAL_COMMENT_HIDDEN.
func (r *Register) Withdraw(ctx context.Context, caller enclave.Caller, id, note string) (Proposal, error) {
	return r.change(ctx, caller, id, "approval.withdraw", func(p Proposal, act *enclave.Act) (Proposal, error) {
		act.Detail["note"] = enclave.DigestOf([]byte(note)).String()
		return p.withdraw(note, act.Time)
	})
}

// attempts is how often an act is tried on a proposal that others change at the same moment; each time, somebody else's act has succeeded.
const attempts = 100

// change does one act on a proposal, afresh where another came first.
func (r *Register) change(
	ctx context.Context, caller enclave.Caller, id, verb string, apply func(Proposal, *enclave.Act) (Proposal, error),
) (Proposal, error) {
	for range attempts {
		if ctx.Err() != nil {
			return Proposal{}, enclave.Internalf("change a proposal: %w", context.Cause(ctx))
		}
		p, err := r.config.Store.Get(ctx, id)
		if err != nil {
			return Proposal{}, err
		}
		act := r.act(caller, verb, &p)
		changed, err := apply(p, &act)
		if err != nil {
			return Proposal{}, err
		}
		act.Detail["state"] = string(changed.State)
		err = r.config.Store.Update(ctx, changed, act)
		if errors.Is(err, enclave.Fail(enclave.State, "PROPOSAL_CHANGED")) {
			continue
		}
		changed.Revision++
		return changed, err
	}
	return Proposal{}, enclave.Fail(enclave.State, "PROPOSAL_CHANGED", "proposal", id)
}

// Approved reports whether two people approved an operator's module for a dataset, and nobody withdrew that.
func (r *Register) Approved(ctx context.Context, operator string, module enclave.Digest, dataset string) (bool, error) {
	p, err := r.config.Store.Find(ctx, operator, module, dataset)
	if enclave.KindOf(err) == enclave.NotFound {
		return false, nil
	}
	return err == nil && p.State == Approved, err
}
