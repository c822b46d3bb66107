package treat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/measure"
)

// alikeProfile has no rule but the threshold and homogeneity.
var alikeProfile = enclave.Profile{
	Name: "alike", Threshold: 3, DominanceN: 1, DominancePercent: 101, HomogeneityPercent: 100, RoundCount: 1, RoundSum: 1,
}

// clinic is a world whose second key is protected: people[a][b] of them, all with different values.
func clinic(sets []enclave.Set, people [][]int) *world {
	w := newWorld([]int{len(people), len(people[0])}, sets, 0, "0")
	w.plan.Keys[1].Column = protected
	for a := range people {
		for b, n := range people[a] {
			for range n {
				w.put(1, int64(1000+len(w.rows)), int32(a), int32(b))
			}
		}
	}
	return w
}

func TestAlikeTextbook(t *testing.T) {
	for _, c := range []struct {
		name   string
		sets   []enclave.Set
		people [][]int
		want   string
	}{
		{
			"without margins the cell alone",
			[]enclave.Set{{0, 1}},
			[][]int{{0, 5, 0}, {3, 4, 5}, {5, 6, 7}},
			" P  \n=== \n=== \n    \n",
		},
		{
			"margins of groups take the group's along, since the cell is all of it, and a second for the total",
			[]enclave.Set{{0, 1}, {0}, {}},
			[][]int{{0, 5, 0}, {3, 4, 5}, {5, 6, 7}},
			" P x\nx==x\n====\n   =\n",
		},
		{
			"margins of values: another value must have a suppressed cell, and the group's value in the same group",
			[]enclave.Set{{0, 1}, {1}},
			[][]int{{0, 5, 0}, {3, 4, 5}, {5, 6, 7}},
			"",
		},
		{
			"nothing but one value tells nothing, since no cell is left",
			[]enclave.Set{{0, 1}, {1}},
			[][]int{{0, 5, 0}, {0, 6, 0}},
			" P  \n P  \n P  \n",
		},
	} {
		w := clinic(c.sets, c.people)
		out := treated(t, w.table(), alikeProfile)
		if got := fates(out.Table, out.Fates, len(c.people), len(c.people[0])); c.want != "" && got != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, c.want)
		} else if told := w.told(out); len(told) > 0 || !slices.Contains(out.Fates, enclave.Primary) {
			t.Errorf("%s: %v\n%s", c.name, told, got)
		}
	}
}

// told finds the groups of whom the published cells of a two-key table tell that they share a value, by trying all other tables: absent
// cells may have rows or none, and all that is known of them are the published margins.
func (w *world) told(out *enclave.Treated) (groups []int32) {
	sizes := [2]int32{int32(len(w.plan.Keys[0].Labels)), int32(len(w.plan.Keys[1].Labels))} //nolint:gosec // small
	rest := map[[2]int32]int64{}                                                            // of published margins, what is left for absent cells
	absent := map[[2]int32]bool{}
	for a := range sizes[0] {
		for b := range sizes[1] {
			absent[[2]int32{a, b}] = true
		}
	}
	held := map[int32]map[int32]bool{} // group → values
	for i, c := range out.Table.Cells {
		codes := [2]int32(c.Codes)
		if c.Set == 0 {
			if held[codes[0]] == nil {
				held[codes[0]] = map[int32]bool{}
			}
			held[codes[0]][codes[1]] = true
		} else if out.Fates[i] == enclave.Published {
			rest[codes] += c.Rows
		}
		if out.Fates[i] == enclave.Published && c.Set == 0 {
			delete(absent, codes)
			for _, margin := range marginsOf(codes) {
				rest[margin] -= c.Rows
			}
		}
	}
	published := map[[2]int32]bool{}
	for i, c := range out.Table.Cells {
		published[[2]int32(c.Codes)] = published[[2]int32(c.Codes)] || out.Fates[i] == enclave.Published
	}
	for margin := range rest {
		if !published[margin] {
			delete(rest, margin)
		}
	}
	var unknown [][2]int32
	for codes := range absent {
		unknown = append(unknown, codes)
	}
	slices.SortFunc(unknown, func(a, b [2]int32) int { return slices.Compare(a[:], b[:]) })
	for group, values := range held {
		if len(values) != 1 {
			continue
		}
		other := false
		for i, codes := range unknown {
			if codes[0] == group && !values[codes[1]] && spare(rest, codes, 1) {
				other = other || exists(rest, slices.Delete(slices.Clone(unknown), i, i+1))
				give(rest, codes, 1)
			}
		}
		if !other {
			groups = append(groups, group)
		}
	}
	return groups
}

func marginsOf(codes [2]int32) [3][2]int32 {
	return [3][2]int32{{codes[0], enclave.Total}, {enclave.Total, codes[1]}, {enclave.Total, enclave.Total}}
}

// spare takes rows from what the margins of a cell have left, if they have as many.
func spare(rest map[[2]int32]int64, codes [2]int32, rows int64) bool {
	for _, margin := range marginsOf(codes) {
		if left, known := rest[margin]; known && left < rows {
			return false
		}
	}
	give(rest, codes, -rows)
	return true
}

func give(rest map[[2]int32]int64, codes [2]int32, rows int64) {
	for _, margin := range marginsOf(codes) {
		if _, known := rest[margin]; known {
			rest[margin] += rows
		}
	}
}

// exists reports whether some cells can use up what all margins have left.
func exists(rest map[[2]int32]int64, cells [][2]int32) bool {
	if len(cells) == 0 {
		for _, left := range rest {
			if left != 0 {
				return false
			}
		}
		return true
	}
	for rows := range int64(8) {
		if !spare(rest, cells[0], rows) {
			return false
		}
		found := exists(rest, cells[1:])
		give(rest, cells[0], rows)
		if found {
			return true
		}
	}
	return false
}

// Over random small tables nobody's shared value follows, whatever margins there are; without complements it does in some, and
// measurement, which shares no code, says so of each of them.
func TestAlikeAgainstEveryTable(t *testing.T) {
	sets := [][]enclave.Set{flat, {{0, 1}, {1}}, {{0, 1}, {1}, {}}, {{0, 1}, {0}, {1}}, {{0, 1}, {0}, {}}, {{0, 1}}}
	follows, lost, published := 0, 0, 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // seeded test data
		people := make([][]int, 2+r.IntN(2))
		for a := range people {
			people[a] = make([]int, 3)
			for b := range people[a] {
				if r.IntN(5) > 1 {
					people[a][b] = r.IntN(7)
				}
			}
			if r.IntN(2) == 0 {
				people[a] = []int{0, 0, 3 + r.IntN(4)}
			}
		}
		w := clinic(sets[seed%6], people)
		if len(w.rows) == 0 {
			continue
		}
		table := w.table()
		bare := &enclave.Treated{Table: table, Fates: make([]enclave.Fate, len(table.Cells))}
		for i, risks := range (measure.Measurer{}).Measure(table, alikeProfile).Risks {
			if risks != 0 {
				bare.Fates[i] = enclave.Primary
			}
		}
		if told := w.told(bare); len(told) > 0 && slices.Contains(bare.Fates, enclave.Published) {
			follows++
			if facts := measuredAfresh(t, bare, alikeProfile); facts.Derivable == 0 {
				t.Errorf("seed %d: it follows what groups %v share, and measurement does not say so\n%s", seed, told, fates(table, bare.Fates, len(people), 3))
			}
		}
		out := treated(t, table, alikeProfile)
		if told := w.told(out); len(told) > 0 && slices.Contains(out.Fates, enclave.Published) {
			t.Errorf("seed %d: it follows what groups %v share\n%s%v", seed, told, fates(table, out.Fates, len(people), 3), people)
		}
		facts := measuredAfresh(t, out, alikeProfile)
		if facts.Derivable != 0 || facts.Unsafe != (enclave.RiskCounts{}) {
			t.Errorf("seed %d: measured afresh: %+v", seed, facts)
		}
		lost += int(facts.Cells.Complement)
		published += int(facts.Cells.Published)
	}
	if follows < 12 || published == 0 {
		t.Errorf("what groups share follows in %d tables only", follows)
	}
	t.Logf("followed from %d tables without complements; %d complements, %d cells published", follows, lost, published)
}

// BenchmarkAlike prints what a protected key costs in cells and time, on tables in which half of the groups are alike.
func BenchmarkAlike(b *testing.B) {
	for name, sets := range map[string][]enclave.Set{"linked": linked, "cube": cube} {
		for _, percent := range []int64{101, 100} {
			w := survey(25, 10, 20, sets, 8, false)
			w.plan.Keys[1].Column = protected
			w.rows = slices.DeleteFunc(w.rows, func(r row) bool { return (r.codes[0]+r.codes[2])%2 == 0 && r.codes[1] != r.codes[0]%10 })
			p := strict
			p.HomogeneityPercent = percent
			b.Run(fmt.Sprintf("%s/%d", name, percent), func(b *testing.B) {
				table := w.table()
				var out *enclave.Treated
				for b.Loop() {
					out = treated(b, table, p)
				}
				began := time.Now()
				facts := measuredAfresh(b, out, p)
				b.Log("measured afresh in", time.Since(began), facts.Derivable)
				b.ReportMetric(float64(facts.Cells.Published), "published")
				b.ReportMetric(float64(facts.Cells.Primary), "primary")
				b.ReportMetric(float64(facts.Cells.Complement), "complement")
			})
		}
	}
}
