package enclave

import (
	"context"
	"slices"
)

// Footprint is what an exact release says of the rows of its snapshot: for each row the cell of the full table that it fell into, and
// for each of those the published cells that contain it. It is what the audit of the release history works with. It is as sensitive
// as the data and never leaves.
type Footprint struct {
	Snapshot Digest
	Distinct bool      // counts of distinct subjects are published, which tell of other things than sums of rows
	Summed   []string  // columns whose sums or means are published, each once
	Places   *Places   // of rows: positions in Over
	Over     [][]int32 // by cell of the full table: the positions in Table.Cells of published cells that contain it
	// Blocks are, by cell of the full table, the numbers of the blocks around it that something is published of. Nil if the table says no protected
	// value of anybody. See [Footprint.Together].
	Blocks [][]int32
	Tells  []Telling // of each protected column that keys are evaluated from

	table  *Table // nil of one that was read from a file
	blocks []int32
}

// Footprint is what publishing the cells with the fate Published would say of the snapshot's rows.
func (t *Table) Footprint(snapshot Digest, fates []Fate) *Footprint {
	full := 0
	for full < len(t.Cells) && t.Cells[full].Set == 0 {
		full++
	}
	f := &Footprint{Snapshot: snapshot, Places: t.Places, Over: make([][]int32, full)}
	for _, m := range t.Plan.Measures {
		f.Distinct = f.Distinct || m.Op == Subjects
	}
	for _, column := range t.Plan.Summed {
		f.Summed = append(f.Summed, t.Plan.Dataset.Columns[column].Name)
	}
	f.Tells = t.tells(fates)
	blocks := t.blocks()
	told := map[int32]bool{}                              // blocks that something is published of
	margins := make([]map[string]int32, len(t.Plan.Sets)) // cells by their codes
	for i := range t.Cells {
		c := &t.Cells[i]
		if margins[c.Set] == nil {
			margins[c.Set] = map[string]int32{}
		}
		margins[c.Set][t.Plan.Sets[c.Set].Project(c.Codes)] = int32(i)
		if blocks != nil && fates[i] == Published {
			told[blocks[i]] = true
		}
	}
	if blocks != nil {
		f.Blocks, f.table, f.blocks = make([][]int32, full), t, blocks
	}
	for i := range f.Over {
		for set, cells := range margins {
			at, ok := cells[t.Plan.Sets[set].Project(t.Cells[i].Codes)]
			if !ok {
				continue
			}
			if fates[at] == Published {
				f.Over[i] = append(f.Over[i], at)
			}
			if blocks != nil && told[blocks[at]] && !slices.Contains(f.Blocks[i], blocks[at]) {
				f.Blocks[i] = append(f.Blocks[i], blocks[at])
			}
		}
	}
	return f
}

// Audited is the audit's answer about a table.
type Audited struct {
	Suppress []int32      // positions in Table.Cells of published cells that must go; then the table is audited again
	Facts    HistoryFacts // with nothing to suppress: what policy judges
}

// HistoryFacts is what the table and all exact releases of its dataset before it determine together.
type HistoryFacts struct {
	Releases int64 `json:"releases"` // before this one
	Clean    bool  `json:"clean"`    // whatever follows from all of them touches at least the threshold's number of subjects
	Refused  bool  `json:"refused"`  // no cell of this table could be named whose suppression would make it so
	Rank     int64 `json:"rank"`     // independent sums published, this table's among them
	// Guess is how often, in percent, rounded up, the best linear guess at a yes or no of one subject is right, of the subject of whom most is told.
	// Left out are those of whom the rules' limit was passed before, if this table tells no more. It is 100 if every guess is tolerated.
	Guess int64 `json:"guess"`
	// Estimable are the subjects whose amounts in a column somebody who knows its own could estimate within p_percent from all sums of the column
	// together, and could not without this table; each counts once for each such column.
	Estimable int64 `json:"estimable"`
	// Alike are the subjects of whom all releases together tell which value of a column they have, and did not without this table: which of those that
	// keys tell apart, or that it is the least or the greatest there may be of one that is summed. Each counts once for each such column.
	Alike    int64 `json:"alike"`
	Subjects int64 `json:"subjects"` // in the dataset, all versions of it
}

// Historian keeps account of what all exact releases of a dataset determine together (see the package that implements it).
// It is safe for concurrent use.
type Historian interface {
	// Turns is for who measures a table over a dataset and records it. A release that comes between has it measured again: so they go one
	// after the other, operators in turn, or who takes longest would never come to an end. nil has nobody wait.
	Turns(dataset string) *Turns
	// Audit judges what a footprint would add to the history at a version. It MUST fail with HISTORY_MOVED if the history has
	// moved on. It changes nothing: recording the release does. Of the profile it takes the threshold, the tolerated guess, the margin of estimates, and whether everybody may be told to be alike.
	Audit(ctx context.Context, dataset *Dataset, version int64, profile Profile, footprint *Footprint) (Audited, error)
}
