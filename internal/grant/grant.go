// Package grant is the register of grants (授权): an operator applies, the authority assesses, every source department of the datasets
// confirms; then the grant is active until it is suspended, revoked or its term is over. Silence is never consent.
package grant

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Application is what an operator asks for.
type Application struct {
	Scenario string
	Purpose  string
	Scopes   []enclave.Scope
	Forms    []enclave.Form // empty means aggregate
	TermDays int            // 1 to MaxTermDays, from activation
}

// Limits of applications; the policy may set lower ones.
const (
	MaxTermDays   = 3660
	MaxScopes     = 32
	MaxPurpose    = 2000 // bytes
	hoursOfADay   = 24
	factsVersion1 = 1
)

// Facts is what policy judges of an application.
type Facts struct {
	Version     int // 1
	Operator    string
	Application Application
	Datasets    []*enclave.Dataset // of Application.Scopes, in their order
}

// Judge is policy's decision point for applications. Release means: may go on to assessment.
type Judge interface {
	Grant(ctx context.Context, facts Facts) (enclave.Judgement, error)
}

// Catalog finds datasets, or fails with DATASET_NOT_FOUND.
type Catalog interface {
	Dataset(ctx context.Context, name string) (*enclave.Dataset, error)
}

// Store keeps grants. A change and its act MUST be one transaction. It MUST be safe for concurrent use.
type Store interface {
	Insert(ctx context.Context, grant enclave.Grant, act enclave.Act) error
	// Update replaces a grant that still has grant.Revision, which grows by one; else GRANT_CHANGED.
	Update(ctx context.Context, grant enclave.Grant, act enclave.Act) error
	// Get fails with GRANT_NOT_FOUND (see NotFound).
	Get(ctx context.Context, id string) (enclave.Grant, error)
	// List sorts newest first; operator "" means all. The string is After of the next page, "" at the end.
	List(ctx context.Context, operator string, page enclave.Page) ([]enclave.Grant, string, error)
}

// Recorder records acts that change nothing.
type Recorder interface {
	Record(ctx context.Context, act enclave.Act) error
}

// Register is the register of grants. It is safe for concurrent use.
type Register struct {
	store    Store
	acts     Recorder
	datasets Catalog
	judge    Judge
	now      func() time.Time
}

// New makes the register.
func New(store Store, acts Recorder, datasets Catalog, judge Judge, now func() time.Time) *Register {
	return &Register{store: store, acts: acts, datasets: datasets, judge: judge, now: now}
}

// NotFound is the error for a grant that is missing or not for this caller.
func NotFound(id string) *enclave.Error {
	return enclave.Fail(enclave.NotFound, "GRANT_NOT_FOUND", "grant", id)
}

// Apply registers an application of the caller's organisation. Datasets and columns must exist (DATASET_NOT_FOUND,
// GRANT_COLUMN_UNKNOWN). What policy refuses is recorded, and fails with policy's reasons.
func (r *Register) Apply(ctx context.Context, caller enclave.Caller, a Application) (enclave.Grant, error) {
	if len(a.Forms) == 0 {
		a.Forms = []enclave.Form{enclave.Aggregate}
	}
	if err := a.validate(); err != nil {
		return enclave.Grant{}, err
	}
	facts := Facts{Version: factsVersion1, Operator: caller.Org, Application: a}
	var owners []string
	for _, scope := range a.Scopes {
		d, err := r.datasets.Dataset(ctx, scope.Dataset)
		if err != nil {
			return enclave.Grant{}, err
		}
		for _, column := range scope.Columns {
			if d.Column(column) < 0 {
				return enclave.Grant{}, enclave.Fail(enclave.Invalid, "GRANT_COLUMN_UNKNOWN", "dataset", scope.Dataset, "column", column)
			}
		}
		facts.Datasets = append(facts.Datasets, d)
		owners = append(owners, d.Owner)
	}
	slices.Sort(owners)
	digest, err := enclave.DigestJSON(a)
	if err != nil {
		return enclave.Grant{}, err
	}
	judgement, err := r.judge.Grant(ctx, facts)
	if err != nil {
		return enclave.Grant{}, err
	}
	id := enclave.NewID()
	detail := []string{"scenario", a.Scenario, "application", digest.String(), "policy", judgement.Revision.String()}
	if judgement.Decision != enclave.Release {
		refusal := enclave.Refusal(judgement)
		act := enclave.NewAct(r.now(), caller, "grant.turn-away", "grants/"+id, append(detail, "reason", refusal.Reason)...)
		if err := r.acts.Record(ctx, act); err != nil {
			return enclave.Grant{}, err
		}
		return enclave.Grant{}, refusal
	}
	act := enclave.NewAct(r.now(), caller, "grant.apply", "grants/"+id, append(detail, "term_days", strconv.Itoa(a.TermDays))...)
	g := enclave.Grant{
		ID: id, Operator: caller.Org, Scenario: a.Scenario, Purpose: a.Purpose, Scopes: a.Scopes, Forms: a.Forms,
		NotBefore: act.Time, NotAfter: act.Time.Add(time.Duration(a.TermDays) * hoursOfADay * time.Hour),
		State: enclave.GrantApplied, Waiting: slices.Compact(owners), Revision: 1,
	}
	if err := r.store.Insert(ctx, g, act); err != nil {
		return enclave.Grant{}, err
	}
	return g, nil
}

func (a *Application) validate() error {
	bad := func(place string) error { return enclave.Fail(enclave.Invalid, "GRANT_INVALID", "place", place) }
	switch {
	case !enclave.ValidName(a.Scenario):
		return bad("scenario")
	case a.Purpose == "" || len(a.Purpose) > MaxPurpose:
		return bad("purpose")
	case a.TermDays < 1 || a.TermDays > MaxTermDays:
		return bad("term_days")
	case len(a.Scopes) == 0 || len(a.Scopes) > MaxScopes:
		return bad("scopes")
	case twice(a.Forms):
		return bad("forms")
	}
	datasets := make([]string, 0, len(a.Scopes))
	for _, scope := range a.Scopes {
		datasets = append(datasets, scope.Dataset)
		if len(scope.Columns) == 0 || len(scope.Columns) > enclave.MaxColumns || twice(scope.Columns) {
			return bad("scopes.columns")
		}
	}
	if twice(datasets) {
		return bad("scopes")
	}
	return nil
}

func twice[T ~string](list []T) bool {
	sorted := slices.Sorted(slices.Values(list))
	return len(slices.Compact(sorted)) != len(list)
}

// Get returns a grant with its state of this moment, or GRANT_NOT_FOUND.
func (r *Register) Get(ctx context.Context, id string) (enclave.Grant, error) {
	g, err := r.store.Get(ctx, id)
	if err != nil {
		return enclave.Grant{}, err
	}
	g.State = g.StateAt(r.now())
	return g, nil
}

// List lists an operator's grants, or all for "", newest first. The string is After of the next page, "" at the end.
func (r *Register) List(ctx context.Context, operator string, page enclave.Page) ([]enclave.Grant, string, error) {
	list, after, err := r.store.List(ctx, operator, page)
	now := r.now()
	for i := range list {
		list[i].State = list[i].StateAt(now)
	}
	return list, after, err
}

// Assess is the authority's answer to an application. A no needs a note.
func (r *Register) Assess(ctx context.Context, caller enclave.Caller, id string, approve bool, note string) (enclave.Grant, error) {
	if approve {
		return r.change(ctx, caller, id, Approve, note)
	}
	return r.change(ctx, caller, id, Decline, note)
}

// Confirm is a source department's answer to an assessed grant. A no needs a note. The last yes makes it active, for its whole term
// from now. To an organisation whose data is not asked for the grant looks missing.
func (r *Register) Confirm(ctx context.Context, caller enclave.Caller, id string, approve bool, note string) (enclave.Grant, error) {
	if approve {
		return r.change(ctx, caller, id, Confirm, note)
	}
	return r.change(ctx, caller, id, Refuse, note)
}

// Suspend stops an active grant for now: no run starts under it and none under way is released.
func (r *Register) Suspend(ctx context.Context, caller enclave.Caller, id, note string) (enclave.Grant, error) {
	return r.change(ctx, caller, id, Suspend, note)
}

// Resume makes a suspended grant active again, within its term.
func (r *Register) Resume(ctx context.Context, caller enclave.Caller, id, note string) (enclave.Grant, error) {
	return r.change(ctx, caller, id, Resume, note)
}

// Revoke ends a grant that was assessed, for good.
func (r *Register) Revoke(ctx context.Context, caller enclave.Caller, id, note string) (enclave.Grant, error) {
	return r.change(ctx, caller, id, Revoke, note)
}

func (r *Register) change(ctx context.Context, caller enclave.Caller, id string, verb Verb, note string) (enclave.Grant, error) {
	g, err := r.store.Get(ctx, id)
	if err != nil {
		return enclave.Grant{}, err
	}
	// The note is in a person's own words: the ledger names its digest, the register shows it.
	act := enclave.NewAct(r.now(), caller, "grant."+string(verb), "grants/"+id, "note", enclave.DigestOf([]byte(note)).String())
	changed, err := apply(g, act.Time, verb, caller, note)
	if err != nil {
		return enclave.Grant{}, err
	}
	act.Detail["state"] = string(changed.State)
	if err := r.store.Update(ctx, changed, act); err != nil {
		return enclave.Grant{}, err
	}
	changed.Revision++
	return changed, nil
}
