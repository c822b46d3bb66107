package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/internal/grant"
	"github.com/darkroom-project/darkroom/internal/ledger"
	"github.com/darkroom-project/darkroom/internal/rpc"
	"github.com/darkroom-project/darkroom/internal/rulebook"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/store"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// The rooms declare what they need in words of their own; these few lines say how one room's word is another's.

// seal makes the ledger's record of an act into the store's.
func seal(act enclave.Act) (store.Sealed, error) {
	s, err := ledger.Seal(act)
	return store.Sealed{ID: s.ID, Body: s.Body, Salt: s.Salt, Commitment: s.Commitment}, err
}

// outbox is the store's table of acts as the ledger's pump sees it.
type outbox struct{ *store.Acts }

func (o outbox) Pending(ctx context.Context, limit int) ([]ledger.Pending, error) {
	stored, err := o.Acts.Pending(ctx, limit)
	pending := make([]ledger.Pending, len(stored))
	for i, p := range stored {
		pending[i] = ledger.Pending{ID: p.ID, Commitment: p.Commitment}
	}
	return pending, err
}

func (o outbox) Appended(ctx context.Context, entries []ledger.Placed) error {
	appended := make([]store.Appended, len(entries))
	for i, e := range entries {
		appended[i] = store.Appended(e)
	}
	return o.Acts.Appended(ctx, appended)
}

// acts records acts that change no register, and waits until the ledger has them.
type acts struct {
	*store.Acts
	pump *ledger.Pump
}

func (a acts) Record(ctx context.Context, act enclave.Act) error {
	if err := a.Acts.Record(ctx, act); err != nil {
		return err
	}
	return a.await(ctx, act.ID)
}

// await returns when the ledger has an act that was recorded.
func (a acts) await(ctx context.Context, act string) error {
	_, err := a.pump.Await(ctx, act)
	return err
}

// issue writes the act of a credential, and waits until the ledger has it.
func (a acts) issue(identities *store.Identities) func(context.Context, enclave.Caller, enclave.Act) error {
	return func(ctx context.Context, who enclave.Caller, act enclave.Act) error {
		if err := identities.Issue(ctx, who, act); err != nil {
			return err
		}
		return a.await(ctx, act.ID)
	}
}

// journal is the ledger with its records.
type journal struct {
	log  *ledger.Log
	pump *ledger.Pump
	acts *store.Acts
}

// AwaitSigned returns when a signed checkpoint covers an act, also one that an earlier process appended.
func (j *journal) AwaitSigned(ctx context.Context, act string) error {
	entry, err := j.acts.Entry(ctx, act)
	if err != nil {
		return err
	}
	if entry.Appended {
		return j.log.Await(ctx, entry.Index)
	}
	_, err = j.pump.AwaitSigned(ctx, act)
	return err
}

// Receipt is the signed statement of an act, as JSON.
func (j *journal) Receipt(ctx context.Context, act string) ([]byte, error) {
	entry, err := j.acts.Entry(ctx, act)
	if err != nil {
		return nil, err
	}
	receipt, err := j.log.Receipt(ctx, entry.Body, entry.Salt, entry.Index)
	if err != nil {
		return nil, err
	}
	return receipt.Encode()
}

// Act is the record of an act, once the ledger has proven, as it would to an auditor, that it holds exactly that.
func (j *journal) Act(ctx context.Context, id string) (enclave.Act, error) {
	if err := j.AwaitSigned(ctx, id); err != nil {
		return enclave.Act{}, err
	}
	raw, err := j.Receipt(ctx, id)
	if err != nil {
		return enclave.Act{}, err
	}
	receipt, err := verify.ParseReceipt(raw)
	if err != nil {
		return enclave.Act{}, err
	}
	statement, err := receipt.Verify(j.PublicKey())
	if err != nil {
		return enclave.Act{}, err
	}
	act := statement.Act
	actor := enclave.Caller{Role: enclave.Role(act.Actor.Role), Org: act.Actor.Org, Name: act.Actor.Name}
	return enclave.Act{ID: act.ID, Time: act.Time, Actor: actor, Verb: act.Verb, Object: act.Object, Detail: act.Detail}, nil
}

func (j *journal) Checkpoint(ctx context.Context) ([]byte, error) { return j.log.Checkpoint(ctx) }

func (j *journal) PublicKey() string { return j.log.Key() }

func (j *journal) Entry(ctx context.Context, index uint64) (body string, salt []byte, err error) {
	entry, err := j.acts.EntryByIndex(ctx, index)
	return entry.Body, entry.Salt[:], err
}

func (j *journal) Inclusion(ctx context.Context, index, size uint64) ([][]byte, error) {
	proof, err := j.log.Inclusion(ctx, index, size)
	return plain(proof), err
}

func (j *journal) Consistency(ctx context.Context, from, to uint64) ([][]byte, error) {
	proof, err := j.log.Consistency(ctx, from, to)
	return plain(proof), err
}

func plain(proof []verify.Hash) [][]byte {
	hashes := make([][]byte, len(proof))
	for i := range proof {
		hashes[i] = proof[i][:]
	}
	return hashes
}

// ingester loads spooled files.
type ingester struct{ *load.Store }

func (i ingester) Ingest(ctx context.Context, dataset *enclave.Dataset, format, path string, progress func(int64)) (enclave.Snapshot, error) {
	file, err := os.Open(path) //nolint:gosec // spooled by the server itself
	if err != nil {
		return enclave.Snapshot{}, err
	}
	defer file.Close() //nolint:errcheck // only read from
	source, err := load.FileSource(file)
	if err != nil {
		return enclave.Snapshot{}, err
	}
	return i.Store.Ingest(ctx, dataset, load.Format(format), source, progress)
}

// judge asks the rules in force about an application for a grant.
type judge struct{ *rulebook.Register }

func (j judge) Grant(ctx context.Context, facts grant.Facts) (enclave.Judgement, error) {
	a := facts.Application
	asked := enclave.Grant{Operator: facts.Operator, Scenario: a.Scenario, Scopes: a.Scopes, Forms: a.Forms}
	asked.NotAfter = asked.NotBefore.AddDate(0, 0, a.TermDays)
	return j.Engine().Grant(ctx, policy.FactsOf(&asked, func(name string) *enclave.Dataset {
		for _, dataset := range facts.Datasets {
			if dataset.Name == name {
				return dataset
			}
		}
		return nil
	}))
}

// shown shows the rules.
type shown struct{ *rulebook.Register }

func (s shown) Show(revision enclave.Digest) (rpc.Rules, error) {
	engine, err := s.Engine(), error(nil)
	if !revision.IsZero() {
		engine, err = s.At(revision)
	}
	if err != nil {
		return rpc.Rules{}, err
	}
	d := engine.Describe()
	rules := rpc.Rules{Revision: d.Revision}
	for _, f := range d.Files {
		rules.Files = append(rules.Files, rpc.RuleFile{Path: f.Path, Text: f.Text})
	}
	for i := range d.Profiles {
		numbers, err := json.Marshal(&d.Profiles[i])
		if err != nil {
			return rpc.Rules{}, enclave.Internalf("encode a profile: %w", err)
		}
		rules.Profiles = append(rules.Profiles, rpc.RuleProfile{Name: d.Profiles[i].Name, Numbers: string(numbers)})
	}
	return rules, nil
}

// dryRun judges past outputs by a bundle. It need not be signed, since nothing comes in force, but it must load.
func dryRun(runs *run.Register, log *slog.Logger) func(context.Context, enclave.Caller, []byte, int, bool) (*run.WhatIf, error) {
	return func(ctx context.Context, caller enclave.Caller, bundle []byte, last int, exact bool) (*run.WhatIf, error) {
		files, err := policy.ParseArchive(bundle)
		if err != nil {
			return nil, err
		}
		engine, err := policy.LoadFiles(files, policy.WithLogger(log)) //nolint:contextcheck // compiling rules is not interrupted
		if err != nil {
			return nil, err
		}
		return runs.DryRun(ctx, caller, engine, last, exact)
	}
}
