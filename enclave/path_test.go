package enclave_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

func TestRunGoesThroughEveryStage(t *testing.T) {
	h := newHouse(t)
	if err := h.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(h.stages, enclave.Stages()) {
		t.Errorf("stages %v", h.stages)
	}
	if len(h.decided) != 1 || !slices.Equal(h.released, []string{"run1"}) || h.closed != 1 {
		t.Fatalf("decided %d times, released %v, rows closed %d times", len(h.decided), h.released, h.closed)
	}
	d := h.decided[0]
	if d.Decision != enclave.Release || string(d.Bytes) != "table" || d.Digest != enclave.DigestOf([]byte("table")) || d.History != h.history {
		t.Errorf("decided %+v", d)
	}
	want := h.facts
	want.Form, want.Operator, want.Scenario = enclave.Aggregate, "insurer", "pricing"
	want.Dataset, want.Grade, want.SubjectKind, want.History = "visits", 3, enclave.Person, h.account
	if !reflect.DeepEqual(h.judged, []enclave.Facts{want}) || !reflect.DeepEqual(d.Facts, want) {
		t.Errorf("policy judged %+v, recorded %+v", h.judged, d.Facts)
	}
}

func TestAdmissionRefusalStopsTheRun(t *testing.T) {
	for name, c := range map[string]struct {
		judgement enclave.Judgement
		first     string
		reasons   int
	}{
		"denied with reasons": {enclave.Judgement{Decision: enclave.Deny, Reasons: []enclave.Reason{{Code: "A"}, {Code: "B"}}}, "A", 2},
		"held":                {enclave.Judgement{Decision: enclave.Hold, Reasons: []enclave.Reason{{Code: "A"}}}, "A", 1},
		"nothing said":        {enclave.Judgement{}, "POLICY_FAULT", 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.admission = c.judgement
			err := enclave.AsError(h.run(t.Context()))
			if err == nil || err.Kind != enclave.Refused || err.Reason != c.first || len(err.Reasons()) != c.reasons {
				t.Errorf("got %+v", err)
			}
			if !slices.Equal(h.stages, []enclave.Stage{enclave.StageAdmit}) || h.opened != 0 || len(h.decided) != 0 {
				t.Errorf("went on: %v", h.stages)
			}
		})
	}
}

// TestEveryRoomCanFail: an error of any room ends the run there, reaches the caller, and gives the rows back.
func TestEveryRoomCanFail(t *testing.T) {
	for call, stage := range map[string]enclave.Stage{
		"profile": enclave.StageAdmit, "facts": enclave.StageAdmit, "admission": enclave.StageAdmit, "plan": enclave.StageAdmit,
		"open": enclave.StageLoad, "execute": enclave.StageExecute, "close": enclave.StageRelease, "history": enclave.StageMeasure,
		"treat": enclave.StageTreat, "audit": enclave.StageTreat, "measure": enclave.StageJudge, "judge": enclave.StageJudge, "record": enclave.StageRecord, "release": enclave.StageRelease,
	} {
		t.Run(call, func(t *testing.T) {
			h := newHouse(t)
			fault := errors.New("fault")
			h.fail = map[string]error{call: fault}
			if err := h.run(t.Context()); !errors.Is(err, fault) {
				t.Errorf("got %v", err)
			}
			if last := h.stages[len(h.stages)-1]; last != stage {
				t.Errorf("ended in %s, want %s", last, stage)
			}
			if h.closed != h.opened {
				t.Errorf("rows opened %d times, closed %d times", h.opened, h.closed)
			}
			for _, shared := range []*enclave.Turns{h.turns, h.processor} { // if not, it waits until the test is too old
				if err := shared.For("another").Take(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestHistoryMovedIsMeasuredAgain(t *testing.T) {
	h := newHouse(t)
	h.moves = 2
	if err := h.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := enclave.Stages()[3:7] // measure to record
	want := slices.Concat(enclave.Stages()[:7], again, again, enclave.Stages()[7:])
	if !slices.Equal(h.stages, want) {
		t.Errorf("stages %v", h.stages)
	}
	if len(h.decided) != 1 || h.decided[0].History != h.history || len(h.judged) != 3 || h.executed != 1 {
		t.Errorf("decided %+v against version %d, judged %d times, executed %d times", h.decided, h.history, len(h.judged), h.executed)
	}
}

// From the version of the history that a run pins until it is recorded nobody else measures over the dataset, however often it is measured
// again; but what it waits for after that, others do not wait for.
func TestRunsOverOneDatasetMeasureInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.moves = 1
		ctx, cancel := context.WithCancel(t.Context())
		var others sync.WaitGroup
		var came atomic.Int64
		h.beforeRecord = func() {
			others.Go(func() {
				other := h.turns.For("another")
				if other.Take(ctx) == nil {
					came.Add(1)
					other.Give()
				}
			})
			synctest.Wait()
			if came.Load() > 0 {
				t.Error("another measures at the same time")
			}
		}
		h.beforeRelease = func() {
			synctest.Wait()
			if came.Load() != 2 {
				t.Error("another waits for the release of what is recorded")
			}
		}
		if err := h.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		cancel()
		others.Wait()
	})
}

// A table that takes too long to measure keeps its turn no longer.
func TestATableThatTakesLongIsOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.unsafe = []int32{2, 0}
		came, audits := make(chan error, 1), 0
		h.onAudit = func() {
			if audits++; audits == 1 {
				go func() { came <- h.turns.For("another").Take(t.Context()) }()
			}
			time.Sleep(20 * time.Second)
			synctest.Wait()
			if overtaken := len(came) == 1; overtaken != (audits >= 3) {
				t.Errorf("overtaken %v at audit %d", overtaken, audits)
			}
		}
		if err := h.run(t.Context()); err != nil || audits != 5 {
			t.Errorf("%d audits, %v", audits, err)
		}
	})
}

// TestHistoryForbidsCells: what the releases before forbid is suppressed, and the table is tried again without it until it is clean; then whether
// one of them can do without the other.
func TestHistoryForbidsCells(t *testing.T) {
	h := newHouse(t)
	h.unsafe = []int32{2, 0}
	if err := h.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	recorded := h.decided[0].Footprint
	if recorded.Snapshot != h.order.Snapshot.Digest || !reflect.DeepEqual(recorded.Over, [][]int32{nil, {1}, nil}) {
		t.Fatalf("recorded %+v", recorded)
	}
	if len(h.footprints) != 5 {
		t.Errorf("asked %d times", len(h.footprints))
	}
}

// TestHistoryRelents: a cell that was named first comes out after all if it was unsafe only beside one that was named later, and if the profile has
// nothing against what all releases tell then.
func TestHistoryRelents(t *testing.T) {
	alone, both := [][]int32{nil, {1}, nil}, [][]int32{nil, {1}, {2}}
	for name, c := range map[string]struct {
		later func(*enclave.HistoryFacts) // what is told once the cell is back
		want  [][]int32
	}{
		"nothing against it": {func(*enclave.HistoryFacts) {}, both},
		"rank at the limit":  {func(f *enclave.HistoryFacts) { f.Rank = 4 }, both},
		"rank":               {func(f *enclave.HistoryFacts) { f.Rank = 5 }, alone},
		"guess":              {func(f *enclave.HistoryFacts) { f.Guess = 91 }, alone},
		"estimable":          {func(f *enclave.HistoryFacts) { f.Estimable = 1 }, alone},
		"alike":              {func(f *enclave.HistoryFacts) { f.Alike = 1 }, alone},
		"refused":            {func(f *enclave.HistoryFacts) { f.Refused = true }, alone},
		"not clean":          {func(f *enclave.HistoryFacts) { f.Clean = false }, alone},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.unsafe, h.beside = []int32{2, 0}, map[int32]int32{2: 0}
			h.profile.GuessPercent, h.profile.RankPercent = 90, 4
			h.account = enclave.HistoryFacts{Clean: true, Guess: 90, Rank: 3, Subjects: 100}
			tries := 0
			h.onAudit = func() {
				if tries++; tries == 4 { // 2 is named, then 0, then nothing; 0 is tried again, which is named as before, and then 2
					c.later(&h.account)
				}
			}
			before := h.account
			err := h.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := h.decided[0].Footprint.Over; !reflect.DeepEqual(got, c.want) {
				t.Errorf("recorded %v", got)
			}
			if facts := h.decided[0].Facts.History; reflect.DeepEqual(c.want, alone) && facts != before {
				t.Errorf("judged %+v", facts)
			}
		})
	}
}

// TestRelentingEnds: no more cells are tried again than twice as many as there were audits before.
func TestRelentingEnds(t *testing.T) {
	for _, c := range []struct{ cells, tries int }{{1, 1}, {3, 3}, {4, 4}, {5, 4}} { // all are named, then nothing
		h := newHouse(t)
		h.table, h.together = &enclave.Table{Plan: &enclave.Plan{Sets: []enclave.Set{{0}}}}, true
		for cell := range int32(c.cells + 1) { //nolint:gosec // a few
			h.table.Cells = append(h.table.Cells, enclave.Cell{Codes: []int32{cell}})
		}
		for cell := range int32(c.cells) { //nolint:gosec // a few
			h.unsafe = append(h.unsafe, cell)
		}
		if err := h.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if tries := len(h.footprints) - 2; tries != c.tries {
			t.Errorf("%d of %d cells were tried again", tries, c.cells)
		}
	}
}

// TestHistoryDoesNotRelentAboutProtectedValues: that one illness of a district may be published must not hang on what became of another.
func TestHistoryDoesNotRelentAboutProtectedValues(t *testing.T) {
	unprotected := func(p *enclave.Plan) { p.Dataset.Columns[1].Class = enclave.Quasi }
	for name, c := range map[string]struct {
		change  func(*enclave.Plan)
		relents bool
	}{
		"people by illness":        {func(*enclave.Plan) {}, false},
		"people by what is public": {unprotected, true},
		"how many are ill": {func(p *enclave.Plan) {
			unprotected(p)
			p.Dataset.Columns = append(p.Dataset.Columns, enclave.Column{Name: "ill", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "1"})
			p.Summed = []int{2}
		}, false},
	} {
		h := newHouse(t)
		h.table, h.unsafe, h.beside = diagnoses(), []int32{2, 0}, map[int32]int32{2: 0}
		c.change(h.table.Plan)
		if err := h.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		fates := h.output.Fates
		if fates[0] == enclave.Published || (fates[2] == enclave.Published) != c.relents || (len(h.footprints) > 3) != c.relents {
			t.Errorf("%s: asked %d times, fates %v", name, len(h.footprints), fates)
		}
	}
}

func TestHistoryThatKeepsMoving(t *testing.T) {
	h := newHouse(t)
	h.moves = 1 << 30
	if err := h.run(t.Context()); enclave.KindOf(err) != enclave.Unavailable || len(h.decided) != 0 || len(h.released) != 0 {
		t.Errorf("got %v", err)
	}
}

// TestFloor: what policy says does not lift the enclave's own checks.
func TestFloor(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*house)
		want     enclave.Decision
		reason   string
		withData bool
	}{
		"clean":             {func(*house) {}, enclave.Release, "", true},
		"crafted":           {func(h *house) { h.crafted = true }, enclave.Deny, "GATE_FLOOR", false},
		"below threshold":   {func(h *house) { h.facts.Unsafe.Threshold = 1 }, enclave.Deny, "GATE_FLOOR", false},
		"dominated":         {func(h *house) { h.facts.Unsafe.Dominance = 1 }, enclave.Deny, "GATE_FLOOR", false},
		"p percent":         {func(h *house) { h.facts.Unsafe.PPercent = 1 }, enclave.Deny, "GATE_FLOOR", false},
		"homogeneous":       {func(h *house) { h.facts.Unsafe.Homogeneity = 1 }, enclave.Deny, "GATE_FLOOR", false},
		"derivable":         {func(h *house) { h.facts.Derivable = 1 }, enclave.Deny, "GATE_FLOOR", false},
		"history":           {func(h *house) { h.account.Clean = false }, enclave.Deny, "GATE_FLOOR", false},
		"nothing published": {func(h *house) { h.facts.Cells.Published = 0 }, enclave.Deny, "GATE_FLOOR", false},
		"other form":        {func(h *house) { h.order.Module.Manifest.Form = "program" }, enclave.Deny, "GATE_FLOOR", false},
		"crafted, held":     {func(h *house) { h.crafted, h.release.Decision = true, enclave.Hold }, enclave.Hold, "", true},
		"denied":            {func(h *house) { h.release.Decision = enclave.Deny }, enclave.Deny, "", false},
		"nothing said":      {func(h *house) { h.release = enclave.Judgement{} }, enclave.Deny, "", false},
		"an unknown word":   {func(h *house) { h.release.Decision = "Release" }, enclave.Deny, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			c.change(h)
			if err := h.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			d := h.decided[0]
			if d.Decision != c.want || (d.Bytes != nil) != c.withData {
				t.Errorf("decided %s with %d bytes", d.Decision, len(d.Bytes))
			}
			if c.reason != "" && (len(d.Reasons) != 1 || d.Reasons[0].Code != c.reason) {
				t.Errorf("reasons %v", d.Reasons)
			}
		})
	}
}

func TestVerdictRedeemsOnce(t *testing.T) {
	h := newHouse(t)
	if err := h.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d, err := h.verdict.Redeem(); enclave.KindOf(err) != enclave.Internal || err == nil || d.Bytes != nil {
		t.Errorf("redeemed twice: %+v, %v", d, err)
	}
}

func TestOutputChangedAfterJudgement(t *testing.T) {
	h := newHouse(t)
	h.beforeRecord = func() { h.output.Bytes[0] = 'T' }
	if err := h.run(t.Context()); err == nil || len(h.decided) != 0 || len(h.released) != 0 {
		t.Errorf("recorded %+v (%v)", h.decided, err)
	}
}

// TestCancellation ends the context as each stage begins: the next one does not begin, unless the outcome was recorded.
func TestCancellation(t *testing.T) {
	stages := enclave.Stages()
	for i, at := range stages {
		t.Run(string(at), func(t *testing.T) {
			h := newHouse(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			h.onStage = func(s enclave.Stage) {
				if s == at {
					cancel(errors.New("the operator said so"))
				}
			}
			err := h.run(ctx)
			if h.closed != h.opened {
				t.Errorf("rows opened %d times, closed %d times", h.opened, h.closed)
			}
			for _, shared := range []*enclave.Turns{h.turns, h.processor} { // if not, it waits until the test is too old
				if err := shared.For("another").Take(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if at == enclave.StageRecord || at == enclave.StageRelease {
				if err != nil || !slices.Equal(h.released, []string{"run1"}) {
					t.Errorf("a recorded outcome was not released: %v", err)
				}
				return
			}
			if enclave.KindOf(err) != enclave.Canceled || !slices.Equal(h.stages, stages[:i+1]) {
				t.Errorf("got %v after %v", err, h.stages)
			}
		})
	}
}

// TestCancellationInsideARoom: rooms may return the context's own error.
func TestCancellationInsideARoom(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.onStage = func(s enclave.Stage) {
		if s == enclave.StageExecute {
			cancel()
			h.fail = map[string]error{"execute": context.Canceled}
		}
	}
	if err := h.run(ctx); enclave.KindOf(err) != enclave.Canceled || h.closed != 1 {
		t.Errorf("got %v", err)
	}
}

// TestPinned: what an order holds must be what its run named at submission.
func TestPinned(t *testing.T) {
	other := enclave.DigestOf([]byte("other"))
	for name, c := range map[string]struct {
		change func(*enclave.Order)
		kind   enclave.Kind
	}{
		"module bytes":     {func(o *enclave.Order) { o.Module.Bytes = []byte("other") }, enclave.Internal},
		"module digest":    {func(o *enclave.Order) { o.Run.Module = other }, enclave.Internal},
		"module and bytes": {func(o *enclave.Order) { o.Module.Bytes, o.Module.Digest = []byte("other"), other }, enclave.Internal},
		"snapshot":         {func(o *enclave.Order) { o.Snapshot.Digest = other }, enclave.Internal},
		"snapshot's name":  {func(o *enclave.Order) { o.Snapshot.Dataset = "persons" }, enclave.Internal},
		"dataset":          {func(o *enclave.Order) { o.Dataset.Name = "persons" }, enclave.Internal},
		"description":      {func(o *enclave.Order) { o.Dataset.Grade = 1 }, enclave.State},
		"policy":           {func(o *enclave.Order) { o.Run.Policy = other }, enclave.Internal},
		"grant":            {func(o *enclave.Order) { o.Grant.ID = "g2" }, enclave.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			c.change(h.order)
			if err := h.run(t.Context()); err == nil || enclave.KindOf(err) != c.kind {
				t.Errorf("got %v", err)
			}
			if !slices.Equal(h.stages, []enclave.Stage{enclave.StageAdmit}) || h.planned != 0 {
				t.Errorf("went on: %v", h.stages)
			}
		})
	}
}
