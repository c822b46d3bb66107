package lab

import (
	"context"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/measure"
	"github.com/darkroom-project/darkroom/enclave/treat"
	"github.com/darkroom-project/darkroom/internal/releases"
)

// Mechanism is something that stops attacks.
type Mechanism string

// The mechanisms that a lab can do without. Whatever measures again whether one of them did its work is off with it.
const (
	Threshold   Mechanism = "threshold"   // cells of few subjects
	Dominance   Mechanism = "dominance"   // cells of which one or two subjects make up most, and those in which one can estimate another
	Homogeneity Mechanism = "homogeneity" // cells that say of everybody in a group what they share
	Bounds      Mechanism = "bounds"      // cells below the threshold whose counts would have close bounds
	Complement  Mechanism = "complement"  // cells that would let others be computed within a table
	History     Mechanism = "history"     // what follows from all releases together
	Blocks      Mechanism = "blocks"      // protected values of a group that go together, so that none is missed
	Guess       Mechanism = "guess"       // what almost follows from all releases together
	Estimate    Mechanism = "estimate"    // amounts that all releases together let somebody estimate
	Alike       Mechanism = "alike"       // values that all releases together tell somebody to have
	Budget      Mechanism = "budget"      // how many independent sums are released at all
	KeySpace    Mechanism = "key space"   // how many cells a table may have
	People      Mechanism = "people"      // whatever a guest made that saw rows waits for people
)

// Mechanisms are all of them.
func Mechanisms() []Mechanism {
	return []Mechanism{Threshold, Dominance, Homogeneity, Bounds, Complement, History, Blocks, Guess, Estimate, Alike, Budget, KeySpace, People}
}

type offs []Mechanism

func (o offs) are(m Mechanism) bool { return slices.Contains(o, m) }

// profile is the numbers without what is off.
func (o offs) profile(p enclave.Profile) enclave.Profile {
	if o.are(Threshold) {
		p.Threshold = 0
	}
	if o.are(Dominance) {
		p.DominancePercent, p.PPercent = 1_000_000, 0
	}
	if o.are(Homogeneity) {
		p.HomogeneityPercent = 101
	}
	if o.are(Bounds) {
		p.IntervalPercent = 0
	}
	return p
}

// weakened is a policy that does not look at what is off.
type weakened struct {
	enclave.Policy
	off offs
}

func (w weakened) Admission(ctx context.Context, facts enclave.AdmissionFacts, profile enclave.Profile) (enclave.Judgement, error) {
	if w.off.are(KeySpace) {
		facts.Cells = 1
	}
	return w.Policy.Admission(ctx, facts, profile)
}

func (w weakened) Release(ctx context.Context, facts enclave.Facts, profile enclave.Profile) (enclave.Judgement, error) {
	if w.off.are(Threshold) {
		facts.MinSubjects = max(facts.MinSubjects, profile.Threshold)
	}
	if w.off.are(Guess) {
		facts.History.Guess = 0
	}
	if w.off.are(Budget) {
		facts.History.Rank = 0
	}
	return w.Policy.Release(ctx, facts, profile)
}

// measurer measures by the numbers without what is off.
type measurer struct {
	measure.Measurer
	off offs
}

func (m measurer) Measure(table *enclave.Table, profile enclave.Profile) *enclave.Measured {
	return m.Measurer.Measure(table, m.off.profile(profile))
}

func (m measurer) Facts(ctx context.Context, treated *enclave.Treated, profile enclave.Profile) (enclave.Facts, error) {
	facts, err := m.Measurer.Facts(ctx, treated, m.off.profile(profile))
	if m.off.are(Complement) {
		facts.Derivable = 0
	}
	return facts, err
}

// treater treats by the numbers without what is off, and keeps what came of it.
type treater struct {
	treat.Treater
	off   offs
	last  *enclave.Treated
	risks []enclave.Risk
}

func (t *treater) Treat(ctx context.Context, measured *enclave.Measured, profile enclave.Profile) (*enclave.Treated, error) {
	treated, err := t.Treater.Treat(ctx, measured, t.off.profile(profile))
	if err != nil {
		return nil, err
	}
	if t.off.are(Complement) { // the bytes are no longer those of the fates: see release
		treated.Fates = slices.Clone(treated.Fates)
		for i, fate := range treated.Fates {
			if fate == enclave.Complement {
				treated.Fates[i] = enclave.Published
			}
		}
	}
	t.last, t.risks = treated, slices.Clone(measured.Risks)
	return treated, nil
}

// historian keeps no account of releases if that is off.
type historian struct {
	*releases.Register
	off offs
}

func (h historian) Audit(
	ctx context.Context, dataset *enclave.Dataset, version int64, profile enclave.Profile, footprint *enclave.Footprint,
) (enclave.Audited, error) {
	if h.off.are(History) {
		return enclave.Audited{Facts: enclave.HistoryFacts{Releases: version, Clean: true}}, nil
	}
	if h.off.are(Blocks) {
		footprint.Blocks = nil
	}
	if h.off.are(Guess) {
		profile.GuessPercent = 100
	}
	if h.off.are(Estimate) {
		profile.PPercent = 0
	}
	if h.off.are(Alike) {
		profile.HomogeneityPercent = 101
	}
	return h.Register.Audit(ctx, dataset, version, profile, footprint)
}

// recorder keeps the releases.
type recorder struct {
	lab        *Lab
	files      memory
	off        offs
	footprints []enclave.Digest
	decided    *enclave.Decided
}

func (r *recorder) History(context.Context, string) (int64, error) {
	return int64(len(r.footprints)), nil
}

func (r *recorder) Footprints(context.Context, string) ([]enclave.Digest, error) {
	return slices.Clone(r.footprints), nil
}

func (r *recorder) Record(_ context.Context, verdict *enclave.Verdict) error {
	decided, err := verdict.Redeem()
	if err != nil {
		return err
	}
	r.decided = &decided
	if !r.lets(&decided) {
		return nil
	}
	digest := enclave.Digest{} // of a program's output, which is no sum of rows
	if decided.Footprint != nil && !r.off.are(History) {
		if digest, err = releases.New(r, r.files, r.lab, r.lab.config.Seed).Keep(decided.Footprint); err != nil {
			return err
		}
	}
	r.footprints = append(r.footprints, digest)
	return nil
}

// lets reports whether an output leaves: what waits for people does if they are off.
func (r *recorder) lets(decided *enclave.Decided) bool {
	return decided.Decision == enclave.Release || decided.Decision == enclave.Hold && r.off.are(People)
}

func (r *recorder) Release(context.Context, string) error { return nil }

// conclude says of a run how it was decided.
func (r *recorder) conclude(answer *Answer) {
	d := r.decided
	answer.Facts, answer.Reasons = &d.Facts, d.Reasons
	switch {
	case r.lets(d):
		answer.Outcome, answer.Bytes = enclave.Released, d.Bytes
		if answer.Table != nil {
			answer.Release = release(answer.Table, answer.Fates, &d.Profile)
		}
	case d.Decision == enclave.Hold:
		answer.Outcome = enclave.Held
	default:
		answer.Outcome = enclave.Denied
	}
}
