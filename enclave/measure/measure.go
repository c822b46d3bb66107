// Package measure computes disclosure facts: the primary risks of each cell of a table, and afresh what a treated output still
// gives away.
//
// It shares no code with treatment beyond the rules themselves, so a slip in treatment's code does not hide itself: equations are over
// all cells instead of atoms, and eliminated otherwise. It does share treatment's model of the attacker, who solves linear equations
// of one table's exact cells. What that model does not see (see the README of treat), neither room sees: who is in which cells, above all,
// which is for the audit of releases.
package measure

import (
	"context"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Measurer implements [enclave.Measurer]. The zero value is ready; it is safe for concurrent use.
type Measurer struct{}

var _ enclave.Measurer = Measurer{}

// factsVersion is the version of [enclave.Facts] that this room fills in.
const factsVersion = 1

// Measure flags the primary risks of each cell by [enclave.Profile.RisksOf], over the sums that a measure uses. A margin is judged
// like any other cell.
func (Measurer) Measure(table *enclave.Table, profile enclave.Profile) *enclave.Measured {
	measured := &enclave.Measured{Table: table, Risks: make([]enclave.Risk, len(table.Cells))}
	used := sumsUsed(table.Plan)
	for i := range table.Cells {
		measured.Risks[i] = risksOf(&profile, &table.Cells[i], used)
	}
	return measured
}

// Facts measures a treated output. A cell without a known fate counts as published, so that a fault shows. Derivable is the number of
// suppressed cells whose value follows exactly from published ones, plus the number of groups of suppressed cells whose sum follows
// and that break a rule together, as far as cells tell, the number of groups of whom it follows that they share a protected value, and that
// of cells below the threshold whose counts may have close bounds; see [derivable], [alike] and [bounded]. Errors: TABLE_TOO_INTRICATE, and
// the context's own.
func (Measurer) Facts(ctx context.Context, treated *enclave.Treated, profile enclave.Profile) (enclave.Facts, error) {
	facts := enclave.Facts{
		Version: factsVersion, RoundCount: profile.RoundCount, RoundSum: profile.RoundSum, Bytes: int64(len(treated.Bytes)),
	}
	table := treated.Table
	if table == nil {
		return facts, nil
	}
	used := sumsUsed(table.Plan)
	published := make([]bool, len(table.Cells))
	for i := range table.Cells {
		switch fateOf(treated, i) {
		case enclave.Primary:
			facts.Cells.Primary++
		case enclave.Complement:
			facts.Cells.Complement++
		case enclave.Forbidden:
			facts.Cells.History++
		case enclave.Published:
			published[i] = true
			facts.Cells.Published++
			if subjects := table.Cells[i].Subjects; facts.Cells.Published == 1 || subjects < facts.MinSubjects {
				facts.MinSubjects = subjects
			}
			countRisks(&facts.Unsafe, risksOf(&profile, &table.Cells[i], used))
		}
	}
	follows, err := derivable(ctx, table, published, &profile)
	if err != nil {
		return facts, err
	}
	shared, err := alike(ctx, table, published, &profile)
	facts.Derivable = follows + shared + bounded(treated, published, &profile)
	return facts, err
}

func fateOf(treated *enclave.Treated, cell int) enclave.Fate {
	if cell >= len(treated.Fates) || treated.Fates[cell] > enclave.Forbidden {
		return enclave.Published
	}
	return treated.Fates[cell]
}

// sumsUsed are the positions in Plan.Summed that some measure publishes.
func sumsUsed(plan *enclave.Plan) []int {
	var used []int
	if plan == nil {
		return nil
	}
	for _, m := range plan.Measures {
		if m.Sum >= 0 && !slices.Contains(used, m.Sum) {
			used = append(used, m.Sum)
		}
	}
	return used
}

// risksOf judges a cell. A sum that should be there and is not breaks every rule of sums.
func risksOf(profile *enclave.Profile, cell *enclave.Cell, used []int) enclave.Risk {
	risks := profile.Telling(cell)
	sums := make([]enclave.SumFacts, 0, len(used))
	for _, j := range used {
		if j >= len(cell.Sums) {
			risks |= enclave.RiskDominance | enclave.RiskPPercent | enclave.RiskHomogeneity
			continue
		}
		sums = append(sums, cell.Sums[j])
	}
	return risks | profile.RisksOf(cell.Subjects, sums)
}

func countRisks(counts *enclave.RiskCounts, risks enclave.Risk) {
	if risks&enclave.RiskThreshold != 0 {
		counts.Threshold++
	}
	if risks&enclave.RiskDominance != 0 {
		counts.Dominance++
	}
	if risks&enclave.RiskPPercent != 0 {
		counts.PPercent++
	}
	if risks&enclave.RiskHomogeneity != 0 {
		counts.Homogeneity++
	}
}
