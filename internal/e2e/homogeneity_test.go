package e2e_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
)

// interval bounds a number of rows.
type interval struct{ least, most int64 }

// many is more rows than any table has.
const many = 1_000_000_000

// shuttle bounds every cell of a table, whether it has rows or not, from the numbers of those that are known: what is absent from an
// output may have rows or none. It is the shuttle algorithm (Buzzigoli and Giusti 1999): a margin is at least and at most what its
// parts are, a part at most and at least what a margin leaves it, over and over.
func (q *question) shuttle(cells map[string]*cell, known map[string]int64) map[string]*interval {
	labels, sets := make([][]string, len(q.keys)), map[string][]bool{}
	for _, c := range cells {
		sets[fmt.Sprint(c.inSet)] = c.inSet
		for i, label := range c.labels {
			if c.inSet[i] && !slices.Contains(labels[i], label) {
				labels[i] = append(labels[i], label)
			}
		}
	}
	bounds := map[string]*interval{}
	parts := map[[2]string][]*interval{} // by margin and finer set
	for name, set := range sets {
		for _, one := range combinations(labels, set) {
			b := &interval{0, many}
			if n, published := known[strings.Join(one, "|")]; published {
				b = &interval{n, n}
			}
			bounds[strings.Join(one, "|")] = b
			for _, coarser := range sets {
				margin, finer := slices.Clone(one), true
				for i := range margin {
					if !coarser[i] {
						margin[i] = "(total)"
					}
					finer = finer && (set[i] || !coarser[i])
				}
				if finer && !slices.Equal(coarser, set) {
					at := [2]string{strings.Join(margin, "|"), name}
					parts[at] = append(parts[at], b)
				}
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for at, inner := range parts {
			whole, sum := bounds[at[0]], interval{}
			for _, b := range inner {
				sum.least, sum.most = sum.least+b.least, sum.most+b.most
			}
			changed = whole.narrow(sum.least, sum.most) || changed
			for _, b := range inner {
				changed = b.narrow(whole.least-(sum.most-b.most), whole.most-(sum.least-b.least)) || changed
			}
		}
	}
	return bounds
}

// narrow reports whether the bounds told anything new. Sums of bounds that narrowed meanwhile are wider than they need be, and no less true.
func (b *interval) narrow(least, most int64) bool {
	before := *b
	b.least, b.most = max(b.least, least), min(b.most, most)
	return *b != before
}

func combinations(labels [][]string, set []bool) [][]string {
	all := [][]string{nil}
	for i := range labels {
		var longer [][]string
		values := labels[i]
		if !set[i] {
			values = []string{"(total)"}
		}
		for _, start := range all {
			for _, label := range values {
				longer = append(longer, append(slices.Clone(start), label))
			}
		}
		all = longer
	}
	return all
}

// told lists the groups of the full table in which, as far as bounds tell, everybody has the same value of a protected column.
func (q *question) told(cells map[string]*cell, known map[string]int64) (found []string) {
	bounds := q.shuttle(cells, known)
	for i := range q.keys {
		if q.keys[i].protected == "" {
			continue
		}
		possible, people := map[string][]string{}, map[string]bool{}
		for id, b := range bounds {
			labels := strings.Split(id, "|")
			if slices.Contains(labels, "(total)") {
				continue
			}
			group := strings.Join(slices.Replace(slices.Clone(labels), i, i+1, "*"), "|")
			people[group] = people[group] || cells[id] != nil
			if b.most > 0 {
				possible[group] = append(possible[group], labels[i])
			}
		}
		for group, some := range people {
			if some && len(possible[group]) == 1 {
				found = append(found, group+" is "+possible[group][0])
			}
		}
	}
	slices.Sort(found)
	return found
}

// clinic has 20 people in the north, all with the same illness and the same benefit, which is the most there is; in the south nobody
// has any. Everywhere else both are mixed. All numbers are multiples of what they are rounded to.
func clinic() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "clinic", Owner: health, Grade: 2, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"centre", "east", "north", "south", "west"}},
			{Name: "illness", Type: enclave.Code, Class: enclave.Sensitive, Codes: []string{"flu", "hiv", "none"}},
			{Name: "benefit", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "1000"},
		},
	}
}

func clinicFile() []byte {
	var file bytes.Buffer
	fmt.Fprintln(&file, "id,district,illness,benefit")
	people := 0
	put := func(n int, district, illness string, benefit func(int) int) {
		for i := range n {
			people++
			fmt.Fprintf(&file, "%d,%s,%s,%d\n", people, district, illness, benefit(i))
		}
	}
	always := func(v int) func(int) int { return func(int) int { return v } }
	mixed := func(i int) int { return 100 + 37*i%800 }
	put(20, "north", "hiv", always(1000))
	for i, district := range []string{"centre", "east", "west"} {
		put(400+50*i, district, "flu", mixed)
		put(40+10*i, district, "hiv", mixed)
		put(800+60*i, district, "none", mixed)
	}
	put(200, "south", "flu", always(0))
	put(100, "south", "none", always(0))
	return file.Bytes()
}

// TestHomogeneity plays A12: what a group's members share is the secret. Each attack reads it from what the other rules alone would
// publish, and must not from what is; and of the groups that are mixed, what is published is everything but what hides the others.
func TestHomogeneity(t *testing.T) {
	t.Parallel()
	district, illness := of("district", "district", "district"), of("illness", "illness", "illness")
	benefit := measure{enclave.ManifestMeasure{Name: "benefit", Op: enclave.Mean, Of: "benefit"}, "benefit", 0}
	// Every label of the north that is published, if it is only one: whoever is known to live there has it.
	onlyLabel := func(_ *question, _ map[string]*cell, table map[string][]string) string {
		var labels []string
		for id := range table {
			if name, label, _ := strings.Cut(id, "|"); name == "north" {
				labels = append(labels, label)
			}
		}
		if len(labels) == 1 {
			return "it"
		}
		return ""
	}
	// A mean at the column's bound.
	bound := func(place string, value int64) func(*question, map[string]*cell, map[string][]string) string {
		return func(_ *question, _ map[string]*cell, table map[string][]string) string {
			if row := table[place]; row != nil {
				if mean, good := new(big.Rat).SetString(row[1]); good && mean.Cmp(big.NewRat(value, 1)) == 0 {
					return "it"
				}
			}
			return ""
		}
	}
	// What the margins leave for the north.
	margins := func(q *question, cells map[string]*cell, table map[string][]string) string {
		known := map[string]int64{}
		for id, row := range table {
			n, err := strconv.ParseInt(row[0], 10, 64)
			ok(t, err)
			known[id] = n
		}
		if slices.Contains(q.told(cells, known), "north|* is hiv") {
			return "it"
		}
		return ""
	}
	for name, c := range map[string]struct {
		question
		secret func(*question, map[string]*cell, map[string][]string) string
		least  int // published cells
	}{
		"one label":     {question{keys: []key{district, illness}, measures: []measure{count()}}, onlyLabel, 11},
		"mean at most":  {question{keys: []key{district}, measures: []measure{count(), benefit}}, bound("north", 1000), 3},
		"mean at least": {question{keys: []key{district}, measures: []measure{count(), benefit}}, bound("south", 0), 3},
		"margins": {
			question{keys: []key{district, illness}, measures: []measure{count()}, margins: [][]string{{"district"}, {"illness"}, {}}},
			margins, 12,
		},
		"margin of labels": {
			question{keys: []key{district, illness}, measures: []measure{count()}, margins: [][]string{{"illness"}}}, margins, 11,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := start(t, app.Config{})
			d.load(clinic(), clinicFile())
			q := &c.question
			q.name, q.subject = "clinic", "id"
			q.protect(clinic())
			cells, n := q.tabulate(t, readRecords(t, clinicFile(), ',')), d.inForce(clinic())
			// The other rules publish everything, and the secret with it; what the rule takes by itself is not enough with margins.
			without, alone := map[string][]string{}, map[string][]string{}
			for id, cell := range cells {
				var row []string
				for i := range q.measures {
					row = append(row, n.value(&q.measures[i], cell, i).FloatString(2))
				}
				row[0] = strings.TrimSuffix(row[0], ".00")
				without[id] = row
				if broken := n.unsafe(q, cell); len(broken) == 0 {
					alone[id] = row
				}
			}
			if got := c.secret(q, cells, without); got != "it" {
				t.Fatalf("without the rule the attack reads %q, so it shows nothing", got)
			}
			if got := c.secret(q, cells, alone); len(q.margins) > 0 && got != "it" {
				t.Errorf("without the unsafe cells alone the attack reads %q, so it shows nothing about margins", got)
			}
			run := d.submit(acme, d.grant(acme, clinic()), d.upload(acme, q.manifest("clinic", "district", "illness", "benefit"), nil), nil)
			_, header, rows := d.result(acme, run)
			table := map[string][]string{}
			for _, row := range rows {
				table[strings.Join(row[:len(q.keys)], "|")] = row[len(q.keys):]
			}
			if got := c.secret(q, cells, table); got != "" {
				t.Error("the secret follows")
			}
			q.mayLose = 1 // counted here
			q.compare(t, cells, n, header, rows)
			if len(table) < c.least {
				t.Errorf("%d cells of %d are published, fewer than %d: %v", len(table), len(cells), c.least, slices.Sorted(maps.Keys(table)))
			}
			t.Logf("%d cells, %d safe, %d published", len(cells), len(alone), len(table))
		})
	}
}
