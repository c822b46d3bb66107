package aggregate

import (
	"cmp"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// numbered is a worker's cell on its way into the table.
type numbered struct {
	number int64
	cell   enclave.Cell
}

// merge adds the workers' cells up. Ranges never cut a subject in two, so counts of subjects add up too and subject totals are
// final.
func merge(l *layout, workers []*worker) (*enclave.Table, error) {
	table := &enclave.Table{Plan: l.plan}
	for _, w := range workers {
		table.Rows += w.total.rows
		table.Subjects += w.total.subjects
	}
	for set := range l.plan.Sets {
		var parts []numbered
		for _, w := range workers {
			parts = w.sets[set].collect(parts, set)
		}
		slices.SortStableFunc(parts, func(a, b numbered) int { return cmp.Compare(a.number, b.number) })
		first := len(table.Cells)
		for i := range parts {
			if i == 0 || parts[i].number != parts[i-1].number {
				table.Cells = append(table.Cells, parts[i].cell)
				continue
			}
			if err := join(&table.Cells[len(table.Cells)-1], &parts[i].cell); err != nil {
				return nil, err
			}
		}
		if rows := rowsOf(table.Cells[first:]); rows != table.Rows {
			return nil, enclave.Internalf("grouping set %d has %d rows of %d", set, rows, table.Rows)
		}
		if set == 0 {
			table.Places = places(parts, workers)
		}
	}
	nameGroups(l, workers, table.Cells)
	return table, nil
}

// nameGroups writes down for each cell how many subjects the least group has that it says a protected value of.
func nameGroups(l *layout, workers []*worker, all []enclave.Cell) {
	subjects := map[int]map[int64]int64{} // set → number of a cell → subjects
	for i := range all {
		cell := &all[i]
		for _, group := range l.groups[cell.Set] {
			if subjects[group] == nil {
				subjects[group] = subjectsOf(workers, group)
			}
			number, _ := l.project(l.sets[group], cell.Codes)
			if n := subjects[group][number]; cell.Group == 0 || n < cell.Group {
				cell.Group = n
			}
		}
	}
}

// subjectsOf counts the distinct subjects of each cell of a set.
func subjectsOf(workers []*worker, set int) map[int64]int64 {
	subjects := map[int64]int64{}
	for _, w := range workers {
		of := w.sets[set]
		for s := 1; s < len(of.numbers); s++ {
			subjects[of.numbers[s]] += of.tallies[s].subjects
		}
	}
	return subjects
}

// places writes down which cell of the full table each row of the snapshot fell into. parts are the workers' full cells in the
// table's order; ranges and so workers follow each other as rows do.
func places(parts []numbered, workers []*worker) []int32 {
	cell := map[int64]int32{}
	at := int32(-1)
	for i := range parts {
		if i == 0 || parts[i].number != parts[i-1].number {
			at++
		}
		cell[parts[i].number] = at
	}
	rows := 0
	for _, w := range workers {
		rows += len(w.places)
	}
	all := make([]int32, 0, rows)
	for _, w := range workers {
		of := make([]int32, len(w.sets[0].numbers)) // by slot
		of[0] = enclave.NoCell
		for s := 1; s < len(of); s++ {
			of[s] = cell[w.sets[0].numbers[s]]
		}
		for _, s := range w.places {
			all = append(all, of[s])
		}
		w.places = nil
	}
	return all
}

// collect appends the cells that have rows. A slot is made when its first row comes, so that is all of them but slot 0.
func (c *cells) collect(parts []numbered, set int) []numbered {
	for s := 1; s < len(c.numbers); s++ {
		cell := enclave.Cell{
			Set: set, Codes: c.codes[s], Rows: c.tallies[s].rows, Subjects: c.tallies[s].subjects,
			Sums: make([]enclave.SumFacts, len(c.totals)),
		}
		for j := range c.totals {
			t := &c.totals[j][s]
			cell.Sums[j] = enclave.SumFacts{
				Sum: t.sum, Absolute: t.absolute, Largest: t.largest, Second: t.second, Least: t.least, Greatest: t.greatest,
			}
		}
		parts = append(parts, numbered{c.numbers[s], cell})
	}
	return parts
}

// join adds a part of the same cell, of other subjects.
func join(into, part *enclave.Cell) error {
	into.Rows += part.Rows
	into.Subjects += part.Subjects
	for j := range into.Sums {
		a, b := &into.Sums[j], &part.Sums[j]
		a.Sum += b.Sum
		a.Absolute += b.Absolute
		if a.Absolute < 0 { // both were not negative, and the sum is never larger than the sum of absolutes
			return enclave.Internalf("a sum overflowed")
		}
		a.Second = max(min(a.Largest, b.Largest), a.Second, b.Second)
		a.Largest = max(a.Largest, b.Largest)
		a.Least, a.Greatest = min(a.Least, b.Least), max(a.Greatest, b.Greatest)
	}
	return nil
}

func rowsOf(cells []enclave.Cell) int64 {
	var rows int64
	for i := range cells {
		rows += cells[i].Rows
	}
	return rows
}
