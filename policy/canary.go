package policy

import (
	"context"
	"math"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// canary is something that no bundle may let through.
type canary struct {
	name string
	try  func(context.Context, *Engine) (enclave.Judgement, error)
	// honest marks what a bundle may let through or not, as long as it gives a clear answer.
	honest bool
	// allowed marks what a bundle must let through: without it nobody could ever change the rules again.
	allowed bool
	// denied marks what is not worth a person's time either: a bundle must not hold it.
	denied bool
}

// trip is how a canary fails, or "".
func (c *canary) trip(ctx context.Context, e *Engine) string {
	judgement, err := c.try(ctx, e)
	switch {
	case err != nil:
		return "no answer: " + err.Error()
	case judgement.Decision != enclave.Release && c.allowed:
		return "refused"
	case judgement.Decision == enclave.Release && !c.honest && !c.allowed:
		return "let through"
	case judgement.Decision == enclave.Hold && c.denied:
		return "held"
	}
	return ""
}

// tryCanaries refuses an engine that lets a canary through or cannot judge one.
func (e *Engine) tryCanaries(ctx context.Context) error {
	canaries := append(grantCanaries(), accessCanaries()...)
	for _, p := range e.profiles.effective() {
		canaries = slices.Concat(canaries, releaseCanaries(p), programCanaries(p), admissionCanaries(p))
	}
	for _, c := range canaries {
		if problem := c.trip(ctx, e); problem != "" {
			return enclave.Fail(enclave.Invalid, "POLICY_BUNDLE_CANARY", "canary", c.name, "problem", problem)
		}
	}
	return nil
}

// releaseCanaries are outputs that differ from an honest one in one thing.
func releaseCanaries(profile enclave.Profile) []canary {
	under := func(profile enclave.Profile, name string, spoil func(*enclave.Facts)) canary {
		facts := enclave.Facts{
			Version: 1, Form: enclave.Aggregate, Operator: "canary", Scenario: "canary", Dataset: "canary", Grade: 1,
			SubjectKind: enclave.Person, Cells: enclave.CellCounts{Published: 10, Primary: 1, Complement: 1},
			MinSubjects: 2 * profile.Threshold, RoundCount: profile.RoundCount, RoundSum: profile.RoundSum, Bytes: 1000,
			History: enclave.HistoryFacts{Clean: true, Rank: profile.RankPercent, Guess: profile.GuessPercent, Subjects: 100},
		}
		spoil(&facts)
		return canary{name: "release of " + name + " (" + profile.Name + ")", try: func(ctx context.Context, e *Engine) (enclave.Judgement, error) {
			return e.decideRelease(ctx, facts, profile)
		}}
	}
	out := func(name string, spoil func(*enclave.Facts)) canary { return under(profile, name, spoil) }
	faults := releaseFaults()
	canaries := make([]canary, 0, 2*len(faults)+2)
	for _, f := range faults {
		canaries = append(canaries, out(f.name, f.spoil), out("a crafted output with "+f.name, func(facts *enclave.Facts) {
			facts.Crafted = true
			f.spoil(facts)
		}))
	}
	honest := out("an honest output", func(*enclave.Facts) {})
	honest.honest = true
	waiting := profile // whatever this profile asks for, another may have all outputs wait
	waiting.OutputReview = 2
	return append(canaries, honest, under(waiting, "an honest output where all wait for people", func(*enclave.Facts) {}))
}

// releaseFault is one thing that is wrong with an output.
type releaseFault struct {
	name  string
	spoil func(*enclave.Facts)
}

func releaseFaults() []releaseFault {
	return []releaseFault{
		{"an empty input", func(f *enclave.Facts) { *f = enclave.Facts{} }},
		{"facts of an unknown version", func(f *enclave.Facts) { f.Version = 2 }},
		{"a raw dump", func(f *enclave.Facts) { f.Form, f.Crafted, f.MinSubjects = "program", true, 1 }},
		{"an unknown form", func(f *enclave.Facts) { f.Form = "anything" }},
		{"a crafted output", func(f *enclave.Facts) { f.Crafted = true }},
		{"nothing", func(f *enclave.Facts) { f.Cells.Published, f.MinSubjects = 0, 0 }},
		{"nothing beside the releases before", func(f *enclave.Facts) { f.Cells.Published, f.Cells.History, f.MinSubjects = 0, 1, 0 }},
		{"no published cell", func(f *enclave.Facts) { f.Cells.Published = 0 }},
		{"a cell of one subject", func(f *enclave.Facts) { f.MinSubjects, f.Unsafe.Threshold = 1, 1 }},
		{"a least cell of one subject", func(f *enclave.Facts) { f.MinSubjects = 1 }},
		{"a cell below the threshold", func(f *enclave.Facts) { f.Unsafe.Threshold = 1 }},
		{"a dominated cell", func(f *enclave.Facts) { f.Unsafe.Dominance = 1 }},
		{"a cell that fails the p% rule", func(f *enclave.Facts) { f.Unsafe.PPercent = 1 }},
		{"a value that everybody in a group shares", func(f *enclave.Facts) { f.Unsafe.Homogeneity = 1 }},
		{"a derivable cell", func(f *enclave.Facts) { f.Derivable = 1 }},
		{"a table that the history forbids", func(f *enclave.Facts) { f.History.Clean = false }},
		{"a table that no suppression mends", func(f *enclave.Facts) { f.History.Refused = true }},
		{"a guess that is too good", func(f *enclave.Facts) { f.History.Guess++ }},
		{"a value that all releases together tell somebody to have", func(f *enclave.Facts) { f.History.Alike = 1 }},
		{"an amount that all sums together let somebody estimate", func(f *enclave.Facts) { f.History.Estimable = 1 }},
		{"one sum beyond the budget", func(f *enclave.Facts) { f.History.Rank++ }},
		{"counts without rounding", func(f *enclave.Facts) { f.RoundCount = 0 }},
		{"sums without rounding", func(f *enclave.Facts) { f.RoundSum = 0 }},
	}
}

// programCanaries are outputs of programs: no bundle releases one, and none holds one that gives rows away.
func programCanaries(profile enclave.Profile) []canary {
	out := func(name string, denied bool, profile enclave.Profile, spoil func(*enclave.Facts)) canary {
		facts := enclave.Facts{
			Version: 1, Form: enclave.Program, Operator: "canary", Scenario: "canary", Dataset: "canary", Grade: 1,
			SubjectKind: enclave.Person, Crafted: true, Bytes: 1000,
			Leak: enclave.LeakFacts{
				Rows: 10, Values: 30, Verbatim: profile.VerbatimPercent, Subjects: 100_000,
				Bits: 1000 * profile.BitsPercent, Parameters: 1000 * profile.ParameterPercent,
			},
		}
		spoil(&facts)
		try := func(ctx context.Context, e *Engine) (enclave.Judgement, error) {
			return e.decideRelease(ctx, facts, profile)
		}
		return canary{name: "release of a program's " + name + " (" + profile.Name + ")", try: try, denied: denied}
	}
	elsewhere := profile
	elsewhere.Forms = []enclave.Form{enclave.Aggregate}
	canaries := []canary{
		out("honest output", false, profile, func(*enclave.Facts) {}),
		out("honest output where programs are not allowed", true, elsewhere, func(*enclave.Facts) {}),
		out("facts of an unknown version", true, profile, func(f *enclave.Facts) { f.Version = 2 }),
	}
	for _, f := range leakFaults() {
		canaries = append(canaries, out(f.name, true, profile, func(facts *enclave.Facts) { f.spoil(&facts.Leak) }))
	}
	return canaries
}

// leakFault is one thing that is wrong with a program's output.
type leakFault struct {
	name  string
	spoil func(*enclave.LeakFacts)
}

func leakFaults() []leakFault {
	return []leakFault{
		{"output without facts", func(f *enclave.LeakFacts) { *f = enclave.LeakFacts{} }},
		{"output without rows", func(f *enclave.LeakFacts) { f.Rows = 0 }},
		{"raw dump", func(f *enclave.LeakFacts) {
			f.Rows, f.Values, f.Records, f.Injective, f.Verbatim, f.Bits = 100_000, 500_000, 100_000, 5, 100, 10_000_000
		}},
		{"repeated record", func(f *enclave.LeakFacts) { f.Records = 1 }},
		{"identifier", func(f *enclave.LeakFacts) { f.Identifiers = 1 }},
		{"packed row", func(f *enclave.LeakFacts) { f.Packed = 1 }},
		{"encoded column", func(f *enclave.LeakFacts) { f.Injective = 1 }},
		{"one percent of verbatim values beyond the limit", func(f *enclave.LeakFacts) { f.Verbatim++ }},
		{"one bit beyond the limit", func(f *enclave.LeakFacts) { f.Bits++ }},
		{"one parameter beyond the limit", func(f *enclave.LeakFacts) { f.Parameters++ }},
		{"output of nobody", func(f *enclave.LeakFacts) { f.Subjects = 0 }},
	}
}

// admissionCanaries are modules that differ from an honest one in one thing.
func admissionCanaries(profile enclave.Profile) []canary {
	under := func(profile enclave.Profile, name string, spoil func(*enclave.AdmissionFacts)) canary {
		facts := enclave.AdmissionFacts{
			Version: 1, Form: enclave.Aggregate, Operator: "canary", Scenario: "canary", Dataset: "canary", Grade: 1,
			SubjectKind: enclave.Person, Sharing: enclave.Conditional, Cells: 1, Subjects: 1_000_000,
			Columns: []enclave.UseFacts{{Column: "district", Class: enclave.Quasi, Shown: true}},
		}
		spoil(&facts)
		return canary{name: "admission of " + name + " (" + profile.Name + ")", try: func(ctx context.Context, e *Engine) (enclave.Judgement, error) {
			return e.decideAdmission(ctx, facts, profile)
		}}
	}
	ask := func(name string, spoil func(*enclave.AdmissionFacts)) canary { return under(profile, name, spoil) }
	reviewing := profile // whatever this profile asks for, another may ask for more
	reviewing.ModuleReview = 2
	hiding := profile
	hiding.Shown = 1
	use := func(u enclave.UseFacts) func(*enclave.AdmissionFacts) {
		return func(f *enclave.AdmissionFacts) { f.Columns = append(f.Columns, u) }
	}
	honest := ask("an honest module", func(*enclave.AdmissionFacts) {})
	honest.honest = true
	return []canary{
		honest,
		ask("facts of an unknown version", func(f *enclave.AdmissionFacts) { f.Version = 2 }),
		ask("too many cells", func(f *enclave.AdmissionFacts) { f.Cells, f.Subjects = profile.MaxCells+1, math.MaxInt64 }),
		ask("an empty input", func(f *enclave.AdmissionFacts) { *f = enclave.AdmissionFacts{} }),
		ask("an unknown form", func(f *enclave.AdmissionFacts) { f.Form, f.Approved = "anything", true }),
		ask("barred data", func(f *enclave.AdmissionFacts) { f.Sharing = enclave.Barred }),
		ask("a key by identity", use(enclave.UseFacts{Column: "id", Class: enclave.Identifier, Key: true})),
		ask("an identifier that is shown", func(f *enclave.AdmissionFacts) {
			f.Approved, f.Columns = true, append(f.Columns, enclave.UseFacts{Column: "id", Class: enclave.Identifier, Shown: true})
		}),
		ask("an identifier as input", use(enclave.UseFacts{Column: "id", Class: enclave.Identifier})),
		ask("a module larger than the limit", func(f *enclave.AdmissionFacts) { f.Module.Bytes = profile.MaxModuleBytes + 1 }),
		ask("smuggled data", func(f *enclave.AdmissionFacts) { f.Module.DataBytes = profile.MaxDataBytes + 1 }),
		ask("a cell for each subject", func(f *enclave.AdmissionFacts) { f.Cells, f.Subjects = 1000, 1000 }),
		ask("a program that nobody approved", func(f *enclave.AdmissionFacts) { f.Form = enclave.Program }),
		ask("a guest that sees costs and that nobody approved", func(f *enclave.AdmissionFacts) {
			f.HasCode, f.Columns = true, append(f.Columns, enclave.UseFacts{Column: "cost", Class: enclave.Measure, Shown: true})
		}),
		under(hiding, "a guest that sees more than it may", func(f *enclave.AdmissionFacts) {
			f.Approved, f.Columns = true, append(f.Columns, enclave.UseFacts{Column: "illness", Class: enclave.Sensitive, Shown: true})
		}),
		under(reviewing, "code that nobody approved", func(f *enclave.AdmissionFacts) { f.HasCode = true }),
	}
}

// grantCanaries are applications that differ from an honest one in one thing.
func grantCanaries() []canary {
	apply := func(name string, spoil func(*GrantFacts)) canary {
		facts := GrantFacts{
			Version: 1, Operator: "canary", Scenario: "canary", Forms: []enclave.Form{enclave.Aggregate}, TermDays: 1,
			Scopes: []ScopeFacts{{
				Dataset: "canary", Grade: 1, SubjectKind: enclave.Person, Sharing: enclave.Conditional,
				Columns: []ColumnFacts{{"district", enclave.Quasi}},
			}},
		}
		spoil(&facts)
		return canary{name: "grant of " + name, try: func(ctx context.Context, e *Engine) (enclave.Judgement, error) {
			return e.decideGrant(ctx, facts)
		}}
	}
	honest := apply("an honest application", func(*GrantFacts) {})
	honest.honest = true
	return []canary{
		honest,
		apply("facts of an unknown version", func(f *GrantFacts) { f.Version = 2 }),
		apply("an empty input", func(f *GrantFacts) { *f = GrantFacts{} }),
		apply("no scenario", func(f *GrantFacts) { f.Scenario = "" }),
		apply("no dataset", func(f *GrantFacts) { f.Scopes = nil }),
		apply("no column", func(f *GrantFacts) { f.Scopes[0].Columns = nil }),
		apply("barred data", func(f *GrantFacts) { f.Scopes[0].Sharing = enclave.Barred }),
		apply("an identifier", func(f *GrantFacts) { f.Scopes[0].Columns[0].Class = enclave.Identifier }),
		apply("a term without end", func(f *GrantFacts) { f.TermDays = maxTermDays + 1 }),
		apply("an unknown form", func(f *GrantFacts) { f.Forms[0] = "anything" }),
	}
}

// accessCanaries are calls of nobody, calls of nothing, and calls for what is another's (A31).
func accessCanaries() []canary {
	call := func(name string, in AccessInput) canary {
		return canary{name: "access: " + name, try: func(ctx context.Context, e *Engine) (enclave.Judgement, error) {
			return e.decideAccess(ctx, in)
		}}
	}
	stranger := enclave.Caller{Role: enclave.Operator, Org: "stranger", Name: "canary"}
	canaries := []canary{
		call("nobody calls nothing", AccessInput{}),
		call("an unknown role reads", AccessInput{
			Caller: enclave.Caller{Role: "anyone", Org: "canary", Name: "canary"}, Method: "/darkroom.v1.RunService/GetRun", Owner: "canary",
		}),
	}
	for _, role := range enclave.Roles() {
		caller := enclave.Caller{Role: role, Org: "canary", Name: "canary"}
		canaries = append(canaries,
			call(string(role)+" calls nothing", AccessInput{Caller: caller}),
			call(string(role)+" calls an unknown method", AccessInput{Caller: caller, Method: "/darkroom.v1.RunService/Anything"}))
	}
	for _, method := range []string{
		"DatasetService/LoadSnapshot", "GrantService/AssessGrant", "GrantService/ConfirmGrant", "GrantService/GetGrant",
		"IdentityService/IssueIdentity", "LedgerService/GetEntry", "ModuleService/GetModule", "RunService/SubmitRun",
		"ReviewService/GetReview", "ReviewService/GetCase", "ReviewService/CastVote", "ReviewService/AnswerQuestion",
		"ApprovalService/GetProposal", "ApprovalService/FetchProposal", "ApprovalService/VoteProposal", "ApprovalService/WithdrawApproval",
		"RunService/GetRun", "RunService/WatchRun", "RunService/CancelRun", "RunService/FetchResult", "RunService/GetReceipt",
	} {
		in := AccessInput{Method: "/darkroom.v1." + method, Owner: "canary"}
		canaries = append(canaries, call("nobody calls "+method, in))
		in.Caller = stranger
		canaries = append(canaries, call("an operator calls "+method+" on what is another's", in))
	}
	for _, role := range enclave.Roles() {
		caller := enclave.Caller{Role: role, Org: "canary", Name: "canary"}
		for _, vote := range []string{"ReviewService/CastVote", "ApprovalService/VoteProposal"} {
			canaries = append(canaries, call(string(role)+" calls "+vote+" on what their own organisation asked for",
				AccessInput{Caller: caller, Method: "/darkroom.v1." + vote, Owner: "canary", Parties: []string{"canary"}}))
		}
	}
	for _, method := range []string{"ProposePolicy", "DecidePolicyChange", "DryRunPolicy"} {
		for _, role := range enclave.Roles() {
			c := call(string(role)+" calls PolicyService/"+method, AccessInput{
				Caller: enclave.Caller{Role: role, Org: "canary", Name: "canary"}, Method: "/darkroom.v1.PolicyService/" + method,
			})
			c.allowed = role == enclave.Authority
			canaries = append(canaries, c)
		}
	}
	return canaries
}
