package enclave

import (
	"cmp"
	"context"
	"slices"
)

// relenting bounds the work of finding out which cells can be published again: perCell for each cell that is treated and for each independent sum that
// is audited, and 1 for each subject. It takes some 15 seconds on two cores, and is the same work on every machine, or the same table would not come out.
const (
	relenting = 1 << 27
	perCell   = 2000
)

// relent publishes cells again that were named on the way and that nothing speaks against any more, now that others are gone: those with most
// subjects first. Whatever it returns was audited as a whole, like any other table. It ends early when its work is spent. Where keys tell protected values
// everything stays as it is: a block whose place depended on what another one lost would tell of what people in that one have.
func (e *Enclave) relent(ctx context.Context, found *treated, risks *Measured) (*treated, error) {
	if found.footprint.Blocks != nil || !found.audited.Facts.within(&found.profile) {
		return found, nil // the second is not released anyway
	}
	cells, left := named(risks), int64(relenting)
	for _, cell := range cells {
		risks.Risks[cell] = 0
		more, cost, err := e.more(ctx, found, risks)
		if err != nil {
			return nil, err
		}
		if more == nil {
			risks.Risks[cell] = RiskHistory
		} else {
			found = more
		}
		if left -= cost; left <= 0 {
			break
		}
	}
	if len(cells) == 0 {
		return found, nil
	}
	// Who watches the path goes by the last treatment, so that is the one that stands.
	output, err := e.Treater.Treat(ctx, risks, found.profile)
	if err != nil {
		return nil, err
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
func (e *Enclave) more(ctx context.Context, before *treated, risks *Measured) (after *treated, cost int64, err error) {
	output, err := e.Treater.Treat(ctx, risks, before.profile)
	if KindOf(err) == Limit {
		return nil, relenting, nil // too intricate to be sure of, as the table without the cell is not
	}
	cost = perCell * int64(len(risks.Risks))
	if err != nil || output.published() <= before.output.published() {
		return nil, cost, err
	}
	if after, err = e.audit(ctx, before.measured, output); err != nil {
		return nil, cost, err
	}
	cost += before.audited.Facts.Subjects + perCell*before.audited.Facts.Rank
	if len(after.audited.Suppress) > 0 || !after.audited.Facts.within(&before.profile) {
		return nil, cost, nil
	}
	return after, cost, nil
}

// within reports whether nothing in the history's facts speaks against a release, as far as it is for the profile to say.
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
