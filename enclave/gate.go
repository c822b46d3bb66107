package enclave

import (
	"slices"
	"sync/atomic"
)

// Verdict is the gate's single-use token: policy's judgement bound to the digest of exactly the bytes it was about and to the
// version of the release history that they were measured against. Only the path of a run mints one, and only a Verdict opens the
// record; it does so once.
type Verdict struct {
	run       Run
	judgement Judgement
	facts     Facts
	before    *BeforeFacts
	places    []Place
	profile   Profile
	output    *Treated
	footprint *Footprint
	digest    Digest
	history   int64
	votes     []Vote
	approval  bool
	redeemed  atomic.Bool
}

// mint is the one place that turns a judgement into something that can open the gate. An output that was crafted, or in which trusted
// code still finds something unsafe, is never released, whatever the rules said: a floor below policy.
func mint(in *treated, facts Facts, judgement Judgement) *Verdict {
	if judgement.Decision == Release && !facts.clean() {
		judgement = Judgement{Decision: Deny, Passed: judgement.Passed, Revision: judgement.Revision, Reasons: []Reason{{Code: "GATE_FLOOR"}}}
	}
	if judgement.Decision != Release && judgement.Decision != Hold {
		judgement.Decision = Deny
	}
	v := &Verdict{
		run: in.Run, judgement: judgement, facts: facts, profile: in.profile,
		output: in.output, footprint: in.footprint, digest: DigestOf(in.output.Bytes), history: in.history,
	}
	if in.inspected != nil {
		v.places = in.inspected.Places
	}
	if in.risks != nil {
		v.before = in.risks.before()
	}
	return v
}

// clean reports whether an output may be released exactly at all.
func (f *Facts) clean() bool {
	return !f.Crafted && f.Form == Aggregate && f.Cells.Published > 0 && f.Derivable == 0 && f.Unsafe == RiskCounts{} && f.History.Clean
}

// Redeem hands the verdict's content to the recorder, once. The second call fails, and so does one whose bytes are no longer those
// that were judged.
func (v *Verdict) Redeem() (Decided, error) {
	if !v.redeemed.CompareAndSwap(false, true) {
		return Decided{}, Internalf("run %s: the verdict was already redeemed", v.run.ID)
	}
	if DigestOf(v.output.Bytes) != v.digest {
		return Decided{}, Internalf("run %s: the output changed after it was judged", v.run.ID)
	}
	d := Decided{
		Run: v.run, Decision: v.judgement.Decision, Reasons: slices.Clone(v.judgement.Reasons), Policy: v.judgement.Revision,
		Passed: slices.Clone(v.judgement.Passed), Profile: v.profile, Facts: v.facts, Before: v.before, Places: v.places, Digest: v.digest, History: v.history, Format: v.output.Format, Votes: v.votes,
		Approval: v.approval,
	}
	if d.Decision != Deny {
		d.Bytes, d.Footprint = v.output.Bytes, v.footprint
	}
	return d, nil
}

// Decided is what a verdict says, for the record.
type Decided struct {
	Run      Run
	Decision Decision
	Reasons  []Reason
	Passed   []string // names of the rules that held
	Policy   Digest   // revision that judged
	Profile  Profile
	Facts    Facts
	Before   *BeforeFacts // of a table, before it was treated; nil of a program's output, and of one that people released
	Places   []Place      // where in a program's output the facts were found, for reviewers
	Digest   Digest       // of the treated bytes
	Bytes    []byte       // nil if denied: nothing keeps them
	// Footprint joins the release history with the release; nil if denied, and of a program's output, which is no sum of rows.
	Footprint *Footprint
	Votes     []Vote // of the people who released a held output; nil if policy decided
	Approval  bool   // of a release by people: the module's approval must still stand when it is recorded
	Format    string
	History   int64 // version of the dataset's release history that was measured against
}
