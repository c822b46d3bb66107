package aggregate

import (
	"cmp"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// numbered is a worker's cell on its way into the table.
type numbered struct {
	number int32
	cell   enclave.Cell
}

// merge adds the workers' cells up. Ranges never cut a subject in two, so counts of subjects add up too and subject totals are
// final. Nothing depends on which worker had which range.
func merge(at *locator, workers []*worker, snapshot enclave.Snapshot, places *enclave.Places) (*enclave.Table, error) {
	l := at.layout
	table := &enclave.Table{Plan: l.plan, Places: places}
	if !at.drops {
		table.Subjects = snapshot.Subjects
	}
	for _, w := range workers {
		table.Subjects += int64(w.seen)
	}
	for set := range l.plan.Sets {
		var parts []numbered
		for _, w := range workers {
			parts = w.sets[set].collect(l, parts, set)
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
		rows := rowsOf(table.Cells[first:])
		if set == 0 {
			table.Rows = rows
			places.Resolve(positions(l, parts))
		}
		if rows != table.Rows {
			return nil, enclave.Internalf("grouping set %d has %d rows of %d", set, rows, table.Rows)
		}
	}
	nameGroups(l, workers, table.Cells)
	return table, nil
}

// positions are those of the full cells in the table, by number. Parts are in the table's order.
func positions(l *layout, parts []numbered) []int32 {
	all := make([]int32, l.cells)
	for i := range all {
		all[i] = enclave.NoCell
	}
	at := enclave.NoCell
	for i := range parts {
		if i == 0 || parts[i].number != parts[i-1].number {
			at++
		}
		all[parts[i].number] = at
	}
	return all
}

// nameGroups writes down for each cell how many subjects the least group has that it says a protected value of.
func nameGroups(l *layout, workers []*worker, all []enclave.Cell) {
	subjects := map[int]map[int32]int64{} // set → number of a cell → subjects
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
func subjectsOf(workers []*worker, set int) map[int32]int64 {
	subjects := map[int32]int64{}
	for _, w := range workers {
		of := w.sets[set]
		for s := firstCell; int(s) < len(of.numbers); s++ {
			subjects[of.numbers[s]] += of.accounts[0][s].subjects()
		}
	}
	return subjects
}

// collect appends the cells that have rows.
func (c *cells) collect(l *layout, parts []numbered, set int) []numbered {
	for s := firstCell; int(s) < len(c.numbers); s++ {
		a := &c.accounts[0][s]
		if a.counts == 0 {
			continue
		}
		cell := enclave.Cell{
			Set: set, Codes: c.codes[s], Rows: a.rows(), Subjects: a.subjects(), Sums: make([]enclave.SumFacts, len(l.summed)),
		}
		for j := range cell.Sums {
			a := &c.accounts[j][s]
			absolute := a.sum
			if c.absolute[j] != nil {
				absolute = c.absolute[j][s]
			}
			cell.Sums[j] = a.facts(absolute)
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
