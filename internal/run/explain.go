package run

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Explanation says how a run ended and why. What is below Advice is for those alone who may see facts (see mayExplain).
type Explanation struct {
	Version int             `json:"version"` // 1
	Run     string          `json:"run"`
	Outcome enclave.Outcome `json:"outcome"`
	Stage   enclave.Stage   `json:"stage"`
	// Reasons are as the operator sees them; Advice is what to do, which hangs on the outcome alone.
	Reasons []enclave.Reason `json:"reasons,omitempty"`
	Advice  enclave.Reason   `json:"advice"`
	Support string           `json:"support,omitempty"`

	All       []enclave.Reason `json:"all_reasons,omitempty"` // none left out
	Cause     string           `json:"cause,omitempty"`
	Decisions []Explained      `json:"decisions,omitempty"` // in their order
}

// Explained is one decision about a run: at its admission, about its output, or by people.
type Explained struct {
	Point    string           `json:"point"` // admission, release or program
	Decision enclave.Decision `json:"decision"`
	ByPeople bool             `json:"by_people,omitempty"` // two people released it beside these rules
	Time     time.Time        `json:"time,omitzero"`
	Policy   enclave.Digest   `json:"policy"` // revision
	Profile  enclave.Profile  `json:"profile"`
	Reasons  []enclave.Reason `json:"reasons,omitempty"`
	// Rules are those that were asked; none if the revision cannot be read any more.
	Rules []enclave.RuleAccount `json:"rules,omitempty"`
	// Before is what was measured of a table before it was treated; the facts that were judged stand with the rules and, whole, in Facts.
	Before    *enclave.BeforeFacts    `json:"before,omitempty"`
	Facts     *enclave.Facts          `json:"facts,omitempty"`
	Admission *enclave.AdmissionFacts `json:"admission,omitempty"`
}

// Explainer says of a decision by a revision of the rules what each rule saw. A policy of [Policies] that is one is asked.
type Explainer interface {
	ExplainRelease(facts enclave.Facts, profile enclave.Profile, passed []string) []enclave.RuleAccount
	ExplainAdmission(facts enclave.AdmissionFacts, profile enclave.Profile, passed []string) []enclave.RuleAccount
}

// Explain says how a run ended and why, as much as the caller may see. RUN_NOT_FOUND; RUN_NOT_ENDED.
func (r *Register) Explain(ctx context.Context, caller enclave.Caller, id string) (*Explanation, error) {
	state, err := r.config.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	seen := r.sight(&state)
	if seen.Outcome == "" {
		return nil, enclave.Fail(enclave.State, "RUN_NOT_ENDED", "run", id)
	}
	e := &Explanation{
		Version: 1, Run: id, Outcome: seen.Outcome, Stage: seen.Stage, Reasons: seen.Reasons, Support: seen.Support,
		Advice: enclave.Reason{Code: "ADVICE_RUN_" + strings.ToUpper(string(seen.Outcome))},
	}
	if !mayExplain(caller, &state) {
		return e, nil
	}
	report, err := r.report(ctx, &state)
	if err != nil {
		return nil, err
	}
	e.All, e.Cause = report.Reasons, report.Cause
	if report.Admission != nil {
		e.Decisions = append(e.Decisions, r.explained(Explained{
			Point: "admission", Decision: enclave.Deny, Policy: state.Policy, Profile: *report.Profile, Reasons: report.Reasons, Admission: report.Admission,
		}, report.Passed))
	}
	for _, find := range []func(context.Context, string) (Decision, error){r.config.Store.Judged, r.config.Store.Decision} {
		decision, err := find(ctx, id)
		if errors.Is(err, NotFound(id)) || err == nil && len(e.Decisions) > 0 && !decision.ByPeople {
			break
		}
		if err != nil {
			return nil, err
		}
		evidence, err := decision.evidence()
		if err != nil {
			return nil, err
		}
		point := "release"
		if evidence.Facts.Form == enclave.Program {
			point = "program"
		}
		e.Decisions = append(e.Decisions, r.explained(Explained{
			Point: point, Decision: decision.Decision, ByPeople: decision.ByPeople, Time: decision.Time, Policy: decision.Policy,
			Profile: decision.Profile, Reasons: decision.Reasons, Before: evidence.Before, Facts: &evidence.Facts,
		}, evidence.Passed))
	}
	return e, nil
}

// explained adds what each rule saw, by the revision that decided.
func (r *Register) explained(d Explained, passed []string) Explained {
	rules, err := r.config.Policies.Revision(d.Policy)
	if err != nil {
		return d // a newer program cannot read it; what was kept stands all the same
	}
	explainer, ok := rules.(Explainer)
	switch {
	case !ok:
	case d.Admission != nil:
		d.Rules = explainer.ExplainAdmission(*d.Admission, d.Profile, passed)
	default:
		d.Rules = explainer.ExplainRelease(*d.Facts, d.Profile, passed)
	}
	return d
}
