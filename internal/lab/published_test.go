package lab_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/internal/lab"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/testdata/published"
)

// TestPublishedExamples releases the tables of every example one after the other, each beside those before it. Unsafe must be exactly what the
// publication says is unsafe, and whatever has fewer than three subjects; every number that is released must be the one that other code works out;
// and from all that is released no unsafe cell may follow, nor anything else about fewer subjects than the threshold. That is found by elimination
// with fractions, which knows nothing of how it was decided. It must find something if the unsafe cells alone are left out.
func TestPublishedExamples(t *testing.T) {
	t.Parallel()
	rules, err := builtin()
	ok(t, err)
	all, err := published.All()
	ok(t, err)
	for _, e := range all {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			p := play(t, e, rules)
			p.check(t)
			p.report(t)
			if len(e.Tables) == 1 {
				return
			}
			if slices.ContainsFunc(p.tables, func(m *made) bool { return m.history > 0 }) {
				if found := play(t, e, rules, lab.History).follows(released); len(found) == 0 {
					t.Error("nothing follows without the account of releases, so it tells nothing that it suppressed something")
				}
			}
			reversed := *e
			reversed.Tables = slices.Clone(e.Tables)
			slices.Reverse(reversed.Tables)
			p = play(t, &reversed, rules)
			p.check(t)
			p.report(t)
		})
	}
}

// stated is a policy with numbers that somebody else published.
type stated struct {
	enclave.Policy
	rules *published.Rules
}

func (s stated) Profile(dataset *enclave.Dataset, scenario string) (enclave.Profile, error) {
	p, err := s.Policy.Profile(dataset, scenario)
	return s.rules.Profile(p), err
}

// place is a cell of a table, as the test works it out from the groups that are in it.
type place struct {
	labels   []string
	groups   []int
	subjects int64
	sum      int64
}

// name is a cell's labels in one text.
func name(labels []string) string { return strings.Join(labels, ", ") }

// made is a table, and what became of it.
type made struct {
	*published.Table

	places    map[string]*place
	released  map[string][]string // numbers, by cell
	unsafe    map[string]bool     // for a rule of its own
	history   int                 // cells that were lost because of other tables
	secondary int                 // cells that were lost because of others of the same table
}

// played is an example and its tables.
type played struct {
	*published.Example

	tables []*made
}

// play releases an example's tables, with everything in place but what is off. How many cells a table may have is always off: the examples have
// fewer people than it asks for.
func play(t *testing.T, e *published.Example, rules *policy.Engine, off ...lab.Mechanism) *played {
	t.Helper()
	p := &played{Example: e}
	for _, table := range e.Tables {
		m := &made{Table: table, places: map[string]*place{}, released: map[string][]string{}, unsafe: map[string]bool{}}
		sets := [][]string{nil}
		for _, k := range table.Keys {
			sets[0] = append(sets[0], k.Name)
		}
		for _, set := range append(sets, table.Margins...) {
			for g := range e.Groups {
				m.put(p, set, g)
			}
		}
		p.tables = append(p.tables, m)
	}
	l := lab.New(lab.Config{Policy: stated{rules, &e.Rules}, Sandbox: lab.Natives{}, Seed: history.Seed{1}, Off: append(off, lab.KeySpace)})
	ok(t, l.Load(p.rows()))
	for _, m := range p.tables {
		p.release(t, l, m)
	}
	return p
}

// put adds a group to its cell of a grouping set, if it is in any.
func (m *made) put(p *played, set []string, group int) {
	var labels []string
	for _, k := range m.Keys {
		label, inside := p.Groups[group].Values[slices.Index(p.Columns, k.Of.Column)], true
		if k.Of.Map != nil {
			if label, inside = k.Of.Map[label]; !inside {
				label = "(other)"
			}
		}
		if k.Of.Inside && !inside {
			return
		}
		if !slices.Contains(set, k.Name) {
			label = "*"
		}
		labels = append(labels, label)
	}
	at := m.places[name(labels)]
	if at == nil {
		at = &place{labels: labels}
		m.places[name(labels)] = at
	}
	at.groups = append(at.groups, group)
	at.subjects += p.Groups[group].Subjects
	at.sum += p.Groups[group].Sum
}

// release asks for a table and notes what becomes of it.
func (p *played) release(t *testing.T, l *lab.Lab, m *made) {
	t.Helper()
	module, err := lab.Manifest(p.Manifest(m.Table))
	ok(t, err)
	answer, err := l.Run(t.Context(), "office", module, nil)
	ok(t, err)
	if len(m.places) == 1 && len(answer.Reasons) == 1 && answer.Reasons[0].Code == "HISTORY_LEAVES_NOTHING" {
		m.history = 1 // a table of one cell, which with the tables before it would tell too much
		return
	}
	if answer.Outcome != enclave.Released {
		t.Fatalf("%s was %s: %v", m.Name, answer.Outcome, answer.Reasons)
	}
	for i, cell := range answer.Table.Cells {
		switch risks := answer.Risks[i]; {
		case risks&^enclave.RiskHistory != 0:
			m.unsafe[name(labelsOf(answer.Plan, cell.Codes))] = true
		case risks != 0:
			m.history++
		case answer.Fates[i] == enclave.Complement:
			m.secondary++
		}
	}
	for _, row := range answer.Release.Rows {
		labels := slices.Clone(row[:len(m.Keys)])
		for i := range labels {
			if labels[i] == enclave.LabelTotal {
				labels[i] = "*"
			}
		}
		m.released[name(labels)] = row[len(m.Keys):]
	}
}

func labelsOf(plan *enclave.Plan, codes []int32) []string {
	var labels []string
	for k, code := range codes {
		label := "*"
		if code != enclave.Total {
			label = plan.Keys[k].Labels[code]
		}
		labels = append(labels, label)
	}
	return labels
}

// rows are the example's subjects, one row each.
func (p *played) rows() *lab.Table {
	t := &lab.Table{Dataset: p.Dataset()}
	for g := range p.Groups {
		group := &p.Groups[g]
		for i, value := range group.Contributions() {
			var values []int64
			for c := range p.Columns {
				values = append(values, int64(slices.Index(t.Dataset.Columns[c+1].Codes, group.Values[c])))
			}
			if p.Valued {
				values = append(values, value)
			}
			t.Add(fmt.Sprint(g, "-", i), values...)
		}
	}
	return t
}

func (p *played) check(t *testing.T) {
	t.Helper()
	for _, m := range p.tables {
		primary := map[string]bool{}
		for _, labels := range m.Primary {
			primary[name(labels)] = true
		}
		for cell, at := range m.places {
			primary[cell] = primary[cell] || at.subjects < published.Least
		}
		maps.DeleteFunc(primary, func(_ string, is bool) bool { return !is })
		if !maps.Equal(m.unsafe, primary) {
			t.Errorf("%s: unsafe are %v, and should be %v", m.Name, keysOf(m.unsafe), keysOf(primary))
		}
		for cell, numbers := range m.released {
			at := m.places[cell]
			if at == nil {
				t.Errorf("%s: there is no cell %q", m.Name, cell)
				continue
			}
			want := []string{strconv.FormatInt(at.subjects, 10)}
			if p.Valued {
				want = append(want, strconv.FormatInt(at.sum, 10))
			}
			if !slices.Equal(numbers, want) {
				t.Errorf("%s: %s is %v and was released as %v", m.Name, cell, want, numbers)
			}
		}
	}
	for _, found := range p.follows(released) {
		t.Error(found)
	}
	if theirs := p.theirs(); theirs != nil {
		for _, found := range p.follows(theirs) {
			t.Errorf("of what was published as safe, %s", found)
		}
	}
	without := p.follows(func(m *made, cell string) bool { return !m.unsafe[cell] })
	if alone := len(p.tables) == 1 && p.tables[0].Margins == nil; len(without) == 0 && !alone {
		t.Error("nothing follows if the unsafe cells alone are left out, so this example tests nothing")
	}
}

// theirs are the cells that the publication shows, if it says so of every table. It protects by thresholds below Darkroom's otherwise.
func (p *played) theirs() func(m *made, cell string) bool {
	hidden := map[string]bool{}
	for _, m := range p.tables {
		if len(m.Secondary) == 0 || p.Rules.Threshold < published.Least {
			return nil
		}
		for _, labels := range slices.Concat(m.Primary, m.Secondary) {
			hidden[m.Name+": "+name(labels)] = true
		}
	}
	return func(m *made, cell string) bool { return !hidden[m.Name+": "+cell] }
}

// released are the cells that were.
func released(m *made, cell string) bool { return m.released[cell] != nil }

func keysOf(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// follows is what can be computed from the cells that are shown, of all tables together: unsafe cells, secrets, and sums of fewer subjects than
// the threshold.
func (p *played) follows(shown func(m *made, cell string) bool) (found []string) {
	space := newSpace(len(p.Groups))
	for _, m := range p.tables {
		for _, cell := range slices.Sorted(maps.Keys(m.places)) {
			if shown(m, cell) {
				space.add(m.places[cell].groups)
			}
		}
	}
	for _, m := range p.tables {
		for _, labels := range m.Primary {
			if at := m.places[name(labels)]; at == nil || space.has(at.groups) {
				found = append(found, fmt.Sprintf("%s: %s follows", m.Name, name(labels)))
			}
		}
	}
	for _, secret := range p.Secrets {
		var groups []int
		for g := range p.Groups {
			if !slices.ContainsFunc(p.Columns, func(c string) bool {
				return secret[c] != "" && secret[c] != p.Groups[g].Values[slices.Index(p.Columns, c)]
			}) {
				groups = append(groups, g)
			}
		}
		if len(groups) == 0 || space.has(groups) {
			found = append(found, fmt.Sprintf("%v follows", secret))
		}
	}
	for _, few := range p.few(nil, 0, max(p.Rules.Threshold, published.Least)-1) {
		if space.reaches(few) {
			found = append(found, fmt.Sprintf("something about groups %v alone follows", few))
		}
	}
	return found
}

// few are all sets of groups that have so many subjects or fewer together, and that have no room for another one of the groups after them.
func (p *played) few(set []int, from int, room int64) (all [][]int) {
	more := false
	for g := from; g < len(p.Groups); g++ {
		if n := p.Groups[g].Subjects; n <= room {
			more = true
			all = append(all, p.few(append(slices.Clone(set), g), g+1, room-n)...)
		}
	}
	if !more && set != nil {
		all = append(all, set)
	}
	return all
}

// report compares what was suppressed with the publication.
func (p *played) report(t *testing.T) {
	t.Helper()
	for _, m := range p.tables {
		theirs := "not said"
		if n := max(len(m.Secondary), m.Secondaries); n > 0 {
			theirs = strconv.Itoa(n)
		}
		t.Logf("%s: %d of %d cells released, %d unsafe, %d suppressed besides within the table and %d for other tables; published: %s",
			m.Name, len(m.released), len(m.places), len(m.unsafe), m.secondary, m.history, theirs)
	}
}
