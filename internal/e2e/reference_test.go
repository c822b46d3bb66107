package e2e_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

// This file works out what an enclave must release, from the source file and the policy's numbers alone.

// record is a row of a source file by header.
type record map[string]string

// readRecords reads a file whole.
func readRecords(t *testing.T, raw []byte, comma rune) []record {
	t.Helper()
	reader := csv.NewReader(bytes.NewReader(raw))
	reader.Comma = comma
	lines, err := reader.ReadAll()
	ok(t, err)
	records := make([]record, 0, len(lines)-1)
	for _, line := range lines[1:] {
		r := record{}
		for i, name := range lines[0] {
			r[name] = line[i]
		}
		records = append(records, r)
	}
	return records
}

// key is a dimension twice: as the manifest declares it, and as the test evaluates it.
type key struct {
	enclave.ManifestKey
	label     func(record) string
	protected string // column of which it is a value that must not be told of a group; "" if it is none such
}

// measure is a number of each cell: its column of the file, with the digits that the description gives it.
type measure struct {
	enclave.ManifestMeasure
	header string
	scale  int
}

// question is a table that is asked for.
type question struct {
	name     string
	subject  string // header
	keys     []key
	measures []measure
	margins  [][]string
	// mayLose is the share of safe cells that the audit may withhold although it need not: where people are in many cells, its packing
	// of disjoint groups is greedy. 0 where each is in one.
	mayLose float64
}

// manifest asks the question of a dataset.
func (q *question) manifest(dataset string, columns ...string) *enclave.Manifest {
	m := &enclave.Manifest{
		Darkroom: 1, Name: q.name, Version: "1.0.0", Form: enclave.Aggregate, Margins: q.margins,
		Inputs: []enclave.ManifestInput{{Dataset: dataset, Columns: columns}},
	}
	for _, k := range q.keys {
		m.Keys = append(m.Keys, k.ManifestKey)
	}
	for _, me := range q.measures {
		m.Measures = append(m.Measures, me.ManifestMeasure)
	}
	return m
}

// numbers are those of a profile that treatment of a table depends on.
type numbers struct {
	Threshold        int64 `json:"threshold"`
	DominanceN       int   `json:"dominance_n"`
	DominancePercent int64 `json:"dominance_percent"`
	PPercent         int64 `json:"p_percent"`
	Homogeneity      int64 `json:"homogeneity_percent"`
	RoundCount       int64 `json:"round_count"`
	RoundSum         int64 `json:"round_sum"`
}

// inForce asks the enclave for the profile of a dataset: that of its kind, made stricter by grade and scenario where these are listed.
func (d *domain) inForce(dataset *enclave.Dataset) numbers {
	d.t.Helper()
	policy, err := d.clients[acme].Policy(d.t.Context())
	ok(d.t, err)
	listed := map[string]sdk.PolicyProfile{}
	for _, p := range policy.Profiles {
		listed[p.Name] = p
	}
	name := string(dataset.Subject.Kind)
	for _, part := range []string{fmt.Sprintf("grade-%d", dataset.Grade), scenario} {
		if _, stricter := listed[name+"/"+part]; stricter {
			name += "/" + part
		}
	}
	var n numbers
	ok(d.t, json.Unmarshal(listed[name].Numbers, &n))
	if n.Threshold < 3 || n.DominanceN < 1 || n.DominancePercent < 1 || n.PPercent < 1 || n.Homogeneity < 1 || n.RoundCount < 1 || n.RoundSum < 1 {
		d.t.Fatalf("profile %s: %+v", name, n)
	}
	return n
}

// cell is a group with its microdata: per summed measure, each subject's total, in units of the last digit.
type cell struct {
	labels []string
	inSet  []bool // by key: false is summed over
	rows   int64
	totals []map[string]int64
	values []map[int64]bool // per measure: of rows
	// groups are, for each protected column that labels are of, the subjects of the cells that have the same other labels.
	groups []map[string]bool
}

func (c *cell) id() string { return strings.Join(c.labels, "|") }

func (c *cell) subjects() int64 { return int64(len(c.totals[0])) }

// sum is of the i-th measure.
func (c *cell) sum(i int) int64 {
	var sum int64
	for _, v := range c.totals[i] {
		sum += v
	}
	return sum
}

// measured is a number as the file has it, with the digits after the point that are stored.
type measured struct {
	text  string
	scale int
}

// tabulate computes every cell that has rows: of the full table, then of each margin.
func (q *question) tabulate(t *testing.T, records []record) map[string]*cell {
	t.Helper()
	sets := [][]bool{make([]bool, len(q.keys))}
	for i := range q.keys {
		sets[0][i] = true
	}
	for _, margin := range q.margins {
		set := make([]bool, len(q.keys))
		for i := range q.keys {
			set[i] = slices.Contains(margin, q.keys[i].Name)
		}
		sets = append(sets, set)
	}
	cells, groups, read := map[string]*cell{}, map[string]map[string]bool{}, map[measured]int64{}
	for _, r := range records {
		all := make([]string, len(q.keys))
		for i := range q.keys {
			all[i] = q.keys[i].label(r)
		}
		values := make([]int64, len(q.measures))
		for i, m := range q.measures {
			text := measured{r[m.header], m.scale}
			if _, known := read[text]; !known {
				read[text] = stored(t, text.text, text.scale)
			}
			values[i] = read[text]
		}
		for _, set := range sets {
			labels := slices.Clone(all)
			for i := range labels {
				if !set[i] {
					labels[i] = "(total)"
				}
			}
			id := strings.Join(labels, "|")
			c := cells[id]
			if c == nil {
				c = &cell{labels: labels, inSet: set}
				for range q.measures {
					c.totals = append(c.totals, map[string]int64{})
					c.values = append(c.values, map[int64]bool{})
				}
				cells[id] = c
				c.groups = q.groups(groups, c)
			}
			c.rows++
			for _, group := range c.groups {
				group[r[q.subject]] = true
			}
			for i := range q.measures {
				c.totals[i][r[q.subject]] += values[i]
				c.values[i][values[i]] = true
			}
		}
	}
	return cells
}

// groups finds whom a cell tells a protected value of, among those found before.
func (q *question) groups(known map[string]map[string]bool, c *cell) (of []map[string]bool) {
	columns := map[string]bool{}
	for i := range q.keys {
		if column := q.keys[i].protected; c.inSet[i] && column != "" && !columns[column] {
			columns[column] = true
			name := column + fmt.Sprint(c.inSet)
			for j, label := range c.labels {
				if q.keys[j].protected != column {
					name += "|" + label
				}
			}
			if known[name] == nil {
				known[name] = map[string]bool{}
			}
			of = append(of, known[name])
		}
	}
	return of
}

// protect marks the keys of protected columns, by a description.
func (q *question) protect(description *enclave.Dataset) {
	for i := range q.keys {
		if of := q.keys[i].Of; of != nil {
			if column := description.Columns[description.Column(of.Column)]; column.Class == enclave.Sensitive || column.Class == enclave.Measure {
				q.keys[i].protected = column.Name
			}
		}
	}
}

// stored reads a number of the file in units of its last digit. A measure without a column is 0.
func stored(t *testing.T, text string, scale int) int64 {
	t.Helper()
	if text == "" {
		return 0
	}
	v, good := new(big.Rat).SetString(text)
	if !good {
		t.Fatalf("%q is not a number", text)
	}
	v.Mul(v, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
	if !v.IsInt() || !v.Num().IsInt64() {
		t.Fatalf("%q has more than %d digits after the point", text, scale)
	}
	return v.Num().Int64()
}

// together is the union of some cells.
func (q *question) together(cells []*cell) *cell {
	if len(cells) == 1 {
		return cells[0]
	}
	all := &cell{}
	for i := range q.measures {
		union, values := map[string]int64{}, map[int64]bool{}
		for _, c := range cells {
			for subject, v := range c.totals[i] {
				union[subject] += v
			}
			maps.Copy(values, c.values[i])
		}
		all.totals, all.values = append(all.totals, union), append(all.values, values)
	}
	return all
}

// unsafe applies the primary rules to the union of some cells: which of them it breaks.
func (n *numbers) unsafe(q *question, cells ...*cell) (broken []string) {
	together := q.together(cells)
	if len(cells) == 1 && n.tells(cells[0]) {
		broken = append(broken, "homogeneity")
	}
	if together.subjects() < n.Threshold {
		broken = append(broken, "threshold")
	}
	for i, m := range q.measures {
		if m.header == "" {
			continue
		}
		var absolute []int64
		var whole int64
		for _, v := range together.totals[i] {
			absolute = append(absolute, max(v, -v))
			whole += max(v, -v)
		}
		slices.Sort(absolute)
		slices.Reverse(absolute)
		absolute = append(absolute, 0, 0)
		largest := absolute[0]
		if n.DominanceN == 2 {
			largest += absolute[1]
		}
		if whole > 0 && 100*largest >= n.DominancePercent*whole {
			broken = append(broken, "dominance")
		}
		if 100*(whole-absolute[0]-absolute[1]) < n.PPercent*absolute[0] {
			broken = append(broken, "p-percent")
		}
		totals := map[int64]bool{}
		for _, v := range together.totals[i] {
			totals[v] = true
		}
		if len(together.values[i]) == 1 || len(totals) == 1 {
			broken = append(broken, "same value")
		}
	}
	return broken
}

// tells reports whether a cell is a value of as many of some group as must not share one.
func (n *numbers) tells(c *cell) bool {
	return slices.ContainsFunc(c.groups, func(group map[string]bool) bool {
		return 100*c.subjects() >= n.Homogeneity*int64(len(group))
	})
}

// alike counts the cells that are unsafe for what their members share, and for nothing else.
func (n *numbers) alike(q *question, cells []*cell) (count int) {
	for _, c := range cells {
		broken := n.unsafe(q, c)
		if len(broken) > 0 && !slices.ContainsFunc(broken, func(rule string) bool { return rule != "homogeneity" && rule != "same value" }) {
			count++
		}
	}
	return count
}

// value is a published number as it must be, "" for none.
func (n *numbers) value(m *measure, c *cell, i int) *big.Rat {
	unit := new(big.Int).Mul(big.NewInt(n.RoundSum), power(m.scale))
	sum := func() *big.Rat { return new(big.Rat).SetFrac(nearest(big.NewInt(c.sum(i)), unit), power(m.scale)) }
	switch m.Op {
	case enclave.Count:
		return new(big.Rat).SetInt(nearest(big.NewInt(c.rows), big.NewInt(n.RoundCount)))
	case enclave.Subjects:
		return new(big.Rat).SetInt(nearest(big.NewInt(c.subjects()), big.NewInt(n.RoundCount)))
	case enclave.Sum:
		return sum()
	case enclave.Mean:
		rows := nearest(big.NewInt(c.rows), big.NewInt(n.RoundCount))
		if rows.Sign() == 0 {
			return nil
		}
		exact := new(big.Rat).Quo(sum(), new(big.Rat).SetInt(rows))
		return new(big.Rat).SetFrac(halfToEven(exact.Mul(exact, new(big.Rat).SetInt(power(m.scale+2)))), power(m.scale+2))
	}
	return nil
}

func power(digits int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
}

// nearest is the nearest multiple of a unit, halves away from zero.
func nearest(v, unit *big.Int) *big.Int {
	twice := new(big.Int).Add(new(big.Int).Lsh(new(big.Int).Abs(v), 1), unit)
	out := new(big.Int).Div(twice, new(big.Int).Lsh(unit, 1))
	out.Mul(out, unit)
	if v.Sign() < 0 {
		out.Neg(out)
	}
	return out
}

// halfToEven is the nearest whole number.
func halfToEven(v *big.Rat) *big.Int {
	floor := new(big.Int).Div(v.Num(), v.Denom()) // Euclidean, and the denominator is positive: floor
	rest := new(big.Rat).Sub(v, new(big.Rat).SetInt(floor))
	switch c := rest.Cmp(big.NewRat(1, 2)); {
	case c > 0, c == 0 && floor.Bit(0) == 1:
		return floor.Add(floor, big.NewInt(1))
	}
	return floor
}

// compare holds a released table against the cells. Without margins exactly the safe cells must be there; with them, no unsafe one, and
// nothing that was not published may follow. It returns the cells that are absent, and how many are there.
func (q *question) compare(t *testing.T, cells map[string]*cell, n numbers, header []string, rows [][]string) (absent []*cell, published int) {
	t.Helper()
	var want []string
	for _, k := range q.keys {
		want = append(want, k.Name)
	}
	for _, m := range q.measures {
		want = append(want, m.Name)
	}
	if !slices.Equal(header, want) {
		t.Fatalf("the columns are %v, expected %v", header, want)
	}
	var lost []string
	seen := map[string]bool{}
	for _, row := range rows {
		id := strings.Join(row[:len(q.keys)], "|")
		c := cells[id]
		switch {
		case c == nil:
			t.Errorf("%s was released and has no rows", id)
			continue
		case seen[id]:
			t.Errorf("%s was released twice", id)
		}
		seen[id] = true
		if broken := n.unsafe(q, c); len(broken) > 0 {
			t.Errorf("%s was released and breaks %v", id, broken)
		}
		for i := range q.measures {
			checkValue(t, id+" "+q.measures[i].Name, row[len(q.keys)+i], n.value(&q.measures[i], c, i))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(cells)) {
		if seen[id] {
			continue
		}
		absent = append(absent, cells[id])
		if broken := n.unsafe(q, cells[id]); len(broken) == 0 && len(q.margins) == 0 {
			lost = append(lost, id)
		}
	}
	if float64(len(lost)) > q.mayLose*float64(len(seen)) {
		t.Errorf("%v are safe and were not released", lost)
	} else if len(lost) > 0 {
		t.Logf("%d safe cells were withheld, %.1f %% of those released", len(lost), 100*float64(len(lost))/float64(len(seen)))
	}
	if len(seen) == 0 {
		t.Error("nothing was released")
	}
	return absent, len(seen)
}

func checkValue(t *testing.T, place, got string, want *big.Rat) {
	t.Helper()
	if want == nil {
		if got != "" {
			t.Errorf("%s is %s, expected nothing", place, got)
		}
		return
	}
	v, good := new(big.Rat).SetString(got)
	if !good || v.Cmp(want) != 0 {
		t.Errorf("%s is %s, expected %s", place, got, want.FloatString(6))
	}
}
