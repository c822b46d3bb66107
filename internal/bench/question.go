package main

import (
	"fmt"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// question is one thing that every side is asked. Answers are lines of whole numbers, sorted, and must be the same from all.
type question struct {
	name, title string
	// columns are those of the manifest.
	columns []string
	// enclaveKeys are evaluated by the enclave, guestKeys by a guest.
	enclaveKeys, guestKeys []enclave.ManifestKey
	// line is a cell's part of the answer; keys are the labels of its codes.
	line func(keys []string, cell *enclave.Cell) string
	// bytes is how many a row has in the arrays that a loop reads for it.
	bytes int
	// told is the first contestant's answer.
	told []string
	// sql are DuckDB's formulations over $table; the fastest counts.
	sql []string
}

// The six predicates of the filter, in the words of each side: see also guest/guest.c, guest/main.go, loops.go.
const (
	sinceDate, beforeDate      = "2023-07-01", "2023-10-01"
	leastDiscount, pastLargest = "4", "7"
	leastQuantity              = "1" // of the column
	pastQuantity               = "24"
	leftOutRegion              = "3"
)

func questions() []question {
	byColumn := func(name string) enclave.ManifestKey {
		return enclave.ManifestKey{Name: name, Of: &enclave.ColumnRule{Column: name}}
	}
	between := func(name, column string, from, before enclave.Scalar) enclave.ManifestKey {
		return enclave.ManifestKey{Name: name, Of: &enclave.ColumnRule{Column: column, Cuts: []enclave.Scalar{from, before}, Inside: true}}
	}
	zero, lastDistrict, lastDepartment := int64(0), int64(districts-1), int64(departments-1)
	two := []enclave.ManifestKey{byColumn("district"), byColumn("department")}
	twoByGuest := []enclave.ManifestKey{
		{Name: "district", Min: &zero, Max: &lastDistrict}, {Name: "department", Min: &zero, Max: &lastDepartment},
	}
	return []question{
		{
			name: "a", bytes: 16, title: "group by two keys, sum (480 cells)",
			columns: []string{"district", "department", "cost"}, enclaveKeys: two, guestKeys: twoByGuest,
			line: func(keys []string, c *enclave.Cell) string {
				return fmt.Sprintf("%s,%s,%d", keys[0], keys[1], c.Sums[0].Sum)
			},
			sql: []string{"SELECT district, department, sum(cost) FROM $table GROUP BY district, department"},
		},
		{
			name: "b", bytes: 32, title: "six predicates on four columns, sum",
			columns: []string{"visit_date", "discount", "quantity", "region", "cost"},
			enclaveKeys: []enclave.ManifestKey{
				between("visited", "visit_date", sinceDate, beforeDate), between("discounted", "discount", leastDiscount, pastLargest),
				between("amount", "quantity", leastQuantity, pastQuantity),
				{Name: "place", Of: &enclave.ColumnRule{Column: "region", Map: map[string]string{"0": "in", "1": "in", "2": "in"}, Inside: true}},
			},
			guestKeys: []enclave.ManifestKey{{Name: "selected", Values: []string{"yes"}}},
			line:      func(_ []string, c *enclave.Cell) string { return fmt.Sprint(c.Sums[0].Sum) },
			sql: []string{fmt.Sprintf("SELECT sum(cost) FROM $table WHERE visit_date >= DATE '%s' AND visit_date < DATE '%s' AND discount >= %s AND discount < %s"+
				" AND quantity < %s AND region <> %s", sinceDate, beforeDate, leastDiscount, pastLargest, pastQuantity, leftOutRegion)},
		},
		{
			name: "c", bytes: 20, title: "the same facts: rows, subjects, sum, two largest subject totals (480 cells)",
			columns: []string{"district", "department", "cost"}, enclaveKeys: two, guestKeys: twoByGuest,
			line: func(keys []string, c *enclave.Cell) string {
				return fmt.Sprintf("%s,%s,%d,%d,%d,%d,%d", keys[0], keys[1], c.Rows, c.Subjects, c.Sums[0].Sum, c.Sums[0].Largest, c.Sums[0].Second)
			},
			sql: factsSQL(),
		},
	}
}

// factsSQL first totals each subject in each cell, by three keys or by one packed of them, and then each cell. The two largest totals are
// max(total, 2).
func factsSQL() []string {
	cells := func(district, department, totals string) string {
		return "SELECT " + district + ", " + department + ", sum(n), count(*), sum(total), max(total, 2)[1], coalesce(max(total, 2)[2], 0) FROM (" +
			totals + ") GROUP BY ALL"
	}
	const packed = "subject::BIGINT * 480 + district::INTEGER * 12 + department"
	return []string{
		cells("district", "department", "SELECT subject, district, department, count(*) AS n, sum(cost) AS total FROM $table GROUP BY ALL"),
		cells("(packed % 480) // 12", "packed % 12", "SELECT "+packed+" AS packed, count(*) AS n, sum(cost) AS total FROM $table GROUP BY packed"),
	}
}

// manifest asks the question, with keys of the enclave's or of a guest's.
func (q *question) manifest(guest bool) *enclave.Manifest {
	m := &enclave.Manifest{
		Darkroom: 1, Name: "bench", Version: "1", Form: enclave.Aggregate,
		Inputs: []enclave.ManifestInput{{Dataset: visitsTable().Name, Columns: q.columns}}, Keys: q.enclaveKeys,
		Measures: []enclave.ManifestMeasure{
			{Name: "visits", Op: enclave.Count}, {Name: "patients", Op: enclave.Subjects}, {Name: "cost", Op: enclave.Sum, Of: "cost"},
		},
	}
	if guest {
		m.Keys = q.guestKeys
		m.Params = []enclave.ManifestParam{{Name: "question", Type: "enum", Values: []string{"a", "b", "c"}, Default: enclave.Scalar(q.name)}}
	}
	return m
}

// answer are the lines of a table.
func (q *question) answer(t *enclave.Table) []string {
	var lines []string
	for i := range t.Cells {
		cell := &t.Cells[i]
		keys := make([]string, len(cell.Codes))
		for k, code := range cell.Codes {
			keys[k] = t.Plan.Keys[k].Labels[code]
		}
		lines = append(lines, q.line(keys, cell))
	}
	slices.Sort(lines)
	return lines
}
