package treat_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/enclave/measure"
)

// audited is what becomes of a table when treatment and the audit of releases take turns, as they do in a run.
type audited struct {
	*enclave.Treated
	first   enclave.CellCounts // after the first treatment
	lost    int                // cells of that which were suppressed later
	turns   int
	refused bool
}

// auditedTable treats a world's table until its audits, with no release before it, find nothing more to suppress.
func auditedTable(tb testing.TB, w *world, p enclave.Profile) audited {
	tb.Helper()
	table := w.table()
	audits := w.audits(tb, int(p.Threshold))
	measured := measure.Measurer{}.Measure(table, p)
	for a := (audited{}); ; {
		out, err := treater.Treat(tb.Context(), measured, p)
		if err != nil {
			tb.Fatal(err)
		}
		a.Treated = out
		counts := countFates(out.Fates)
		if a.turns++; a.turns == 1 {
			a.first = counts
		}
		a.lost = int(a.first.Published - counts.Published)
		again := a.ask(tb, audits)
		if len(again) == 0 {
			return a
		}
		for _, c := range again {
			measured.Risks[c] |= enclave.RiskHistory
		}
	}
}

// ask tries the table with each audit, and returns what has to go.
func (a *audited) ask(tb testing.TB, audits []*history.Audit) (suppress []int32) {
	tb.Helper()
	footprint := a.Table.Footprint(enclave.Digest{}, a.Fates)
	for _, audit := range audits {
		r, err := audit.Try(tb.Context(), &history.Release{Cells: footprint.Places.All(), Published: footprint.Over})
		if err != nil {
			tb.Fatal(err)
		}
		if a.refused = a.refused || r.Refused; r.Refused {
			return nil
		}
		for _, s := range r.Suppressed {
			suppress = append(suppress, s.Cell)
		}
	}
	return suppress
}

// audits are the two that a dataset has, without any release.
func (w *world) audits(tb testing.TB, k int) []*history.Audit {
	tb.Helper()
	numbers, people := map[int]uint32{}, []uint32(nil)
	for _, r := range w.rows {
		n, known := numbers[r.subject]
		if !known {
			n = uint32(len(numbers)) //nolint:gosec // small
			numbers[r.subject] = n
		}
		people = append(people, n)
	}
	var all []*history.Audit
	for _, kind := range []history.Kind{history.Sums, history.Subjects} {
		a, err := history.New(kind, people, k, history.Seed{1, 2, 3})
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

func countFates(fates []enclave.Fate) (n enclave.CellCounts) {
	for _, f := range fates {
		switch f {
		case enclave.Published:
			n.Published++
		case enclave.Primary:
			n.Primary++
		case enclave.Complement:
			n.Complement++
		case enclave.Forbidden:
			n.History++
		}
	}
	return n
}

// places are the cells of the full table that rows are in; cells of the first set come first.
func (w *world) places(cells []enclave.Cell) []int32 {
	at := map[string]int32{}
	for i := range cells {
		if cells[i].Set == 0 {
			at[fmt.Sprint(cells[i].Codes)] = int32(i)
		}
	}
	places := make([]int32, 0, len(w.rows))
	for _, r := range w.rows {
		places = append(places, at[fmt.Sprint(r.codes)])
	}
	return slices.Clip(places)
}
