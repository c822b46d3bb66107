package policy

import (
	"context"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// AccessInput is a call that somebody wants to make.
type AccessInput struct {
	// Caller is the zero value without a credential.
	Caller enclave.Caller
	// Method is the full gRPC method, "/darkroom.v1.RunService/SubmitRun".
	Method string
	// Owner is the organisation that owns the object which the call addresses, "" if there is none yet or it is a list. A dataset
	// and its snapshots are their source department's, also one that is being described; grants, modules, runs, results, receipts and
	// reviews are their operator's; submitting a run addresses its grant; a ledger entry is its actor's.
	Owner string
	// Parties are other organisations that the object concerns: of a grant, the source departments of its datasets; of a review, the
	// source department of its dataset.
	Parties []string
}

// accessDocument is what the rules see. A caller that is not there must be absent, not an object of empty text.
type accessDocument struct {
	Caller  *enclave.Caller `json:"caller,omitempty"`
	Method  string          `json:"method"`
	Owner   string          `json:"owner"`
	Parties []string        `json:"parties"`
}

func accessDocumentOf(in AccessInput) accessDocument {
	document := accessDocument{Method: in.Method, Owner: in.Owner, Parties: notNull(in.Parties)}
	if in.Caller != (enclave.Caller{}) {
		document.Caller = &in.Caller
	}
	return document
}

// Access reports whether a call is allowed. Whatever is not clearly true is false. The error is that of a cancelled context alone;
// then the answer is false too.
func (e *Engine) Access(ctx context.Context, in AccessInput) (bool, error) {
	judgement, err := e.decideAccess(ctx, in)
	judgement, err = e.closed(ctx, judgement, err)
	return judgement.Decision == enclave.Release, err
}

func (e *Engine) decideAccess(ctx context.Context, in AccessInput) (enclave.Judgement, error) {
	if e.standIn && !open(in.Method) {
		return enclave.Judgement{Decision: enclave.Deny}, nil
	}
	raw, err := e.ask(ctx, &e.access, accessDocumentOf(in))
	if err != nil {
		return enclave.Judgement{}, err
	}
	switch allowed, ok := raw.(bool); {
	case !ok:
		return enclave.Judgement{}, errNotBoolean
	case allowed:
		return enclave.Judgement{Decision: enclave.Release}, nil
	}
	return enclave.Judgement{Decision: enclave.Deny}, nil
}

// judged is what the rules of admission and release see.
type judged[Facts any] struct {
	Facts   Facts           `json:"facts"`
	Profile enclave.Profile `json:"profile"`
}

// admissionChecks and those below name what must have passed; a bundle cannot let anything through by knowing fewer.
func admissionChecks() *checks {
	return &checks{release: []string{
		"version", "form", "sharing", "identifiers", "module_bytes", "data_bytes", "max_cells", "key_space", "shown", "reviewed",
	}}
}

func releaseChecks() *checks {
	hold := []string{
		"version", "form", "published", "threshold", "dominance", "p_percent", "homogeneity", "derivable", "history", "budget", "rounding",
	}
	return &checks{hold: hold, release: append([]string{"exact", "automatic"}, hold...)}
}

// programChecks has no list for a release: what a program returned, only people release.
func programChecks() *checks {
	return &checks{hold: []string{
		"version", "form", "published", "records", "identifiers", "packed", "injective", "verbatim", "bits", "parameters",
	}}
}

func grantChecks() *checks {
	return &checks{release: []string{"version", "scenario", "columns", "sharing", "identifiers", "term", "forms"}}
}

// Admission judges what a module asks for; Release means that it may run.
func (e *Engine) Admission(ctx context.Context, facts enclave.AdmissionFacts, profile enclave.Profile) (enclave.Judgement, error) {
	judgement, err := e.decideAdmission(ctx, facts, profile)
	return e.closed(ctx, judgement, err)
}

func (e *Engine) decideAdmission(ctx context.Context, facts enclave.AdmissionFacts, profile enclave.Profile) (enclave.Judgement, error) {
	if !sound(&profile) {
		return enclave.Judgement{}, errProfile
	}
	facts.Columns = notNull(facts.Columns)
	return e.decide(ctx, &e.admission, admissionChecks(), judged[enclave.AdmissionFacts]{facts, profile})
}

// Release judges a treated output: a table by the rules of release, a product by those of program.
func (e *Engine) Release(ctx context.Context, facts enclave.Facts, profile enclave.Profile) (enclave.Judgement, error) {
	judgement, err := e.decideRelease(ctx, facts, profile)
	return e.closed(ctx, judgement, err)
}

func (e *Engine) decideRelease(ctx context.Context, facts enclave.Facts, profile enclave.Profile) (enclave.Judgement, error) {
	if !sound(&profile) {
		return enclave.Judgement{}, errProfile
	}
	if facts.Form == enclave.Program {
		return e.decide(ctx, &e.program, programChecks(), judged[enclave.Facts]{facts, profile})
	}
	return e.decide(ctx, &e.release, releaseChecks(), judged[enclave.Facts]{facts, profile})
}

// notNull makes a list that is not there an empty one, so that rules see a list always.
func notNull[T any](list []T) []T { return append([]T{}, list...) }

// GrantFacts is an application for a grant with what the catalogue says of its datasets.
type GrantFacts struct {
	Version  int            `json:"version"` // 1
	Operator string         `json:"operator"`
	Scenario string         `json:"scenario"`
	Forms    []enclave.Form `json:"forms"`
	TermDays int64          `json:"term_days"` // rounded up
	Scopes   []ScopeFacts   `json:"scopes"`
}

// ScopeFacts is one dataset that is applied for.
type ScopeFacts struct {
	Dataset     string              `json:"dataset"`
	Grade       int                 `json:"grade"`
	SubjectKind enclave.SubjectKind `json:"subject_kind"`
	Sharing     enclave.Sharing     `json:"sharing"`
	Columns     []ColumnFacts       `json:"columns"`
}

// ColumnFacts is one column that is applied for. Class is "" if the dataset has no such column.
type ColumnFacts struct {
	Column string        `json:"column"`
	Class  enclave.Class `json:"class"`
}

// FactsOf puts an application beside the descriptions of its datasets, which lookup finds by name. A dataset that lookup does not
// have (nil) has facts that no rule lets through.
func FactsOf(g *enclave.Grant, lookup func(name string) *enclave.Dataset) GrantFacts {
	const day = 24 * time.Hour
	facts := GrantFacts{
		Version: 1, Operator: g.Operator, Scenario: g.Scenario, Forms: g.Forms,
		TermDays: int64((g.NotAfter.Sub(g.NotBefore) + day - 1) / day),
	}
	for _, scope := range g.Scopes {
		s := ScopeFacts{Dataset: scope.Dataset}
		d := lookup(scope.Dataset)
		if d != nil {
			s.Grade, s.SubjectKind, s.Sharing = d.Grade, d.Subject.Kind, d.Sharing
		}
		for _, name := range scope.Columns {
			c := ColumnFacts{Column: name}
			if d != nil && d.Column(name) >= 0 {
				c.Class = d.Columns[d.Column(name)].Class
			}
			s.Columns = append(s.Columns, c)
		}
		facts.Scopes = append(facts.Scopes, s)
	}
	return facts
}

// grantDocument is what the rules see: the application and, for each of its datasets, the numbers that would apply.
type grantDocument struct {
	Facts    GrantFacts                 `json:"facts"`
	Profiles map[string]enclave.Profile `json:"profiles"`
}

// Grant judges an application before people do; Release means that it goes on to assessment. The error is that of a cancelled
// context alone.
func (e *Engine) Grant(ctx context.Context, facts GrantFacts) (enclave.Judgement, error) {
	judgement, err := e.decideGrant(ctx, facts)
	return e.closed(ctx, judgement, err)
}

func (e *Engine) decideGrant(ctx context.Context, facts GrantFacts) (enclave.Judgement, error) {
	facts.Scopes, facts.Forms = notNull(facts.Scopes), notNull(facts.Forms)
	document := grantDocument{Profiles: map[string]enclave.Profile{}}
	for i := range facts.Scopes {
		s := &facts.Scopes[i]
		s.Columns = notNull(s.Columns)
		if p, ok := e.profiles.choose(s.SubjectKind, s.Grade, facts.Scenario); ok {
			document.Profiles[s.Dataset] = p
		}
	}
	document.Facts = facts
	return e.decide(ctx, &e.grant, grantChecks(), document)
}
