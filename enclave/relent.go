package enclave

import (
	"cmp"
	"context"
	"slices"
)

// relent publishes cells again that were named on the way and that nothing speaks against any more, now that others are gone: those with most
// subjects first. Whatever it returns was audited as a whole, like any other table. It tries no more than twice as many as there were audits before, so that it
// takes no more than twice as long as these did, and the same table comes out on every machine. Where keys or sums tell protected values everything stays as it is: a block whose place
// depended on what another one lost would tell of what people in that one have.
func (e *Enclave) relent(ctx context.Context, found *treated, risks *Measured, audits int) (*treated, error) {
	if found.footprint.Blocks != nil || found.table.countsYes() || !found.audited.Facts.within(&found.profile) {
		return found, nil // the last is not released anyway
	}
	cells, left := named(risks), false // left by a treatment that does not stand
	for _, cell := range cells[:min(2*audits, len(cells))] {
		risks.Risks[cell] = 0
		more, err := e.more(ctx, found, risks)
		if err != nil {
			return nil, err
		}
		if left = more == nil; left {
			risks.Risks[cell] = RiskHistory
		} else {
			found = more
		}
	}
	if !left {
		return found, nil
	}
	// Who watches the path goes by the last treatment, so that is the one that stands.
	output, err := e.Treater.Treat(ctx, risks, found.profile)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(output.Fates, found.output.Fates) {
		return nil, Internalf("run %s: the same table was treated in two ways", found.Run.ID)
	}
	found.output = output
	return found, nil
}

// named are the cells that were suppressed since the audit asked for it, those with most subjects first.
func named(risks *Measured) (cells []int) {
	for i, risk := range risks.Risks {
		if risk == RiskHistory {
			cells = append(cells, i)
		}
	}
	of := risks.Table.Cells
	slices.SortStableFunc(cells, func(a, b int) int { return cmp.Compare(of[b].Subjects, of[a].Subjects) })
	return cells
}

// more treats and audits a table with these risks. It is nil unless more cells than before come out and nothing speaks against them.
func (e *Enclave) more(ctx context.Context, before *treated, risks *Measured) (*treated, error) {
	output, err := e.Treater.Treat(ctx, risks, before.profile)
	if KindOf(err) == Limit {
		return nil, nil // too intricate to be sure of, as the table without the cell is not
	}
	if err != nil || output.published() <= before.output.published() {
		return nil, err
	}
	after, err := e.audit(ctx, before.measured, output)
	if err != nil || len(after.audited.Suppress) > 0 || !after.audited.Facts.within(&before.profile) {
		return nil, err
	}
	return after, nil
}

// within reports whether nothing in the history's facts speaks against a release, as far as it is for the profile to say: what release.rego asks of them.
func (f *HistoryFacts) within(p *Profile) bool {
	return f.Clean && !f.Refused && f.Guess <= p.GuessPercent && f.Estimable == 0 && f.Alike == 0 && f.Rank*100 <= p.RankPercent*f.Subjects
}

// published is how many cells of a table would be seen.
func (t *Treated) published() (cells int) {
	for _, fate := range t.Fates {
		if fate == Published {
			cells++
		}
	}
	return cells
}

// countsYes reports whether a sum of the table is how many of its rows say yes.
func (t *Table) countsYes() bool {
	return slices.ContainsFunc(t.Plan.Summed, func(column int) bool { return t.Plan.Dataset.Columns[column].YesOrNo() })
}
