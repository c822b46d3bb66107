package enclave

import (
	"context"
	"fmt"
	"slices"
)

// Footprint is what an exact release says of the rows of its snapshot: for each row the cell of the full table that it fell into, and
// for each of those the published cells that contain it. It is what the audit of the release history works with. It is as sensitive
// as the data and never leaves.
type Footprint struct {
	Snapshot Digest
	Distinct bool      // counts of distinct subjects are published, which tell of other things than sums of rows
	Places   *Places   // of rows: positions in Over
	Over     [][]int32 // by cell of the full table: the positions in Table.Cells of published cells that contain it
	// Blocks are, by cell of the full table, the numbers of the blocks around it (all that agree on every key but those of protected columns) that something is
	// published of. Nil if the table
	// says no protected value of anybody.
	Blocks [][]int32

	table  *Table // nil of one that was read from a file
	blocks []int32
}

// blocks numbers who the cells are about, as far as that is no secret: cells have the same number that agree on every key of theirs but those of
// protected columns, whichever set they are of. It is nil if no key is of such a column. (Machanavajjhala et al. 2006: a block is the
// people that agree on quasi-identifiers.)
func (t *Table) blocks() []int32 {
	open, protected := make([]Set, len(t.Plan.Sets)), false
	for i, set := range t.Plan.Sets {
		for _, k := range set {
			if t.Plan.protectedBy(k) < 0 {
				open[i] = append(open[i], k)
			}
		}
		protected = protected || len(open[i]) < len(set)
	}
	if !protected {
		return nil
	}
	numbers, blocks := map[string]int32{}, make([]int32, len(t.Cells))
	for i := range t.Cells {
		set := open[t.Cells[i].Set]
		name := fmt.Sprint(set) + set.Project(t.Cells[i].Codes)
		number, met := numbers[name]
		if !met {
			number = int32(len(numbers)) //nolint:gosec // at most the number of cells
			numbers[name] = number
		}
		blocks[i] = number
	}
	return blocks
}

// Together are the published cells that have to go since the audit names some, or blocks: never one protected value of a block without the others, or
// which of them is missing would tell what somebody has of whom it is known that the block is about one more, or one less. A footprint that was
// read from a file, of a table that nobody can treat any more, has nothing to add to what was named.
func (f *Footprint) Together(cells, blocks []int32) []int32 {
	if f.Blocks == nil || f.table == nil {
		return append(cells, blocks...)
	}
	type within struct{ set, block int32 }
	gone, named := map[int32]bool{}, map[within]bool{}
	of := func(cell int32) within { return within{int32(f.table.Cells[cell].Set), f.blocks[cell]} } //nolint:gosec // few sets
	for _, block := range blocks {
		gone[block] = true
	}
	for _, cell := range cells {
		named[of(cell)] = true
	}
	var together []int32
	for cell := range int32(len(f.blocks)) { //nolint:gosec // at most MaxCells and their margins
		if gone[f.blocks[cell]] || named[of(cell)] {
			together = append(together, cell)
		}
	}
	return together
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
	margins := make([]map[string]int32, len(t.Plan.Sets)) // published cells by their codes
	for i := range t.Cells {
		if c := &t.Cells[i]; fates[i] == Published {
			if margins[c.Set] == nil {
				margins[c.Set] = map[string]int32{}
			}
			margins[c.Set][t.Plan.Sets[c.Set].Project(c.Codes)] = int32(i)
		}
	}
	for i := range f.Over {
		for set, published := range margins {
			if at, ok := published[t.Plan.Sets[set].Project(t.Cells[i].Codes)]; ok {
				f.Over[i] = append(f.Over[i], at)
			}
		}
	}
	if blocks := t.blocks(); blocks != nil {
		f.Blocks, f.table, f.blocks = t.around(blocks, fates, full), t, blocks
	}
	return f
}

// around lists, by cell of the full table, the blocks that it is part of and something is published of.
func (t *Table) around(blocks []int32, fates []Fate, full int) [][]int32 {
	told := map[int32]bool{}
	margins := make([]map[string]int32, len(t.Plan.Sets)) // blocks of cells by their codes
	for i := range t.Cells {
		c := &t.Cells[i]
		if margins[c.Set] == nil {
			margins[c.Set] = map[string]int32{}
		}
		margins[c.Set][t.Plan.Sets[c.Set].Project(c.Codes)] = blocks[i]
		told[blocks[i]] = told[blocks[i]] || fates[i] == Published
	}
	around := make([][]int32, full)
	for i := range around {
		for set, of := range margins {
			block, there := of[t.Plan.Sets[set].Project(t.Cells[i].Codes)]
			if there && told[block] && !slices.Contains(around[i], block) {
				around[i] = append(around[i], block)
			}
		}
	}
	return around
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
	Subjects int64 `json:"subjects"` // in the dataset, all versions of it
}

// Historian keeps account of what all exact releases of a dataset determine together (see the package that implements it).
// It is safe for concurrent use.
type Historian interface {
	// Turns is for who measures a table over a dataset and records it. A release that comes between has it measured again: so they go one
	// after the other, operators in turn, or who takes longest would never come to an end. nil has nobody wait.
	Turns(dataset string) *Turns
	// Audit judges what a footprint would add to the history at a version. It MUST fail with HISTORY_MOVED if the history has
	// moved on. It changes nothing: recording the release does.
	Audit(ctx context.Context, dataset *Dataset, version, threshold int64, footprint *Footprint) (Audited, error)
}
