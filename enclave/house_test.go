package enclave_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// house is every room of the enclave as a small fake: it does nothing but remember, and fails where it is told to.
type house struct {
	order *enclave.Order

	admission, release enclave.Judgement
	facts              enclave.Facts // of the output
	crafted            bool
	profile            enclave.Profile
	account            enclave.HistoryFacts // of all releases with this one
	table              *enclave.Table       // that modules make; nil is one of three cells
	unsafe             []int32              // cells that the history forbids, told one at a time
	beside             map[int32]int32      // of these: only while another one is published
	together           bool                 // all are told at once
	moves              int                  // how many times another release comes first
	fail               map[string]error     // by call
	onStage            func(enclave.Stage)
	beforeRecord       func()
	onAudit            func()
	beforeRelease      func()
	turns, processor   *enclave.Turns

	stages                            []enclave.Stage
	planned, opened, closed, executed int
	history                           int64
	judged                            []enclave.Facts
	output                            *enclave.Treated
	verdict                           *enclave.Verdict
	decided                           []enclave.Decided
	released                          []string
	footprints                        []*enclave.Footprint
}

func newHouse(t *testing.T) *house {
	t.Helper()
	dataset := &enclave.Dataset{Name: "visits", Owner: "health", Grade: 3, Subject: enclave.Subject{Column: "citizen", Kind: enclave.Person}}
	description, err := dataset.Digest()
	if err != nil {
		t.Fatal(err)
	}
	wasm, snapshot := []byte("module"), enclave.DigestOf([]byte("snapshot"))
	return &house{
		order: &enclave.Order{
			Run:      enclave.Run{ID: "run1", Grant: "g1", Module: enclave.DigestOf(wasm), Dataset: "visits", Snapshot: snapshot, Policy: revision},
			Grant:    enclave.Grant{ID: "g1", Operator: "insurer", Scenario: "pricing"},
			Module:   &enclave.Module{Digest: enclave.DigestOf(wasm), Bytes: wasm, Manifest: &enclave.Manifest{Form: enclave.Aggregate}},
			Dataset:  dataset,
			Snapshot: enclave.Snapshot{Dataset: "visits", Digest: snapshot, Description: description},
		},
		admission: enclave.Judgement{Decision: enclave.Release, Revision: revision},
		release:   enclave.Judgement{Decision: enclave.Release, Revision: revision},
		facts:     enclave.Facts{Version: 1, Cells: enclave.CellCounts{Published: 2}, MinSubjects: 12},
		profile:   enclave.Profile{Name: "strict", Threshold: 10},
		account:   enclave.HistoryFacts{Clean: true},
		history:   7,
		turns:     enclave.NewTurns(1, time.Minute),
		processor: enclave.NewTurns(1, time.Second),
	}
}

var revision = enclave.DigestOf([]byte("policy"))

func (h *house) rooms() *enclave.Enclave {
	return &enclave.Enclave{Planner: planner{h}, Loader: loader{h}, Executor: executor{h}, Performer: performer{h}, Inspector: inspector{h}, Measurer: measurer{h}, Treater: treater{h}, Historian: historian{h}, Recorder: recorder{h}, Processor: h.processor}
}

// held is an output of the house that waits for people, and two people's votes for it.
func (h *house) held() (*enclave.HeldOutput, []enclave.Vote) {
	h.order.Run.Submitter, h.order.Run.Outcome = enclave.Caller{Role: enclave.Operator, Org: "insurer", Name: "li"}, enclave.Held
	h.release = enclave.Judgement{Decision: enclave.Hold, Reasons: []enclave.Reason{{Code: "A"}}, Revision: revision}
	held := &enclave.HeldOutput{
		Run: h.order.Run, Dataset: h.order.Dataset, Facts: enclave.Facts{Form: enclave.Aggregate}, Profile: h.profile, Bytes: []byte("held"),
		Footprint: &enclave.Footprint{}, Rules: policy{h},
	}
	var votes []enclave.Vote
	for _, voter := range []enclave.Caller{{Role: enclave.Reviewer, Org: "data-authority", Name: "chen"}, {Role: enclave.SourceOrg, Org: "health", Name: "wang"}} {
		votes = append(votes, enclave.Vote{Voter: voter, Choice: enclave.ChooseRelease, Output: enclave.DigestOf(held.Bytes), History: h.history})
	}
	return held, votes
}

func (h *house) run(ctx context.Context) error {
	h.order.Policy = policy{h}
	return h.rooms().Run(ctx, h.order, func(s enclave.Stage) {
		h.stages = append(h.stages, s)
		if h.onStage != nil {
			h.onStage(s)
		}
	})
}

type policy struct{ *house }

func (policy) Revision() enclave.Digest { return revision }

func (p policy) Profile(*enclave.Dataset, string) (enclave.Profile, error) {
	return p.profile, p.fail["profile"]
}

func (p policy) Admission(context.Context, enclave.AdmissionFacts, enclave.Profile) (enclave.Judgement, error) {
	return p.admission, p.fail["admission"]
}

func (p policy) Release(_ context.Context, facts enclave.Facts, _ enclave.Profile) (enclave.Judgement, error) {
	p.judged = append(p.judged, facts)
	return p.release, p.fail["judge"]
}

type planner struct{ *house }

func (p planner) Facts(*enclave.Order) (enclave.AdmissionFacts, error) {
	p.planned++
	return enclave.AdmissionFacts{}, p.fail["facts"]
}

func (p planner) Plan(*enclave.Order) (*enclave.Plan, error) {
	return &enclave.Plan{Crafted: p.crafted}, p.fail["plan"]
}

type loader struct{ *house }

func (l loader) Open(context.Context, *enclave.Dataset, enclave.Digest) (enclave.Rows, error) {
	if err := l.fail["open"]; err != nil {
		return nil, err
	}
	l.opened++
	return rows{house: l.house}, nil
}

// rows has only what the path itself calls; a call of anything else is a nil pointer.
type rows struct {
	enclave.Rows
	*house
}

func (r rows) Close() error {
	r.closed++
	return r.fail["close"]
}

type executor struct{ *house }

func (e executor) Execute(context.Context, enclave.Rows, *enclave.Module, *enclave.Plan) (*enclave.Table, error) {
	e.executed++
	if e.table != nil {
		return e.table, e.fail["execute"]
	}
	return &enclave.Table{
		Plan: &enclave.Plan{Sets: []enclave.Set{{0}}}, Cells: []enclave.Cell{{Codes: []int32{0}}, {Codes: []int32{1}}, {Codes: []int32{2}}},
	}, e.fail["execute"]
}

type performer struct{ *house }

func (p performer) Perform(context.Context, enclave.Rows, *enclave.Module, *enclave.Plan) (*enclave.Product, error) {
	p.executed++
	return &enclave.Product{Rows: 3}, p.fail["perform"]
}

type inspector struct{ *house }

func (i inspector) Inspect(_ context.Context, opened enclave.Rows, product *enclave.Product, _ enclave.Profile) (*enclave.Inspected, error) {
	if i.closed > 0 || opened == nil {
		return nil, errors.New("the rows are closed")
	}
	return &enclave.Inspected{
		Product: product, Facts: enclave.LeakFacts{Rows: int64(product.Rows)}, Places: []enclave.Place{{Fact: "records", Row: 1, Column: -1}},
	}, i.fail["inspect"]
}

type measurer struct{ *house }

func (measurer) Measure(table *enclave.Table, _ enclave.Profile) *enclave.Measured {
	return &enclave.Measured{Table: table, Risks: make([]enclave.Risk, len(table.Cells))}
}

func (m measurer) Facts(context.Context, *enclave.Treated, enclave.Profile) (enclave.Facts, error) {
	return m.facts, m.fail["measure"]
}

type treater struct{ *house }

func (t treater) Treat(_ context.Context, measured *enclave.Measured, _ enclave.Profile) (*enclave.Treated, error) {
	t.output = &enclave.Treated{Table: measured.Table, Bytes: []byte("table"), Format: enclave.MediaArrow}
	for _, risk := range measured.Risks {
		fate := enclave.Published
		if risk != 0 {
			fate = enclave.Primary
		}
		t.output.Fates = append(t.output.Fates, fate)
	}
	return t.output, t.fail["treat"]
}

func (t treater) Present(*enclave.Product) (*enclave.Treated, error) {
	t.output = &enclave.Treated{Bytes: []byte("product"), Format: enclave.MediaArrow}
	return t.output, t.fail["present"]
}

type historian struct{ *house }

func (h historian) Turns(string) *enclave.Turns { return h.turns }

func (h historian) Audit(_ context.Context, _ *enclave.Dataset, version int64, _ enclave.Profile, f *enclave.Footprint) (enclave.Audited, error) {
	h.footprints = append(h.footprints, f)
	if h.onAudit != nil {
		h.onAudit()
	}
	if version != h.history {
		return enclave.Audited{}, enclave.Fail(enclave.State, "HISTORY_MOVED")
	}
	var named []int32
	for _, cell := range h.unsafe {
		other, some := h.beside[cell]
		if slices.Contains(f.Over[cell], cell) && (!some || slices.Contains(f.Over[other], other)) {
			if named = append(named, cell); !h.together {
				break
			}
		}
	}
	if len(named) > 0 {
		return enclave.Audited{Suppress: named}, h.fail["audit"]
	}
	return enclave.Audited{Facts: h.account}, h.fail["audit"]
}

type recorder struct{ *house }

func (r recorder) History(context.Context, string) (int64, error) {
	return r.history, r.fail["history"]
}

func (r recorder) Record(_ context.Context, verdict *enclave.Verdict) error {
	if r.beforeRecord != nil {
		r.beforeRecord()
	}
	if r.moves > 0 {
		r.moves--
		r.history++
		return enclave.Fail(enclave.State, "HISTORY_MOVED")
	}
	if err := r.fail["record"]; err != nil {
		return err
	}
	d, err := verdict.Redeem()
	if err != nil {
		return err
	}
	r.verdict, r.decided = verdict, append(r.decided, d)
	return nil
}

func (r recorder) Release(_ context.Context, run string) error {
	if r.beforeRelease != nil {
		r.beforeRelease()
	}
	if err := r.fail["release"]; err != nil {
		return err
	}
	r.released = append(r.released, run)
	return nil
}
