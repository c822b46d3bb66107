package rehearse

import (
	"context"
	"slices"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Limits of a report.
const (
	maxSuppressed = 1000
	maxResult     = 256 << 10 // bytes
)

// diary notes what happens in a rehearsal. It is the path's recorder too: a release is written down here and nowhere else. The path calls it
// from one goroutine.
type diary struct {
	now      func() time.Time
	progress func(enclave.Stage)

	stages  []enclave.Stage
	began   []time.Time // of each stage
	risks   []enclave.Risk
	treated *enclave.Treated // nil of a program, or if it did not come that far
	profile *enclave.Profile // that it was treated with
	decided *enclave.Decided
}

var _ enclave.Recorder = (*diary)(nil)

func (d *diary) enter(stage enclave.Stage) {
	d.stages, d.began = append(d.stages, stage), append(d.began, d.now())
	d.progress(stage)
}

// came reports whether the run came as far as a stage.
func (d *diary) came(stage enclave.Stage) bool { return slices.Contains(d.stages, stage) }

// History is that of a dataset of which nothing was released.
func (d *diary) History(context.Context, string) (int64, error) { return 0, nil }

// Record keeps what was decided.
func (d *diary) Record(_ context.Context, verdict *enclave.Verdict) error {
	decided, err := verdict.Redeem()
	if err == nil {
		d.decided = &decided
	}
	return err
}

// Release makes nothing fetchable.
func (d *diary) Release(context.Context, string) error { return nil }

// report is what the diary says at the end of the rehearsal.
func (d *diary) report(sample enclave.Sample) *enclave.Report {
	r := &enclave.Rehearsal{Sample: sample, Times: []enclave.StageTime{}}
	report := &enclave.Report{Rehearsal: r}
	ends := append(slices.Clone(d.began), d.now())
	for i, stage := range d.stages {
		r.Times = append(r.Times, enclave.StageTime{Stage: stage, Took: ends[i+1].Sub(d.began[i])})
	}
	if d.treated != nil {
		d.cells(r)
	}
	if decided := d.decided; decided != nil {
		report.Reasons, report.Facts, report.Places, report.Profile = decided.Reasons, &decided.Facts, decided.Places, &decided.Profile
		r.Decision, r.Format = decided.Decision, decided.Format
		if len(decided.Bytes) <= maxResult {
			r.Result = decided.Bytes
		}
	}
	return report
}

// cells says what became of the table's cells.
func (d *diary) cells(r *enclave.Rehearsal) {
	table := d.treated.Table
	r.Rules = map[string]int64{}
	for i, fate := range d.treated.Fates {
		var rules []string
		switch fate {
		case enclave.Published:
			r.Cells.Published++
			continue
		case enclave.Primary:
			r.Cells.Primary++
			rules = rulesOf(d.risks[i])
		case enclave.Complement:
			r.Cells.Complement++
			rules = []string{"complement"}
		case enclave.Forbidden:
			r.Cells.History++
			rules = rulesOf(d.risks[i])
		}
		for _, rule := range rules {
			r.Rules[rule]++
		}
		if len(r.Suppressed) < maxSuppressed {
			cell := &table.Cells[i]
			r.Suppressed = append(r.Suppressed, enclave.SuppressedCell{
				Labels: labels(table.Plan, cell), Rows: cell.Rows, Subjects: cell.Subjects, Rules: rules,
			})
		}
	}
}

func rulesOf(risk enclave.Risk) []string {
	var rules []string
	for _, r := range []struct {
		risk enclave.Risk
		name string
	}{
		{enclave.RiskThreshold, "threshold"},
		{enclave.RiskDominance, "dominance"},
		{enclave.RiskPPercent, "p_percent"},
		{enclave.RiskHomogeneity, "homogeneity"},
		{enclave.RiskHistory, "history"},
	} {
		if risk&r.risk != 0 {
			rules = append(rules, r.name)
		}
	}
	return rules
}

func labels(plan *enclave.Plan, cell *enclave.Cell) []string {
	names := make([]string, len(cell.Codes))
	for k, code := range cell.Codes {
		if names[k] = enclave.LabelTotal; code != enclave.Total {
			names[k] = plan.Keys[k].Labels[code]
		}
	}
	return names
}
